//! Requests that have not arrived as a whole, between two parts of their bodies. Their memory is bounded, in total and for
//! each caller, and requests that stand still are given up when others need the room.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::rejection::Rejected;
use super::{FilterState, PendingInput, PendingRequest, Progress, RequestFilter, Stage, StepResult};
use crate::report::Rejection;
use crate::time::Timestamp;
use crate::work::{Account, Reservation};

/// How long a request may stand still before it may be given up for others.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many bytes must arrive for a request to count as moving. Otherwise, a byte now and then would keep it.
const MIN_PROGRESS: usize = 1024;
/// How many requests are looked at for one that needs room. That takes a fraction of a millisecond.
const MAX_LOOKED_AT: usize = 8192;

/// Since when a parked request has stood still, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ParkedId(Timestamp, u64);

/// How much of a request has arrived lately.
#[derive(Debug, Default)]
pub(super) struct Arrival {
    /// Since when too little has arrived. The epoch before the request is parked for the first time.
    since: Timestamp,
    /// How many bytes have arrived since then.
    bytes: usize,
}

impl Arrival {
    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Begins to wait for more, unless too little has arrived since the last time. Returns since when the request has stood
    /// still.
    fn mark(&mut self, now: Timestamp) -> Timestamp {
        if self.since == Timestamp::EPOCH || self.bytes >= MIN_PROGRESS || now < self.since {
            *self = Self { since: now, bytes: 0 };
        }
        self.since
    }
}

/// The parked requests, the one that has stood still for the longest time first.
#[derive(Debug, Default)]
pub(super) struct ParkedRequests {
    by_id: BTreeMap<ParkedId, Parked>,
    last: u64,
}

#[derive(Debug)]
struct Parked {
    request: PendingRequest,
    reservation: Reservation,
}

impl ParkedRequests {
    /// Keeps a request.
    ///
    /// # Errors
    /// There is no room. The request is returned.
    pub(super) fn park(
        &mut self,
        mut request: PendingRequest,
        now: Timestamp,
    ) -> Result<ParkedId, Box<PendingRequest>> {
        let (account, size) = (Rc::clone(&request.principal.account), request.size());
        let since = request.arrival.mark(now);
        if account.missing_room(size) > 0 {
            self.make_room(&account, size, now);
        }
        let Some(reservation) = account.reserve(size) else { return Err(Box::new(request)) };
        self.last = self.last.saturating_add(1);
        let id = ParkedId(since, self.last);
        self.by_id.insert(id, Parked { request, reservation });
        Ok(id)
    }

    /// The request, which is no longer kept. `None` if it was given up.
    pub(super) fn take(&mut self, id: ParkedId) -> Option<PendingRequest> {
        self.by_id.remove(&id).map(|parked| parked.request)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Gives up requests that stand still: the caller's own if the caller holds too much, and anybody's otherwise. Gives up
    /// nothing if that would not make enough room.
    fn make_room(&mut self, account: &Rc<Account>, size: usize, now: Timestamp) {
        let (missing, only_own) = (account.missing_room(size), account.missing_share(size) > 0);
        let old = self.by_id.iter().take_while(|(id, _)| now.saturating_since(id.0) >= PATIENCE);
        // A clock that was set back must not keep a request.
        let from_future = self.by_id.iter().rev().take_while(|(id, _)| now < id.0);
        let (mut freed, mut given_up) = (0usize, Vec::new());
        for (id, Parked { reservation, .. }) in old.chain(from_future).take(MAX_LOOKED_AT) {
            if freed >= missing {
                break;
            }
            if !only_own || reservation.is_of(account) {
                freed = freed.saturating_add(reservation.size());
                given_up.push(*id);
            }
        }
        if freed >= missing {
            given_up.iter().for_each(|id| drop(self.by_id.remove(id)));
        }
    }
}

impl PendingRequest {
    /// Its size in memory, in bytes, roughly.
    fn size(&self) -> usize {
        let input = match &self.input {
            PendingInput::Grpc(body) => body.heap_size(),
            PendingInput::Api(input) => self.held.capacity().saturating_add(input.parameters.size()),
        };
        size_of::<Self>().saturating_add(input).saturating_add(self.request.size())
    }
}

impl RequestFilter {
    /// Whether [`RequestFilter::on_end`] would do anything.
    pub fn must_end(&self) -> bool {
        matches!(self.stage, Stage::AwaitingKey(_) | Stage::Parked { .. })
    }

    /// The call ends, whether it was answered or not.
    pub fn on_end(&self, state: &mut FilterState, now: Timestamp) {
        match &self.stage {
            Stage::AwaitingKey(waiting) => state.authenticator.abandon(waiting.connection, &waiting.key, now),
            Stage::Parked { id, .. } => drop(state.parked.take(*id)),
            _ => {}
        }
    }

    /// Takes the request's state back, if it is parked.
    pub(super) fn unpark(&mut self, state: &mut FilterState) -> Result<(), Box<Rejected>> {
        let Stage::Parked { id, principal } = &self.stage else { return Ok(()) };
        let Some(mut pending) = state.parked.take(*id) else {
            let rejection = Rejection::GivenUp { with_body: self.http.is_some() };
            return Err(Rejected::by(Rc::clone(principal), rejection));
        };
        self.held = std::mem::take(&mut pending.held);
        self.stage = Stage::Reading(pending);
        Ok(())
    }

    /// Parks the request's state until the next part of the body arrives.
    pub(super) fn park(
        &mut self,
        state: &mut FilterState,
        progress: Progress,
        clock: &dyn Fn() -> Timestamp,
    ) -> StepResult {
        if !matches!((&progress, &self.stage), (Progress::Continue | Progress::Hold, Stage::Reading(_))) {
            return Ok(progress);
        }
        let Stage::Reading(mut pending) = std::mem::replace(&mut self.stage, Stage::Answered) else {
            return Ok(progress);
        };
        let principal = Rc::clone(&pending.principal);
        pending.held = std::mem::take(&mut self.held);
        match state.parked.park(pending, clock()) {
            Ok(id) => {
                self.stage = Stage::Parked { id, principal };
                Ok(progress)
            }
            Err(pending) => {
                self.held = pending.held;
                Err(Rejected::by(principal, Rejection::NoRoomForBody))
            }
        }
    }
}

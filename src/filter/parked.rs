//! Requests that have not arrived as a whole, between two parts of their bodies. Their memory is bounded, for each caller too,
//! and whatever stands still is given up when others need the room.

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
/// How many requests that stand still are looked at for one that needs room, and how many may be given up for it.
const MAX_LOOKED_AT: usize = 1024;
const MAX_GIVEN_UP: usize = 64;

/// Since when a parked request has stood still, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ParkedId(Timestamp, u64);

/// How a request moves on.
#[derive(Debug, Default)]
pub(super) struct RequestProgress {
    /// Since when too little has arrived. The epoch before the request is parked for the first time.
    since: Timestamp,
    /// How many bytes have arrived since then.
    bytes: usize,
}

impl RequestProgress {
    pub(super) fn arrived(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Since when the request has stood still.
    fn since(&mut self, now: Timestamp) -> Timestamp {
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
        let (account, size) = (Rc::clone(&request.principal.account), request.held());
        let since = request.progress.since(now);
        let reserved = account.reserve(size).or_else(|| {
            self.make_room(&account, size, now);
            account.reserve(size)
        });
        let Some(reservation) = reserved else { return Err(Box::new(request)) };
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

    /// Gives up requests that stand still: the caller's own if the caller holds too much, and anybody's otherwise.
    fn make_room(&mut self, account: &Rc<Account>, size: usize, now: Timestamp) {
        let own_alone = account.holds_too_much_with(size);
        let stands_still = |id: &ParkedId| now.saturating_since(id.0) >= PATIENCE;
        let still = self.by_id.iter().take_while(|(id, _)| stands_still(id)).take(MAX_LOOKED_AT);
        let given_up = still.filter(|(_, parked)| !own_alone || parked.reservation.is_of(account));
        let given_up: Vec<_> = given_up.map(|(id, _)| *id).take(MAX_GIVEN_UP).collect();
        for id in given_up {
            if account.has_room_for(size) {
                break;
            }
            self.by_id.remove(&id);
        }
    }
}

impl PendingRequest {
    /// How many bytes of memory it holds, roughly.
    fn held(&self) -> usize {
        let input = match &self.input {
            PendingInput::Grpc(body) => body.held(),
            PendingInput::Api(input) => self.held.capacity().saturating_add(input.parameters.size()),
        };
        size_of::<Self>().saturating_add(input).saturating_add(self.request.held())
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

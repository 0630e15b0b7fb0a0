//! The steps of a call of the HTTP API, whose request is in the path, the query and a JSON body.

use std::rc::Rc;

use super::rejection::Rejected;
use super::steps::decide_read;
use super::{ApiInput, FilterState, PendingInput, PendingRequest, Progress, RequestFilter, Stage, StepResult};
use crate::config::Config;
use crate::policy::Principal;
use crate::temporal::RequestReader;
use crate::temporal::http::MAX_BODY;
use crate::time::Timestamp;
use crate::wire::DecodeError;
use crate::work::{Piece, Work};

impl RequestFilter {
    /// Bytes of a body over HTTP have arrived. None of them goes on before the verdict: servers differ in whether they wait for
    /// the end.
    pub(super) fn api_body(
        &mut self,
        state: &FilterState,
        chunk: &[u8],
        end: bool,
        clock: &dyn Fn() -> Timestamp,
    ) -> StepResult {
        // A body that arrives at once need not be copied.
        let is_whole = end && self.held.is_empty();
        if self.held.len().saturating_add(chunk.len()) > MAX_BODY {
            return Err(self.rejected(DecodeError::TooLarge.into()));
        }
        if !is_whole {
            // Doubling would take room that the caller may not have.
            if self.held.capacity().saturating_sub(self.held.len()) < chunk.len() {
                self.held.reserve_exact(chunk.len().max(self.held.len() / 4));
            }
            self.held.extend_from_slice(chunk);
        }
        if !end {
            return Ok(Progress::Hold);
        }
        let Stage::Reading(PendingRequest { input: PendingInput::Api(input), request, principal, .. }) =
            std::mem::replace(&mut self.stage, Stage::Answered)
        else {
            return Ok(Progress::Continue);
        };
        let now = if principal.depends_on_time() { clock().max(self.arrived) } else { self.arrived };
        let body = if is_whole { chunk } else { self.held.as_slice() };
        self.read_api(&state.config, &input, body, *request, principal, now)
    }

    /// A call over HTTP is there as a whole.
    pub(super) fn read_api(
        &self,
        config: &Config,
        input: &ApiInput,
        body: &[u8],
        request: RequestReader,
        principal: Rc<Principal>,
        now: Timestamp,
    ) -> StepResult {
        let mut work = Work::charged_to(Rc::clone(&principal.account));
        work.arrived(body.len());
        // Each value and member follows one of these, unless it is the only one.
        let values = body.iter().filter(|byte| matches!(byte, b',' | b':' | b'[' | b'{')).count();
        if let Err(unpaid) = work.spend(Piece::Value, values) {
            return Err(Rejected::by(principal, DecodeError::from(unpaid)));
        }
        let request = request.spending(work);
        let target = request.finish_http(&input.parameters, input.has_body.then_some(body));
        decide_read(config, target, principal, now)
    }
}

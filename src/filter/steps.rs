//! The steps of a call. Each returns how it ends and has no other effect: see [`super::conclusion`].

use std::rc::Rc;

use super::called::{Called, called};
use super::parked::Arrival;
use super::rejection::{Evidence, Rejected};
use super::request_headers::{MAX_HEADERS, RequestHeaders};
use super::response::AnswerReader;
use super::{
    Allowed, AwaitingKey, ConnectionInfo, FilterState, Input, MatchedRoute, PendingInput, PendingRequest, Progress,
    RequestFilter, RestOfBody, Stage, StepResult,
};
use crate::answer::clipped;
use crate::authentication::cache::Origin;
use crate::authentication::{Authentication, UnverifiedToken};
use crate::config::{Config, PeerSource};
use crate::identity::xfcc::{UnreadableHeader, peer_name};
use crate::policy::{Principal, Verdict, may_hide_namespace};
use crate::report::Rejection;
use crate::temporal::{LimitSet, RequestReader, Scope, Target};
use crate::time::Timestamp;
use crate::token::bearer;
use crate::token::elsewhere::elsewhere;
use crate::wire::DecodeError;
use crate::wire::grpc::{Body, Encoding};
use crate::wire::headers::Headers;
use crate::wire::http::{HttpFault, split_query};
use crate::work::{Piece, Work};

impl RequestFilter {
    pub(super) fn headers(
        &mut self,
        state: &mut FilterState,
        headers: Headers<'_>,
        end_stream: bool,
        connection: &dyn ConnectionInfo,
        drop: &mut Vec<Box<[u8]>>,
    ) -> StepResult {
        if !is_ours(&state.config, connection) {
            return Ok(Progress::NotOurs);
        }
        let raw = headers;
        let headers = RequestHeaders::read(raw, &state.config, drop);
        self.path = clipped(headers.path).into();
        if headers.has_too_many {
            return Err(DecodeError::TooManyHeaders.into());
        }
        let (form, called) = called(&state.config, &headers, end_stream);
        self.form = form;
        let Called { method, input } = called?;
        if !matches!(input, Input::Grpc) {
            let (path, _) = split_query(headers.path);
            self.http = Some([clipped(headers.verb), b" ", clipped(path)].concat().into());
            self.path = method.path.as_bytes().into();
        }
        if let Some(permit) = state.config.policy.permit_anonymous(&method) {
            // The server may look at the token; the filter does not.
            let token = headers.bearer.token(&state.config.token_headers).ok().flatten();
            headers.drop_other_tokens(token.map(|(header, _)| header), drop);
            let answer = AnswerReader::for_version(&method);
            let evidence = Evidence { target: Some(Target::of(method)), ..Evidence::default() };
            return Ok(Progress::Allowed(Allowed { permit, rest: RestOfBody::Anything, evidence, answer }));
        }
        let encoding = if matches!(input, Input::Grpc) { encoding(&headers)? } else { Encoding::Identity };
        // If the peer is not known, denials of that peer would not apply, so a good token does not help.
        let peer = peer(&state.config, &headers, connection).map_err(|UnreadableHeader| Rejection::UnreadablePeer)?;
        let route = MatchedRoute { method, input, encoding, peer };
        let names = Rc::clone(&state.config.token_headers);
        // A bad token never falls back to the certificate.
        match headers.bearer.token(&names).map_err(Rejection::Token)? {
            Some((header, token)) => {
                headers.drop_other_tokens(Some(header), drop);
                self.token(state, route, header, token, connection)
            }
            None => {
                let no_token = || Rejection::NoToken { elsewhere: elsewhere(raw.iter().take(MAX_HEADERS), &names) };
                let peer = route.peer.as_deref().ok_or_else(no_token)?;
                headers.drop_other_tokens(None, drop);
                let principal = state.authenticator.peer(peer);
                self.identified(state, route, principal, self.arrived)
            }
        }
    }

    fn token(
        &mut self,
        state: &mut FilterState,
        route: MatchedRoute,
        header: &str,
        token: &[u8],
        connection: &dyn ConnectionInfo,
    ) -> StepResult {
        let origin = Origin { header, peer: route.peer.as_deref() };
        let now = self.arrived;
        if let Some(principal) = state.recall(token, origin, now) {
            return self.identified(state, route, principal, now);
        }
        let once = bearer::once(token);
        if once.len() < token.len() {
            return self.token(state, route, header, once, connection);
        }
        let connection = connection.id();
        let unverified = UnverifiedToken { token, origin, connection, arrived: now, awaited: None };
        match state.authenticate(unverified, now) {
            Authentication::AwaitsKey(key) => {
                let (token, header) = (token.to_vec(), header.to_owned());
                Ok(Progress::AwaitKey(AwaitingKey { route, token, header, connection, key }))
            }
            settled => self.authenticated(state, route, settled, now),
        }
    }

    /// The key that the call waited for has arrived, or can no longer arrive.
    pub(super) fn key_settled(&mut self, state: &mut FilterState, now: Timestamp) -> StepResult {
        let Stage::AwaitingKey(waiting) = std::mem::replace(&mut self.stage, Stage::Answered) else {
            return Err(Rejection::KeyNotAvailable.into());
        };
        let AwaitingKey { route, token, header, connection, key } = waiting;
        let origin = Origin { header: &header, peer: route.peer.as_deref() };
        // Another request may have been verified with the same token.
        let authentication = match state.recall(&token, origin, now) {
            Some(principal) => Authentication::Principal(principal),
            None => {
                let (arrived, awaited) = (self.arrived, Some(&key));
                let unverified = UnverifiedToken { token: &token, origin, connection, arrived, awaited };
                state.authenticate(unverified, now)
            }
        };
        match authentication {
            // The key has come, but it did not make the signature.
            Authentication::AwaitsKey(key) => {
                Ok(Progress::AwaitKey(AwaitingKey { route, token, header, connection, key }))
            }
            settled => self.authenticated(state, route, settled, now),
        }
    }

    fn authenticated(
        &mut self,
        state: &FilterState,
        route: MatchedRoute,
        authentication: Authentication,
        now: Timestamp,
    ) -> StepResult {
        match authentication {
            Authentication::Principal(principal) => self.identified(state, route, principal, now),
            Authentication::Refused(refusal) => Err(Rejection::Token(refusal).into()),
            Authentication::OverBudget => Err(Rejection::TooManyTokens.into()),
            Authentication::AwaitsKey(_) => Err(Rejection::KeyNotAvailable.into()),
        }
    }

    /// The caller is known.
    fn identified(
        &mut self,
        state: &FilterState,
        route: MatchedRoute,
        principal: Rc<Principal>,
        now: Timestamp,
    ) -> StepResult {
        let MatchedRoute { method, input, encoding, .. } = route;
        let policy = &state.config.policy;
        if method.scope == Scope::Namespace {
            // Whether the answer must hide the namespace depends on its name.
            let may_hide = state.config.hide_namespaces && may_hide_namespace(&method);
            if may_hide || policy.could_allow(&principal, &method, now) {
                let limits = principal.limits().union(policy.recorded_limits());
                let input = match input {
                    // The path says everything, so the body need not be read.
                    Input::Nexus(call) => {
                        let (call, query) = *call;
                        let target = call.target(&query, limits);
                        return apply_policy(&state.config, RestOfBody::Anything, target, principal, now);
                    }
                    input => input,
                };
                let request = RequestReader::for_limits(method, limits);
                return self.pending(state, input, encoding, request, principal, None);
            }
            let reason = policy.why_never(&principal, &method, now);
            let target = Target { namespace: input.namespace().unwrap_or_default().to_owned(), ..Target::of(method) };
            let evidence = Evidence { principal: Some(principal), target: Some(target), ..Evidence::default() };
            return Err(Box::new(Rejected {
                rejection: Rejection::Denied(reason),
                rest: RestOfBody::Anything,
                evidence,
            }));
        }
        let target = Target::of(method);
        // A grant that ends must not have ended when the message is complete: its last bytes are held back until then.
        if principal.depends_on_time()
            && let Verdict::Allow(permit) = policy.decide(&principal, &target, now)
        {
            let answer = AnswerReader::new(&permit, &target, &principal, now);
            let request = RequestReader::for_limits(target.method, LimitSet::NONE);
            return self.pending(state, input, encoding, request, principal, answer);
        }
        apply_policy(&state.config, RestOfBody::Anything, target, principal, now)
    }

    /// The request must be read. If the headers say everything, that is done now.
    fn pending(
        &mut self,
        state: &FilterState,
        input: Input,
        encoding: Encoding,
        request: RequestReader,
        principal: Rc<Principal>,
        answer: Option<Box<AnswerReader>>,
    ) -> StepResult {
        let (input, request) = match input {
            Input::Api(input) if input.ends => {
                return self.read_api(&state.config, &input, &[], request, principal, self.arrived);
            }
            Input::Api(input) => (PendingInput::Api(input), request),
            // The other calls over HTTP are decided by their headers.
            Input::Grpc | Input::Nexus(_) | Input::OpenApi => {
                let work = || Work::charged_to(Rc::clone(&principal.account));
                (PendingInput::Grpc(Body::new(encoding, work())), request.spending(work()))
            }
        };
        Ok(Progress::Read(PendingRequest {
            input,
            request: Box::new(request),
            principal,
            answer,
            held: Vec::new(),
            arrival: Arrival::default(),
        }))
    }

    pub(super) fn body(
        &mut self,
        state: &FilterState,
        chunk: &[u8],
        end: bool,
        clock: &dyn Fn() -> Timestamp,
    ) -> StepResult {
        match &mut self.stage {
            Stage::NotOurs | Stage::AwaitingKey(_) | Stage::Parked { .. } | Stage::Answered => Ok(Progress::Continue),
            Stage::Passing(passage) if passage.rest() == RestOfBody::Anything || chunk.is_empty() => {
                Ok(Progress::Continue)
            }
            Stage::Passing(_) if self.http.is_some() => Err(DecodeError::from(HttpFault::BodyNotExpected).into()),
            Stage::Passing(_) => Err(DecodeError::SecondMessage.into()),
            Stage::Reading(PendingRequest { input: PendingInput::Api(_), .. }) => {
                self.api_body(state, chunk, end, clock)
            }
            Stage::Reading(PendingRequest { input: PendingInput::Grpc(body), request, principal, .. }) => {
                match body.feed(chunk, |bytes| request.feed(bytes)) {
                    Err(error) => Err(Rejected::by(Rc::clone(principal), error)),
                    Ok(()) if body.is_complete() => self.message(state, clock),
                    Ok(()) if end => Err(Rejected::by(Rc::clone(principal), DecodeError::Incomplete)),
                    Ok(()) => Ok(Progress::Continue),
                }
            }
            Stage::New => Err(DecodeError::BodyWithoutHeaders.into()),
        }
    }

    /// The message is complete.
    fn message(&mut self, state: &FilterState, clock: &dyn Fn() -> Timestamp) -> StepResult {
        let Stage::Reading(PendingRequest { request, principal, .. }) =
            std::mem::replace(&mut self.stage, Stage::Answered)
        else {
            return Ok(Progress::Continue);
        };
        // Asking for the time costs a host call.
        let now = if principal.depends_on_time() { clock().max(self.arrived) } else { self.arrived };
        decide_read(&state.config, request.finish(), principal, now)
    }
}

/// Applies the policy's verdict on a request that was read.
pub(super) fn decide_read(
    config: &Config,
    target: Result<Target, DecodeError>,
    principal: Rc<Principal>,
    now: Timestamp,
) -> StepResult {
    let target = match target {
        // For calls that concern the cluster, only the method counts.
        Ok(target) if target.method.scope == Scope::Cluster => Target::of(target.method),
        Ok(target) => target,
        Err(error) => return Err(Rejected::by(principal, error)),
    };
    apply_policy(config, RestOfBody::Nothing, target, principal, now)
}

/// Applies the policy's verdict on a call of which everything is known.
fn apply_policy(
    config: &Config,
    rest: RestOfBody,
    target: Target,
    principal: Rc<Principal>,
    now: Timestamp,
) -> StepResult {
    let mut work = Work::charged_to(Rc::clone(&principal.account));
    if let Err(unpaid) = work.spend(Piece::Comparison, principal.comparisons(&target)) {
        return Err(Rejected::by(principal, DecodeError::from(unpaid)));
    }
    let verdict = config.policy.decide(&principal, &target, now);
    let shadow = config.policy.shadow_outcome(&principal, &target, &verdict, now);
    let reason = match verdict {
        Verdict::Allow(permit) => {
            let answer = AnswerReader::new(&permit, &target, &principal, now);
            let evidence =
                Evidence { principal: Some(principal), target: Some(target), shadow, namespace_header: None };
            return Ok(Progress::Allowed(Allowed { permit, rest, evidence, answer }));
        }
        Verdict::Deny(reason) => reason,
    };
    let rejection = if hides_namespace(config, &principal, &target, now) {
        Rejection::Hidden { reason, namespace: target.namespace.clone() }
    } else {
        Rejection::Denied(reason)
    };
    let evidence = Evidence { principal: Some(principal), target: Some(target), shadow, namespace_header: None };
    Err(Box::new(Rejected { rejection, rest, evidence }))
}

/// Whether the denial of this call must not show that its namespace exists.
fn hides_namespace(config: &Config, principal: &Principal, target: &Target, now: Timestamp) -> bool {
    let namespace = &target.namespace;
    config.hide_namespaces
        && may_hide_namespace(&target.method)
        && !namespace.is_empty()
        && config.policy.may_do_nothing_in(principal, namespace, now)
}

fn is_ours(config: &Config, connection: &dyn ConnectionInfo) -> bool {
    let Some(clusters) = &config.applies_to else { return true };
    // A request without a readable cluster counts as ours: it must not pass unseen.
    let Some(cluster) = connection.cluster() else { return true };
    let cluster = String::from_utf8_lossy(&cluster);
    cluster.is_empty() || clusters.iter().any(|ours| ours.matches_widely(&cluster))
}

fn encoding(headers: &RequestHeaders<'_>) -> Result<Encoding, Rejection> {
    match (headers.encodings, headers.encoding) {
        (0, _) | (1, Some(b"identity")) => Ok(Encoding::Identity),
        (1, Some(b"gzip")) => Ok(Encoding::Gzip),
        (_, value) => Err(Rejection::UnsupportedEncoding(clipped(value.unwrap_or_default()).into())),
    }
}

fn peer(
    config: &Config,
    headers: &RequestHeaders<'_>,
    connection: &dyn ConnectionInfo,
) -> Result<Option<String>, UnreadableHeader> {
    match config.peers {
        PeerSource::Unread => Ok(None),
        PeerSource::Connection => Ok(connection.peer()),
        // Of two such headers, one could be the proxy's and the other the caller's.
        PeerSource::Forwarded if headers.several_forwarded => Err(UnreadableHeader),
        PeerSource::Forwarded => headers.forwarded.map_or(Ok(None), peer_name),
    }
}

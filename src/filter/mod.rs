//! One call's way through the filter, from its headers to a verdict. Deny as early as known: is the route ours, what
//! does the path call, is it for everybody, is the token good, could any grant cover it, and what does the request say.

mod request_headers;

use std::rc::Rc;

use crate::answer::{Answer, Reason, clipped, shown};
use crate::authentication::cache::Origin;
use crate::authentication::{Authentication, Cold, Engine, Needed};
use crate::config::Peers;
use crate::identity::peer::{Unreadable, forwarded};
use crate::policy::{DenyReason, Permit, Principal, Rule, ShadowOutcome, Verdict};
use crate::report::{Count, Decision};
use crate::temporal::method::ADMIN_METHOD;
use crate::temporal::{EffectSet, LimitSet, MethodRef, RequestReader, Scope, Surface, Target};
use crate::time::Timestamp;
use crate::token::Refusal;
use crate::wire::DecodeError;
use crate::wire::grpc::{Body, Encoding};
use crate::wire::headers::Headers;
use request_headers::Picked;

/// What the host does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Let what has been seen go on.
    Forward,
    /// Hold it; [`Call::wake`] will tell.
    Wait,
    /// Answer in the server's place.
    Answer(Answer),
}

/// One call.
#[derive(Debug)]
pub struct Call {
    arrived: Timestamp,
    /// As much of it as is reported.
    path: Box<[u8]>,
    stage: Stage,
    decision: Option<Decision>,
}

#[derive(Debug)]
enum Stage {
    /// Nothing has been seen.
    New,
    /// Another host's traffic: untouched.
    NotOurs,
    /// The token's key is on its way.
    Waiting { admission: Admission, token: Vec<u8>, header: String, connection: u64, needed: Needed },
    /// Allowed in principle; the request decides.
    Reading { body: Body, request: Box<RequestReader>, principal: Rc<Principal> },
    /// Allowed whatever the request says.
    Open,
    /// The request was read whole and allowed.
    Passed,
    /// Answered.
    Over,
}

/// What the headers said of the call, beside its token.
#[derive(Debug, Clone)]
struct Admission {
    method: MethodRef,
    encoding: Encoding,
    /// Who the TLS peer is, where policy asks.
    peer: Option<String>,
}

/// What the host knows of a request beside its headers. Asking costs, so it is asked only where that matters.
pub trait Host {
    /// The cluster that the route leads to.
    fn cluster(&self) -> Option<Vec<u8>>;
    /// Who the TLS peer is: the first URI SAN of its certificate, else the first DNS SAN, else its subject.
    fn peer(&self) -> Option<String>;
    /// A number that no other connection has.
    fn connection(&self) -> u64;
}

/// A host that tells nothing.
impl Host for () {
    fn cluster(&self) -> Option<Vec<u8>> {
        None
    }

    fn peer(&self) -> Option<String> {
        None
    }

    fn connection(&self) -> u64 {
        0
    }
}

impl Call {
    /// A call that arrives now.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { arrived: now, path: Box::default(), stage: Stage::New, decision: None }
    }

    /// What was decided since this was last asked, if it is to be reported.
    pub fn take_decision(&mut self) -> Option<Decision> {
        self.decision.take()
    }

    /// Whether trailers must not go on: they make grpc-go close the connection that other callers share.
    #[must_use]
    pub fn drops_trailers(&self) -> bool {
        !matches!(self.stage, Stage::NotOurs)
    }

    /// Whether the token's key is awaited.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.waiting_connection().is_some()
    }

    /// The connection of a request whose token's key is awaited.
    #[must_use]
    pub fn waiting_connection(&self) -> Option<u64> {
        match self.stage {
            Stage::Waiting { connection, .. } => Some(connection),
            _ => None,
        }
    }

    /// Whether the body's bytes matter.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        !matches!(self.stage, Stage::NotOurs | Stage::Open | Stage::Over)
    }

    /// The headers have arrived. Names of headers to drop before anything goes on are added to `drop`.
    pub fn on_headers(
        &mut self,
        engine: &mut Engine,
        headers: Headers<'_>,
        end_stream: bool,
        host: impl Host,
        drop: &mut Vec<Box<[u8]>>,
    ) -> Step {
        if let Some(clusters) = &engine.config.applies_to
            && let Some(cluster) = host.cluster()
        {
            let cluster = String::from_utf8_lossy(&cluster);
            // A request without a readable cluster counts as ours: it must not pass unseen.
            if !cluster.is_empty() && !clusters.iter().any(|ours| ours.matches_widely(&cluster)) {
                self.stage = Stage::NotOurs;
                return Step::Forward;
            }
        }
        let picked = Picked::from(headers, &engine.config, drop);
        self.path = clipped(picked.path).into();
        if picked.has_too_many {
            return self.fault(engine, DecodeError::TooManyHeaders, None);
        }
        let peer = match engine.config.peers {
            Peers::Unread => Ok(None),
            Peers::Connection => Ok(host.peer()),
            // Two such headers could be one of the proxy's and one of the caller's.
            Peers::Forwarded if picked.several_forwarded => Err(Unreadable),
            Peers::Forwarded => picked.forwarded.map_or(Ok(None), forwarded),
        };
        self.route(engine, picked, peer, end_stream, host)
    }

    /// Whether [`Call::wake`] would do anything: the call waits, and its key has come or its time is up.
    pub fn is_due(&self, engine: &mut Engine, now: Timestamp) -> bool {
        let Stage::Waiting { needed, .. } = &self.stage else { return false };
        // A clock that was set back must not make anybody wait longer.
        let arrived = self.arrived.min(now);
        engine.is_settled(needed, arrived, now) || now >= engine.deadline(needed, arrived)
    }

    /// The key may have come, or the time may be up. None if the call does not wait for one.
    pub fn wake(&mut self, engine: &mut Engine, now: Timestamp) -> Option<Step> {
        self.arrived = self.arrived.min(now);
        let arrived = self.arrived;
        let Stage::Waiting { needed, .. } = &self.stage else { return None };
        if !engine.is_settled(needed, arrived, now) {
            return Some(if now >= engine.deadline(needed, arrived) { self.give_up(engine) } else { Step::Wait });
        }
        let Stage::Waiting { admission, token, header, connection, .. } =
            std::mem::replace(&mut self.stage, Stage::Over)
        else {
            return None;
        };
        let origin = Origin { header: &header, peer: admission.peer.as_deref() };
        // Another request may have brought the same token.
        let authentication = match engine.recall(&token, origin, now) {
            Some(principal) => Authentication::Principal(principal),
            None => engine.authenticate(Cold { token: &token, origin, connection, arrived }, now),
        };
        Some(self.authenticated(engine, admission, authentication, now))
    }

    /// The call ends, answered or not.
    pub fn abandon(&self, engine: &mut Engine, now: Timestamp) {
        if let Stage::Waiting { connection, needed, .. } = &self.stage {
            engine.abandon(*connection, needed, now);
        }
    }

    /// The call can wait no longer for its key.
    pub fn give_up(&mut self, engine: &mut Engine) -> Step {
        self.deny(engine, Answer::Unavailable, "the token's key is not there", None)
    }

    /// The host does not do what the call depends on. Nothing goes on, in shadow neither.
    pub fn fail(&mut self, engine: &mut Engine) -> Step {
        self.answer(engine, Answer::Unavailable, "the host refused what the call depends on", None)
    }

    /// Bytes of the body have arrived; `end` says that they are the last.
    pub fn on_body(&mut self, engine: &mut Engine, chunk: &[u8], end: bool, clock: impl FnOnce() -> Timestamp) -> Step {
        match &mut self.stage {
            Stage::NotOurs | Stage::Open => Step::Forward,
            Stage::Waiting { .. } | Stage::Over => Step::Wait,
            Stage::Passed if chunk.is_empty() => Step::Forward,
            Stage::Passed => self.fault(engine, DecodeError::SecondMessage, None),
            Stage::Reading { body, request, principal } => {
                let principal = Rc::clone(principal);
                match body.feed(chunk, |bytes| request.feed(bytes)) {
                    Err(fault) => self.fault(engine, fault, Some(principal)),
                    Ok(()) if body.is_whole() => self.decide(engine, clock),
                    Ok(()) if end => self.fault(engine, DecodeError::Incomplete, Some(principal)),
                    Ok(()) => Step::Forward,
                }
            }
            Stage::New => self.fault(engine, DecodeError::BodyWithoutHeaders, None),
        }
    }

    /// The request ends with trailers.
    pub fn on_trailers(&mut self, engine: &mut Engine, clock: impl FnOnce() -> Timestamp) -> Step {
        self.on_body(engine, &[], true, clock)
    }

    fn route(
        &mut self,
        engine: &mut Engine,
        picked: Picked<'_>,
        peer: Result<Option<String>, Unreadable>,
        end_stream: bool,
        host: impl Host,
    ) -> Step {
        let method = match engine.config.catalogue.surface(picked.path) {
            Surface::Method(method) => method,
            Surface::Admin if engine.config.admin_service => MethodRef::Known(&ADMIN_METHOD),
            Surface::Admin => return self.deny(engine, Answer::Closed, "AdminService is closed", None),
            Surface::Closed => return self.deny(engine, Answer::Closed, "the service is closed to everybody", None),
            Surface::Unknown => {
                return self.deny(engine, Answer::unknown_method(picked.path), "no method of this path is known", None);
            }
        };
        if !picked.is_grpc || !picked.is_post {
            return self.fault(engine, DecodeError::NotGrpc, None);
        }
        if end_stream {
            return self.fault(engine, DecodeError::Incomplete, None);
        }
        if let Some(permit) = engine.config.policy.permit_anonymous(&method) {
            return self.allow(engine, Stage::Open, &permit, &Target::of(method), None);
        }
        let encoding = match (picked.encodings, picked.encoding) {
            (0, _) | (1, Some(b"identity")) => Encoding::Identity,
            (1, Some(b"gzip")) => Encoding::Gzip,
            (_, value) => {
                return self.deny(
                    engine,
                    Answer::encoding(value.unwrap_or_default()),
                    "a grpc-encoding that is not read",
                    None,
                );
            }
        };
        // Without the peer that it names, denials of that peer would not hold: a good token does not help.
        let Ok(peer) = peer else { return self.refuse(engine, "x-forwarded-client-cert cannot be read".into()) };
        let admission = Admission { method, encoding, peer };
        let names = Rc::clone(&engine.config.token_headers);
        match picked.bearer.token(&names) {
            Ok(Some((header, token))) => {
                let origin = Origin { header, peer: admission.peer.as_deref() };
                let now = self.arrived;
                if let Some(principal) = engine.recall(token, origin, now) {
                    return self.admitted(engine, admission, principal, now);
                }
                let connection = host.connection();
                let cold = Cold { token, origin, connection, arrived: now };
                match engine.authenticate(cold, now) {
                    Authentication::Needs(needed) => {
                        let (token, header) = (token.to_vec(), header.to_owned());
                        self.stage = Stage::Waiting { admission, token, header, connection, needed };
                        Step::Wait
                    }
                    settled => self.authenticated(engine, admission, settled, now),
                }
            }
            Ok(None) => match &admission.peer {
                Some(peer) => {
                    let principal = engine.peer(peer);
                    self.admitted(engine, admission, principal, self.arrived)
                }
                None => self.refuse(engine, "no token".into()),
            },
            // A bad token never falls back to the certificate.
            Err(refusal) => self.refuse(engine, refusal),
        }
    }

    fn authenticated(
        &mut self,
        engine: &mut Engine,
        admission: Admission,
        authentication: Authentication,
        now: Timestamp,
    ) -> Step {
        match authentication {
            Authentication::Principal(principal) => self.admitted(engine, admission, principal, now),
            Authentication::Refused(refusal) => self.refuse(engine, refusal),
            Authentication::OverBudget => self.deny(engine, Answer::Unavailable, "too many tokens to verify", None),
            Authentication::Needs(_) => self.give_up(engine),
        }
    }

    /// It is known who calls.
    fn admitted(
        &mut self,
        engine: &mut Engine,
        admission: Admission,
        principal: Rc<Principal>,
        now: Timestamp,
    ) -> Step {
        let Admission { method, encoding, .. } = admission;
        let policy = &engine.config.policy;
        if method.scope == Scope::Namespace {
            if policy.could_allow(&principal, &method, now) {
                let request = Box::new(RequestReader::for_limits(method, principal.limits()));
                self.stage = Stage::Reading { body: Body::new(encoding), request, principal };
                return Step::Forward;
            }
            let reason = policy.why_never(&principal, &method, now);
            return self.deny_by_policy(engine, &reason, &Target::of(method), principal);
        }
        let target = Target::of(method);
        // What is allowed for now must be allowed still when the message is whole, of which the last bytes are held back.
        if principal.depends_on_time() && policy.decide(&principal, &target, now).is_allow() {
            let request = Box::new(RequestReader::for_limits(target.method, LimitSet::NONE));
            self.stage = Stage::Reading { body: Body::new(encoding), request, principal };
            return Step::Forward;
        }
        self.judge(engine, Stage::Open, target, principal, now)
    }

    /// The message is whole: decide.
    fn decide(&mut self, engine: &mut Engine, clock: impl FnOnce() -> Timestamp) -> Step {
        let Stage::Reading { request, principal, .. } = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Step::Wait;
        };
        let target = match request.finish() {
            // Calls that concern the cluster are decided by their method alone.
            Ok(target) if target.method.scope == Scope::Cluster => Target::of(target.method),
            Ok(target) => target,
            Err(fault) => return self.fault(engine, fault, Some(principal)),
        };
        // A look at the clock costs a call into the host.
        let now = if principal.depends_on_time() { clock().max(self.arrived) } else { self.arrived };
        self.judge(engine, Stage::Passed, target, principal, now)
    }

    /// The policy's verdict on what is known whole, after which `stage` follows if the call goes on.
    fn judge(
        &mut self,
        engine: &mut Engine,
        stage: Stage,
        target: Target,
        principal: Rc<Principal>,
        now: Timestamp,
    ) -> Step {
        let policy = &engine.config.policy;
        let mut verdict = policy.decide(&principal, &target, now);
        let shadow = policy.shadow_outcome(&principal, &target, &verdict, now);
        if target.newer.count > 0 {
            engine.note_newer(&target);
            if let Some(part) = target.newer.first.first()
                && engine.config.refuse_newer
                && verdict.is_allow()
                && newer_matters(&principal, &target)
            {
                verdict = Verdict::Deny(DenyReason::Newer(*part));
            }
        }
        let by = verdict.rule();
        let step = match verdict {
            Verdict::Allow(permit) => self.allow(engine, stage, &permit, &target, Some(Rc::clone(&principal))),
            Verdict::Deny(reason) => {
                let step = self.deny_by_policy(engine, &reason, &target, Rc::clone(&principal));
                if step == Step::Forward {
                    self.stage = stage;
                }
                step
            }
        };
        if let Some(shadow) = shadow {
            engine.counters.add(match &shadow {
                ShadowOutcome::Denied(_) => Count::ShadowDenied(Reason::Permission),
                ShadowOutcome::Allowed(_) => Count::ShadowAllowed,
            });
            let decision = self.decision.get_or_insert_with(|| allowed(&self.path, &target, Some(principal), &by));
            decision.shadow = Some(shadow.to_string());
        }
        step
    }

    fn allow(
        &mut self,
        engine: &mut Engine,
        stage: Stage,
        permit: &Permit,
        target: &Target,
        principal: Option<Rc<Principal>>,
    ) -> Step {
        self.stage = stage;
        engine.counters.add(Count::Allowed);
        if engine.config.log_allowed || engine.config.access_log_state {
            self.decision = Some(allowed(&self.path, target, principal, permit.rule()));
        }
        Step::Forward
    }

    fn deny_by_policy(
        &mut self,
        engine: &mut Engine,
        reason: &DenyReason,
        target: &Target,
        principal: Rc<Principal>,
    ) -> Step {
        let (rule, reason) = (reason.rule(), reason.to_string());
        let explained = engine.config.explain_to_client.then(|| format!("{}: {reason}", rule.name()));
        let step = self.deny(engine, Answer::Denied(explained), &reason, Some(principal));
        if let Some(decision) = &mut self.decision {
            decision.rule = Some(rule.name().to_owned());
            decision.namespaces = namespaces(target);
        }
        step
    }

    fn refuse(&mut self, engine: &mut Engine, refusal: Refusal) -> Step {
        self.deny(engine, Answer::Unauthenticated, &shown(refusal.as_bytes()), None)
    }

    fn fault(&mut self, engine: &mut Engine, fault: DecodeError, principal: Option<Rc<Principal>>) -> Step {
        let answer = match fault {
            DecodeError::TooLarge => Answer::TooLarge,
            _ => Answer::Malformed(fault),
        };
        self.deny(engine, answer, &fault.to_string(), principal)
    }

    fn deny(&mut self, engine: &mut Engine, answer: Answer, reason: &str, principal: Option<Rc<Principal>>) -> Step {
        if !engine.config.shadow || !answer.is_spared_in_shadow() {
            return self.answer(engine, answer, reason, principal);
        }
        self.stage = Stage::Open;
        engine.counters.add(Count::Allowed);
        engine.counters.add(Count::ShadowDenied(answer.reason()));
        let mut decision = self.decision(&answer, reason, principal);
        decision.allow = true;
        decision.shadow = Some("mode: shadow lets it go on".to_owned());
        self.decision = Some(decision);
        Step::Forward
    }

    fn answer(&mut self, engine: &mut Engine, answer: Answer, reason: &str, principal: Option<Rc<Principal>>) -> Step {
        self.stage = Stage::Over;
        engine.counters.add(Count::Denied(answer.reason()));
        self.decision = Some(self.decision(&answer, reason, principal));
        Step::Answer(answer)
    }

    fn decision(&self, answer: &Answer, reason: &str, principal: Option<Rc<Principal>>) -> Decision {
        Decision {
            allow: false,
            status: answer.grpc_status(),
            method: shown(&self.path),
            namespaces: Vec::new(),
            principal,
            rule: None,
            reason: reason.to_owned(),
            shadow: None,
        }
    }
}

/// Whether what is newer than the table could do more than the rest of the request says. To what only reads, polls for
/// whatever there is, or tells that an activity is alive, it adds nothing.
fn newer_matters(principal: &Principal, target: &Target) -> bool {
    let method = &target.method;
    let polls = EffectSet::POLL.covers(method.effects) && !principal.is_limited();
    !(EffectSet::READER.covers(method.effects) || polls || method.name().contains("Heartbeat"))
}

fn allowed(path: &[u8], target: &Target, principal: Option<Rc<Principal>>, rule: &Rule) -> Decision {
    Decision {
        allow: true,
        status: 0,
        method: shown(path),
        namespaces: namespaces(target),
        principal,
        rule: Some(rule.name().to_owned()),
        reason: String::new(),
        shadow: None,
    }
}

fn namespaces(target: &Target) -> Vec<String> {
    target
        .places()
        .map(|(namespace, _)| namespace)
        .filter(|namespace| !namespace.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests;

//! Compares case by case: counts where the two agree, and remembers where they do not.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde_json::{Value, json};
use temporal_auth::report::Rejection;
use temporal_auth::temporal::http::{ApiCall, Verb, api_call};
use temporal_auth::temporal::{
    Access, Catalogue, EffectSet, Limit, MethodRef, RequestReader, Route, Scope, SystemReason, Target,
};
use temporal_auth::wire::DecodeError;
use temporal_auth::wire::grpc::frame;
use temporal_auth::wire::http::HttpFault;
use temporal_auth::wire::http::{pairs, segments, split_query};

use super::case::{GatewayCall, HttpCase};
use super::exceptions::Exception;
use crate::comparison::permissions_config;
use crate::tally::Tally;
use common::{ClientRequest, FilterClient, HttpRequest, Outcome};

pub struct Comparison {
    tally: Tally<Exception>,
    client: FilterClient,
    catalogue: Catalogue,
}

impl Default for Comparison {
    fn default() -> Self {
        let mut config = permissions_config();
        config["http"] = json!({"api": true});
        Self { tally: Tally::default(), client: FilterClient::new(&config), catalogue: Catalogue::default() }
    }
}

impl Comparison {
    /// Compares what this library and Temporal make of a case.
    pub fn compare(&mut self, case: &HttpCase) {
        self.tally.case();
        // An admin of everything is only refused what cannot be read.
        let admin = json!({"permissions": ["temporal-system:admin"]});
        let by_admin = self.send(case, Some(&admin));
        self.headers(case, &by_admin);
        let Some(call) = &case.call else {
            let outcome = if by_admin.answer.is_some() { "refused by both" } else { "left to Temporal to refuse" };
            return self.tally.count("reading", outcome);
        };
        let Route::Method(method) = self.catalogue.route(call.method.as_bytes()) else {
            return self.disagree("method", case, "the table does not have it");
        };
        let theirs = grpc_reading(&method, &call.request);
        match by_admin.rejection() {
            None => {
                self.reading(case, call, &method, theirs);
                self.verdict(case, call, &method);
            }
            Some(rejection) => self.refusal(case, rejection, theirs.err()),
        }
    }

    /// Headers that would speak for others must not go on.
    fn headers(&mut self, case: &HttpCase, ours: &Outcome) {
        let speaks = |name: &str| name.starts_with("grpc-metadata-") || name.starts_with("grpcgateway-");
        for (name, _) in case.headers.iter().filter(|(name, _)| speaks(name)) {
            match ours.answer.is_some() || ours.dropped.iter().any(|dropped| **dropped == *name.as_bytes()) {
                true => self.tally.count("headers", "dropped"),
                false => self.disagree("headers", case, &format!("{name} goes on")),
            }
        }
    }

    /// The library must read the same from the request over HTTP as from the message that the gateway makes of it.
    fn reading(
        &mut self,
        case: &HttpCase,
        call: &GatewayCall,
        method: &MethodRef,
        theirs: Result<Target, DecodeError>,
    ) {
        if call.is_unencodable {
            return self.disagree("reading", case, "a text that is not UTF-8 goes on");
        }
        let read = api(case);
        let Ok((ours, target)) = read else {
            return self.disagree("reading", case, &format!("the filter forwards what the reader refuses: {read:?}"));
        };
        if ours != *method {
            return self.disagree("method", case, &format!("we read {}", ours.name()));
        }
        // Requests that concern the cluster are not read.
        if method.scope == Scope::Cluster {
            return self.tally.count("reading", "the same method of the cluster");
        }
        match (target, theirs) {
            (Ok(ours), Ok(theirs)) => {
                // Parameters that nobody knows may be newer than the table.
                let leaves_room = case.target.contains(&b'?');
                match difference(&ours, &theirs, leaves_room) {
                    None => self.tally.count("reading", "the same"),
                    Some(difference) => self.disagree("reading", case, &difference),
                }
            }
            // The filter reads less if no limit applies.
            (Err(ours), Err(theirs)) if ours == theirs => self.tally.count("reading", "refused as over gRPC"),
            (Err(error), Ok(_)) if let Some(exception) = Exception::of(&Rejection::Request(error), case) => {
                self.tally.count_exception("refused by us if a limit applies", exception, exception.text());
            }
            (ours, theirs) => {
                let errors = format!("{:?}, not {:?}", ours.err(), theirs.err());
                self.disagree("reading", case, &errors);
            }
        }
    }

    /// A request that the gateway reads may be refused as the same request over gRPC is, or by a listed exception.
    fn refusal(&mut self, case: &HttpCase, rejection: &Rejection, over_grpc: Option<DecodeError>) {
        match (rejection, over_grpc) {
            (Rejection::Request(ours), Some(theirs)) if *ours == theirs => {
                self.tally.count("refused by us", "as over gRPC");
            }
            // The order of fields decides which fault is found first.
            (Rejection::Request(ours), Some(_)) if !matches!(ours, DecodeError::Http(_)) => {
                self.tally.count("refused by us", "for another reason than over gRPC");
            }
            // One path in a hundred thousand, so it is no exception that must occur.
            (Rejection::Request(DecodeError::Http(HttpFault::WordOfOlderServers)), _) if !case.is_honest => {
                self.tally.count("refused by us", "an id that older servers take for an operation");
            }
            _ => match Exception::of(rejection, case) {
                Some(_) if case.is_honest => self.disagree("reading", case, &format!("refused by us: {rejection}")),
                Some(exception) => self.tally.count_exception("refused by us", exception, exception.text()),
                None => self.disagree("reading", case, &format!("refused by us: {rejection}")),
            },
        }
    }

    /// The verdict must be that on the same request over gRPC, and no false allow.
    fn verdict(&mut self, case: &HttpCase, call: &GatewayCall, method: &MethodRef) {
        let claims = case.claims.clone().map(Value::Object);
        let ours = self.send(case, claims.as_ref());
        let body = frame(&call.request);
        let request =
            ClientRequest { path: &call.method, body: &body, claims: case.claims.as_ref(), ..ClientRequest::default() };
        let over_grpc = self.client.send(&request);
        if ours.status() != over_grpc.status() {
            let differ = format!(
                "{} ({}), over gRPC {} ({})",
                ours.status(),
                ours.reason(),
                over_grpc.status(),
                over_grpc.reason()
            );
            return self.disagree("verdict", case, &differ);
        }
        match (ours.status(), call.code) {
            // Which of the two tokens Temporal takes is a matter of chance.
            _ if case.forwards_token => self.tally.count("verdict", "as over gRPC, with another token that is dropped"),
            (0, 0) => self.tally.count("verdict", "allowed by both"),
            // tests/oracle/exceptions.rs has these.
            (0, 7) if method.access == Access::Unlisted || EffectSet::WORKER.covers(method.effects) => {
                self.tally.count("verdict", "allowed by us, as over gRPC");
            }
            (0, _) => self.disagree("verdict", case, "FALSE ALLOW"),
            (_, 0) => self.tally.count("verdict", "denied by us, as over gRPC"),
            (_, _) => self.tally.count("verdict", "denied by both"),
        }
    }

    fn send(&mut self, case: &HttpCase, claims: Option<&Value>) -> Outcome {
        let mut claims = claims.and_then(Value::as_object).cloned();
        if let Some(claims) = &mut claims {
            for (name, value) in [("iss", "https://oracle.test/"), ("aud", "temporal"), ("sub", "admin")] {
                claims.entry(name).or_insert_with(|| value.into());
            }
            claims.entry("exp").or_insert_with(|| 4_102_444_800_u64.into());
        }
        // The chunks of the body must not matter, nor whether the headers end a request without one.
        let odd = case.line.len() % 2 == 1;
        self.client.send_http(&HttpRequest {
            verb: &case.verb,
            target: &case.target,
            headers: &case.headers,
            body: &case.body,
            chunks: if odd { &[1, 0, 7] } else { &[] },
            ends_with_headers: !odd && case.body.is_empty(),
            claims: claims.as_ref(),
        })
    }

    fn disagree(&mut self, about: &str, case: &HttpCase, what: &str) {
        self.tally.disagree(&format!("{about}: {what}\n  {}", case.line));
    }

    /// Panics if a case disagreed, or if a listed exception did not occur.
    pub fn assert_agreement(self) {
        self.tally.assert_agreement(Exception::ALL);
    }
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.tally.fmt(f)
    }
}

/// What this library reads from the message of the gateway's call.
fn grpc_reading(method: &MethodRef, message: &[u8]) -> Result<Target, DecodeError> {
    let mut request = RequestReader::new(method.clone(), true);
    request.feed(message)?;
    request.finish()
}

/// What this library reads from a request over HTTP, and the method that it calls.
fn api(case: &HttpCase) -> Result<(MethodRef, Result<Target, DecodeError>), String> {
    let (path, query) = split_query(&case.target);
    let segments = segments(path).map_err(|fault| fault.to_string())?;
    let call = api_call(Verb::of(case.verb.as_bytes()), &segments).ok_or("no route")?;
    let ApiCall { method, mut parameters, has_body, .. } = call;
    if !has_body {
        parameters.query = pairs(query).map_err(|fault| fault.to_string())?;
    }
    let target =
        RequestReader::new(method.clone(), true).finish_http(&parameters, has_body.then_some(case.body.as_slice()));
    Ok((method, target))
}

/// How the two differ in anything that a decision may depend on. Fields of JSON and protobuf may come in another order.
fn difference(ours: &Target, theirs: &Target, may_have_newer: bool) -> Option<String> {
    let (newer, their_newer) = (ours.newer.count, theirs.newer.count);
    if newer < their_newer || newer > their_newer && !may_have_newer {
        return Some(format!("{newer} parts are newer, not {their_newer}"));
    }
    let differs = meaning(ours).into_iter().zip(meaning(theirs)).find(|(ours, theirs)| ours != theirs);
    differs.map(|((what, ours), (_, theirs))| format!("{what}: {ours}, not {theirs}"))
}

fn meaning(target: &Target) -> Vec<(&'static str, String)> {
    let Target { names, .. } = target;
    let elsewhere: BTreeMap<_, _> =
        target.elsewhere.iter().map(|there| (there.namespace.clone(), there.effects)).collect();
    let queues = names.queues.iter().filter(|queue| !queue.name.is_empty() || !queue.normal_name.is_empty());
    let mut meaning = vec![
        ("method", target.method.name().to_owned()),
        ("namespace", target.namespace.clone()),
        ("effects", target.effects.to_string()),
        ("commands", target.commands.to_string()),
        ("elsewhere", show(&elsewhere)),
        (
            "needs a system grant",
            show(&target.needs_system.map(|reason| match reason {
                // The first of several.
                SystemReason::Internal(_) => "something of Temporal's own".to_owned(),
                reason => show(&reason),
            })),
        ),
        ("may have any effect", show(&target.may_have_any_effect)),
        ("may reach any namespace", show(&target.may_reach_any_namespace)),
        ("registers a callback", show(&target.registers_callback)),
        ("attaches to a running workflow", show(&names.attaches_to_running)),
        ("standalone task", show(&names.has_standalone_task)),
        ("unread operation", show(&names.has_unread_operation)),
        ("task queues", sorted(queues.map(show))),
    ];
    for limit in Limit::ALL {
        // A message in protobuf does not say that a text is empty.
        meaning.push((limit.name(), sorted(names.of(limit).iter().filter(|name| !name.is_empty()).map(show))));
        meaning.push((limit.noun(), show(&names.is_incomplete(limit))));
    }
    meaning
}

fn show(value: &impl Debug) -> String {
    format!("{value:?}")
}

fn sorted(texts: impl Iterator<Item = String>) -> String {
    let mut texts: Vec<_> = texts.collect();
    texts.sort();
    texts.dedup();
    texts.join(", ")
}

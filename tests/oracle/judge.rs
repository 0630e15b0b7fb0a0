//! Compares case by case, counts what agrees, and keeps what does not.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};
use temporal_auth::temporal::{Access, Catalogue, EffectSet, MethodRef, RequestReader, Route, Scope, Target};
use temporal_auth::wire::DecodeError;
use temporal_auth::wire::grpc::{Body, Encoding};

use crate::case::Case;
use crate::compare::{differences, is_exact};
use crate::exceptions::{DENIED, INPUT, LEFT, PERMISSION, REFUSED, TOKEN, UNLISTED, WORKER, named};
use common::{Caller, Outcome, Request, key_set};

/// How many disagreements are shown.
const SHOWN: usize = 10;
/// From how many cases on every exception must have been met.
const MANY: u64 = 100_000;

pub struct Judge {
    heard: u64,
    counts: BTreeMap<String, u64>,
    wrong: u64,
    shown: Vec<String>,
    ours: Caller,
    parity: Caller,
    catalogue: Catalogue,
}

impl Default for Judge {
    fn default() -> Self {
        let config = json!({
            "version": 1,
            "issuers": {"oracle": {"issuer": "https://oracle.test/", "audiences": ["temporal"], "algorithms": ["ES256"],
                "keys": {"inline": key_set()}}},
            "grants": [{"name": "permissions", "who": {"issuer": "oracle"}, "permissions_claim": "permissions"}],
        });
        let mut upstream = config.clone();
        upstream["parity"] = json!("upstream");
        Self {
            heard: 0,
            counts: BTreeMap::new(),
            wrong: 0,
            shown: Vec::new(),
            ours: Caller::new(&config),
            parity: Caller::new(&upstream),
            catalogue: Catalogue::default(),
        }
    }
}

impl Judge {
    /// Compares what both make of a case.
    pub fn hear(&mut self, case: &Case) {
        self.heard += 1;
        let Route::Method(method) = self.catalogue.route(case.path.as_bytes()) else {
            return self.disagree("method", case, "the table does not have it");
        };
        self.row(case, &method);
        let reading = read(case, &method);
        self.reading(case, &reading);
        // What concerns the cluster is not read.
        let is_read = method.scope == Scope::Namespace && !case.facts.is_null();
        if let (Ok(target), true) = (&reading, is_read) {
            self.facts(case, target);
        }
        let ours = send(&mut self.ours, case, &case.claims);
        self.verdict(case, &method, &ours);
        self.refusal(case, &ours);
        let parity = send(&mut self.parity, case, &case.claims);
        self.parity(case, &parity);
    }

    /// The row of the method table.
    fn row(&mut self, case: &Case, method: &MethodRef) {
        let access = match method.access {
            Access::ReadOnly => "read",
            Access::Write => "write",
            Access::Admin => "admin",
            Access::Unlisted => "unknown",
        };
        let scope = match method.scope {
            _ if method.access == Access::Unlisted => "unknown",
            Scope::Namespace => "namespace",
            Scope::Cluster => "cluster",
        };
        if (access, scope) != (case.answer.access.as_str(), case.answer.scope.as_str()) {
            self.disagree("table", case, &format!("{scope} {access}"));
        }
    }

    /// The same namespace, or a refusal.
    fn reading(&mut self, case: &Case, reading: &Result<Target, DecodeError>) {
        match (case.answer.decoded, reading) {
            (true, Ok(target)) if target.namespace == case.answer.namespace => self.count("reading", "same"),
            (true, Ok(target)) => self.disagree("reading", case, &format!("we read {:?}", target.namespace)),
            (true, Err(error)) if !is_ambiguous(*error) && unreadable(case).is_some() => {
                self.count("reading", &format!("refused by us: {}", unreadable(case).unwrap_or_default()));
            }
            (true, Err(error)) => match named(REFUSED, &error.to_string()) {
                Some(name) => self.count("reading", &format!("refused by us: {name}")),
                None => self.disagree("reading", case, &error.to_string()),
            },
            (false, Err(_)) => self.count("reading", "refused by both"),
            // A grpc-encoding that nobody reads.
            (false, Ok(_)) if case.answer.code == 12 => self.count("reading", "encoding refused by both"),
            (false, Ok(_)) if case.answer.skimmed => self.count("reading", LEFT),
            (false, Ok(_)) => self.disagree("reading", case, "read by us alone"),
        }
    }

    /// The same names, effects, commands and tokens, and as much that is newer.
    fn facts(&mut self, case: &Case, target: &Target) {
        let wrong = differences(case, target);
        match wrong.is_empty() {
            true => self.count("facts", if is_exact(case) { "the same" } else { "none is missing" }),
            false => self.disagree("facts", case, &wrong.join("; ")),
        }
    }

    /// Never more than Temporal allows.
    fn verdict(&mut self, case: &Case, method: &MethodRef, ours: &Outcome) {
        let theirs =
            if case.answer.decoded { case.answer.code.max(case.answer.cross_namespace) } else { case.answer.code };
        match (ours.status(), theirs) {
            (0, 0) => self.count("verdict", "allowed by both"),
            (0, _) if !case.answer.decoded && is_left(case) => self.count("verdict", LEFT),
            (0, 7) if method.access == Access::Unlisted => self.count("verdict", &format!("allowed by us: {UNLISTED}")),
            (0, 7) if EffectSet::WORKER.covers(method.effects) && !self.without_worker(case) => {
                self.count("verdict", &format!("allowed by us: {WORKER}"));
            }
            (0, _) => self.disagree("verdict", case, "FALSE ALLOW"),
            (7, 0) if listed(case, ours).is_none() && self.is_by_odd_permission(case) => {
                self.count("verdict", &format!("denied by us: {PERMISSION}"))
            }
            (_, 0) => match listed(case, ours) {
                Some(name) => self.count("verdict", &format!("denied by us: {name}")),
                None => self.disagree("verdict", case, ours.reason()),
            },
            (_, _) => self.count("verdict", "denied by both"),
        }
    }

    /// What both refuse has the status that docs/answers.md gives it.
    fn refusal(&mut self, case: &Case, ours: &Outcome) {
        match (case.answer.decoded, ours.status(), case.answer.code) {
            // Upstream, 13 for what cannot be decoded and 2 for what ends early.
            (false, status @ 3, code @ (2 | 13)) | (false, status @ (8 | 12), code)
                if status == 3 || u64::from(status) == code =>
            {
                self.count("refusal", &format!("{status} for {code}"));
            }
            (false, 3 | 8 | 12, _) => self.disagree("refusal", case, &format!("{}: {}", ours.status(), ours.reason())),
            _ => {}
        }
    }

    /// The same verdict, or a refusal, in the setting that is to agree.
    fn parity(&mut self, case: &Case, ours: &Outcome) {
        match (ours.status(), case.answer.code) {
            (0, 0) => self.count("parity", "allowed by both"),
            (0, _) if !case.answer.decoded && is_left(case) => self.count("parity", LEFT),
            (0, _) => self.disagree("parity", case, "FALSE ALLOW"),
            (7, 0) if self.is_by_odd_permission(case) => self.count("parity", &format!("denied by us: {PERMISSION}")),
            (3, 0) => match listed(case, ours) {
                Some(name) => self.count("parity", &format!("refused by us: {name}")),
                None => self.disagree("parity", case, ours.reason()),
            },
            (_, 0) => self.disagree("parity", case, ours.reason()),
            (_, _) => self.count("parity", "denied by both"),
        }
    }

    /// Whether we allow it without the permissions that say `worker`.
    fn without_worker(&mut self, case: &Case) -> bool {
        let claims = permissions(case, |text| (!text.ends_with(":worker")).then(|| text.to_owned()));
        send(&mut self.ours, case, &claims).status() == 0
    }

    /// Whether Temporal allows it by a permission for the namespace without a name, or by a word that Go takes for
    /// `admin`: with that word we would allow it, too, or deny it for a listed reason.
    fn is_by_odd_permission(&mut self, case: &Case) -> bool {
        let texts = case.claims["permissions"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if case.answer.namespace.is_empty() && texts.into_iter().any(|text| text.starts_with(':')) {
            return true;
        }
        let claims = permissions(case, |text| Some(text.replace("adm\u{130}n", "admin")));
        let ours = send(&mut self.ours, case, &claims);
        claims != case.claims && (ours.status() == 0 || listed(case, &ours).is_some())
    }

    fn count(&mut self, about: &str, what: &str) {
        *self.counts.entry(format!("{about}: {what}")).or_default() += 1;
    }

    fn disagree(&mut self, about: &str, case: &Case, what: &str) {
        self.wrong += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(format!("{about}: {what}\n  {}", case.line));
        }
    }

    /// Fails if anything disagreed, or if an exception is listed that does not occur.
    pub fn conclude(self) {
        assert!(self.heard > 0, "no cases");
        assert!(self.wrong == 0, "{} of {} cases disagree:\n{}", self.wrong, self.heard, self.shown.join("\n"));
        let met = |name: &str| self.counts.keys().any(|count| count.ends_with(name));
        let listed = REFUSED.iter().chain(DENIED).map(|exception| exception.name).chain([
            WORKER,
            PERMISSION,
            LEFT,
            UNLISTED,
            INPUT,
            TOKEN,
            "facts: the same",
        ]);
        let never: Vec<_> = listed.filter(|name| !met(name)).collect();
        assert!(self.heard < MANY || never.is_empty(), "what did not occur: {never:?}");
    }
}

impl fmt::Display for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} cases, {} disagreements", self.heard, self.wrong)?;
        for (what, count) in &self.counts {
            writeln!(f, "{count:>9}  {what}")?;
        }
        Ok(())
    }
}

fn send(caller: &mut Caller, case: &Case, claims: &Map<String, Value>) -> Outcome {
    caller.send(&Request {
        path: &case.path,
        grpc_encoding: case.grpc_encoding.as_deref(),
        body: &case.body,
        chunks: &case.chunks,
        claims: Some(claims),
        ..Request::default()
    })
}

/// What we read from the body, whoever sent it.
fn read(case: &Case, method: &MethodRef) -> Result<Target, DecodeError> {
    let encoding = if case.grpc_encoding.as_deref() == Some("gzip") { Encoding::Gzip } else { Encoding::Identity };
    let (mut body, mut request) = (Body::new(encoding), RequestReader::new(method.clone(), true));
    body.feed(&case.body, |bytes| request.feed(bytes))?;
    if !body.is_complete() {
        return Err(DecodeError::Incomplete);
    }
    request.finish()
}

/// Whether Temporal decodes such a request, while another decoder could read something else in it.
fn is_ambiguous(error: DecodeError) -> bool {
    matches!(
        error,
        DecodeError::GroupsTooDeep
            | DecodeError::TextTooLong { .. }
            | DecodeError::NotUtf8
            | DecodeError::DuplicateNamespace
            | DecodeError::DuplicateField
            | DecodeError::DuplicateTokenField
            | DecodeError::DuplicatePayloadData
    )
}

/// What in it should be protobuf and is not: its task token, or the input of an operation of Temporal's own, which the server
/// decodes later, and fails the workflow task.
fn unreadable(case: &Case) -> Option<&'static str> {
    // Of two the server reads the last.
    let is_made = |what: &str| case.made.iter().any(|made| made == what);
    if case.facts["token"]["read"] == false || is_made("twice task_token") || is_made("token of junk") {
        return Some(TOKEN);
    }
    // The same by a length that makes another field one more token.
    if is_made("wrong length") && !case.facts["token"].is_null() {
        return Some(TOKEN);
    }
    let commands = case.facts["commands"].as_array().into_iter().flatten();
    let mut systems = commands.map(|command| &command["system"]);
    let unread = systems.any(|system| system["encoding"] == "binary/protobuf" && system["read"] != true);
    (unread || is_made("twice in a command")).then_some(INPUT)
}

/// Whether Temporal refuses the case itself for something that no decision depends on: it is within a field of
/// the message, or the method concerns the cluster, whose requests we do not read.
fn is_left(case: &Case) -> bool {
    case.answer.scope == "cluster" || case.answer.skimmed
}

/// The claims with other permissions.
fn permissions(case: &Case, change: impl Fn(&str) -> Option<String>) -> Map<String, Value> {
    let mut claims = case.claims.clone();
    if let Some(Value::Array(permissions)) = claims.get_mut("permissions") {
        *permissions = permissions.iter().filter_map(Value::as_str).filter_map(change).map(Value::from).collect();
    }
    claims
}

/// The exception that the outcome's reason is listed under.
fn listed(case: &Case, ours: &Outcome) -> Option<&'static str> {
    match ours.status() {
        3 => named(REFUSED, ours.reason()).or_else(|| unreadable(case)),
        7 => named(DENIED, ours.reason()),
        _ => None,
    }
}

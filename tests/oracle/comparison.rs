//! Compares case by case: counts where the two agree, and remembers where they do not.

use std::fmt;

use serde_json::{Map, Value, json};
use temporal_auth::report::Rejection;
use temporal_auth::temporal::list::DESCRIBE_NAMESPACE;
use temporal_auth::temporal::{Access, Catalogue, EffectSet, MethodRef, RequestReader, Route, Scope, Target};
use temporal_auth::wire::DecodeError;
use temporal_auth::wire::grpc::{Body, Encoding};
use temporal_auth::work::Work;

use crate::case::OracleCase;
use crate::differences::{differences, is_exact};
use crate::exceptions::Exception;
use crate::tally::Tally;
use common::{ClientRequest, FilterClient, Outcome, key_set};

pub struct Comparison {
    tally: Tally<Exception>,
    has_exact_facts: bool,
    standard: FilterClient,
    /// With `parity: upstream`.
    parity: FilterClient,
    catalogue: Catalogue,
}

/// The configuration that reads permissions as Temporal's own claim mapper does.
pub fn permissions_config() -> Value {
    json!({
        "version": 1,
        "issuers": {"oracle": {"issuer": "https://oracle.test/", "audiences": ["temporal"], "algorithms": ["ES256"],
            "keys": {"inline": key_set()}}},
        "grants": [{"name": "permissions", "who": {"issuer": "oracle"}, "permissions_claim": "permissions"}],
    })
}

impl Default for Comparison {
    fn default() -> Self {
        let config = permissions_config();
        let mut upstream = config.clone();
        upstream["parity"] = json!("upstream");
        Self {
            tally: Tally::default(),
            has_exact_facts: false,
            standard: FilterClient::new(&config),
            parity: FilterClient::new(&upstream),
            catalogue: Catalogue::default(),
        }
    }
}

impl Comparison {
    /// Compares what this library and Temporal make of a case.
    pub fn compare(&mut self, case: &OracleCase) {
        self.tally.case();
        let Route::Method(method) = self.catalogue.route(case.path.as_bytes()) else {
            return self.disagree("method", case, "the table does not have it");
        };
        self.row(case, &method);
        let reading = read(case, &method);
        self.reading(case, &reading);
        // Requests that concern the cluster are not read.
        let is_read = method.scope == Scope::Namespace && !case.facts.is_null();
        if let (Ok(target), true) = (&reading, is_read) {
            self.facts(case, target);
        }
        let ours = send(&mut self.standard, case, &case.claims);
        self.verdict(case, &method, &ours);
        self.refusal(case, &ours);
        let parity = send(&mut self.parity, case, &case.claims);
        self.parity(case, &parity);
    }

    /// The row of the method table must have the access and the scope that Temporal's metadata has.
    fn row(&mut self, case: &OracleCase, method: &MethodRef) {
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

    /// The library must read the same namespace, or refuse the request.
    fn reading(&mut self, case: &OracleCase, reading: &Result<Target, DecodeError>) {
        match (case.answer.decoded, reading) {
            (true, Ok(target)) if target.namespace == case.answer.namespace => self.count("reading", "same"),
            (true, Ok(target)) => self.disagree("reading", case, &format!("we read {:?}", target.namespace)),
            (true, Err(error)) => {
                let unreadable = unreadable(case).filter(|_| !is_ambiguous(*error));
                match unreadable.or_else(|| Exception::of_error(*error)) {
                    Some(exception) => self.count_exception("reading: refused by us", exception),
                    None => self.disagree("reading", case, &error.to_string()),
                }
            }
            (false, Err(_)) => self.count("reading", "refused by both"),
            // Neither supports this grpc-encoding.
            (false, Ok(_)) if case.answer.code == 12 => self.count("reading", "encoding refused by both"),
            (false, Ok(_)) if case.answer.skimmed => self.count_exception("reading", Exception::LeftToTemporal),
            (false, Ok(_)) => self.disagree("reading", case, "read by us alone"),
        }
    }

    /// The library must find the same names, effects, commands and tokens, and as many newer parts.
    fn facts(&mut self, case: &OracleCase, target: &Target) {
        let differences = differences(case, target);
        match differences.is_empty() {
            true if is_exact(case) => {
                self.has_exact_facts = true;
                self.count("facts", "the same");
            }
            true => self.count("facts", "none is missing"),
            false => self.disagree("facts", case, &differences.join("; ")),
        }
    }

    /// The library must not allow a request that Temporal denies.
    fn verdict(&mut self, case: &OracleCase, method: &MethodRef, ours: &Outcome) {
        let theirs =
            if case.answer.decoded { case.answer.code.max(case.answer.cross_namespace) } else { case.answer.code };
        match (ours.status(), theirs) {
            (0, 0) => self.count("verdict", "allowed by both"),
            (0, _) if !case.answer.decoded && is_left(case) => {
                self.count_exception("verdict", Exception::LeftToTemporal);
            }
            (0, 7) if method.access == Access::Unlisted => {
                self.count_exception("verdict: allowed by us", Exception::UnlistedMethod);
            }
            (0, 7) if method.path == DESCRIBE_NAMESPACE && case.answer.namespace.is_empty() => {
                self.count_exception("verdict: allowed by us", Exception::DescriptionById);
            }
            (0, 7) if EffectSet::WORKER.covers(method.effects) && !self.is_allowed_without_worker(case) => {
                self.count_exception("verdict: allowed by us", Exception::WorkerRole);
            }
            (0, _) => self.disagree("verdict", case, "FALSE ALLOW"),
            (7, 0) if exception(case, ours).is_none() && self.is_by_odd_permission(case) => {
                self.count_exception("verdict: denied by us", Exception::Permission);
            }
            (_, 0) => match exception(case, ours) {
                Some(exception) => self.count_exception("verdict: denied by us", exception),
                None => self.disagree("verdict", case, &ours.reason()),
            },
            (_, _) => self.count("verdict", "denied by both"),
        }
    }

    /// A request that both refuse must have the status that docs/answers.md gives it.
    fn refusal(&mut self, case: &OracleCase, ours: &Outcome) {
        match (case.answer.decoded, ours.status(), case.answer.code) {
            // Upstream answers 13 if a message cannot be decoded, and 2 if it ends early.
            (false, status @ 3, code @ (2 | 13)) | (false, status @ (8 | 12), code)
                if status == 3 || u64::from(status) == code =>
            {
                self.count("refusal", &format!("{status} for {code}"));
            }
            (false, 3 | 8 | 12, _) => self.disagree("refusal", case, &format!("{}: {}", ours.status(), ours.reason())),
            _ => {}
        }
    }

    /// With `parity: upstream`, the verdict must be the same, or the library must refuse the request.
    fn parity(&mut self, case: &OracleCase, ours: &Outcome) {
        match (ours.status(), case.answer.code) {
            (0, 0) => self.count("parity", "allowed by both"),
            (0, _) if !case.answer.decoded && is_left(case) => {
                self.count_exception("parity", Exception::LeftToTemporal);
            }
            (0, _) => self.disagree("parity", case, "FALSE ALLOW"),
            (7, 0) if self.is_by_odd_permission(case) => {
                self.count_exception("parity: denied by us", Exception::Permission);
            }
            (3, 0) => match exception(case, ours) {
                Some(exception) => self.count_exception("parity: refused by us", exception),
                None => self.disagree("parity", case, &ours.reason()),
            },
            (_, 0) => self.disagree("parity", case, &ours.reason()),
            (_, _) => self.count("parity", "denied by both"),
        }
    }

    /// Whether this library allows the request without the permissions of the role `worker`.
    fn is_allowed_without_worker(&mut self, case: &OracleCase) -> bool {
        let claims = permissions(case, |text| (!text.ends_with(":worker")).then(|| text.to_owned()));
        send(&mut self.standard, case, &claims).status() == 0
    }

    /// Whether Temporal allows the request by a permission for the namespace without a name, or by a role that Go lower-cases
    /// to `admin`. With the role `admin`, this library would also allow it, or deny it by a listed exception.
    fn is_by_odd_permission(&mut self, case: &OracleCase) -> bool {
        let texts = case.claims["permissions"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if case.answer.namespace.is_empty() && texts.into_iter().any(|text| text.starts_with(':')) {
            return true;
        }
        let claims = permissions(case, |text| Some(text.replace("adm\u{130}n", "admin")));
        let ours = send(&mut self.standard, case, &claims);
        claims != case.claims && (ours.status() == 0 || exception(case, &ours).is_some())
    }

    fn count(&mut self, about: &str, what: &str) {
        self.tally.count(about, what);
    }

    fn count_exception(&mut self, about: &str, exception: Exception) {
        self.tally.count_exception(about, exception, exception.text());
    }

    fn disagree(&mut self, about: &str, case: &OracleCase, what: &str) {
        self.tally.disagree(&format!("{about}: {what}\n  {}", case.line));
    }

    /// Panics if a case disagreed, or if a listed exception did not occur.
    pub fn assert_agreement(self) {
        assert!(self.has_exact_facts || !self.tally.is_enough(), "no facts were exactly the same");
        self.tally.assert_agreement(Exception::ALL);
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tally.fmt(f)
    }
}

fn send(client: &mut FilterClient, case: &OracleCase, claims: &Map<String, Value>) -> Outcome {
    client.send(&ClientRequest {
        path: &case.path,
        grpc_encoding: case.grpc_encoding.as_deref(),
        body: &case.body,
        chunks: &case.chunks,
        claims: Some(claims),
        ..ClientRequest::default()
    })
}

/// What this library reads from the body, whoever sent it.
fn read(case: &OracleCase, method: &MethodRef) -> Result<Target, DecodeError> {
    let encoding = if case.grpc_encoding.as_deref() == Some("gzip") { Encoding::Gzip } else { Encoding::Identity };
    let (mut body, mut request) = (Body::new(encoding, Work::default()), RequestReader::new(method.clone(), true));
    body.feed(&case.body, |bytes| request.feed(bytes))?;
    if !body.is_complete() {
        return Err(DecodeError::Incomplete);
    }
    request.finish()
}

/// Whether Temporal decodes requests with this error although another decoder could read them differently.
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

/// The exception for a part of the request that is not protobuf although it should be: the task token, or the input of an
/// operation at Temporal's own endpoint. The server decodes such an input later, and then fails the workflow task.
fn unreadable(case: &OracleCase) -> Option<Exception> {
    // The server reads the last of two tokens.
    let is_made = |what: &str| case.made.iter().any(|made| made == what);
    if case.facts["token"]["read"] == false || is_made("twice task_token") || is_made("token of junk") {
        return Some(Exception::UnreadableToken);
    }
    // A wrong length can make another field one more token.
    if is_made("wrong length") && !case.facts["token"].is_null() {
        return Some(Exception::UnreadableToken);
    }
    let commands = case.facts["commands"].as_array().into_iter().flatten();
    let mut systems = commands.map(|command| &command["system"]);
    let unread = systems.any(|system| system["encoding"] == "binary/protobuf" && system["read"] != true);
    (unread || is_made("twice in a command")).then_some(Exception::UnreadableInput)
}

/// Whether Temporal itself refuses the request because of bytes on which no decision depends: they are in a field that is
/// skipped, or the method concerns the cluster and its requests are not read.
fn is_left(case: &OracleCase) -> bool {
    case.answer.scope == "cluster" || case.answer.skimmed
}

/// The claims of the case with changed permissions. A permission is left out if `change` returns `None`.
fn permissions(case: &OracleCase, change: impl Fn(&str) -> Option<String>) -> Map<String, Value> {
    let mut claims = case.claims.clone();
    if let Some(Value::Array(permissions)) = claims.get_mut("permissions") {
        *permissions = permissions.iter().filter_map(Value::as_str).filter_map(change).map(Value::from).collect();
    }
    claims
}

/// The exception by which this library rejects a request that Temporal allows.
fn exception(case: &OracleCase, ours: &Outcome) -> Option<Exception> {
    match ours.rejection()? {
        Rejection::Request(DecodeError::TooLarge) => None,
        Rejection::Request(error) => Exception::of_error(*error).or_else(|| unreadable(case)),
        Rejection::Denied(reason) => Exception::of_reason(reason),
        _ => None,
    }
}

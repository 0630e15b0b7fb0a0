//! Reads a file of cases with the library's configuration reader.

use serde_json::{Map, Value};
use temporal_auth::config::node::{Node, Problems};
use temporal_auth::config::problem::{Conflict, Expected};
use temporal_auth::config::{Path, Problem};
use temporal_auth::time::Timestamp;
use temporal_auth::wire::json::Json;

use crate::clock;
use crate::load;
use crate::report::{self, Diagnostic};
use crate::source::Span;
use crate::yaml::location::locate;
use crate::yaml::scalar::Dialect;
use crate::yaml::{self, value};

#[derive(Debug)]
pub(super) struct CaseFile {
    /// The path of the configuration, relative to the file.
    pub(super) config: String,
    pub(super) cases: Vec<TestCase>,
}

/// A call and its expected verdict.
#[derive(Debug)]
pub(super) struct TestCase {
    pub(super) name: String,
    /// The position of its name.
    pub(super) at: Span,
    /// The name of the issuer in the configuration.
    pub(super) issuer: Option<String>,
    /// The caller's claims. `None` for a caller with a certificate and no token.
    pub(super) claims: Option<Map<String, Value>>,
    /// The identity of the TLS peer.
    pub(super) peer: Option<String>,
    /// The method, by its name in policies.
    pub(super) method: String,
    /// The namespace that the request names.
    pub(super) namespace: String,
    /// The request as JSON.
    pub(super) request: Option<Value>,
    /// The time of the call, if the case states it.
    pub(super) time: Option<Timestamp>,
    /// Whether the call should be allowed.
    pub(super) allow: bool,
    /// The rule that should decide the call.
    pub(super) rule: Option<String>,
}

pub(super) fn read(text: &str) -> Result<CaseFile, Vec<Diagnostic>> {
    let documents = yaml::documents(text).map_err(|wrong| vec![wrong])?;
    let [document] = documents.as_slice() else {
        return Err(vec![Diagnostic::error("expected one document with `config` and `cases`", Span::START)]);
    };
    let mut wrong = Vec::new();
    let value = value::value(document, Dialect::Yaml, &mut wrong);
    let problems = Problems::default();
    let tree = Json::from(&value);
    let cases = cases(&Node::root(&tree, &problems), document);
    let problems: Vec<_> = problems.into_list().iter().map(|problem| diagnostic(problem, document)).collect();
    report::add(&mut wrong, problems);
    cases.filter(|_| wrong.is_empty()).ok_or(wrong)
}

fn diagnostic(problem: &Problem, document: &yaml::YamlNode) -> Diagnostic {
    Diagnostic::error(problem.to_string(), load::pointed(problem, locate(document, None, &problem.path)))
}

fn cases(root: &Node<'_>, document: &yaml::YamlNode) -> Option<CaseFile> {
    // `people` holds anchors, for claims that several cases share.
    let members = root.members(&[&["config", "people", "cases"]])?;
    let config = members.require("config", "the file with the configuration").and_then(|node| node.text());
    let list = members.require("cases", "a list of cases").and_then(|node| node.non_empty_list())?;
    let position =
        |index: usize| locate(document, None, &Path::default().member("cases").index(index).member("name")).value;
    let cases: Vec<_> = list.iter().enumerate().filter_map(|(index, node)| case(node, position(index))).collect();
    Some(CaseFile { config: config?.to_owned(), cases })
}

fn case(node: &Node<'_>, at: Span) -> Option<TestCase> {
    let members = node.members(&[&[
        "name",
        "issuer",
        "claims",
        "peer",
        "method",
        "namespace",
        "request",
        "at",
        "expect",
        "rule",
    ]])?;
    let optional =
        |name: &str| members.get(name).map_or(Some(None), |node| node.text().map(|text| Some(text.to_owned())));
    let name = members.require("name", "a name that says what the case shows").and_then(|node| node.text());
    let issuer = optional("issuer");
    let peer = optional("peer");
    let claims = match members.get("claims") {
        None if members.get("peer").is_some() => {
            if let Some(issuer) = members.get("issuer") {
                let text = "not allowed without `claims`, because a peer alone has no token";
                issuer.conflict::<()>(Conflict::Described(text));
            }
            Some(None)
        }
        None => members.missing("claims", "the caller's claims, or a `peer`"),
        Some(node) => node
            .value()
            .as_object()
            .map(|claims| Some(claims.to_value()))
            .or_else(|| node.invalid(Expected::Described("an object of claims"))),
    };
    let method = members.require("method", "a method, as policies name it").and_then(|node| node.text());
    let namespace = optional("namespace");
    let request = members.get("request").map_or(Some(None), |node| match node.value() {
        request @ Json::Object(_) => Some(Some(request.to_value())),
        _ => node.invalid(Expected::Described("an object: the request as JSON")),
    });
    let time = members.get("at").map_or(Some(None), |node| {
        let time = node.value().as_str().and_then(|text| clock::read(text).ok());
        time.map(Some).or_else(|| node.invalid(Expected::Instant))
    });
    let rule = optional("rule");
    let expect = members.require("expect", "allow or deny").and_then(|node| node.word(&["allow", "deny"]));
    let allow = expect.map(|index| index == 0);
    Some(TestCase {
        name: name?.to_owned(),
        at,
        issuer: issuer?,
        claims: claims?,
        peer: peer?,
        method: method?.to_owned(),
        namespace: namespace?.unwrap_or_default(),
        request: request?,
        time: time?,
        allow: allow?,
        rule: rule?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_read_with_their_positions() {
        let text = "config: c.yaml\npeople:\n- &alice {sub: alice}\ncases:\n- name: one\n  claims: *alice\n  method: M\n  \
                    namespace: x\n  expect: allow\n- {name: two, claims: {}, issuer: i, method: M, expect: deny, rule: r, request: {a: 1}, at: '1970-01-01T00:00:01Z'}\n";
        let cases = read(text).unwrap().cases;
        assert_eq!(
            (cases[0].claims.as_ref().unwrap()["sub"].as_str(), cases[0].at.line, cases[0].allow),
            (Some("alice"), 5, true)
        );
        assert_eq!((&cases[0].request, &cases[1].request), (&None, &Some(serde_json::json!({"a": 1}))));
        assert_eq!((cases[0].time, cases[1].time), (None, Some(Timestamp::from_millis(1000))));
        assert_eq!(
            (cases[1].issuer.as_deref(), cases[1].rule.as_deref(), cases[1].allow),
            (Some("i"), Some("r"), false)
        );
    }

    #[test]
    fn a_case_with_a_peer_needs_no_claims() {
        let read =
            |caller: &str| read(&format!("config: c\ncases:\n- {{name: one, {caller}method: M, expect: deny}}\n"));
        let case = read("peer: \"spiffe://a/b\", ").unwrap().cases.remove(0);
        assert_eq!((case.peer.as_deref(), case.claims), (Some("spiffe://a/b"), None));
        assert!(read("peer: p, claims: {}, issuer: i, ").unwrap().cases[0].claims.is_some());
        for (caller, expected) in [
            ("", "cases[0].claims: missing; expected the caller's claims, or a `peer`"),
            ("peer: p, issuer: i, ", "cases[0].issuer: not allowed without `claims`"),
            ("peer: \"\", ", "cases[0].peer: expected a non-empty string, found \"\""),
            ("peer: p, claims: [], ", "cases[0].claims: expected an object of claims, found []"),
        ] {
            let wrong = read(caller).unwrap_err();
            assert!(wrong[0].text.starts_with(expected), "{caller}: {}", wrong[0].text);
        }
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let text = "confg: c\ncases:\n- {name: one, claims: [], method: 7, expect: maybe, request: x, at: now}\n";
        let wrong: Vec<_> = read(text)
            .unwrap_err()
            .iter()
            .map(|wrong| format!("{}:{} {}", wrong.at.line, wrong.at.column, wrong.text))
            .collect();
        for expected in [
            "1:1 confg: unknown field; did you mean `config`?",
            "1:1 config: missing",
            "3:23 cases[0].claims",
            "3:35 cases[0].method",
            "3:46 cases[0].expect",
            "3:62 cases[0].request",
            "3:69 cases[0].at",
        ] {
            assert!(wrong.iter().any(|wrong| wrong.starts_with(expected)), "{expected}: {wrong:#?}");
        }
        assert!(read("").is_err() && read("a: [").is_err() && read("config: c\ncases: []\n").is_err());
    }
}

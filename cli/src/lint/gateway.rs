//! Grants to gateways and the Web UI: whatever they may do, anyone who can reach them may do.

use serde_json::Value;
use temporal_auth::config::{Config, Path};
use temporal_auth::pattern::Pattern;

use super::{Lint, grant_path};

/// Words in the names of gateways and the Web UI. They must be whole: `web-ui`, but not `webhook`.
const WORDS: [&str; 5] = ["gateway", "ingress", "ingressgateway", "web", "webui"];

/// Stands for the text that a star or a capture matches. No name contains this character.
const ANY: char = '\u{e000}';

/// The help for a grant to a gateway, whether its name, `peers.gateways` or the mesh shows that it is a gateway.
pub(crate) const HELP: &str =
    "anyone who can reach it gets its permissions; have it forward the caller's token, and grant to callers";

pub(super) fn lint(config: &Config, value: &Value) -> Vec<Lint> {
    let gateways = gateways(value);
    let mut lints = Vec::new();
    for (index, grant) in config.policy.grants.iter().enumerate() {
        let path = grant_path(index).member("who");
        let subjects = || config.issuers.iter().flat_map(|issuer| &issuer.rules.subject);
        let is_subject = |name: &str| subjects().any(|subject| subject.to_string() == *name);
        let claims = grant.who.claims.0.iter().map(|(name, patterns)| (name.to_string(), patterns));
        let claims = claims.filter(|(name, _)| is_subject(name));
        let claims = claims.map(|(name, patterns)| (path.member("claims").member(&name), patterns));
        for (path, patterns) in claims.chain([(path.member("subject"), &grant.who.subject)]) {
            let Some(pattern) = patterns.iter().find(|pattern| is_intermediary(pattern)) else { continue };
            lints.push(warning(path, format!("`{pattern}` looks like the identity of a gateway or of the Web UI")));
        }
        // With a token, a gateway is the right peer, because the token says who calls.
        let peers = grant.who.peer.iter().flatten().filter(|_| grant.who.without_token);
        let texts = peers.filter_map(|pattern| {
            if let Some(gateway) = gateways.iter().find(|gateway| is_one_inside_other(gateway, pattern)) {
                return Some(format!("`{pattern}` is a gateway according to `{gateway}` in peers.gateways"));
            }
            is_intermediary_peer(pattern)
                .then(|| format!("`{pattern}` looks like the identity of a gateway or of the Web UI"))
        });
        lints.extend(texts.take(1).map(|text| warning(path.member("peer"), text)));
    }
    lints
}

fn warning(path: Path, text: String) -> Lint {
    Lint { path, text, help: HELP.to_owned() }
}

/// `peers.gateways`, which the filter itself does not use.
fn gateways(config: &Value) -> Vec<Pattern> {
    let list = config.pointer("/peers/gateways").and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|gateway| match gateway.as_str() {
        Some(text) => Pattern::parse(text).ok(),
        None => Some(Pattern::literal(&gateway.to_string())),
    })
    .collect()
}

/// Whether one of them matches everything that the other matches.
fn is_one_inside_other(one: &Pattern, other: &Pattern) -> bool {
    one.matches(&plain(other)).is_some() || other.matches(&plain(one)).is_some()
}

/// A text that the pattern matches.
fn plain(pattern: &Pattern) -> String {
    let pattern = pattern.to_string();
    let mut plain = String::new();
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => plain.extend(chars.next()),
            '*' => plain.push(ANY),
            // The name of a capture says nothing about what it matches.
            '{' => {
                chars.by_ref().find(|char| *char == '}');
                plain.push(ANY);
            }
            other => plain.push(other),
        }
    }
    plain
}

fn is_intermediary(pattern: &Pattern) -> bool {
    has_word(&plain(pattern))
}

/// [`is_intermediary`] for the identity in a certificate: in a SPIFFE ID, only the service account counts.
fn is_intermediary_peer(pattern: &Pattern) -> bool {
    let text = plain(pattern);
    has_word(text.rsplit_once("/sa/").map_or(text.as_str(), |(_, account)| account))
}

fn has_word(text: &str) -> bool {
    let text = text.to_lowercase();
    text.split(|char: char| !char.is_alphanumeric()).any(|part| WORDS.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap()
    }

    #[test]
    fn gateways_are_recognized_by_their_names() {
        for intermediary in
            ["temporal-web", "Web-UI", "istio-ingressgateway", "system:serviceaccount:edge:Ingress*", "a_web"]
        {
            assert!(is_intermediary(&pattern(intermediary)), "{intermediary}");
        }
        for other in ["alice", "{web}-runner", "{team}-worker", "we-b", "gate", "webhook", "web2", "cobweb", "gateways"]
        {
            assert!(!is_intermediary(&pattern(other)), "{other}");
        }
    }

    #[test]
    fn in_a_spiffe_id_only_the_service_account_counts() {
        for intermediary in
            ["spiffe://td/ns/edge/sa/istio-gateway", "gateway.example.com", "*/sa/web", "CN=ingress,O=a"]
        {
            assert!(is_intermediary_peer(&pattern(intermediary)), "{intermediary}");
        }
        for other in ["spiffe://td/ns/web/sa/worker", "spiffe://td/ns/gateway/sa/*", "spiffe://td/ns/a/sa/webhook"] {
            assert!(!is_intermediary_peer(&pattern(other)), "{other}");
        }
    }

    #[test]
    fn a_pattern_may_match_everything_that_another_matches() {
        let both = |one: &str, other: &str| is_one_inside_other(&pattern(one), &pattern(other));
        assert!(both("a", "a") && both("a-*", "a-b") && both("a-b", "a-{t}") && both("a/*", "a/b-*"));
        assert!(both("*/sa/gw", "ns/*/sa/gw") && both(r"\*", r"\*"));
        assert!(!both("a", "b") && !both("a-*", "b-*") && !both("*/gw", "ns/*") && !both(r"\*", "a"));
    }
}

//! Rules in the words that an operator reads.

use temporal_auth::identity::Kind;
use temporal_auth::pattern::{LiteralPrefix, Pattern};
use temporal_auth::policy::denial::Denial;
use temporal_auth::policy::grant::{Grant, GrantScope};
use temporal_auth::policy::limits::Limits;
use temporal_auth::policy::role::Role;
use temporal_auth::policy::who::Who;
use temporal_auth::temporal::Limit;

/// The places of a grant with `system: true`, and of a denial without namespaces.
pub(crate) const EVERYWHERE: &str = "every namespace and the cluster";

/// The callers to whom a rule applies.
pub(crate) fn callers(who: &Who) -> String {
    let Who { issuers, kind, subject, claims, peer, without_token } = who;
    let peers = peer.as_ref().map(|peer| matching(peer));
    if let (true, Some(peers)) = (without_token, &peers) {
        return format!("TLS peers{peers}, without a token");
    }
    let mut words = match kind {
        Some(Kind::Human) => "people".to_owned(),
        Some(Kind::Service) => "services".to_owned(),
        Some(Kind::Doubtful) | None => "callers".to_owned(),
    };
    if !issuers.is_empty() {
        words.push_str(&format!(" of issuer {}", plain(&issuers.join(" or "))));
    }
    let mut conditions = Vec::new();
    if !subject.is_empty() {
        conditions.push(format!("subject{}", matching(subject)));
    }
    conditions.extend(
        claims.0.iter().map(|(name, patterns)| format!("claim {}{}", plain(&name.to_string()), matching(patterns))),
    );
    conditions.extend(peers.map(|peers| format!("TLS peer{peers}")));
    if !conditions.is_empty() {
        words.push_str(&format!(" with {}", conditions.join(" and ")));
    }
    words
}

/// The callers whom a denial denies.
pub(crate) fn denied_callers(denial: &Denial) -> String {
    let mut words = denial.who.as_ref().map_or("everybody".to_owned(), callers);
    if let Some(unless) = &denial.unless {
        words.push_str(&format!(", except {}", callers(unless)));
    }
    words
}

/// What a denial denies.
pub(crate) fn denied_operations(denial: &Denial) -> String {
    let Some(denied) = &denial.operations else { return "every effect".to_owned() };
    let mut names: Vec<&str> = denied.effects.names().collect();
    names.extend(denied.methods.iter().filter_map(|path| path.rsplit('/').next()));
    names.join(", ")
}

/// Where a denial applies.
pub(crate) fn denied_places(denial: &Denial) -> String {
    let patterns = denial.namespaces.as_deref().map(|patterns| format!("namespaces {}", any_of(patterns)));
    patterns.unwrap_or_else(|| EVERYWHERE.to_owned())
}

/// A name from a file, which must not add lines to the output.
pub(crate) fn plain(name: &str) -> String {
    name.escape_debug().to_string()
}

/// Whether the patterns are texts or have something to match, and the patterns.
fn matching(patterns: &[Pattern]) -> String {
    let is_literal = |pattern: &Pattern| matches!(pattern.literal_prefix(), Some(LiteralPrefix::Whole(_)));
    let verb = if patterns.iter().all(is_literal) { "" } else { " matching" };
    format!("{verb} {}", any_of(patterns))
}

/// Patterns, any of which may match.
pub(crate) fn any_of(patterns: &[Pattern]) -> String {
    patterns.iter().map(|pattern| format!("{:?}", pattern.to_string())).collect::<Vec<_>>().join(" or ")
}

/// The names to which limits limit, each with the name of its limit.
pub(crate) fn limits(limits: &Limits) -> Vec<String> {
    let shown = |limit: Limit| Some(format!("{} {}", limit.name(), any_of(limits.of(limit)?)));
    Limit::ALL.into_iter().filter_map(shown).collect()
}

/// The role that a grant gives, if the grant itself names one.
pub(crate) fn role(grant: &Grant) -> Option<&Role> {
    match &grant.gives {
        GrantScope::System(role) | GrantScope::Namespaces(role, _) => Some(role),
        GrantScope::Permissions(..) => None,
    }
}

/// What else is to be known about a grant: when it ends, and whether it gives anything.
pub(crate) fn conditions(grant: &Grant) -> Vec<String> {
    let mut conditions = limits(&grant.limits);
    conditions.extend(grant.until.as_ref().map(|until| format!("until {until}")));
    conditions.extend(grant.shadow.then(|| "in shadow: it gives nothing".to_owned()));
    conditions.extend(grant.may_register.then(|| "may_register".to_owned()));
    conditions.extend(grant.may_call_back.then(|| "may_call_back".to_owned()));
    conditions
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use temporal_auth::config::Config;

    fn policy(who: Value, more: Value) -> Config {
        let issuer = json!({"issuer": "https://a/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"}, "service_when": [{"gty": "cc"}]});
        let mut grant = json!({"name": "g", "who": who, "role": "reader", "namespaces": ["a"]});
        grant.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let config = json!({"version": 1, "issuers": {"corp": issuer}, "grants": [grant], "denials": [{"name": "d", "who": {"kind": "human"}, "unless": {"issuer": "corp", "subject": "a"}}, {"name": "e", "effects": ["start"]}]});
        Config::parse(config.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn callers_are_described() {
        for (who, expected) in [
            (json!({"issuer": "corp"}), "callers of issuer corp"),
            (
                json!({"issuer": "corp", "kind": "human", "claims": {"groups": ["a", "b"]}}),
                "people of issuer corp with claim groups \"a\" or \"b\"",
            ),
            (
                json!({"issuer": "corp", "kind": "service", "subject": "{t}-worker", "peer": "x"}),
                "services of issuer corp with subject matching \"{t}-worker\" and TLS peer \"x\"",
            ),
            (json!({"peer": "spiffe://a/*"}), "TLS peers matching \"spiffe://a/*\", without a token"),
        ] {
            let config = policy(who, json!({}));
            assert_eq!(callers(&config.policy.grants[0].who), expected);
        }
    }

    #[test]
    fn denied_callers_are_described() {
        let config = policy(json!({"issuer": "corp"}), json!({}));
        let denied: Vec<_> = config.policy.denials.iter().map(|denial| denied_callers(denial)).collect();
        assert_eq!(denied, ["people, except callers of issuer corp with subject \"a\"", "everybody"]);
    }

    #[test]
    fn conditions_are_described() {
        let more = json!({"task_queues": ["q", "r-*"], "until": "2027-01-15T08:00:00Z", "may_register": true});
        let config = policy(json!({"issuer": "corp"}), more);
        assert_eq!(
            conditions(&config.policy.grants[0]),
            ["task_queues \"q\" or \"r-*\"", "until 2027-01-15T08:00:00Z", "may_register"]
        );
    }
}

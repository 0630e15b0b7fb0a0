//! The calls that the Web UI makes on every page: people with a role in a namespace need them.

use temporal_auth::config::{Config, Path};
use temporal_auth::identity::Kind;
use temporal_auth::policy::grant::GrantScope;

use crate::yaml::location::members;

/// Without an answer to this call, the Web UI sends people back to its login forever.
const NEEDED: &str = "GetClusterInfo";
/// Without an answer to this call, it offers people no namespace.
const LISTED: &str = "ListNamespaces";

/// The note about a configuration that has grants to `kind: human` in namespaces.
pub(super) fn notes(config: &Config) -> Option<(Path, String)> {
    let is_open = |name: &str| {
        let open = || config.policy.anonymous.iter().chain(&config.policy.authenticated);
        config.catalogue.named(name).is_some_and(|method| open().any(|path| *path == method.path))
    };
    let for_people = config.policy.grants.iter().any(|grant| {
        !grant.shadow && grant.who.kind == Some(Kind::Human) && !matches!(grant.gives, GrantScope::System(_))
    });
    let text = match (is_open(NEEDED), is_open(LISTED)) {
        (true, true) => return None,
        (false, _) => format!("without {NEEDED}, only system callers get past the login of the Web UI"),
        (true, false) => format!("without {LISTED}, the Web UI shows namespaces to system callers only"),
    };
    for_people.then(|| (members(&["authenticated"]), text))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn noted(who: Value, scope: (&str, Value), open: &[&str]) -> Option<String> {
        let config = json!({
            "version": 1,
            "issuers": {"corp": {
                "issuer": "https://corp/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"},
                "service_when": [{"gty": "client-credentials"}],
            }},
            "grants": [{"name": "g", "who": who, "role": "client", scope.0: scope.1}],
            "authenticated": open,
        });
        notes(&Config::parse(config.to_string().as_bytes()).unwrap()).map(|(path, text)| format!("{path}: {text}"))
    }

    fn people() -> Value {
        json!({"issuer": "corp", "kind": "human"})
    }

    #[test]
    fn people_need_two_calls_for_the_web_ui() {
        let in_namespace = || ("namespaces", json!(["payroll"]));
        assert_eq!(
            noted(people(), in_namespace(), &["ListNamespaces"]).unwrap(),
            "authenticated: without GetClusterInfo, only system callers get past the login of the Web UI"
        );
        assert_eq!(
            noted(people(), in_namespace(), &["GetClusterInfo"]).unwrap(),
            "authenticated: without ListNamespaces, the Web UI shows namespaces to system callers only"
        );
        assert_eq!(noted(people(), in_namespace(), &["GetClusterInfo", "ListNamespaces"]), None);
    }

    #[test]
    fn services_and_system_callers_need_neither() {
        let service = json!({"issuer": "corp", "kind": "service"});
        assert_eq!(noted(service, ("namespaces", json!(["payroll"])), &[]), None);
        assert_eq!(noted(people(), ("system", json!(true)), &[]), None);
    }
}

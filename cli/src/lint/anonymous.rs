//! `anonymous: [ListNamespaces]`: callers without a token receive the whole list.

use temporal_auth::config::Config;

use super::Lint;
use crate::yaml::location::members;

const LIST: &str = "ListNamespaces";

pub(super) fn lint(config: &Config) -> Vec<Lint> {
    let Some(method) = config.catalogue.named(LIST) else { return Vec::new() };
    let listed = config.policy.anonymous.iter().enumerate().filter(|(_, path)| **path == *method.path);
    listed
        .map(|(index, _)| Lint {
            path: members(&["anonymous"]).index(index),
            text: format!("{LIST} shows every namespace to everyone, with or without a token"),
            help: "move it to `authenticated`, where callers see only namespaces that they may describe".to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn lints(fields: Value) -> Vec<String> {
        let mut config = json!({
            "version": 1,
            "issuers": {"corp": {"issuer": "https://corp/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"}}},
        });
        config.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let config = Config::parse(config.to_string().as_bytes()).unwrap();
        lint(&config).into_iter().map(|lint| format!("{}: {}", lint.path, lint.text)).collect()
    }

    #[test]
    fn a_list_for_everyone_is_reported() {
        assert_eq!(
            lints(json!({"anonymous": ["GetSystemInfo", "ListNamespaces"]})),
            ["anonymous[1]: ListNamespaces shows every namespace to everyone, with or without a token"]
        );
    }

    #[test]
    fn a_list_for_callers_with_a_token_is_not_reported() {
        let authenticated = json!({"authenticated": ["ListNamespaces"]});
        assert_eq!(lints(authenticated), [""; 0]);
        assert_eq!(lints(json!({"anonymous": ["GetSystemInfo", "GetClusterInfo"]})), [""; 0]);
        assert_eq!(lints(json!({})), [""; 0]);
    }
}

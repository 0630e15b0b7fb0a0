//! Positions of lists in JSON pointers: providers promise no order.

use serde_json::Value;
use temporal_auth::config::Config;

use super::{Lint, claim_names};

/// The longest position in digits. A longer number is the name of a member, such as the id of an organization.
const MAX_DIGITS: usize = 3;

pub(super) fn lint(config: &Config, value: &Value) -> Vec<Lint> {
    let mut lints = Vec::new();
    for claim in claim_names::all(config, value) {
        let name = claim.name.to_string();
        let Some((position, starred)) = position(&name) else { continue };
        lints.push(Lint {
            path: claim.path,
            text: format!("`{name}` reads the element at position {position}, and no provider promises an order"),
            help: if claim.is_subject {
                "name a claim that has one value".to_owned()
            } else {
                format!("write `{starred}`, which reads every element")
            },
        });
    }
    lints
}

/// The first position in a pointer, and the pointer with `*` in place of every position.
fn position(name: &str) -> Option<(&str, String)> {
    // The token itself is not a list.
    let (member, steps) = name.strip_prefix('/')?.split_once('/')?;
    let is_position = |step: &&str| {
        (1..=MAX_DIGITS).contains(&step.len())
            && step.bytes().all(|byte| byte.is_ascii_digit())
            && (*step == "0" || !step.starts_with('0'))
    };
    let first = steps.split('/').find(is_position)?;
    let starred = steps.split('/').map(|step| if is_position(&step) { "*" } else { step });
    Some((first, format!("/{member}/{}", starred.collect::<Vec<_>>().join("/"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn positions_are_found_behind_the_first_step() {
        for (name, expected) in [
            ("/roles/0", Some(("0", "/roles/*"))),
            ("/roles/0/name", Some(("0", "/roles/*/name"))),
            ("/orgs/12/teams/3", Some(("12", "/orgs/*/teams/*"))),
            ("/a~1b/0", Some(("0", "/a~1b/*"))),
            ("/roles/*/name", None),
            ("/roles/name", None),
            ("/0", None),
            ("/roles/00", None),
            ("/roles/1a", None),
            ("/roles/", None),
            ("roles/0", None),
            ("/urn:zitadel:iam:org:project:roles/admin/293847561029384756", None),
        ] {
            let expected = expected.map(|(position, starred)| (position, starred.to_owned()));
            assert_eq!(position(name), expected, "{name}");
        }
    }

    #[test]
    fn a_position_is_reported_and_a_star_is_not() {
        let lints = |claim: &str, subject: &str| {
            let config = json!({
                "version": 1,
                "issuers": {"corp": {
                    "issuer": "https://corp/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"},
                    "subject": subject,
                }},
                "grants": [
                    {"name": "g", "who": {"issuer": "corp", "claims": {claim: "x"}}, "role": "reader", "namespaces": ["n"]},
                ],
            });
            lint(&Config::parse(config.to_string().as_bytes()).unwrap(), &config)
        };
        let found = lints("/roles/0/name", "/emails/0");
        let texts: Vec<_> = found.iter().map(|lint| format!("{}: {}; {}", lint.path, lint.text, lint.help)).collect();
        assert_eq!(
            texts,
            [
                "issuers.corp.subject: `/emails/0` reads the element at position 0, and no provider promises an order; \
                 name a claim that has one value",
                "grants[0].who.claims[\"/roles/0/name\"]: `/roles/0/name` reads the element at position 0, and no provider \
                 promises an order; write `/roles/*/name`, which reads every element",
            ]
        );
        assert_eq!(lints("/roles/*/name", "/user/email"), []);
    }
}

//! Notes about `*`, which matches any text, `:` included: for each pattern that may match more than its author intended,
//! one such value. Only grants, exemptions and limits are covered, because denials read wide anyway.

use temporal_auth::config::{Config, Path};
use temporal_auth::identity::ClaimName;
use temporal_auth::pattern::Pattern;
use temporal_auth::policy::grant::GrantScope;
use temporal_auth::policy::limits::Limits;
use temporal_auth::policy::who::Who;
use temporal_auth::temporal::Limit;

use super::{denial_path, grant_path};
use crate::patterns::overlap::{Fragment, fragments};

/// The paths of such patterns, each with its note.
pub(super) fn notes(config: &Config) -> Vec<(Path, String)> {
    let mut found = Vec::new();
    for (index, grant) in config.policy.grants.iter().enumerate() {
        let path = grant_path(index);
        who(config, &path.member("who"), &grant.who, true, &mut found);
        if let GrantScope::Namespaces(_, patterns) = &grant.gives {
            names(&path.member("namespaces"), patterns, &mut found);
        }
        limits(&path, &grant.limits, &mut found);
    }
    for (index, denial) in config.policy.denials.iter().enumerate() {
        let path = denial_path(index);
        if let Some(unless) = &denial.unless {
            who(config, &path.member("unless"), unless, false, &mut found);
        }
        if let Some(outside) = &denial.outside {
            limits(&path.member("outside"), outside, &mut found);
        }
    }
    found
}

/// Notes about the conditions of a `who` or `unless`. Every `*` counts if the value may contain a `:`.
fn who(config: &Config, path: &Path, who: &Who, may_capture: bool, found: &mut Vec<(Path, String)>) {
    let meant = config.issuers.iter().filter(|issuer| who.issuers.is_empty() || who.issuers.contains(&issuer.name));
    let subject_may = meant.into_iter().any(|issuer| issuer.rules.subject.iter().any(may_have_colons));
    let subject = (path.member("subject"), &who.subject, subject_may);
    let claims = who
        .claims
        .0
        .iter()
        .map(|(name, patterns)| (path.member("claims").member(&name.to_string()), patterns, may_have_colons(name)));
    for (path, patterns, may) in claims.chain([subject]) {
        let crossing = patterns.iter().filter_map(|pattern| Some((pattern, example(pattern, may)?)));
        found.extend(crossing.map(|(pattern, value)| (path.clone(), note(pattern, &value, may_capture))));
    }
    names(&path.member("peer"), who.peer.iter().flatten(), found);
}

fn limits(path: &Path, limits: &Limits, found: &mut Vec<(Path, String)>) {
    for limit in Limit::ALL {
        names(&path.member(limit.name()), limits.of(limit).unwrap_or_default(), found);
    }
}

/// Notes about patterns of names, which rarely contain a `:`: only a `*` with text after it counts.
fn names<'a>(path: &Path, patterns: impl IntoIterator<Item = &'a Pattern>, found: &mut Vec<(Path, String)>) {
    let crossing = patterns.into_iter().filter_map(|pattern| Some((pattern, example(pattern, false)?)));
    found.extend(crossing.map(|(pattern, value)| (path.clone(), note(pattern, &value, false))));
}

fn note(pattern: &Pattern, value: &str, may_capture: bool) -> String {
    let instead = if is_from_provider(pattern) {
        "write a narrower pattern if that is too much".to_owned()
    } else if let (true, Some(capture)) = (may_capture, with_capture(pattern)) {
        format!("write `{capture}` to stop at `:`")
    } else {
        "list the values if that is too much".to_owned()
    };
    format!("`{pattern}` also matches `{value}`, since `*` crosses `:`; {instead}")
}

/// The pattern with its only `*` replaced by a capture, which stops at `:`.
fn with_capture(pattern: &Pattern) -> Option<String> {
    let fragments = fragments(pattern);
    let stars = fragments.iter().filter(|fragment| **fragment == Fragment::Star).count();
    let written = pattern.to_string().replace('*', "{name}");
    (stars == 1 && !pattern.to_string().contains('\\') && pattern.captures().next().is_none()).then_some(written)
}

/// Whether the claim's values may contain a `:`.
fn may_have_colons(name: &ClaimName) -> bool {
    // Addresses, domains, UUIDs, numbers and names of Kubernetes objects.
    const WITHOUT: [&str; 10] =
        ["email", "email_verified", "hd", "oid", "tid", "exp", "iat", "nbf", "auth_time", "kubernetes.io"];
    !WITHOUT.contains(&&*name.member())
}

/// A value that matches only because `*` crosses `:`. `None` if the pattern has no `*` with text after it, or, with
/// `anywhere`, no `*` at all.
fn example(pattern: &Pattern, anywhere: bool) -> Option<String> {
    let fragments = fragments(pattern);
    let last = fragments.len().saturating_sub(1);
    let is_star = |index: &usize| fragments.get(*index) == Some(&Fragment::Star);
    let inner = (0..last).find(is_star);
    let crossing = if anywhere && is_star(&last) { Some(last) } else { inner }?;
    let mut value = String::new();
    for (index, fragment) in fragments.iter().enumerate() {
        match fragment {
            Fragment::Literal(text) => value.push_str(text),
            Fragment::Capture(name) => value.push_str(&format!("{{{name}}}")),
            Fragment::Star if index == crossing => value.push_str(crossed(&value, index == last)?),
            Fragment::Star => value.push('x'),
        }
    }
    Some(value)
}

/// How subjects begin in tokens of GitHub, Kubernetes and GitLab.
const PROVIDERS: [&str; 3] = ["repo:", "system:serviceaccount:", "project_path:"];

fn is_from_provider(pattern: &Pattern) -> bool {
    let text = pattern.to_string();
    PROVIDERS.iter().any(|start| text.starts_with(start)) && text.ends_with('*')
}

/// A text with a `:` that `*` matches after this text. `None` if subjects of tokens have no `:` there.
fn crossed(before: &str, at_the_end: bool) -> Option<&'static str> {
    let rest = |start: &str| before.strip_prefix(start).filter(|_| at_the_end);
    let is_git_ref = before.contains(":ref:");
    let in_path = |rest: &str| !rest.contains(':');
    match (rest("repo:"), rest("system:serviceaccount:"), rest("project_path:")) {
        (Some(_), ..) | (.., Some(_)) if is_git_ref => None,
        (Some(rest), ..) if in_path(rest) && !rest.contains('/') => Some("acme/app:ref:refs/heads/main"),
        (Some(rest), ..) if in_path(rest) => Some("app:ref:refs/heads/main"),
        (Some(rest), ..) if rest.matches(':').count() == 1 && rest.ends_with(':') => Some("ref:refs/heads/main"),
        (_, Some(rest), _) => in_path(rest).then_some("payroll:worker"),
        (.., Some(rest)) if in_path(rest) && !rest.contains('/') => Some("acme/app:ref_type:branch:ref:main"),
        (.., Some(rest)) if in_path(rest) => Some("app:ref_type:branch:ref:main"),
        (.., Some(rest)) if rest.matches(':').count() == 1 && rest.ends_with(':') => Some("ref_type:branch:ref:main"),
        _ => Some("a:b"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn checked_example(pattern: &str, anywhere: bool) -> Option<String> {
        let pattern = Pattern::parse(pattern).unwrap();
        let value = example(&pattern, anywhere)?;
        if pattern.captures().next().is_none() {
            assert!(pattern.matches(&value).is_some(), "{pattern} {value}");
        }
        // If no star matched a `:`, the value has as many as the pattern.
        let colons = |text: &str| text.matches(':').count();
        assert!(colons(&value) > colons(&pattern.to_string()), "{pattern} {value}");
        Some(value)
    }

    #[test]
    fn a_note_shows_one_value_that_crosses_a_colon() {
        for (pattern, value) in [
            ("repo:acme/app:*", "repo:acme/app:ref:refs/heads/main"),
            ("repo:acme/*", "repo:acme/app:ref:refs/heads/main"),
            ("repo:*", "repo:acme/app:ref:refs/heads/main"),
            ("repo:acme/app:environment:*", "repo:acme/app:environment:a:b"),
            ("repo:*/infra:ref:refs/heads/main", "repo:a:b/infra:ref:refs/heads/main"),
            ("system:serviceaccount:*", "system:serviceaccount:payroll:worker"),
            ("project_path:acme/app:*", "project_path:acme/app:ref_type:branch:ref:main"),
            ("project_path:acme/*", "project_path:acme/app:ref_type:branch:ref:main"),
            ("team-*", "team-a:b"),
            ("*-team-*", "x-team-a:b"),
            ("*", "a:b"),
            (r"a\*-*", "a*-a:b"),
        ] {
            assert_eq!(checked_example(pattern, true).as_deref(), Some(value), "{pattern}");
        }
        // Neither names of accounts nor git refs contain a `:`.
        for pattern in [
            "system:serviceaccount:payroll:*",
            "repo:acme/app:ref:refs/heads/*",
            "project_path:a/b:ref_type:tag:ref:v*",
        ] {
            assert_eq!(checked_example(pattern, true), None, "{pattern}");
        }
    }

    #[test]
    fn in_names_only_a_star_with_text_after_it_counts() {
        for (pattern, value) in [("*-dev", "a:b-dev"), ("a-*-b-*", "a-a:b-b-x"), ("{team}-*-x", "{team}-a:b-x")] {
            assert_eq!(checked_example(pattern, false).as_deref(), Some(value), "{pattern}");
        }
        for pattern in ["a-*", "*", "{team}-*", "a", r"a\*b"] {
            assert_eq!(checked_example(pattern, false), None, "{pattern}");
        }
        assert_eq!((checked_example("team-{t}", true), checked_example("a", true)), (None, None));
    }

    fn notes_of(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut config = json!({
            "version": 1,
            "issuers": {
                "corp": {"issuer": "https://corp/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"}},
                "mail": {"issuer": "https://mail/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"}, "subject": "email"},
            },
        });
        change(&mut config);
        let parsed = Config::parse(config.to_string().as_bytes()).unwrap();
        notes(&parsed).into_iter().map(|(path, text)| format!("{path}: {text}")).collect()
    }

    fn grant(who: Value, fields: Value) -> Vec<String> {
        notes_of(|config| {
            let mut grant = json!({"name": "g", "who": who, "role": "reader", "namespaces": ["a"]});
            grant.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            config["grants"] = json!([grant]);
        })
    }

    #[test]
    fn each_pattern_of_a_grant_has_its_own_note() {
        let who = json!({"issuer": "corp", "subject": ["team-*", "a"], "claims": {"groups": "x-*-y"}});
        assert_eq!(
            grant(who, json!({"namespaces": ["*-dev", "b-*"], "task_queues": ["*-q", "q-*"], "signals": ["a*b"]})),
            [
                "grants[0].who.claims.groups: `x-*-y` also matches `x-a:b-y`, since `*` crosses `:`; write `x-{name}-y` to stop at `:`",
                "grants[0].who.subject: `team-*` also matches `team-a:b`, since `*` crosses `:`; write `team-{name}` to stop at `:`",
                "grants[0].namespaces: `*-dev` also matches `a:b-dev`, since `*` crosses `:`; list the values if that is too much",
                "grants[0].task_queues: `*-q` also matches `a:b-q`, since `*` crosses `:`; list the values if that is too much",
                "grants[0].signals: `a*b` also matches `aa:bb`, since `*` crosses `:`; list the values if that is too much",
            ]
        );
        let github = grant(json!({"issuer": "corp", "subject": "repo:acme/app:*"}), json!({}));
        assert!(
            github[0].ends_with(
                "`repo:acme/app:ref:refs/heads/main`, since `*` crosses `:`; write a narrower pattern if that is too much"
            ),
            "{github:?}"
        );
    }

    #[test]
    fn values_that_cannot_contain_a_colon_are_not_noted() {
        for who in [
            json!({"issuer": "corp", "claims": {"email": "*@example.com"}}),
            json!({"issuer": "mail", "subject": "a-*"}),
            json!({"issuer": "corp", "claims": {"/kubernetes.io/namespace": "team-*"}}),
            json!({"issuer": "corp", "subject": "team-{t}"}),
            json!({"peer": "spiffe://td/ns/a/sa/*"}),
        ] {
            // A star with text after it is noted in any claim.
            let expected = usize::from(who.pointer("/claims/email").is_some());
            assert_eq!(grant(who.clone(), json!({})).len(), expected, "{who}");
        }
        assert_eq!(grant(json!({"peer": "spiffe://td/ns/*/sa/w"}), json!({})).len(), 1);
        assert_eq!(grant(json!({"issuer": ["corp", "mail"], "subject": "a-*"}), json!({})).len(), 1, "corp's may");
    }

    #[test]
    fn exemptions_of_denials_are_noted() {
        let denial = |denial: Value| {
            notes_of(|config| {
                config["denials"] = json!([denial]);
                config["denials"][0]["name"] = json!("d");
            })
        };
        let exempted =
            denial(json!({"unless": {"claims": {"groups": "team-*"}}, "outside": {"workflow_ids": ["*-a", "a-*"]}}));
        assert_eq!(
            exempted,
            [
                "denials[0].unless.claims.groups: `team-*` also matches `team-a:b`, since `*` crosses `:`; list the values if that is too much",
                "denials[0].outside.workflow_ids: `*-a` also matches `a:b-a`, since `*` crosses `:`; list the values if that is too much",
            ]
        );
        assert_eq!(
            denial(json!({"who": {"subject": "team-*-x"}, "namespaces": ["*-dev"], "effects": ["start"]})),
            [""; 0]
        );
    }
}

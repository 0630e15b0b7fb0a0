use super::*;
use serde_json::{Value, json};

fn lints(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let issuer = |iss: &str| json!({"issuer": iss, "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"}});
    let mut config = json!({
        "version": 1,
        "issuers": {
            "github": issuer("https://token.actions.githubusercontent.com"),
            "gitlab": issuer("https://gitlab.example.com"),
            "cluster": issuer("https://kubernetes.default.svc.cluster.local"),
            "corp": issuer("https://idp.example.com/"),
        },
    });
    change(&mut config);
    let parsed = Config::parse(config.to_string().as_bytes()).unwrap();
    lint(&parsed).into_iter().map(|lint| format!("{}: {}", lint.path, lint.text)).collect()
}

fn grant(issuer: &str, subject: &str) -> Vec<String> {
    lints(|config| {
        let who = json!({"issuer": issuer, "subject": subject});
        config["grants"] = json!([{"name": "g", "who": who, "role": "reader", "namespaces": ["a"]}]);
    })
}

#[test]
fn patterns_that_match_no_token_are_reported() {
    assert_eq!(
        grant("github", "repo:acme/app"),
        [
            "grants[0].who.subject: no token of GitHub Actions has a subject that `repo:acme/app` matches, unless subjects are \
          customized; they look like `repo:OWNER/NAME:ref:refs/heads/BRANCH`, `repo:OWNER/NAME:environment:NAME` or `repo:OWNER/NAME:pull_request`"
        ]
    );
    for (issuer, subject) in [
        ("github", "acme/app"),
        ("github", "repo:acme/{team}"),
        ("github", "repo:acme/app:main"),
        ("github", "repo:acme/app:ref:main"),
        ("github", "repo:acme/app:refs/heads/main"),
        ("github", "repo:acme:*x"),
        ("gitlab", "project_path:acme/app"),
        ("gitlab", "project_path:acme/app:ref:main"),
        ("gitlab", "acme/app"),
        ("cluster", "system:serviceaccount:payroll"),
        ("cluster", "system:serviceaccount:{team}"),
        ("cluster", "system:serviceaccount:Payroll:*"),
        ("cluster", "payroll:worker"),
        ("corp", "system:serviceaccount:payroll"),
        ("corp", "system:serviceaccounts:payroll"),
    ] {
        assert_eq!(grant(issuer, subject).len(), 1, "{issuer} {subject}");
    }
}

#[test]
fn patterns_that_match_tokens_are_not_reported() {
    for (issuer, subject) in [
        ("github", "repo:acme/app:*"),
        ("github", "repo:acme/*"),
        ("github", "repo:acme@1/app@2:ref:refs/heads/main"),
        ("github", "repo:*/infra:ref:refs/heads/main"),
        ("github", "repo:acme/{repo}:pull_request"),
        ("github", "repo:acme/app:environment:prod"),
        ("github", "repo:acme/app:job_workflow_ref:acme/x/.github/workflows/a.yml@refs/heads/main"),
        ("github", "repository_owner:acme"),
        ("gitlab", "project_path:acme/app:ref_type:branch:ref:main"),
        ("gitlab", "project_path:acme/*"),
        ("gitlab", "4711"),
        ("cluster", "system:serviceaccount:payroll:*"),
        ("cluster", "system:serviceaccount:*"),
        ("cluster", "system:serviceaccount:{team}:worker"),
        ("corp", "repo:acme/app"),
        ("corp", "alice"),
    ] {
        assert_eq!(grant(issuer, subject), [""; 0], "{issuer} {subject}");
    }
}

#[test]
fn a_pattern_is_reported_only_if_it_misses_the_tokens_of_every_issuer() {
    let of = |who: Value| {
        lints(|config| config["grants"] = json!([{"name": "g", "who": who, "role": "reader", "namespaces": ["a"]}]))
    };
    assert_eq!(of(json!({"issuer": ["github", "corp"], "subject": "alice"})), [""; 0]);
    assert_eq!(of(json!({"issuer": ["github", "cluster"], "subject": "alice"})).len(), 1);
    assert_eq!(of(json!({"issuer": "github", "claims": {"sub": "repo:acme/app"}})).len(), 1);
    let by_actor = lints(|config| {
        config["issuers"]["github"]["subject"] = json!("actor");
        let who = json!({"issuer": "github", "subject": "alice"});
        config["grants"] = json!([{"name": "g", "who": who, "role": "reader", "namespaces": ["a"]}]);
    });
    assert_eq!(by_actor, [""; 0]);
}

#[test]
fn patterns_in_service_when_and_denials_are_checked_too() {
    let service = |sub: &str| lints(|config| config["issuers"]["cluster"]["service_when"] = json!([{"sub": sub}]));
    assert!(service("system:serviceaccount:payroll")[0].starts_with("issuers.cluster.service_when[0].sub: "));
    assert_eq!(service("system:serviceaccount:*"), [""; 0]);
    let denial = |denial: Value| {
        lints(|config| {
            config["denials"] = json!([denial]);
            config["denials"][0]["name"] = json!("d");
        })
    };
    let who = |subject: &str| denial(json!({"who": {"issuer": "github", "subject": subject}, "effects": ["start"]}));
    assert!(
        who("repo:acme/app")[0].starts_with(
            "denials[0].who.subject: no token of GitHub Actions has a subject that `repo:acme/app` matches"
        )
    );
    assert_eq!(who("REPO:Acme/App:*"), [""; 0], "denials read wide");
    let unless =
        |subject: &str| denial(json!({"unless": {"issuer": "cluster", "subject": subject}, "effects": ["start"]}));
    assert_eq!(unless("system:serviceaccount:payroll").len(), 1);
    assert_eq!(unless("system:serviceaccount:payroll:w"), [""; 0]);
}

#[test]
fn a_job_with_an_environment_escapes_a_denial_of_its_branch() {
    let denial =
        |who: Value| lints(|config| config["denials"] = json!([{"name": "d", "who": who, "effects": ["start"]}]));
    let github = |subject: Value| denial(json!({"issuer": "github", "subject": subject}));
    for subject in [
        json!("repo:acme/app:ref:refs/heads/main"),
        json!("repo:acme/*:pull_request"),
        json!(["repo:acme/app:pull_request", "repo:acme/app:environment:prod"]),
    ] {
        let found = github(subject.clone());
        assert!(found.len() == 1 && found[0].contains("names an environment is not denied"), "{subject}: {found:?}");
    }
    assert_eq!(
        denial(json!({"subject": "repo:acme/app:pull_request"})).len(),
        1,
        "without an issuer, GitHub's is included"
    );
    for subject in [
        json!("repo:acme/app:*"),
        json!("repo:acme/app:environment:prod"),
        json!(["repo:acme/app:pull_request", "repo:acme/app:environment:*"]),
    ] {
        assert_eq!(github(subject.clone()), [""; 0], "{subject}");
    }
    assert_eq!(denial(json!({"issuer": "corp", "subject": "repo:acme/app:pull_request"})), [""; 0]);
}

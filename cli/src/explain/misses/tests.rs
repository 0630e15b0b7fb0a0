use super::*;
use temporal_auth::time::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

#[test]
fn captures_become_stars() {
    for (pattern, expected) in [("{team}-*", "*-*"), ("a", "a"), ("\\{a}{b}", "\\{a}*"), ("a\\\\{b}", "a\\\\*")] {
        assert_eq!(loose(pattern), expected);
    }
}

#[test]
fn the_first_few_of_many_are_found_with_few_questions() {
    let asked = std::cell::Cell::new(0);
    let found = |items: &[usize], step: usize| {
        asked.set(0);
        let has = |part: &[usize]| {
            asked.set(asked.get() + 1);
            Ok(part.iter().any(|item| item % step == step - 1))
        };
        (first(items, &has).unwrap(), asked.get())
    };
    let many: Vec<_> = (0..10_000).collect();
    assert_eq!(found(&many, 20_000), (vec![], 1));
    assert_eq!(found(&many, 10_000).0, [9999]);
    assert_eq!(found(&many, 5000).0, [4999, 9999]);
    assert!(found(&many, 5000).1 < 60);
    assert_eq!(found(&many, 1).0, (0..MOST).collect::<Vec<_>>());
    assert_eq!(found(&[], 1), (vec![], 0));
}

fn misses(who: Value, gives: Value, claims: Value, method: &str, namespace: &str) -> Option<String> {
    let claims = claims.as_object().unwrap().clone();
    let caller = AssumedCaller::with_claims("corp", claims, NOW);
    misses_of(&caller, json!({}), who, gives, method, namespace)
}

fn misses_of(
    caller: &AssumedCaller,
    top: Value,
    who: Value,
    gives: Value,
    method: &str,
    namespace: &str,
) -> Option<String> {
    let mut grant = json!({"name": "g", "who": who});
    gives.as_object().unwrap().iter().for_each(|(name, value)| grant[name] = value.clone());
    let issuer = |issuer: &str| json!({"issuer": issuer, "audiences": ["t"], "keys": {"jwks_uri": "https://i/", "cluster": "c"}, "service_when": [{"gty": "cc"}]});
    let mut config = json!({
        "version": 1,
        "issuers": {"corp": issuer("https://a/"), "other": issuer("https://b/")},
        "roles": {"most": {"from": "writer", "minus": ["terminate"]}},
        "grants": [grant],
    });
    top.as_object().unwrap().iter().for_each(|(name, value)| config[name] = value.clone());
    let parsed = temporal_auth::config::Config::parse(config.to_string().as_bytes()).unwrap();
    let call = Call::new(&parsed, method, namespace).unwrap();
    let effects: Vec<_> = call.target().unwrap().effects.names().collect();
    find(&config, caller, &call, &effects).unwrap().0.pop().map(|(_, why)| why)
}

#[test]
fn a_callers_own_grant_says_what_it_lacks() {
    let own = |gives: Value, method: &str, namespace: &str| {
        misses(json!({"issuer": "corp"}), gives, json!({"sub": "a"}), method, namespace).unwrap()
    };
    let writer = || json!({"role": "writer", "namespaces": ["x"]});
    let reader = || json!({"role": "reader", "namespaces": ["x"]});
    assert!(own(writer(), "StartWorkflowExecution", "y").ends_with("but its namespaces [\"x\"] do not match"));
    assert!(own(reader(), "StartWorkflowExecution", "x").ends_with("but its role reader does not give start"));
    let both = own(json!({"role": "worker", "namespaces": ["x"]}), "SignalWithStartWorkflowExecution", "y");
    assert!(both.contains("does not give start, signal, and its namespaces"), "{both}");
    assert!(own(reader(), "ListNamespaces", "").ends_with("only a grant with system: true covers the call"));
    let admin = json!({"role": "admin", "namespaces": ["x"]});
    assert!(own(admin, "RegisterNamespace", "x").ends_with("may_register: true"));
    assert!(own(json!({"role": "reader", "system": true}), "StartWorkflowExecution", "x").ends_with("not give start"));
    assert!(
        own(json!({"permissions_claim": "p"}), "StartWorkflowExecution", "x")
            .contains("permissions in their claim \"p\"")
    );
}

#[test]
fn a_grant_of_others_says_whom_it_is_for() {
    let other = |who: Value, namespaces: Value, claims: Value| {
        let gives = json!({"role": "writer", "namespaces": namespaces});
        misses(who, gives, claims, "StartWorkflowExecution", "a-x")
    };
    let alice = || json!({"sub": "alice", "groups": ["team-b"]});
    let claim = json!({"issuer": "corp", "claims": {"groups": "team-a", "x": "y"}});
    let why = other(claim.clone(), json!(["a-x"]), alice()).unwrap();
    assert!(why.ends_with(
        "claim groups must match \"team-a\", and is [\"team-b\"], and claim x must match \"y\", and is not there"
    ));
    assert_eq!(other(claim, json!(["b"]), alice()), None, "it would not cover the call");
    let bob = other(json!({"issuer": "corp", "kind": "service", "subject": "bob"}), json!(["a-x"]), alice()).unwrap();
    assert!(bob.ends_with("kind must be \"service\", and subject must be \"bob\""));
    assert!(other(json!({"issuer": ["other"]}), json!(["a-x"]), alice()).unwrap().ends_with("and is corp"));
    let team = json!({"issuer": "corp", "claims": {"groups": "{t}", "dept": "{t}"}});
    let why = other(team, json!(["{t}-*"]), json!({"sub": "a", "groups": "a", "dept": "b"})).unwrap();
    assert!(why.contains("a capture matches different texts in different conditions"), "{why}");
}

#[test]
fn a_callers_own_grant_says_how_it_is_limited() {
    let limited = |gives: Value, method: &str| {
        misses(json!({"issuer": "corp", "subject": "{t}"}), gives, json!({"sub": "a"}), method, "x").unwrap()
    };
    let writer = |limits: &[(&str, &str)]| {
        let mut grant = json!({"role": "writer", "namespaces": ["x"]});
        limits.iter().for_each(|(name, pattern)| grant[*name] = json!([pattern]));
        grant
    };
    let queues = writer(&[("task_queues", "{t}-*")]);
    assert_eq!(
        limited(queues.clone(), "StartWorkflowExecution"),
        "is for this caller, but is limited: the request names no task queue (task_queues [\"{t}-*\"])"
    );
    assert!(
        limited(queues, "SignalWorkflowExecution")
            .contains("is limited: the request does not say which task queues it affects")
    );
    let both = writer(&[("task_queues", "q"), ("workflow_types", "W"), ("nexus_endpoints", "E")]);
    let why = limited(both, "ListWorkflowExecutions");
    assert!(why.contains("(task_queues [\"q\"])") && why.contains("(workflow_types"), "{why}");
    assert!(!why.contains("nexus_endpoints") && !why.contains("role"), "only what keeps it from the call: {why}");
    let other = json!({"role": "reader", "namespaces": ["y"], "task_queues": ["q"]});
    let why = limited(other, "StartWorkflowExecution");
    for lack in ["does not give start", "its namespaces [\"y\"]", "is limited: the request names no task queue"] {
        assert!(why.contains(lack), "{lack}: {why}");
    }
    let claim = json!({"permissions_claim": "p", "task_queues": ["q"]});
    assert!(
        limited(claim, "StartWorkflowExecution").contains("permissions in their claim \"p\" do not cover the call")
    );
}

#[test]
fn every_limit_is_reported() {
    let limited = |limit: &str, method: &str| {
        let gives = json!({"role": "client", "namespaces": ["x"], limit: ["{t}-*"]});
        misses(json!({"issuer": "corp", "subject": "{t}"}), gives, json!({"sub": "a"}), method, "x").unwrap()
    };
    for (limit, method, why) in [
        ("workflow_ids", "TerminateWorkflowExecution", "the request names no workflow id"),
        ("workflow_ids", "DeleteSchedule", "the request affects a schedule, which requires schedule_ids"),
        ("schedule_ids", "DeleteSchedule", "the request names no schedule id"),
        ("signals", "SignalWorkflowExecution", "the request names no signal"),
        ("queries", "QueryWorkflow", "the request names no query"),
        ("updates", "UpdateWorkflowExecution", "the request names no update"),
    ] {
        let expected = format!("is for this caller, but is limited: {why} ({limit} [\"{{t}}-*\"])");
        assert_eq!(limited(limit, method), expected, "{method}");
    }
}

#[test]
fn a_grant_says_that_it_has_ended() {
    let of = |until: &str, subject: &str, namespace: &str, shadow: bool| {
        let gives = json!({"role": "client", "namespaces": ["x"], "until": until, "shadow": shadow});
        let who = json!({"issuer": "corp", "subject": subject});
        misses(who, gives, json!({"sub": "a"}), "StartWorkflowExecution", namespace).unwrap()
    };
    let (past, future) = ("2026-12-24T18:00:00Z", "2100-01-01T00:00:00Z");
    assert_eq!(of(past, "a", "x", false), format!("would cover the call, but ended at {past}: it gives nothing"));
    assert_eq!(
        of(past, "a", "x", true),
        format!("would cover the call, but is in shadow, and ended at {past}: it gives nothing")
    );
    assert!(of(past, "a", "y", false).ends_with(&format!("namespaces [\"x\"] do not match, and ended at {past}")));
    assert!(of(past, "b", "x", false).ends_with(&format!("subject must be \"b\", and ended at {past}")));
    assert!(!of(future, "a", "y", false).contains("ended") && !of(future, "b", "x", false).contains("ended"));
}

#[test]
fn a_grant_of_others_is_near_only_if_its_limits_let_the_call_through() {
    let who = || json!({"issuer": "corp", "subject": "{t}-runner"});
    let near = |queues: Value, method: &str| {
        let gives = json!({"role": "writer", "namespaces": ["x"], "nexus_endpoints": ["{t}-e"], "task_queues": queues});
        misses(who(), gives, json!({"sub": "a"}), method, "x")
    };
    assert!(near(json!(["{t}-*"]), "PollWorkflowTaskQueue").is_none(), "it names no queue");
    assert!(near(json!(["{t}-*"]), "DescribeNamespace").unwrap().contains("subject must be \"{t}-runner\""));
}

#[test]
fn misses_of_peers_are_explained() {
    let gives = || json!({"role": "worker", "namespaces": ["{t}"]});
    let alone = |who: Value, gives: Value, namespace: &str| {
        let caller = AssumedCaller::without_token("spiffe://a/*".to_owned(), NOW);
        misses_of(&caller, json!({}), who, gives, "PollWorkflowTaskQueue", namespace)
    };
    let why = alone(json!({"peer": "spiffe://{t}/x"}), gives(), "a").unwrap();
    assert!(why.ends_with("this caller: peer must match \"spiffe://{t}/x\", and is \"spiffe://a/*\""), "{why}");
    let own = alone(json!({"peer": "spiffe://a/{t}"}), json!({"role": "reader", "namespaces": ["b"]}), "a").unwrap();
    assert_eq!(
        own,
        "is for this caller, but its role reader does not give poll, and its namespaces [\"b\"] do not match"
    );
    let why = alone(json!({"issuer": "corp", "subject": "{t}-w"}), gives(), "a").unwrap();
    assert!(why.ends_with("a token of issuer \"corp\" is needed, and there is none"), "{why}");
    let limited = json!({"role": "worker", "namespaces": ["a"], "task_queues": ["q"]});
    assert!(alone(json!({"peer": "spiffe://a/\\*"}), limited, "a").unwrap().contains("is limited: "));

    let with_token = |who: Value, peer: Option<&str>| {
        let claims = json!({"sub": "s"}).as_object().unwrap().clone();
        let peer = peer.map(str::to_owned);
        let caller = AssumedCaller { peer, ..AssumedCaller::with_claims("corp", claims, NOW) };
        misses_of(&caller, json!({}), who, json!({"role": "worker", "namespaces": ["a"]}), "PollWorkflowTaskQueue", "a")
    };
    let why = with_token(json!({"peer": "p"}), Some("p")).unwrap();
    assert!(why.ends_with("it is for a peer without a token, and the caller has one"), "{why}");
    let both = || json!({"issuer": "corp", "peer": "p"});
    assert!(with_token(both(), Some("q")).unwrap().ends_with("peer must match \"p\", and is \"q\""));
    assert!(with_token(both(), None).unwrap().ends_with("peer must match \"p\", and there is none"));
}

#[test]
fn misses_of_roles_under_parity_are_explained() {
    let gives = |role: &str| json!({"role": role, "namespaces": ["x"]});
    let of = |gives: Value, method: &str| {
        let claims = json!({"sub": "a", "p": ["x:read"]}).as_object().unwrap().clone();
        let caller = AssumedCaller::with_claims("corp", claims, NOW);
        misses_of(&caller, json!({"parity": "upstream"}), json!({"issuer": "corp"}), gives, method, "x").unwrap()
    };
    let why = of(gives("most"), "StartWorkflowExecution");
    assert_eq!(why, "is for this caller, but its role most is below writer, which parity: upstream requires");
    assert!(of(gives("worker"), "SignalWithStartWorkflowExecution").contains("role worker is below writer"));
    let claim = json!({"permissions_claim": "p", "permissions_regex": "(?P<namespace>.+)/(?P<role>.+)"});
    assert!(of(claim, "StartWorkflowExecution").contains("permissions in their claim \"p\" do not cover"));
}

#[test]
fn a_grant_says_that_it_is_in_shadow() {
    let gives = |shadow: bool| json!({"role": "writer", "namespaces": ["x"], "shadow": shadow});
    let of = |gives: Value, namespace: &str| {
        misses(json!({"issuer": "corp"}), gives, json!({"sub": "a"}), "StartWorkflowExecution", namespace).unwrap()
    };
    assert_eq!(of(gives(true), "x"), "would cover the call, but is in shadow: it gives nothing");
    assert!(of(gives(true), "y").ends_with("namespaces [\"x\"] do not match, and is in shadow"));
    assert!(!of(gives(false), "y").contains("shadow"));
}

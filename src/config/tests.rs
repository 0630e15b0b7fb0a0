use super::*;
use crate::temporal::Limit;
use serde_json::{Value, json};
use std::time::Duration;

const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"e","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// The smallest configuration there is.
fn least() -> Value {
    json!({
        "version": 1,
        "issuers": {"corp": {
            "issuer": "https://idp.example.com/",
            "audiences": ["temporal"],
            "keys": {"discovery": true, "cluster": "idp"},
        }},
    })
}

/// The problems of the least configuration with the value at a JSON pointer replaced, or a member added.
fn problems(pointer: &str, value: Value) -> Vec<String> {
    let mut config = least();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(parent).unwrap()[name] = value;
    match Config::parse(config.to_string().as_bytes()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

fn assert_problem(pointer: &str, value: Value, expected: &str) {
    let problems = problems(pointer, value.clone());
    assert!(problems.iter().any(|problem| problem.contains(expected)), "{pointer} = {value}: {problems:#?}");
}

fn assert_good(pointer: &str, value: Value) {
    assert_eq!(problems(pointer, value.clone()), [""; 0], "{pointer} = {value}");
}

fn grant(change: Value) -> Value {
    let mut grant = json!({"name": "g", "who": {"issuer": "corp"}, "role": "writer", "namespaces": ["payroll"]});
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            grant.as_object_mut().unwrap().remove(name);
        } else {
            grant[name] = value.clone();
        }
    }
    json!([grant])
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let config = Config::parse(least().to_string().as_bytes()).unwrap();
    let issuer = &config.issuers[0];
    assert_eq!(
        (&*issuer.name, issuer.rules.leeway, issuer.rules.max_lifetime),
        ("corp", Duration::from_secs(60), None)
    );
    assert_eq!(&*config.token_headers, ["authorization"]);
    assert_eq!(config.policy.anonymous.len(), 2);
    assert!(!config.admin_service && !config.forward_token && !config.log_allowed && !config.access_log_state);
    let KeysFrom::Remote(remote) = &issuer.keys else { panic!() };
    assert_eq!(remote.start.to_string(), "https://idp.example.com/.well-known/openid-configuration");
    let seconds = [remote.refresh, remote.max_stale, remote.wait, remote.refetch].map(|span| span.as_secs());
    assert_eq!(seconds, [600, 86_400, 5, 2]);
}

#[test]
fn what_is_no_configuration() {
    for text in ["", "{", "[]", "{}", r#"{"version":1,"version":1}"#] {
        assert!(Config::parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn all_errors_are_told_at_once_each_with_its_path() {
    let config = json!({
        "version": 2,
        "issuers": {"corp": {"audiences": "temporal", "keys": {"cluster": "idp"}, "extra": 1}},
        "grants": [{"name": "", "who": {"issuer": "corp"}, "role": "owner", "system": true}],
        "admin_service": "yes",
        "peers": {"proxy": true},
    });
    let problems: Vec<_> =
        Config::parse(config.to_string().as_bytes()).unwrap_err().iter().map(ToString::to_string).collect();
    for expected in [
        "peers.proxy: found an unknown field, expected one of xfcc, gateways",
        "version: found 2, expected a whole number from 1 to 1",
        "issuers.corp.extra: found an unknown field, expected one of issuer, audiences",
        "issuers.corp.issuer: found nothing, expected the exact `iss`",
        "issuers.corp.audiences: found \"temporal\", expected a list of audiences",
        "issuers.corp.keys: found {\"cluster\":\"idp\"}, expected exactly one of inline, discovery and jwks_uri",
        "grants[0].name: found \"\", expected a string that is not empty",
        "grants[0].role: found \"owner\", expected a role: one of admin, client, reader, worker, writer",
        "admin_service: found \"yes\", expected true or false",
    ] {
        assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{expected}\n{problems:#?}");
    }
}

#[test]
fn fields_of_later_versions_are_refused_by_path() {
    assert_problem("/authenticated", json!(["ListNamespaces"]), "not supported yet");
}

#[test]
fn issuers() {
    let at = |field: &str| format!("/issuers/corp/{field}");
    assert_problem("/issuers", json!({}), "at least one issuer");
    assert_good(&at("audiences"), json!("any"));
    assert_problem(&at("audiences"), json!([]), "at least one value");
    assert_good(&at("algorithms"), json!(["PS512", "ES384"]));
    assert_problem(
        &at("algorithms"),
        json!(["HS256"]),
        "issuers.corp.algorithms[0]: found \"HS256\", expected one of RS256",
    );
    assert_problem(&at("algorithms"), json!(["none"]), "expected one of RS256");
    assert_good(
        &at("service_when"),
        json!([{"gty": "client-credentials"}, {"preferred_username": "service-account-*"}]),
    );
    assert_problem(&at("service_when"), json!([{"a": "{x}"}]), "no capture here");
    assert_problem(&at("service_when"), json!([{}]), "at least one claim");
    assert_good(
        &at("token"),
        json!({"headers": ["x-token"], "typ": ["at+jwt"], "leeway": "0s", "max_lifetime": "1h", "require": {"a": ["b", 1, true]}}),
    );
    assert_problem(&at("token"), json!({"headers": ["Authorization"]}), "lower case");
    assert_problem(&at("token"), json!({"headers": ["content-type"]}), "a header that nothing else needs");
    assert_problem(&at("token"), json!({"leeway": "1h"}), "at most 5m");
    assert_problem(&at("token"), json!({"leeway": 60}), "a duration such as");
    let twin = json!({"issuer": "https://idp.example.com/", "audiences": "any", "keys": {"jwks_uri": "http://h/k", "cluster": "c"}});
    assert_problem("/issuers/twin", twin, "told apart");
}

#[test]
fn keys() {
    let keys = "/issuers/corp/keys";
    let inline = |list: Value| json!({"inline": {"keys": list}});
    let key: Value = serde_json::from_str(KEY).unwrap();
    assert_good(keys, inline(json!([key])));
    assert_problem(keys, inline(json!([])), "issuers.corp.keys.inline");
    assert_problem(keys, json!({"inline": {"keys": [key]}, "cluster": "c"}), "no cluster beside inline keys");
    assert_good(
        keys,
        json!({"jwks_uri": "https://h/keys", "cluster": "c", "refresh": "1s", "max_stale": "1s", "wait": "0s"}),
    );
    assert_problem(keys, json!({"jwks_uri": "https://h/keys", "cluster": "c", "jwks_cluster": "d"}), "no jwks_cluster");
    assert_problem(keys, json!({"jwks_uri": "h/keys", "cluster": "c"}), "an http or https URL");
    assert_problem(keys, json!({"jwks_uri": "https://h/keys"}), "issuers.corp.keys.cluster: found nothing");
    assert_problem(keys, json!({"jwks_uri": "https://h/k", "discovery": true, "cluster": "c"}), "exactly one of");
    assert_problem(keys, json!({"discovery": false, "cluster": "c"}), "expected true");
    assert_problem(keys, json!({"discovery": true, "cluster": "c", "refresh": "999ms"}), "at least 1000ms");
    assert_problem(keys, json!({"discovery": true, "cluster": "c", "max_stale": "5m"}), "at least refresh");
    assert_problem("/issuers/corp/issuer", json!("corp"), "an http or https URL, for discovery");
}

#[test]
fn roles() {
    assert_good("/roles", json!({"developer": {"from": "writer", "minus": ["terminate", "delete", "reset"]}}));
    assert_good("/roles", json!({"b": {"from": "a", "plus": ["query"]}, "a": {"from": "c"}, "c": {"plus": ["read"]}}));
    assert_good(
        "/roles",
        json!({"a": {"from": "reader", "plus": ["SignalWorkflowExecution"], "minus": ["QueryWorkflow"]}}),
    );
    assert_problem("/roles", json!({"writer": {"from": "reader"}}), "built in");
    assert_problem("/roles", json!({"a": {"from": "b"}, "b": {"from": "a"}}), "leads back");
    assert_problem("/roles", json!({"a": {"from": "a"}}), "leads back");
    assert_problem("/roles", json!({"a": {"from": "nothing"}}), "a built-in role");
    assert_problem(
        "/roles",
        json!({"a": {"from": "reader", "minus": ["start"]}}),
        "roles.a.minus[0]: found \"start\", expected an effect that the role has",
    );
    assert_problem(
        "/roles",
        json!({"a": {"from": "reader", "minus": ["StartWorkflowExecution"]}}),
        "a method that the role covers",
    );
    assert_problem("/roles", json!({"a": {"from": "reader", "plus": ["Start"]}}), "an effect (");
    assert_problem("/roles", json!({"a": {}}), "a role to start from");
}

#[test]
fn what_a_role_takes_away_is_gone_however_it_came() {
    use crate::temporal::EffectSet;
    let ops = json!({"from": "reader", "plus": ["TerminateWorkflowExecution", "SignalWorkflowExecution"]});
    for role in [
        json!({"ops": ops, "junior": {"from": "ops", "minus": ["terminate"]}}),
        json!({"junior": {"from": "writer", "plus": ["TerminateWorkflowExecution"], "minus": ["terminate"]}}),
    ] {
        let mut config = least();
        config["roles"] = role;
        config["grants"] = grant(json!({"role": "junior"}));
        let config = Config::parse(config.to_string().as_bytes()).unwrap();
        let crate::policy::grant::Gives::Namespaces(junior, _) = &config.policy.grants[0].gives else { panic!() };
        let can = |name: &str| {
            let method = config.catalogue.named(name).unwrap();
            junior.effects_for(&method).covers(method.effects)
        };
        assert!(!can("TerminateWorkflowExecution") && can("SignalWorkflowExecution"));
        assert!(!junior.effects.covers(EffectSet::TERMINATE));
    }
}

#[test]
fn grants() {
    assert_good("/grants", grant(json!({})));
    assert_good("/grants", grant(json!({"namespaces": null, "system": true})));
    assert_good("/grants", grant(json!({"namespaces": null, "role": null, "permissions_claim": "permissions"})));
    assert_good(
        "/grants",
        grant(json!({"namespaces": null, "role": null, "permissions_claim": "/resource_access/temporal/roles"})),
    );
    assert_good(
        "/grants",
        grant(json!({"who": {"issuer": ["corp"], "claims": {"groups": "team-{team}"}}, "namespaces": ["{team}-*"]})),
    );
    assert_good(
        "/grants",
        grant(json!({"who": {"issuer": "corp", "subject": ["{team}-runner", "x"]}, "namespaces": ["{team}"]})),
    );
    assert_good("/grants", grant(json!({"role": "admin", "may_register": true})));
    assert_problem(
        "/grants",
        grant(json!({"system": true})),
        "exactly one of system, namespaces and permissions_claim",
    );
    assert_problem(
        "/grants",
        grant(json!({"namespaces": null})),
        "exactly one of system, namespaces and permissions_claim",
    );
    assert_problem(
        "/grants",
        grant(json!({"namespaces": null, "system": false})),
        "grants[0].system: found false, expected true",
    );
    assert_problem("/grants", grant(json!({"namespaces": null, "permissions_claim": "p"})), "no role beside");
    assert_problem("/grants", grant(json!({"namespaces": []})), "at least one value");
    assert_problem("/grants", grant(json!({"namespaces": ["{team}"]})), "a capture that `who` binds");
    assert_problem("/grants", grant(json!({"who": {"issuer": "other"}})), "an issuer: one of corp");
    assert_problem("/grants", grant(json!({"who": {}})), "grants[0].who.issuer: found nothing");
    assert_problem(
        "/grants",
        grant(json!({"who": {"issuer": "corp", "kind": "human"}})),
        "service_when at issuer corp",
    );
    assert_problem(
        "/grants",
        grant(json!({"who": {"issuer": "corp", "claims": {"g": "{a}-{b}"}}})),
        "at most one capture",
    );
    assert_problem("/grants", grant(json!({"who": {"issuer": "corp", "claims": {"g": "{a}-*"}}})), "no `*` beside it");
    assert_problem("/grants", grant(json!({"who": {"issuer": "corp", "claims": {"g": []}}})), "at least one value");
    let twice = json!([grant(json!({}))[0], grant(json!({}))[0]]);
    assert_problem("/grants", twice, "a name that no other grant has");
}

#[test]
fn open_methods_only_read_from_the_cluster() {
    assert_good("/anonymous", json!([]));
    assert_good(
        "/anonymous",
        json!(["grpc.health.v1.Health/Check", "GetSystemInfo", "GetClusterInfo", "ListNamespaces"]),
    );
    assert_good("/authenticated", json!(["GetClusterInfo", "GetSearchAttributes"]));
    for field in ["/anonymous", "/authenticated"] {
        assert_problem(field, json!(["DescribeNamespace"]), "only reads from the cluster");
        assert_problem(field, json!(["CreateNexusEndpoint"]), "only reads from the cluster");
        assert_problem(field, json!(["grpc.health.v1.Health/Watch"]), "a method of Temporal");
        assert_problem(field, json!(["*"]), "a method of Temporal");
    }
}

#[test]
fn methods_of_newer_servers() {
    let method = |change: Value| {
        let mut method = json!({"name": "/temporal.api.workflowservice.v1.WorkflowService/New", "scope": "namespace", "namespace_field": 1, "effects": ["read"]});
        for (name, value) in change.as_object().unwrap() {
            method[name] = value.clone();
        }
        json!([method])
    };
    assert_good("/methods", method(json!({})));
    assert_good("/methods", method(json!({"namespace_field": 1.0})));
    assert_problem("/methods", method(json!({"name": "New"})), "the full path of a method");
    assert_problem(
        "/methods",
        method(json!({"name": "/temporal.api.workflowservice.v1.WorkflowService/ListNamespaces"})),
        "not known already",
    );
    assert_problem(
        "/methods",
        method(json!({"name": "/temporal.server.api.adminservice.v1.AdminService/New"})),
        "not known already",
    );
    let twice = json!([method(json!({}))[0], method(json!({"effects": ["terminate"]}))[0]]);
    assert_problem("/methods", twice, "methods[1].name");
    assert_problem("/methods", method(json!({"namespace_field": 0})), "a whole number from 1");
    assert_problem("/methods", method(json!({"namespace_field": 1.5})), "a whole number from 1");
    assert_problem("/methods", method(json!({"scope": "cluster"})), "no namespace_field");
    assert_problem("/methods", method(json!({"effects": []})), "at least one value");
    assert_problem("/methods", method(json!({"effects": ["all"]})), "an effect: one of");
}

#[test]
fn applies_to() {
    assert_good("/applies_to", json!({"clusters": ["outbound|7233||temporal-frontend.temporal.svc.cluster.local"]}));
    assert_problem("/applies_to", json!({"clusters": []}), "at least one value");
    assert_problem("/applies_to", json!({"clusters": "x"}), "a list of cluster names");
    assert_problem("/applies_to", json!({}), "applies_to.clusters: found nothing");
}

#[test]
fn denials() {
    let denial = |change: Value| {
        let mut denial = json!({"name": "d", "effects": ["start"], "namespaces": ["payroll"]});
        for (name, value) in change.as_object().unwrap() {
            denial[name] = value.clone();
        }
        json!([denial])
    };
    assert_good("/denials", denial(json!({"who": {"claims": {"groups": "team-*"}}, "unless": {"issuer": "corp"}})));
    assert_good("/denials", denial(json!({"effects": ["terminate", "ResetWorkflowExecution"], "namespaces": ["*"]})));
    assert_good("/denials", denial(json!({"shadow": true})));
    assert_problem(
        "/denials",
        denial(json!({"effects": ["own"]})),
        "denials[0].effects[0]: found \"own\", expected an effect",
    );
    assert_problem("/denials", denial(json!({"effects": []})), "at least one value");
    assert_problem("/denials", denial(json!({"namespaces": ["{team}"]})), "no capture here");
    assert_problem("/denials", denial(json!({"who": {}})), "leave it out to mean everybody");
    assert_problem("/denials", denial(json!({"who": {"claims": {"groups": "{team}"}}})), "no capture here");
    assert_problem("/denials", denial(json!({"who": {"kind": "human"}})), "service_when at issuer corp");
    assert_problem("/denials", denial(json!({"unless": {"issuer": "other"}})), "denials[0].unless.issuer");
    assert_problem(
        "/denials",
        denial(json!({"outside": {}})),
        "denials[0].outside: found {}, expected at least one of task_queues",
    );
    assert_problem("/denials", denial(json!({"outside": {"task_queues": ["{a}"]}})), "no capture here");
    assert_good("/denials", denial(json!({"outside": {"task_queues": ["payroll-*"], "nexus_endpoints": ["a"]}})));
    assert_problem("/denials", json!([{"name": "d"}]), "this denies everything to everybody");
    let twice = json!([{"name": "d", "effects": ["start"]}, {"name": "d", "effects": ["start"]}]);
    assert_problem(
        "/denials",
        twice,
        "denials[1].name: found \"d\", expected a name that no other grant or denial has",
    );
}

#[test]
fn modes() {
    assert_good("/mode", json!("shadow"));
    assert_good("/mode", json!("enforce"));
    assert_problem("/mode", json!("off"), "mode: found \"off\", expected enforce or shadow");
    assert_problem("/explain_to_client", json!("yes"), "true or false");
}

#[test]
fn limits() {
    assert_good("/grants", grant(json!({"task_queues": ["a-*"], "workflow_types": ["X"], "nexus_endpoints": ["e"]})));
    assert_good(
        "/grants",
        grant(json!({"who": {"issuer": "corp", "subject": "{t}-runner"}, "task_queues": ["{t}-*"]})),
    );
    assert_good("/grants", grant(json!({"may_call_back": true})));
    let unbound = grant(json!({"task_queues": ["{t}-*"]}));
    assert_problem(
        "/grants",
        unbound,
        "grants[0].task_queues[0]: found \"{t}-*\", expected a capture that `who` binds",
    );
    assert_problem(
        "/grants",
        grant(json!({"workflow_types": []})),
        "grants[0].workflow_types: found [], expected at least one",
    );
    assert_problem("/grants", grant(json!({"nexus_endpoints": "e"})), "expected a list");
}

#[test]
fn parity() {
    assert_good("/parity", json!("upstream"));
    assert_problem("/parity", json!("native"), "parity: found \"native\", expected upstream");
    let with = |parity: bool, regex: &str| {
        let claim =
            json!({"role": null, "namespaces": null, "permissions_claim": "permissions", "permissions_regex": regex});
        let mut config = least();
        config["grants"] = grant(claim);
        if parity {
            config["parity"] = json!("upstream");
        }
        let problems = Config::parse(config.to_string().as_bytes()).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let good = "^(?P<namespace>.+)/(?P<role>[a-z]+)$";
    assert_eq!(with(true, good), "");
    assert!(with(false, good).contains("grants[0].permissions_regex"), "{}", with(false, good));
    assert!(with(true, "(.+)/(.+)").contains("the named groups"));
    assert!(with(true, "(").contains("a regular expression ("));
    assert_problem("/grants", grant(json!({"permissions_regex": good})), "without permissions_claim");
}

#[test]
fn limits_of_every_sort() {
    for limit in Limit::ALL.map(Limit::name) {
        assert_good("/grants", grant(json!({limit: ["a-*", "b"]})));
        assert_problem("/grants", grant(json!({limit: []})), &format!("grants[0].{limit}: found [], expected"));
        assert_problem("/grants", grant(json!({limit: "a"})), &format!("grants[0].{limit}: found \"a\", expected"));
        assert_problem("/grants", grant(json!({limit: ["{t}"]})), "a capture that `who` binds");
        assert_good("/denials", json!([{"name": "d", "outside": {limit: ["a-*"]}, "commands": true}]));
    }
    let denial = json!([{"name": "d", "effects": ["start"], "commands": "yes"}]);
    assert_problem("/denials", denial, "denials[0].commands: found \"yes\", expected true or false");
    for effects in [json!(["terminate"]), json!(["StartWorkflowExecution"])] {
        let denial = json!([{"name": "d", "effects": effects, "commands": true}]);
        assert_problem(
            "/denials",
            denial,
            "expected commands beside an effect that commands have: start, signal, cancel, nexus",
        );
    }
    assert_good("/denials", json!([{"name": "d", "effects": ["terminate", "signal"], "commands": true}]));
}

#[test]
fn numbers_are_the_same_in_every_form() {
    let who = |value: Value| grant(json!({"who": {"issuer": "corp", "claims": {"level": value}}}));
    for good in [json!(7), json!(7.5), json!(-7), json!("9007199254740993")] {
        assert_good("/grants", who(good));
    }
    assert_problem("/grants", who(json!(9_007_199_254_740_993u64)), "a whole number below 2^53, or the same in quotes");
}

#[test]
fn grants_may_end() {
    for good in ["2026-12-24T18:00:00Z", "2026-12-24T18:00:00.5+01:00"] {
        assert_good("/grants", grant(json!({"until": good})));
    }
    for bad in [json!("2026-12-24"), json!("tomorrow"), json!(1_798_135_200), json!({})] {
        assert_problem(
            "/grants",
            grant(json!({"until": bad})),
            "expected a date and time in quotes, as \"2026-12-24T18:00:00Z\"",
        );
    }
}

#[test]
fn what_is_newer_than_the_table_may_be_refused() {
    for (value, refuses) in [("count", false), ("refuse", true)] {
        let mut config = least();
        config["newer_fields"] = json!(value);
        assert_eq!(Config::parse(config.to_string().as_bytes()).unwrap().refuse_newer, refuses);
    }
    assert_problem("/newer_fields", json!("deny"), "newer_fields: found \"deny\", expected count or refuse");
}

#[test]
fn peers() {
    let who = |who: Value| grant(json!({"who": who}));
    assert_good("/grants", who(json!({"peer": "spiffe://cluster.local/ns/payroll/sa/*"})));
    assert_good("/grants", who(json!({"peer": ["a", "b"], "issuer": "corp", "subject": "x"})));
    assert_problem(
        "/grants",
        who(json!({"peer": "a", "subject": "x"})),
        "grants[0].who.subject: found \"x\", expected nothing beside",
    );
    assert_problem("/grants", who(json!({"peer": "a-{b}-*"})), "at most one capture");
    assert_problem("/grants", who(json!({})), "the name of an issuer, or a `peer`");
    assert_good("/peers", json!({"xfcc": true, "gateways": ["spiffe://x/gateway"]}));
    assert_problem("/peers", json!({"xfcc": "yes"}), "peers.xfcc: found \"yes\", expected true or false");
    let read = |change: Value| {
        let mut config = least();
        change.as_object().unwrap().iter().for_each(|(name, value)| config[name] = value.clone());
        Config::parse(config.to_string().as_bytes()).unwrap().peers
    };
    assert_eq!(read(json!({"peers": {"xfcc": true}})), Peers::Unread, "nobody asks");
    assert_eq!(read(json!({"grants": who(json!({"peer": "a"}))})), Peers::Connection);
    assert_eq!(read(json!({"grants": who(json!({"peer": "a"})), "peers": {"xfcc": true}})), Peers::Forwarded);
    let denial = json!([{"name": "d", "effects": ["start"], "unless": {"peer": "a"}}]);
    assert_eq!(read(json!({"denials": denial})), Peers::Connection);
}

#[test]
fn names_of_rules_that_verdicts_have_already() {
    for name in ["default-deny", "anonymous", "authenticated"] {
        assert_problem("/grants", grant(json!({"name": name})), "grants[0].name");
        assert_problem("/denials", json!([{"name": name, "effects": ["start"]}]), "denials[0].name");
    }
}

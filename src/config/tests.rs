use super::*;
use crate::config::fields::{Absent, Shape};
use crate::temporal::Limit;
use serde_json::{Value, json};
use std::time::Duration;

const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"e","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// The smallest valid configuration.
fn minimal_config() -> Value {
    json!({
        "version": 1,
        "issuers": {"corp": {
            "issuer": "https://idp.example.com/",
            "audiences": ["temporal"],
            "keys": {"discovery": true, "cluster": "idp"},
        }},
    })
}

/// The problems of the minimal configuration with the value at a JSON pointer replaced, or a member added.
fn problems(pointer: &str, value: Value) -> Vec<String> {
    let mut config = minimal_config();
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

fn assert_valid(pointer: &str, value: Value) {
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
    let config = Config::parse(minimal_config().to_string().as_bytes()).unwrap();
    let issuer = &config.issuers[0];
    assert_eq!(
        (&*issuer.name, issuer.rules.leeway, issuer.rules.max_lifetime),
        ("corp", Duration::from_secs(60), None)
    );
    assert_eq!(config.token_headers.names(), ["authorization"]);
    assert_eq!(config.policy.anonymous.len(), 2);
    assert!(!config.admin_service && !config.forward_token && !config.log_allowed && !config.access_log_state);
    let KeysFrom::Remote(remote) = &issuer.keys else { panic!() };
    assert_eq!(remote.start.to_string(), "https://idp.example.com/.well-known/openid-configuration");
    let seconds = [remote.refresh, remote.max_stale, remote.wait, remote.refetch].map(|span| span.as_secs());
    assert_eq!(seconds, [600, 86_400, 5, 2]);
}

#[test]
fn texts_that_are_not_configurations_are_refused() {
    for text in ["", "{", "[]", "{}", r#"{"version":1,"version":1}"#] {
        assert!(Config::parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn all_problems_are_reported_at_once_each_with_its_path() {
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
        "peers.proxy: unknown field; expected one of xfcc, gateways",
        "version: expected 1, found 2",
        "issuers.corp.extra: unknown field; expected one of issuer, audiences",
        "issuers.corp.issuer: missing; expected the exact `iss`",
        "issuers.corp.audiences: expected a list of audiences, or `any`, found \"temporal\"",
        "issuers.corp.keys: expected exactly one of inline, discovery, jwks_uri; found none",
        "grants[0].name: expected a non-empty string, found \"\"",
        "grants[0].role: unknown role \"owner\"; expected one of admin, client, reader, worker, writer",
        "admin_service: expected true or false, found \"yes\"",
    ] {
        assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{expected}\n{problems:#?}");
    }
}

#[test]
fn lists_may_be_open_to_callers_with_a_token_only() {
    assert_valid("/authenticated", json!(["ListNamespaces", "ListNexusEndpoints"]));
    assert_problem("/anonymous", json!(["ListNexusEndpoints"]), "only reads from the cluster");
    assert_problem("/authenticated", json!(["GetNexusEndpoint"]), "only reads from the cluster");
}

#[test]
fn issuers_are_checked() {
    let at = |field: &str| format!("/issuers/corp/{field}");
    assert_problem("/issuers", json!({}), "at least one issuer");
    assert_valid(&at("audiences"), json!("any"));
    assert_problem(&at("audiences"), json!([]), "at least one value");
    assert_valid(&at("algorithms"), json!(["PS512", "ES384"]));
    assert_problem(
        &at("algorithms"),
        json!(["HS256"]),
        "issuers.corp.algorithms[0]: unknown algorithm \"HS256\"; did you mean `RS256`?",
    );
    assert_problem(&at("algorithms"), json!(["none"]), "expected one of RS256");
    assert_valid(
        &at("service_when"),
        json!([{"gty": "client-credentials"}, {"preferred_username": "service-account-*"}]),
    );
    assert_problem(&at("service_when"), json!([{"a": "{x}"}]), "without captures");
    assert_problem(&at("service_when"), json!([{}]), "at least one claim");
    assert_valid(
        &at("token"),
        json!({"headers": ["x-token"], "typ": ["at+jwt"], "leeway": "0s", "max_lifetime": "1h", "require": {"a": ["b", 1, true]}}),
    );
    assert_problem(&at("token"), json!({"headers": ["Authorization"]}), "lower case");
    assert_problem(&at("token"), json!({"headers": ["content-type"]}), "not reserved by HTTP or gRPC");
    assert_problem(&at("token"), json!({"leeway": "1h"}), "at most 5m");
    assert_problem(&at("token"), json!({"leeway": 60}), "a duration such as");
    let twin = json!({"issuer": "https://idp.example.com/", "audiences": "any", "keys": {"jwks_uri": "http://h/k", "cluster": "c"}});
    assert_problem("/issuers/twin", twin, "issuers.twin.issuer: already used by issuer corp; it must be unique");
}

#[test]
fn sources_of_keys_are_checked() {
    let keys = "/issuers/corp/keys";
    let inline = |list: Value| json!({"inline": {"keys": list}});
    let key: Value = serde_json::from_str(KEY).unwrap();
    assert_valid(keys, inline(json!([key])));
    assert_problem(keys, inline(json!([])), "issuers.corp.keys.inline");
    assert_problem(
        keys,
        json!({"inline": {"keys": [key]}, "cluster": "c"}),
        "issuers.corp.keys.cluster: not allowed with `inline`",
    );
    assert_valid(
        keys,
        json!({"jwks_uri": "https://h/keys", "cluster": "c", "refresh": "1s", "max_stale": "1s", "wait": "0s"}),
    );
    assert_problem(
        keys,
        json!({"jwks_uri": "https://h/keys", "cluster": "c", "jwks_cluster": "d"}),
        "jwks_cluster: not allowed with `jwks_uri`",
    );
    assert_problem(keys, json!({"jwks_uri": "h/keys", "cluster": "c"}), "an http or https URL");
    assert_problem(keys, json!({"jwks_uri": "https://h/keys"}), "issuers.corp.keys.cluster: missing");
    assert_problem(
        keys,
        json!({"jwks_uri": "https://h/k", "discovery": true, "cluster": "c"}),
        "exactly one of inline, discovery, jwks_uri; found discovery, jwks_uri",
    );
    assert_problem(keys, json!({"discovery": false, "cluster": "c"}), "expected true");
    assert_problem(keys, json!({"discovery": true, "cluster": "c", "refresh": "999ms"}), "at least 1000ms");
    assert_problem(keys, json!({"discovery": true, "cluster": "c", "max_stale": "5m"}), "must be at least `refresh`");
    assert_problem("/issuers/corp/issuer", json!("corp"), "because `discovery` is below it");
}

#[test]
fn roles_are_checked() {
    assert_valid("/roles", json!({"developer": {"from": "writer", "minus": ["terminate", "delete", "reset"]}}));
    assert_valid("/roles", json!({"b": {"from": "a", "plus": ["query"]}, "a": {"from": "c"}, "c": {"plus": ["read"]}}));
    assert_valid(
        "/roles",
        json!({"a": {"from": "reader", "plus": ["SignalWorkflowExecution"], "minus": ["QueryWorkflow"]}}),
    );
    assert_problem("/roles", json!({"writer": {"from": "reader"}}), "roles.writer: this role is built in");
    assert_problem("/roles", json!({"a": {"from": "b"}, "b": {"from": "a"}}), "inherits from itself");
    assert_problem("/roles", json!({"a": {"from": "a"}}), "inherits from itself");
    assert_problem("/roles", json!({"a": {"from": "writr"}}), "unknown role \"writr\"; did you mean `writer`?");
    assert_problem(
        "/roles",
        json!({"a": {"from": "reader", "minus": ["start"]}}),
        "roles.a.minus[0]: the role does not have this effect",
    );
    assert_problem(
        "/roles",
        json!({"a": {"from": "reader", "minus": ["StartWorkflowExecution"]}}),
        "the role does not cover this method",
    );
    assert_problem(
        "/roles",
        json!({"a": {"from": "reader", "plus": ["StartWorkflowExcution"]}}),
        "unknown effect or method \"StartWorkflowExcution\"; did you mean `StartWorkflowExecution`?",
    );
    assert_problem("/roles", json!({"a": {}}), "a role to start from");
}

#[test]
fn minus_takes_effects_away_however_the_role_got_them() {
    use crate::temporal::EffectSet;
    let ops = json!({"from": "reader", "plus": ["TerminateWorkflowExecution", "SignalWorkflowExecution"]});
    for role in [
        json!({"ops": ops, "junior": {"from": "ops", "minus": ["terminate"]}}),
        json!({"junior": {"from": "writer", "plus": ["TerminateWorkflowExecution"], "minus": ["terminate"]}}),
    ] {
        let mut config = minimal_config();
        config["roles"] = role;
        config["grants"] = grant(json!({"role": "junior"}));
        let config = Config::parse(config.to_string().as_bytes()).unwrap();
        let crate::policy::grant::GrantScope::Namespaces(junior, _) = &config.policy.grants[0].gives else { panic!() };
        let can = |name: &str| {
            let method = config.catalogue.named(name).unwrap();
            junior.effects_for(&method).covers(method.effects)
        };
        assert!(!can("TerminateWorkflowExecution") && can("SignalWorkflowExecution"));
        assert!(!junior.effects.covers(EffectSet::TERMINATE));
    }
}

#[test]
fn grants_are_checked() {
    assert_valid("/grants", grant(json!({})));
    assert_valid("/grants", grant(json!({"namespaces": null, "system": true})));
    assert_valid("/grants", grant(json!({"namespaces": null, "role": null, "permissions_claim": "permissions"})));
    assert_valid(
        "/grants",
        grant(json!({"namespaces": null, "role": null, "permissions_claim": "/resource_access/temporal/roles"})),
    );
    assert_valid(
        "/grants",
        grant(json!({"who": {"issuer": ["corp"], "claims": {"groups": "team-{team}"}}, "namespaces": ["{team}-*"]})),
    );
    assert_valid(
        "/grants",
        grant(json!({"who": {"issuer": "corp", "subject": ["{team}-runner", "x"]}, "namespaces": ["{team}"]})),
    );
    assert_valid("/grants", grant(json!({"role": "admin", "may_register": true})));
    assert_problem("/grants", grant(json!({"system": true})), "exactly one of system, namespaces, permissions_claim");
    assert_problem(
        "/grants",
        grant(json!({"namespaces": null})),
        "exactly one of system, namespaces, permissions_claim",
    );
    assert_problem(
        "/grants",
        grant(json!({"namespaces": null, "system": false})),
        "grants[0].system: expected true, found false",
    );
    assert_problem(
        "/grants",
        grant(json!({"namespaces": null, "permissions_claim": "p"})),
        "not allowed with `permissions_claim`, which names the role itself",
    );
    assert_problem("/grants", grant(json!({"namespaces": []})), "at least one value");
    assert_problem("/grants", grant(json!({"namespaces": ["{team}"]})), "is bound by none of the patterns in `who`");
    assert_problem(
        "/grants",
        grant(json!({"who": {"issuer": "crop"}})),
        "unknown issuer \"crop\"; did you mean `corp`?",
    );
    assert_problem("/grants", grant(json!({"who": {}})), "grants[0].who.issuer: missing");
    assert_problem(
        "/grants",
        grant(json!({"who": {"issuer": "corp", "kind": "human"}})),
        "requires `service_when` on issuer corp",
    );
    assert_problem(
        "/grants",
        grant(json!({"who": {"issuer": "corp", "claims": {"g": "{a}-{b}"}}})),
        "at most one capture",
    );
    assert_problem("/grants", grant(json!({"who": {"issuer": "corp", "claims": {"g": "{a}-*"}}})), "no `*` next to it");
    assert_problem("/grants", grant(json!({"who": {"issuer": "corp", "claims": {"g": []}}})), "at least one value");
    let twice = json!([grant(json!({}))[0], grant(json!({}))[0]]);
    assert_problem("/grants", twice, "grants[1].name: duplicate name");
}

#[test]
fn open_methods_only_read_from_the_cluster() {
    assert_valid("/anonymous", json!([]));
    assert_valid(
        "/anonymous",
        json!(["grpc.health.v1.Health/Check", "GetSystemInfo", "GetClusterInfo", "ListNamespaces"]),
    );
    assert_valid("/authenticated", json!(["GetClusterInfo", "GetSearchAttributes"]));
    for field in ["/anonymous", "/authenticated"] {
        assert_problem(field, json!(["DescribeNamespace"]), "only reads from the cluster");
        assert_problem(field, json!(["CreateNexusEndpoint"]), "only reads from the cluster");
        assert_problem(field, json!(["grpc.health.v1.Health/Watch"]), "unknown method");
        assert_problem(field, json!(["*"]), "unknown method");
    }
}

#[test]
fn methods_of_newer_servers_are_checked() {
    let method = |change: Value| {
        let mut method = json!({"name": "/temporal.api.workflowservice.v1.WorkflowService/New", "scope": "namespace", "namespace_field": 1, "effects": ["read"]});
        for (name, value) in change.as_object().unwrap() {
            method[name] = value.clone();
        }
        json!([method])
    };
    assert_valid("/methods", method(json!({})));
    assert_valid("/methods", method(json!({"namespace_field": 1.0})));
    assert_problem("/methods", method(json!({"name": "New"})), "the full path of a method");
    assert_problem(
        "/methods",
        method(json!({"name": "/temporal.api.workflowservice.v1.WorkflowService/ListNamespaces"})),
        "a method that the filter does not already know",
    );
    assert_problem(
        "/methods",
        method(json!({"name": "/temporal.server.api.adminservice.v1.AdminService/New"})),
        "a method that the filter does not already know",
    );
    let twice = json!([method(json!({}))[0], method(json!({"effects": ["terminate"]}))[0]]);
    assert_problem("/methods", twice, "methods[1].name");
    assert_problem("/methods", method(json!({"namespace_field": 0})), "a whole number from 1");
    assert_problem("/methods", method(json!({"namespace_field": 1.5})), "a whole number from 1");
    assert_problem(
        "/methods",
        method(json!({"scope": "cluster"})),
        "namespace_field: not allowed with `scope: cluster`",
    );
    assert_problem("/methods", method(json!({"effects": []})), "at least one value");
    assert_problem("/methods", method(json!({"effects": ["all"]})), "unknown effect \"all\"; expected one of");
}

#[test]
fn clusters_are_checked() {
    assert_valid("/applies_to", json!({"clusters": ["outbound|7233||temporal-frontend.temporal.svc.cluster.local"]}));
    assert_problem("/applies_to", json!({"clusters": []}), "at least one value");
    assert_problem("/applies_to", json!({"clusters": "x"}), "a list of cluster names");
    assert_problem("/applies_to", json!({}), "applies_to.clusters: missing");
}

#[test]
fn denials_are_checked() {
    let denial = |change: Value| {
        let mut denial = json!({"name": "d", "effects": ["start"], "namespaces": ["payroll"]});
        for (name, value) in change.as_object().unwrap() {
            denial[name] = value.clone();
        }
        json!([denial])
    };
    assert_valid("/denials", denial(json!({"who": {"claims": {"groups": "team-*"}}, "unless": {"issuer": "corp"}})));
    assert_valid("/denials", denial(json!({"effects": ["terminate", "ResetWorkflowExecution"], "namespaces": ["*"]})));
    assert_valid("/denials", denial(json!({"shadow": true})));
    assert_problem(
        "/denials",
        denial(json!({"effects": ["own"]})),
        "denials[0].effects[0]: unknown effect or method \"own\"",
    );
    assert_problem("/denials", denial(json!({"effects": []})), "at least one value");
    assert_problem("/denials", denial(json!({"namespaces": ["{team}"]})), "without captures");
    assert_problem("/denials", denial(json!({"who": {}})), "remove the whole field to match everybody");
    assert_problem("/denials", denial(json!({"unless": {}})), "remove the whole field to exempt nobody");
    assert_problem("/denials", denial(json!({"who": {"claims": {"groups": "{team}"}}})), "without captures");
    assert_problem("/denials", denial(json!({"who": {"kind": "human"}})), "requires `service_when` on issuer corp");
    assert_problem("/denials", denial(json!({"unless": {"issuer": "other"}})), "denials[0].unless.issuer");
    assert_problem(
        "/denials",
        denial(json!({"outside": {}})),
        "denials[0].outside: expected at least one of task_queues",
    );
    assert_problem("/denials", denial(json!({"outside": {"task_queues": ["{a}"]}})), "without captures");
    assert_valid("/denials", denial(json!({"outside": {"task_queues": ["payroll-*"], "nexus_endpoints": ["a"]}})));
    assert_problem("/denials", json!([{"name": "d"}]), "it denies everything to everybody");
    let twice = json!([{"name": "d", "effects": ["start"]}, {"name": "d", "effects": ["start"]}]);
    assert_problem("/denials", twice, "denials[1].name: duplicate name; each grant and denial needs its own");
}

#[test]
fn modes_are_checked() {
    assert_valid("/mode", json!("shadow"));
    assert_valid("/mode", json!("enforce"));
    assert_problem("/mode", json!("off"), "mode: expected enforce or shadow, found \"off\"");
    assert_problem("/explain_to_client", json!("yes"), "true or false");
}

#[test]
fn limits_are_checked() {
    assert_valid("/grants", grant(json!({"task_queues": ["a-*"], "workflow_types": ["X"], "nexus_endpoints": ["e"]})));
    assert_valid(
        "/grants",
        grant(json!({"who": {"issuer": "corp", "subject": "{t}-runner"}, "task_queues": ["{t}-*"]})),
    );
    assert_valid("/grants", grant(json!({"may_call_back": true})));
    let unbound = grant(json!({"task_queues": ["{t}-*"]}));
    assert_problem(
        "/grants",
        unbound,
        "grants[0].task_queues[0]: capture {t} is bound by none of the patterns in `who`",
    );
    assert_problem(
        "/grants",
        grant(json!({"workflow_types": []})),
        "grants[0].workflow_types: expected at least one value, found []",
    );
    assert_problem("/grants", grant(json!({"nexus_endpoints": "e"})), "expected a list");
}

#[test]
fn parity_is_checked() {
    assert_valid("/parity", json!("upstream"));
    assert_problem("/parity", json!("native"), "parity: expected upstream, found \"native\"");
    let with = |parity: bool, regex: &str| {
        let claim =
            json!({"role": null, "namespaces": null, "permissions_claim": "permissions", "permissions_regex": regex});
        let mut config = minimal_config();
        config["grants"] = grant(claim);
        if parity {
            config["parity"] = json!("upstream");
        }
        let problems = Config::parse(config.to_string().as_bytes()).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let good = "^(?P<namespace>.+)/(?P<role>[a-z]+)$";
    assert_eq!(with(true, good), "");
    assert_eq!(with(false, good), "", "an expression needs no parity");
    assert!(with(true, "(.+)/(.+)").contains("the named groups"));
    assert!(with(true, "(").contains("a regular expression ("));
    assert_problem("/grants", grant(json!({"permissions_regex": good})), "not allowed without `permissions_claim`");
}

#[test]
fn every_limit_takes_patterns() {
    for limit in Limit::ALL.map(Limit::name) {
        assert_valid("/grants", grant(json!({limit: ["a-*", "b"]})));
        assert_problem(
            "/grants",
            grant(json!({limit: []})),
            &format!("grants[0].{limit}: expected at least one value"),
        );
        assert_problem(
            "/grants",
            grant(json!({limit: "a"})),
            &format!("grants[0].{limit}: expected a list, found \"a\""),
        );
        assert_problem("/grants", grant(json!({limit: ["{t}"]})), "is bound by none of the patterns in `who`");
        assert_valid("/denials", json!([{"name": "d", "outside": {limit: ["a-*"]}, "commands": true}]));
    }
    let denial = json!([{"name": "d", "effects": ["start"], "commands": "yes"}]);
    assert_problem("/denials", denial, "denials[0].commands: expected true or false, found \"yes\"");
    for effects in [json!(["terminate"]), json!(["StartWorkflowExecution"])] {
        let denial = json!([{"name": "d", "effects": effects, "commands": true}]);
        assert_problem(
            "/denials",
            denial,
            "requires an effect that workers' commands can have: start, signal, cancel, nexus",
        );
    }
    assert_valid("/denials", json!([{"name": "d", "effects": ["terminate", "signal"], "commands": true}]));
}

#[test]
fn numbers_are_the_same_in_every_form() {
    let who = |value: Value| grant(json!({"who": {"issuer": "corp", "claims": {"level": value}}}));
    for good in [json!(7), json!(7.5), json!(-7), json!("9007199254740993")] {
        assert_valid("/grants", who(good));
    }
    assert_problem(
        "/grants",
        who(json!(9_007_199_254_740_993u64)),
        "a whole number below 2^53, or the number in quotes",
    );
}

#[test]
fn a_grant_ends_at_a_date_and_time() {
    for good in ["2026-12-24T18:00:00Z", "2026-12-24T18:00:00.5+01:00"] {
        assert_valid("/grants", grant(json!({"until": good})));
    }
    for bad in [json!("2026-12-24"), json!("tomorrow"), json!(1_798_135_200), json!({})] {
        assert_problem(
            "/grants",
            grant(json!({"until": bad})),
            "expected a date and time in quotes, such as \"2026-12-24T18:00:00Z\"",
        );
    }
}

#[test]
fn newer_fields_may_be_refused() {
    for (value, refuses) in [("count", false), ("refuse", true)] {
        let mut config = minimal_config();
        config["newer_fields"] = json!(value);
        assert_eq!(Config::parse(config.to_string().as_bytes()).unwrap().policy.refuses_newer, refuses);
    }
    assert_problem("/newer_fields", json!("deny"), "newer_fields: expected count or refuse, found \"deny\"");
}

#[test]
fn peers_are_checked_and_read_only_if_a_rule_asks() {
    let who = |who: Value| grant(json!({"who": who}));
    assert_valid("/grants", who(json!({"peer": "spiffe://cluster.local/ns/payroll/sa/*"})));
    assert_valid("/grants", who(json!({"peer": ["a", "b"], "issuer": "corp", "subject": "x"})));
    assert_problem(
        "/grants",
        who(json!({"peer": "a", "subject": "x"})),
        "grants[0].who.subject: not allowed with `peer` alone",
    );
    assert_problem("/grants", who(json!({"peer": "a-{b}-*"})), "at most one capture");
    assert_problem("/grants", who(json!({})), "the name of an issuer, or a `peer`");
    assert_valid("/peers", json!({"xfcc": true, "gateways": ["spiffe://x/gateway"]}));
    assert_problem("/peers", json!({"xfcc": "yes"}), "peers.xfcc: expected true or false, found \"yes\"");
    let read = |change: Value| {
        let mut config = minimal_config();
        change.as_object().unwrap().iter().for_each(|(name, value)| config[name] = value.clone());
        Config::parse(config.to_string().as_bytes()).unwrap().peers
    };
    assert_eq!(read(json!({"peers": {"xfcc": true}})), PeerSource::Unread, "no rule asks for peers");
    assert_eq!(read(json!({"grants": who(json!({"peer": "a"}))})), PeerSource::Connection);
    assert_eq!(read(json!({"grants": who(json!({"peer": "a"})), "peers": {"xfcc": true}})), PeerSource::Forwarded);
    let denial = json!([{"name": "d", "effects": ["start"], "unless": {"peer": "a"}}]);
    assert_eq!(read(json!({"denials": denial})), PeerSource::Connection);
}

#[test]
fn tokens_without_iss_need_an_audience_keys_and_a_header_of_their_own() {
    let issuer = |change: Value| {
        let mut issuer = json!({"issuer": "none", "audiences": ["temporal"], "keys": {"jwks_uri": "https://idp/keys", "cluster": "idp"}});
        issuer.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        issuer
    };
    assert_valid("/issuers/corp", issuer(json!({})));
    assert_problem(
        "/issuers/corp",
        issuer(json!({"audiences": "any"})),
        "issuers.corp.audiences: not allowed with `issuer: none`",
    );
    assert_problem(
        "/issuers/corp",
        issuer(json!({"keys": {"discovery": true, "cluster": "idp"}})),
        "issuers.corp.keys.discovery: not allowed with `issuer: none`",
    );
    assert_problem(
        "/issuers/svid",
        issuer(json!({})),
        "issuers.svid.issuer: `none` requires `token.headers` of its own",
    );
    assert_valid("/issuers/svid", issuer(json!({"token": {"headers": ["x-svid"]}})));
    let mut config = minimal_config();
    config["issuers"]["one"] = issuer(json!({"token": {"headers": ["x-one"]}}));
    config["issuers"]["two"] = issuer(json!({"token": {"headers": ["x-two"]}}));
    let problems = Config::parse(config.to_string().as_bytes()).unwrap_err();
    assert!(problems.iter().any(|problem| problem.to_string().contains("already used by issuer one")), "{problems:?}");
}

#[test]
fn preferred_headers_are_headers_of_issuers() {
    let mut config = minimal_config();
    config["issuers"]["other"] = config["issuers"]["corp"].clone();
    config["issuers"]["other"]["issuer"] = json!("https://other/");
    config["issuers"]["other"]["token"] = json!({"headers": ["authorization", "x-svid"]});
    config["prefer"] = json!(["x-svid", "authorization"]);
    assert!(Config::parse(config.to_string().as_bytes()).is_ok());
    config["prefer"] = json!(["x-token"]);
    let problems: Vec<_> = Config::parse(config.to_string().as_bytes()).unwrap_err();
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, ["prefer[0]: unknown header of an issuer \"x-token\"; expected one of authorization, x-svid"]);
}

#[test]
fn subjects_and_shapes_of_claims_are_checked() {
    for good in [json!("client_id"), json!(["sub", "/a/b"]), json!("none")] {
        assert_valid("/issuers/corp/subject", good);
    }
    for bad in [json!([]), json!(7), json!(""), json!(["sub", 7])] {
        assert!(!problems("/issuers/corp/subject", bad.clone()).is_empty(), "{bad}");
    }
    assert_problem("/issuers/corp/subject", json!("/roles/*/name"), "without the step `*`");
    assert_valid(
        "/issuers/corp/claims",
        json!({"groups": {"split": ";"}, "/roles/*/name": {}, "urn:x": {"names": true}}),
    );
    assert_problem("/issuers/corp/claims", json!({"groups": {"split": "|"}}), "expected , or ; or");
    assert_problem("/issuers/corp/claims", json!({"sub": {"split": ","}}), "which are always one value");
    let twice = json!({"groups": {"split": ","}, "/groups": {"split": "none"}});
    assert_problem("/issuers/corp/claims", twice, "duplicate claim; `");
    assert_problem("/issuers/corp/claims", json!({"groups": {"name": true}}), "did you mean `names`?");
    assert_problem("/issuers/corp/email", json!("yes"), "expected verified or trusted");
    // A rule by subject would never apply to a caller without one, and a denial would not hold.
    let mut config = minimal_config();
    config["issuers"]["corp"]["subject"] = json!("none");
    for (kind, rule) in [
        (
            "grants",
            json!({"name": "r", "who": {"issuer": "corp", "subject": "a"}, "role": "reader", "namespaces": ["a"]}),
        ),
        ("denials", json!({"name": "r", "who": {"subject": "a"}})),
        ("denials", json!({"name": "r", "effects": ["start"], "unless": {"issuer": "corp", "subject": "a"}})),
    ] {
        let mut config = config.clone();
        config[kind] = json!([rule]);
        let problems = Config::parse(config.to_string().as_bytes()).unwrap_err();
        assert!(
            problems.iter().any(|problem| problem.to_string().contains("which has `subject: none`")),
            "{problems:?}"
        );
    }
}

#[test]
fn rules_cannot_take_reserved_names() {
    for name in ["default-deny", "anonymous", "authenticated"] {
        assert_problem("/grants", grant(json!({"name": name})), "grants[0].name");
        assert_problem("/denials", json!([{"name": name, "effects": ["start"]}]), "denials[0].name");
    }
}

/// A configuration with every object that has defaults, and the JSON pointers to these objects.
fn config_with_all_objects() -> (Value, [(&'static str, &'static str); 10]) {
    let mut config = minimal_config();
    config["log"] = json!({});
    config["http"] = json!({});
    config["peers"] = json!({});
    config["issuers"]["corp"]["token"] = json!({});
    config["issuers"]["corp"]["claims"] = json!({"groups": {}});
    config["grants"] = grant(json!({"role": "admin"}));
    // Without a rule about peers, it does not matter where they are read.
    config["denials"] = json!([{"name": "d", "effects": ["start"], "unless": {"peer": "worker"}}]);
    let objects = [
        ("", ""),
        ("log", "/log"),
        ("http", "/http"),
        ("peers", "/peers"),
        ("issuer", "/issuers/corp"),
        ("token", "/issuers/corp/token"),
        ("claim", "/issuers/corp/claims/groups"),
        ("keys", "/issuers/corp/keys"),
        ("grant", "/grants/0"),
        ("denial", "/denials/0"),
    ];
    (config, objects)
}

/// The parsed configuration as text, without `share_key`, which depends on the bytes.
fn read(config: &Value) -> String {
    let text = format!("{:?}", Config::parse(config.to_string().as_bytes()).unwrap());
    text.rsplit_once(", share_key:").unwrap().0.to_owned()
}

/// The same for the configuration with all objects and one more member at a JSON pointer.
fn read_with(pointer: &str, name: &str, value: Value) -> String {
    let (mut config, _) = config_with_all_objects();
    config.pointer_mut(pointer).unwrap()[name] = value;
    read(&config)
}

#[test]
fn readers_use_the_defaults_of_the_table() {
    let (config, objects) = config_with_all_objects();
    let without = read(&config);
    for object in fields::OBJECTS {
        for field in object.fields.iter().copied().flatten() {
            let Absent::Default(default) = field.absent else { continue };
            let (_, pointer) = objects.iter().find(|(name, _)| *name == object.name).expect(object.name);
            let (default, other) = match field.shape {
                Shape::Flag => (json!(default == "true"), json!(default != "true")),
                // `max_stale` must be at least `refresh`.
                Shape::Duration => (json!(default), json!(if default == "24h" { "23h" } else { "1500ms" })),
                Shape::Headers => (json!([default]), json!(["x-token"])),
                Shape::Words(words) => (json!(default), json!(words.iter().find(|word| **word != default).unwrap())),
                _ => (json!(default), json!("other")),
            };
            let stated = read_with(pointer, field.name, default);
            assert_eq!(stated, without, "{pointer}/{}: the default is not the table's", field.name);
            let changed = read_with(pointer, field.name, other);
            assert_ne!(changed, without, "{pointer}/{}: the value does not matter", field.name);
        }
    }
}

use serde_json::{Value, json};
use temporal_auth::config::Config;
use temporal_auth::time::Timestamp;

use super::all;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn lints(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut config = json!({
        "version": 1,
        "issuers": {"corp": {
            "issuer": "https://idp.example.com/",
            "audiences": ["temporal"],
            "keys": {"discovery": true, "cluster": "idp"},
            "service_when": [{"gty": "client-credentials"}],
        }},
        "roles": {"nothing": {"plus": ["read"], "minus": ["read"]}, "ops": {"from": "reader", "plus": ["TerminateWorkflowExecution"]}},
    });
    change(&mut config);
    let parsed = Config::parse(config.to_string().as_bytes()).unwrap();
    all(&parsed, &config, NOW).iter().map(|lint| format!("{}: {}", lint.path, lint.text)).collect()
}

/// The warnings about grants for the issuer, each given by its `who`, role and namespaces.
fn grants(list: &[(Value, &str, &[&str])]) -> Vec<String> {
    lints(|config| {
        let grants = list.iter().enumerate().map(|(index, (who, role, namespaces))| {
            let mut who = who.clone();
            who["issuer"] = json!("corp");
            json!({"name": format!("g{index}"), "who": who, "role": role, "namespaces": namespaces})
        });
        config["grants"] = grants.collect();
    })
}

fn shadows(wide: (Value, &str, &[&str]), narrow: (Value, &str, &[&str])) -> bool {
    grants(&[wide, narrow]).iter().any(|lint| lint.starts_with("grants[1]: grant g1 never decides"))
}

fn impossible(who: Value) -> bool {
    grants(&[(who, "reader", &["a"])]).iter().any(|lint| lint.starts_with("grants[0].who: no token can match"))
}

#[test]
fn a_plain_configuration_has_no_warnings() {
    assert_eq!(grants(&[(json!({"claims": {"groups": "a"}}), "writer", &["a", "b-*"])]), [""; 0]);
}

#[test]
fn issuers_without_tls_or_audience_are_reported() {
    let issuer = |field: &str, value: Value| lints(|config| config["issuers"]["corp"][field] = value);
    assert_eq!(issuer("audiences", json!("any")).len(), 1);
    assert!(issuer("issuer", json!("http://idp/"))[0].starts_with("issuers.corp.issuer: keys"));
    assert_eq!(issuer("issuer", json!("http://localhost/")), [""; 0]);
    let uri = |uri: &str| issuer("keys", json!({"jwks_uri": uri, "cluster": "c"}));
    assert!(uri("http://idp/keys")[0].starts_with("issuers.corp.keys.jwks_uri: keys"));
    assert_eq!(uri("https://idp/keys"), [""; 0]);
}

#[test]
fn wide_patterns_are_reported() {
    let wide = |who: Value, namespaces: &[&str]| grants(&[(who, "reader", namespaces)]).len();
    assert_eq!(wide(json!({"claims": {"groups": "a"}}), &["*"]), 1);
    assert_eq!(wide(json!({"claims": {"groups": "a"}}), &["a*", "*-b"]), 0);
    assert_eq!(wide(json!({"subject": "*"}), &["a"]), 1);
    assert_eq!(wide(json!({"subject": "a-*"}), &["a"]), 0);
    assert_eq!(wide(json!({"claims": {"groups": ["x", "*-admins"]}}), &["a"]), 1);
    assert_eq!(wide(json!({"claims": {"groups": ["\\*-admins"]}}), &["a"]), 0);
    let pointer = grants(&[(json!({"claims": {"/a/b": "*"}}), "reader", &["a"])]);
    assert!(pointer[0].starts_with("grants[0].who.claims[\"/a/b\"]: "));
}

#[test]
fn conditions_that_no_token_can_match_are_reported() {
    for who in [
        json!({"claims": {"iss": "https://other/"}}),
        json!({"claims": {"sub": "a"}, "subject": "b"}),
        json!({"claims": {"sub": "a"}, "subject": "b-*"}),
        json!({"claims": {"sub": "a-*"}, "subject": "b"}),
        json!({"claims": {"email": "a@b", "email_verified": false}}),
        json!({"claims": {"gty": "client-credentials", "x": "y"}, "kind": "human"}),
    ] {
        assert!(impossible(who.clone()), "{who}");
    }
    for who in [
        json!({"claims": {"iss": "https://idp.*"}}),
        json!({"claims": {"sub": "a"}}),
        json!({"claims": {"sub": "a"}, "subject": ["b", "a*", "a"]}),
        json!({"claims": {"sub": "a-*"}, "subject": "*-b"}),
        json!({"claims": {"email": "a@b", "email_verified": true}}),
        json!({"claims": {"gty": "client-credentials"}, "kind": "service"}),
        json!({"claims": {"gty": ["client-credentials", "password"]}, "kind": "human"}),
    ] {
        assert!(!impossible(who.clone()), "{who}");
    }
}

#[test]
fn a_subject_may_have_several_words() {
    let lints = lints(|config| {
        config["issuers"]["corp"]["subject"] = json!("scope");
        let who = json!({"issuer": "corp", "claims": {"scope": "a"}, "subject": "a b"});
        config["grants"] = json!([{"name": "g", "who": who, "role": "reader", "namespaces": ["x"]}]);
    });
    assert_eq!(lints, [""; 0]);
}

#[test]
fn roles_that_give_nothing_are_reported() {
    let role = |role: &str| grants(&[(json!({"subject": "a"}), role, &["a"])]);
    assert!(role("nothing")[0].starts_with("grants[0].role: role nothing"));
    assert_eq!(role("ops"), [""; 0]);
}

#[test]
fn grants_behind_a_wider_grant_are_reported() {
    let a = || json!({"claims": {"groups": "a"}});
    let ab = || json!({"claims": {"groups": ["a", "b"]}});
    assert!(shadows((a(), "writer", &["x"]), (a(), "writer", &["x"])));
    assert!(shadows((a(), "writer", &["x", "y"]), (a(), "reader", &["x"])));
    assert!(shadows(
        (ab(), "writer", &["*"]),
        (json!({"claims": {"groups": "a", "z": "z"}, "kind": "human"}), "worker", &["x"])
    ));
    assert!(shadows((json!({}), "admin", &["x"]), (json!({"subject": "s"}), "reader", &["x"])));
    let team = || json!({"claims": {"groups": "team-{team}"}});
    assert!(shadows((team(), "writer", &["{team}-*"]), (team(), "reader", &["{team}-*"])));

    assert!(!shadows((a(), "reader", &["x"]), (a(), "writer", &["x"])));
    assert!(!shadows((a(), "reader", &["x"]), (a(), "ops", &["x"])));
    assert!(!shadows((a(), "writer", &["x"]), (a(), "reader", &["x", "y"])));
    assert!(!shadows((a(), "writer", &["x"]), (ab(), "reader", &["x"])));
    assert!(!shadows((a(), "writer", &["x"]), (json!({}), "reader", &["x"])));
    assert!(!shadows((json!({"subject": "s"}), "writer", &["x"]), (json!({}), "reader", &["x"])));
    assert!(!shadows((json!({"kind": "human"}), "writer", &["x"]), (json!({}), "reader", &["x"])));
    assert!(shadows((a(), "writer", &["*"]), (a(), "reader", &["a:b"])), "a star crosses colons");
    // The second is bound by the claim `dept` where the first is bound by nothing.
    let either = || json!({"claims": {"groups": ["a", "team-{team}"]}});
    let other = || json!({"claims": {"groups": "a", "dept": "{team}"}});
    assert!(!shadows((either(), "writer", &["{team}"]), (other(), "reader", &["{team}"])));
}

#[test]
fn a_wider_grant_may_have_another_scope() {
    let pair = |one: Value, two: Value| {
        lints(|config| {
            let grant = |name: &str, change: Value| {
                let mut grant = json!({"name": name, "who": {"issuer": "corp", "claims": {"groups": "a"}}});
                change.as_object().unwrap().iter().for_each(|(name, value)| grant[name] = value.clone());
                grant
            };
            config["grants"] = json!([grant("one", one), grant("two", two)]);
        })
        .len()
    };
    let system = json!({"role": "admin", "system": true});
    let namespaces = json!({"role": "admin", "namespaces": ["x"]});
    let registers = json!({"role": "admin", "namespaces": ["x"], "may_register": true});
    let permissions = json!({"permissions_claim": "p"});
    assert_eq!(pair(system.clone(), system.clone()), 1);
    assert_eq!(pair(system.clone(), registers.clone()), 1);
    assert_eq!(pair(namespaces.clone(), system.clone()), 0);
    assert_eq!(pair(namespaces.clone(), registers.clone()), 0);
    assert_eq!(pair(registers, namespaces), 1);
    assert_eq!(pair(permissions.clone(), permissions.clone()), 1);
    assert_eq!(pair(permissions, json!({"permissions_claim": "q"})), 0);
}

/// Whether the second of two grants that differ in these fields is shadowed.
fn shadows_with(wide: Value, narrow: Value) -> bool {
    lints(|config| {
        let grant = |name: &str, change: Value| {
            let mut grant = json!({"name": name, "who": {"issuer": "corp", "claims": {"groups": "team-{t}"}}, "role": "writer", "namespaces": ["x"]});
            change.as_object().unwrap().iter().for_each(|(name, value)| grant[name] = value.clone());
            grant
        };
        config["grants"] = json!([grant("one", wide), grant("two", narrow)]);
    })
    .iter()
    .any(|lint| lint.starts_with("grants[1]: grant two never decides"))
}

#[test]
fn grants_behind_a_grant_with_limits_are_compared_by_limits() {
    let queues = |list: &[&str]| json!({"task_queues": list});
    assert!(shadows_with(json!({}), queues(&["a"])));
    assert!(shadows_with(queues(&["a", "{t}-*"]), queues(&["{t}-*"])));
    assert!(shadows_with(queues(&["a"]), json!({"task_queues": ["a"], "workflow_types": ["W"]})));
    assert!(!shadows_with(queues(&["a"]), json!({})));
    assert!(!shadows_with(queues(&["a"]), queues(&["a", "b"])));
    assert!(!shadows_with(queues(&["*"]), queues(&["a"])), "literally only");
    assert!(!shadows_with(json!({"workflow_types": ["W"]}), json!({"nexus_endpoints": ["W"]})));
    assert!(!shadows_with(json!({"task_queues": ["a"], "nexus_endpoints": ["e"]}), queues(&["a"])));
    for limit in ["workflow_ids", "schedule_ids", "signals", "queries", "updates"] {
        let (none, one, both) = (json!({}), json!({limit: ["a"]}), json!({limit: ["a", "b"]}));
        assert!(shadows_with(none.clone(), one.clone()) && shadows_with(both.clone(), one.clone()), "{limit}");
        assert!(!shadows_with(one.clone(), none) && !shadows_with(one, both), "{limit}");
    }
    let (ids, schedules) = (json!({"workflow_ids": ["a"]}), json!({"workflow_ids": ["a"], "schedule_ids": ["a"]}));
    assert!(!shadows_with(ids.clone(), schedules.clone()), "only the second covers schedules");
    assert!(!shadows_with(schedules.clone(), ids) && shadows_with(schedules.clone(), schedules));
}

#[test]
fn grants_behind_a_grant_that_ends_are_compared_by_end() {
    let until = |text: &str| json!({"until": text});
    let (early, late) = (until("2100-01-01T00:00:00Z"), until("2100-01-01T00:00:00-01:00"));
    assert!(shadows_with(json!({}), early.clone()) && shadows_with(late.clone(), early.clone()));
    assert!(shadows_with(early.clone(), early.clone()));
    assert!(!shadows_with(early.clone(), json!({})) && !shadows_with(early.clone(), late));
    // NOW is in January of 2027.
    let ended = until("2026-12-24T18:00:00Z");
    assert!(!shadows_with(ended.clone(), json!({})) && !shadows_with(ended.clone(), ended.clone()));
    assert!(!shadows_with(json!({}), ended) && !shadows_with(json!({}), until("2027-01-15T08:00:00Z")));
}

#[test]
fn a_wider_grant_must_permit_as_much_and_be_in_force() {
    let back = || json!({"may_call_back": true});
    assert!(shadows_with(back(), json!({})) && shadows_with(back(), back()));
    assert!(!shadows_with(json!({}), back()));
    let shadow = || json!({"shadow": true});
    assert!(!shadows_with(shadow(), json!({})) && !shadows_with(json!({}), shadow()));
    assert!(!shadows_with(shadow(), shadow()));
}

#[test]
fn a_denial_may_name_every_namespace() {
    let denial = json!({"name": "d", "effects": ["delete"], "namespaces": ["*"]});
    assert_eq!(lints(|config| config["denials"] = json!([denial])), [""; 0]);
    assert_eq!(grants(&[(json!({"subject": "s"}), "reader", &["*"])]).len(), 1);
}

/// The warnings about one denial.
fn denial(denial: Value) -> Vec<String> {
    lints(|config| {
        config["denials"] = json!([denial]);
        config["denials"][0]["name"] = json!("d");
    })
}

#[test]
fn denials_that_callers_escape_by_a_missing_claim_are_reported() {
    let lints = denial(json!({"who": {"claims": {"groups": "team-*", "/a/b": "c"}}, "effects": ["delete"]}));
    assert_eq!(
        lints,
        [
            "denials[0].who.claims[\"/a/b\"]: a caller whose token lacks the claim /a/b is not denied",
            "denials[0].who.claims.groups: a caller whose token lacks the claim groups is not denied",
        ]
    );
    for certain in [
        json!({"unless": {"claims": {"groups": "finance"}}, "effects": ["delete"]}),
        json!({"who": {"kind": "service"}, "effects": ["delete"]}),
        json!({"who": {"subject": "s"}, "effects": ["delete"]}),
        json!({"who": {"claims": {"sub": "s"}}, "effects": ["delete"]}),
    ] {
        assert_eq!(denial(certain.clone()), [""; 0], "{certain}");
    }
}

#[test]
fn a_claim_that_every_accepted_token_has_is_not_missing() {
    let required = |by: &[&str]| {
        lints(|config| {
            config["issuers"]["other"] = config["issuers"]["corp"].clone();
            config["issuers"]["other"]["issuer"] = json!("https://other/");
            for issuer in by {
                config["issuers"][issuer]["token"] = json!({"require": {"tier": ["a", "b"]}});
            }
            let who = json!({"claims": {"tier": "a"}});
            config["denials"] = json!([{"name": "d", "who": who, "effects": ["delete"]}]);
            if by == ["corp"] {
                config["denials"][0]["who"]["issuer"] = json!("corp");
            }
        })
    };
    assert_eq!(required(&["corp"]), [""; 0], "it applies to that issuer alone");
    assert_eq!(required(&["corp", "other"]), [""; 0]);
    assert_eq!(required(&["other"]).len(), 1);
}

#[test]
fn a_claim_that_is_the_subject_is_not_missing() {
    let by = |subject: &str, claim: &str| {
        lints(|config| {
            config["issuers"]["corp"]["subject"] = json!(subject);
            let who = json!({"claims": {claim: "a@b"}});
            config["denials"] = json!([{"name": "d", "who": who, "effects": ["delete"]}]);
        })
        .len()
    };
    assert_eq!((by("email", "email"), by("upn", "upn"), by("sub", "upn"), by("sub", "email")), (0, 0, 1, 1));
}

#[test]
fn denials_that_never_match_are_reported() {
    let never = |said: Value| denial(said).iter().any(|lint| lint.contains("denial d never matches: "));
    for nothing in [
        json!({"who": {"claims": {"sub": "a"}, "subject": "b"}}),
        json!({"who": {"claims": {"iss": "https://other/"}}}),
        json!({"unless": {"issuer": "corp"}, "effects": ["start"]}),
        json!({"who": {"claims": {"g": "a"}}, "unless": {"issuer": "corp"}}),
        json!({"effects": ["cluster-read"], "namespaces": ["*"]}),
        json!({"effects": ["cluster-read", "ListNamespaces"], "namespaces": ["a"]}),
        json!({"effects": ["GetSystemInfo"]}),
    ] {
        assert!(never(nothing.clone()), "{nothing}");
    }
    for something in [
        json!({"who": {"claims": {"sub": "a"}, "subject": ["a", "b"]}}),
        json!({"who": {"claims": {"sub": "A-b"}, "subject": "a-b*"}}),
        json!({"who": {"claims": {"iss": "HTTPS://idp.example.com/"}}}),
        json!({"who": {"kind": "service", "claims": {"gty": "client-credentials"}}}),
        // The kind of a caller who has the claim in another form is in doubt.
        json!({"who": {"kind": "human", "claims": {"gty": "client-credentials"}}}),
        json!({"who": {"claims": {"email": "a@b", "email_verified": false}}}),
        json!({"who": {"claims": {"g": "a"}}, "unless": {"claims": {"g": ["a", "b"]}}}),
        json!({"unless": {"issuer": "corp", "kind": "human"}, "effects": ["start"]}),
        json!({"who": {"claims": {"g": ["a", "b"]}}, "unless": {"claims": {"g": "a"}}}),
        json!({"effects": ["cluster-read"]}),
        json!({"effects": ["cluster-read", "read"], "namespaces": ["a"]}),
        json!({"effects": ["cluster-read", "DescribeNamespace"], "namespaces": ["a"]}),
        json!({"effects": ["GetSystemInfo", "ListNamespaces"]}),
        json!({"effects": ["cluster-admin"], "namespaces": ["a"]}),
    ] {
        assert!(!never(something.clone()), "{something}");
    }
    let nearly = denial(json!({"who": {"claims": {"g": "a"}}, "unless": {"claims": {"g": ["a", "b"]}}}));
    let text = "denials[0].unless: denial d matches hardly anyone: `unless` requires no more than `who`, so only callers \
                whose claims match in the wide reading alone are denied";
    assert_eq!(nearly, [text]);
    let with_admin_service = lints(|config| {
        config["admin_service"] = json!(true);
        config["denials"] = json!([{"name": "d", "effects": ["cluster-read"], "namespaces": ["a"]}]);
    });
    assert_eq!(with_admin_service, [""; 0]);
    // The filter agrees with the warning.
    let (target, denials) = {
        let config = json!({
            "version": 1,
            "issuers": {"corp": {"issuer": "https://a/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"}}},
            "denials": [
                {"name": "d", "effects": ["cluster-read"], "namespaces": ["*"]},
                {"name": "e", "effects": ["cluster-read"]},
            ],
        });
        let config = Config::parse(config.to_string().as_bytes()).unwrap();
        let method = config.catalogue.named("ListNamespaces").unwrap();
        (temporal_auth::temporal::Target::of(method), config.policy.denials)
    };
    assert!(denials[0].matches(&target).is_none() && denials[1].matches(&target).is_some());
}

#[test]
fn grants_to_gateways_are_reported() {
    let to = |who: Value| grants(&[(who, "reader", &["a"])]);
    let text = "looks like the identity of a gateway or of the Web UI";
    assert_eq!(
        to(json!({"subject": ["a", "temporal-web"]})),
        [format!("grants[0].who.subject: `temporal-web` {text}")]
    );
    assert_eq!(to(json!({"claims": {"sub": "*:ingress"}})).len(), 2, "and a pattern that begins with a star");
    assert_eq!(to(json!({"subject": ["a", "worker"], "claims": {"groups": "team-web"}})), [""; 0]);
}

/// The warnings about grants to peers, with this under `peers`.
fn peers(peers: Value, list: &[Value]) -> Vec<String> {
    lints(|config| {
        config["peers"] = peers;
        let grants = list.iter().enumerate().map(|(index, who)| {
            json!({"name": format!("g{index}"), "who": who, "role": "reader", "namespaces": [format!("n{index}")]})
        });
        config["grants"] = grants.collect();
    })
}

#[test]
fn grants_to_gateways_by_certificate_are_reported() {
    let of = |who: Value| peers(json!({"gateways": ["spiffe://td/ns/edge/sa/*", 7]}), &[who]);
    assert_eq!(
        of(json!({"peer": ["a", "spiffe://td/ns/x/sa/temporal-web"]})),
        [
            "grants[0].who.peer: `spiffe://td/ns/x/sa/temporal-web` looks like the identity of a gateway or of the Web UI"
        ]
    );
    let according = "is a gateway according to `spiffe://td/ns/edge/sa/*` in peers.gateways";
    assert_eq!(
        of(json!({"peer": "spiffe://td/ns/edge/sa/web"})),
        [format!("grants[0].who.peer: `spiffe://td/ns/edge/sa/web` {according}")],
        "once"
    );
    assert_eq!(of(json!({"peer": "spiffe://td/ns/*/sa/*"})).len(), 1, "it matches every gateway");
    assert_eq!(of(json!({"peer": 7})), ["grants[0].who.peer: `7` is a gateway according to `7` in peers.gateways"]);
    assert_eq!(of(json!({"peer": ["spiffe://td/ns/{ns}/sa/worker", "spiffe://td/ns/web/sa/webhook"]})), [""; 0]);
}

#[test]
fn a_gateway_next_to_a_token_is_not_reported() {
    let who = json!({"issuer": "corp", "peer": "spiffe://td/ns/edge/sa/gateway", "claims": {"groups": "a"}});
    assert_eq!(peers(json!({"gateways": ["spiffe://td/ns/edge/sa/*"]}), &[who]), [""; 0]);
    let any = |who: Value| peers(json!({}), &[who]).len();
    assert_eq!((any(json!({"peer": "*-w"})), any(json!({"peer": "*-w", "issuer": "corp"}))), (1, 0), "wide");
}

#[test]
fn settings_for_peers_that_no_rule_asks_for_are_reported() {
    let nobody = |said: Value| peers(said, &[json!({"issuer": "corp"})]);
    let text = "no rule asks for a peer";
    assert_eq!(nobody(json!({"xfcc": true})), [format!("peers.xfcc: {text}, so the header is not read")]);
    assert_eq!(
        nobody(json!({"gateways": ["a"]})),
        [format!("peers.gateways: {text}, so no grant is compared with the gateways")]
    );
    assert_eq!(nobody(json!({"xfcc": false})), [""; 0]);
    assert_eq!(peers(json!({"xfcc": true, "gateways": ["a"]}), &[json!({"peer": "b"})]), [""; 0]);
    let by_denial = lints(|config| {
        config["peers"] = json!({"xfcc": true});
        config["denials"] = json!([{"name": "d", "unless": {"peer": "a"}, "effects": ["delete"]}]);
    });
    assert_eq!(by_denial, [""; 0]);
}

#[test]
fn grants_to_peers_are_compared_with_earlier_grants() {
    let shadows = |wide: Value, narrow: Value| {
        let grant = |name: &str, who: Value| json!({"name": name, "who": who, "role": "reader", "namespaces": ["a"]});
        lints(|config| config["grants"] = json!([grant("one", wide), grant("two", narrow)]))
            .iter()
            .any(|lint| lint.starts_with("grants[1]: grant two never decides"))
    };
    let (token, bare, both) =
        (json!({"issuer": "corp"}), json!({"peer": ["a", "b"]}), json!({"issuer": "corp", "peer": "a"}));
    assert!(shadows(bare.clone(), json!({"peer": "a"})) && shadows(token.clone(), both.clone()));
    assert!(shadows(both.clone(), both.clone()));
    for (wide, narrow) in [(&token, &bare), (&bare, &token), (&bare, &both), (&both, &bare), (&both, &token)] {
        assert!(!shadows(wide.clone(), narrow.clone()), "{wide} {narrow}");
    }
    assert!(!shadows(json!({"peer": "a"}), bare));
}

#[test]
fn permissions_claims_are_compared_by_their_format() {
    let shadows = |one: &str, other: &str| {
        lints(|config| {
            config["parity"] = json!("upstream");
            let grant = |name: &str, regex: &str| {
                let mut grant = json!({"name": name, "who": {"issuer": "corp"}, "permissions_claim": "p"});
                if !regex.is_empty() {
                    grant["permissions_regex"] = json!(regex);
                }
                grant
            };
            config["grants"] = json!([grant("one", one), grant("two", other)]);
        })
        .len()
    };
    let (slash, dot) = ("(?P<namespace>.+)/(?P<role>.+)", r"(?P<namespace>.+)\.(?P<role>.+)");
    assert_eq!((shadows("", ""), shadows(slash, slash), shadows(slash, dot)), (1, 1, 0));
    assert_eq!((shadows("", slash), shadows(slash, "")), (0, 0));
}

#[test]
fn roles_that_give_nothing_under_parity_are_reported() {
    let role = |role: &str| {
        lints(|config| {
            config["parity"] = json!("upstream");
            let who = json!({"issuer": "corp", "subject": "a"});
            config["grants"] = json!([{"name": "g", "who": who, "role": role, "namespaces": ["a"]}]);
        })
    };
    assert_eq!(role("worker"), ["grants[0].role: role worker gives nothing under `parity: upstream`"]);
    assert_eq!(role("nothing").len(), 1);
    assert_eq!(role("ops"), [""; 0]);
}

#[test]
fn denials_may_reach_callers_without_a_token() {
    let never = |asks: bool, said: Value| {
        let lints = lints(|config| {
            if asks {
                let who = json!({"peer": "spiffe://a/{t}"});
                config["grants"] = json!([{"name": "g", "who": who, "role": "reader", "namespaces": ["{t}"]}]);
            }
            config["denials"] = json!([said]);
            config["denials"][0]["name"] = json!("d");
        });
        lints.iter().any(|lint| lint.contains("denial d never matches: "))
    };
    let exempts_tokens = || json!({"unless": {"issuer": "corp"}, "effects": ["start"]});
    assert!(never(false, exempts_tokens()) && !never(true, exempts_tokens()));
    let of_tokens = json!({"who": {"kind": "human"}, "unless": {"issuer": "corp"}, "effects": ["start"]});
    assert!(never(true, of_tokens), "a peer is of no kind");
    let nearly = |asks: bool, said: Value| {
        let lints = lints(|config| {
            if asks {
                let who = json!({"peer": "spiffe://a/{t}"});
                config["grants"] = json!([{"name": "g", "who": who, "role": "reader", "namespaces": ["{t}"]}]);
            }
            config["denials"] = json!([said]);
            config["denials"][0]["name"] = json!("d");
        });
        lints.iter().any(|lint| lint.contains("denial d matches hardly anyone: "))
    };
    let peer = |issuer: Value| {
        let mut who = json!({"peer": "a"});
        if !issuer.is_null() {
            who["issuer"] = issuer;
        }
        json!({"who": who, "unless": who, "effects": ["start"]})
    };
    assert!(nearly(true, peer(json!("corp"))) && !never(true, peer(json!("corp"))));
    assert!(!nearly(true, peer(json!(null))), "it exempts only callers without a token");
}

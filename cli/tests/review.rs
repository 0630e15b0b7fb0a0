//! `who-can`, `access` and `diff` on files: what they print and how they end.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::{assert_run, run};
use serde_json::{Value, json};

const POLICY: &str = "page/policy.yaml";

/// A file with this configuration, which is removed at the end.
struct File(std::path::PathBuf);

impl File {
    fn new(name: &str, change: Value) -> Self {
        let issuer = json!({"issuer": "https://idp.example.com/", "audiences": ["temporal"], "keys": {"discovery": true, "cluster": "idp"}, "service_when": [{"gty": "cc"}]});
        let mut config = json!({
            "version": 1,
            "issuers": {"corp": issuer},
            "grants": [{"name": "g", "who": {"issuer": "corp", "claims": {"groups": "a"}}, "role": "client", "namespaces": ["a"]}],
        });
        config.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let path = std::env::temp_dir().join(format!("temporal-auth-review-{name}-{}.json", std::process::id()));
        std::fs::write(&path, config.to_string()).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn everybody_who_may_is_listed_with_what_bounds_them() {
    let expected = [
        "  platform: role admin\n    who      callers of issuer corp with claim groups \"platform-admins\"\n    where    the cluster and every namespace (system: true)\n",
        "  developers: role developer\n",
        "    where    namespaces \"{team}\", if claim groups has \"team-payroll\"\n",
        "  RespondWorkflowTaskCompleted: an answer to a workflow task completes, fails or cancels its workflow\n    grants   workers\n",
        "StartWorkflowExecution with workflow_id_reuse_policy TERMINATE_IF_RUNNING or workflow_id_conflict_policy TERMINATE_EXISTING\n",
    ];
    for (what, index) in [("start", 1), ("cancel", 2), ("terminate", 3), ("terminate", 4), ("terminate", 0)] {
        assert_run(&["who-can", POLICY, what, "--namespace", "payroll"], 0, &[expected[index]]);
    }
    let (_, text) = run(&["who-can", POLICY, "terminate", "--namespace", "payroll"]);
    assert!(!text.contains("developers: role") && !text.contains("Denials"), "{text}");
    assert_run(
        &["who-can", POLICY, "respond", "--namespace", "payroll"],
        0,
        &[
            "    where    namespaces \"{team}\", if subject has \"payroll-worker\"\n",
            "    limit    task_queues \"{team}-*\"\n",
            "    only by  ",
        ],
    );
    assert_run(
        &["who-can", POLICY, "cluster-read"],
        0,
        &["in the cluster\n", "anonymous: everybody, with or without a token: Check, GetSystemInfo\n"],
    );
    assert_run(
        &["who-can", POLICY, "DeleteWorkflowExecution", "--namespace", "x"],
        0,
        &["method     DeleteWorkflowExecution (terminate, delete)"],
    );
}

#[test]
fn permissions_denials_and_ends_are_told() {
    let file = File::new(
        "permissions",
        json!({
            "parity": "upstream",
            "mode": "shadow",
            "grants": [
                {"name": "permissions", "who": {"issuer": "corp"}, "permissions_claim": "permissions"},
                {"name": "ended", "who": {"issuer": "corp"}, "role": "admin", "system": true, "until": "2020-01-01T00:00:00Z"},
                {"name": "two\nlines", "who": {"issuer": "corp"}, "role": "writer", "namespaces": ["a"]},
            ],
            "denials": [{"name": "all", "effects": ["terminate"], "namespaces": ["A"]}, {"name": "people", "who": {"kind": "human"}, "effects": ["TerminateWorkflowExecution"]}],
        }),
    );
    let expected = [
        "note       mode: shadow, so nothing is enforced",
        "note       parity: upstream, so a request is judged by its method",
        "    where    if claim permissions has a:write or temporal-system:write or a:admin or temporal-system:admin\n",
        "    denied   all of it, by all\n    denied   in part, or to some, by people\n",
        "Grants that would give it, but are in shadow or have ended:\n  ended: role admin\n",
        "  two\\nlines: role writer\n",
        "  people: for people\n    only     TerminateWorkflowExecution\n",
    ];
    assert_run(&["who-can", file.path(), "terminate", "--namespace", "a"], 0, &expected);
}

#[test]
fn what_cannot_be_asked_is_a_usage_error() {
    assert_run(
        &["who-can", POLICY, "terminat", "--namespace", "a"],
        2,
        &["error: unknown effect or method `terminat`; did you mean `terminate`?"],
    );
    assert_run(
        &["who-can", POLICY, "terminate"],
        2,
        &["error: terminate happens in namespaces; name one with --namespace"],
    );
    assert_run(&["who-can", "faulty.yaml", "start", "--namespace", "a"], 2, &["faulty.yaml is not valid"]);
    assert_run(&["access", "faulty.yaml"], 2, &["faulty.yaml is not valid"]);
    assert_run(&["access", POLICY, "--format", "xml"], 2, &["invalid value 'xml' for '--format <FORMAT>'"]);
    assert_run(&["diff", POLICY, "faulty.yaml"], 2, &["faulty.yaml is not valid"]);
    assert_run(&["diff", POLICY], 2, &["<NEW>"]);
    assert_run(&["diff", POLICY, POLICY, "--fail-on", "terminat"], 2, &["expected the name of an effect, or any"]);
}

#[test]
fn the_matrix_does_not_depend_on_the_order_of_rules() {
    let rules = |names: [&str; 2]| {
        let grant =
            |name: &&str| json!({"name": name, "who": {"issuer": "corp"}, "role": "reader", "namespaces": ["b", "a"]});
        File::new(names[0], json!({"grants": names.iter().map(grant).collect::<Vec<_>>()}))
    };
    let (one, other) = (rules(["x", "y"]), rules(["y", "x"]));
    for format in ["text", "markdown", "json", "csv"] {
        let shown = |file: &File| run(&["access", file.path(), "--format", format]).1;
        assert_eq!(shown(&one), shown(&other), "{format}");
        assert!(shown(&one).contains("describe-namespace"), "{format}");
    }
    let (_, csv) = run(&["access", POLICY, "--format", "csv"]);
    assert!(csv.starts_with("sort,rule,role,for,in,effect,calls,conditions\n"), "{csv}");
    assert!(csv.contains("denial,only-finance-starts-payroll,,"), "{csv}");
}

/// What is gained and lost from one change of a configuration to another.
fn difference(old: Value, new: Value) -> Value {
    let name = format!("{:?}", std::thread::current().id()).replace(['(', ')'], "");
    let (old, new) = (File::new(&format!("{name}-old"), old), File::new(&format!("{name}-new"), new));
    let (code, text) = run(&["diff", old.path(), new.path(), "--json"]);
    assert_eq!(code, 0, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn gains_fail_if_they_are_named() {
    assert_run(&["diff", POLICY, POLICY, "--fail-on", "any"], 0, &["Nothing is gained.\n\nNothing is lost.\n"]);
    let next = ["diff", POLICY, "page/next.yaml", "--fail-on"];
    assert_run(
        &[&next[..], &["terminate,delete"]].concat(),
        1,
        &["May be gained, and --fail-on names it: terminate, delete\n"],
    );
    assert_run(&[&next[..], &["any"]].concat(), 1, &["--fail-on names it: any\n"]);
    assert_run(&["diff", "page/next.yaml", POLICY, "--fail-on", "cancel"], 1, &["  grant developers\n"]);
    let (_, text) = run(&["diff", POLICY, "page/next.yaml", "--cases", "page/cases.yaml"]);
    assert!(
        text.contains(
            "Cases with another verdict:\n  audit does not query: DENY by rule default-deny -> ALLOW by rule finance\n"
        ),
        "{text}"
    );
    assert_run(&["diff", POLICY, POLICY, "--cases", "page/cases.yaml"], 0, &["No case has another verdict.\n"]);
}

#[test]
fn what_means_the_same_is_no_change() {
    let grant = |name: &str, namespaces: Value| json!({"name": name, "who": {"issuer": "corp", "claims": {"groups": ["a", "b"]}}, "role": "client", "namespaces": namespaces});
    let one = json!({"grants": [grant("one", json!(["a", "b-*"]))]});
    let split = json!({"grants": [grant("x", json!(["a"])), grant("y", json!(["b-*", "b-c"]))]});
    let renamed = json!({"grants": [grant("other", json!(["a", "b-*"]))]});
    for new in [split, renamed] {
        let found = difference(one.clone(), new.clone());
        assert_eq!((&found["gains"], &found["losses"]), (&json!([]), &json!([])), "{new}");
    }
    let named = difference(one.clone(), json!({"grants": [grant("other", json!(["a", "b-*"]))]}));
    assert_eq!(named["notes"], json!(["grant one is now called other"]));
}

#[test]
fn an_issuer_is_who_its_iss_says() {
    let issuer = json!({"issuer": "https://idp.example.com/", "audiences": ["temporal"], "keys": {"discovery": true, "cluster": "idp"}});
    let grant = |issuer: &str| json!([{"name": "g", "who": {"issuer": issuer}, "role": "client", "namespaces": ["a"]}]);
    let of = |name: &str| json!({"issuers": {name: issuer.clone()}, "grants": grant(name)});
    let found = difference(of("corp"), of("idp"));
    assert_eq!((&found["gains"], &found["losses"]), (&json!([]), &json!([])));
    assert_eq!(found["notes"], json!(["issuer idp is the old configuration's corp"]));
}

/// Whether the change of one member is a gain, and the way back.
fn opens(old: Value, new: Value) -> (bool, bool) {
    let found = difference(old, new);
    (found["gains"] != json!([]), found["losses"] != json!([]))
}

#[test]
fn settings_that_can_change_verdicts_do_not_pass_silently() {
    let issuer = |more: Value| {
        let mut issuer = json!({"issuer": "https://idp.example.com/", "audiences": ["temporal"], "keys": {"discovery": true, "cluster": "idp"}});
        issuer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"issuers": {"corp": issuer}})
    };
    let none = || issuer(json!({}));
    for (more, expected) in [
        (json!({"audiences": ["temporal", "x"]}), (true, false)),
        (json!({"audiences": "any"}), (true, false)),
        (json!({"algorithms": ["RS256", "ES256", "EdDSA", "PS256"]}), (true, false)),
        (json!({"algorithms": ["RS256"]}), (false, true)),
        (json!({"subject": "client_id"}), (true, true)),
        (json!({"email": "trusted"}), (true, true)),
        (json!({"claims": {"groups": {"split": ","}}}), (true, true)),
        (json!({"token": {"leeway": "2m"}}), (true, false)),
        (json!({"token": {"max_lifetime": "1h"}}), (false, true)),
        (json!({"token": {"require": {"typ": "Bearer"}}}), (false, true)),
        (json!({"token": {"typ": ["x"]}}), (true, true)),
        (json!({"token": {"headers": ["x-token"]}}), (true, true)),
        (json!({"keys": {"discovery": true, "cluster": "other"}}), (true, true)),
        (json!({"keys": {"discovery": true, "cluster": "idp", "kid": "optional"}}), (true, false)),
        (json!({"keys": {"discovery": true, "cluster": "idp", "max_stale": "48h"}}), (true, false)),
        (json!({"keys": {"discovery": true, "cluster": "idp", "timeout": "2s"}}), (false, false)),
        (json!({"service_when": [{"gty": "x"}]}), (false, false)),
    ] {
        assert_eq!(opens(none(), issuer(more.clone())), expected, "{more}");
    }
    for (more, expected) in [
        (json!({"parity": "upstream"}), (true, true)),
        (json!({"mode": "shadow"}), (true, false)),
        (json!({"newer_fields": "refuse"}), (false, true)),
        (json!({"anonymous": ["GetClusterInfo"]}), (true, true)),
        (json!({"authenticated": ["GetClusterInfo"]}), (true, false)),
        (json!({"http": {"api": true}}), (true, false)),
        (json!({"applies_to": {"clusters": ["temporal"]}}), (true, false)),
        (json!({"hide_namespaces": true}), (false, false)),
        (json!({"explain_to_client": true}), (false, false)),
        (json!({"log": {"allowed": true}}), (false, false)),
    ] {
        assert_eq!(opens(json!({}), more.clone()), expected, "{more}");
        let found = difference(json!({}), more.clone());
        assert_ne!(found["settings"], json!([]), "{more}");
    }
}

#[test]
fn a_rule_that_changes_is_a_gain_or_a_loss() {
    let grants = |more: Value| {
        let mut grant = json!({"name": "g", "who": {"issuer": "corp", "claims": {"groups": "a"}}, "role": "client", "namespaces": ["a"]});
        grant.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"grants": [grant]})
    };
    for (more, expected) in [
        (json!({"namespaces": ["a*"]}), (true, true)),
        (json!({"namespaces": ["a", "b"]}), (true, false)),
        (json!({"role": "reader"}), (false, true)),
        (json!({"role": "admin"}), (true, false)),
        (json!({"task_queues": ["q"]}), (false, true)),
        (json!({"until": "2100-01-01T00:00:00Z"}), (false, true)),
        (json!({"shadow": true}), (false, true)),
        (json!({"may_call_back": true}), (true, false)),
        (json!({"may_register": true}), (false, false)),
        (json!({"who": {"issuer": "corp"}}), (true, false)),
        (json!({"who": {"issuer": "corp", "kind": "human", "claims": {"groups": "a"}}}), (false, true)),
        (json!({"who": {"issuer": "corp", "claims": {"groups": ["a", "b"]}}}), (true, false)),
    ] {
        assert_eq!(opens(grants(json!({})), grants(more.clone())), expected, "{more}");
    }
    let denials = |denial: Value| json!({"denials": [denial]});
    let denial = || json!({"name": "d", "effects": ["start", "cancel"], "namespaces": ["a*"]});
    let with = |more: Value| {
        let mut denial = denial();
        denial.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        denials(denial)
    };
    assert_eq!(opens(denials(denial()), json!({})), (true, false));
    for (more, expected) in [
        (json!({"effects": ["start"]}), (true, false)),
        (json!({"namespaces": ["a"]}), (true, false)),
        (json!({"namespaces": ["*"]}), (false, true)),
        (json!({"unless": {"issuer": "corp", "kind": "human"}}), (true, false)),
        (json!({"who": {"issuer": "corp", "kind": "human"}}), (true, false)),
        (json!({"outside": {"workflow_ids": ["x"]}}), (true, false)),
        (json!({"shadow": true}), (true, false)),
        (json!({"commands": true}), (false, true)),
    ] {
        assert_eq!(opens(denials(denial()), with(more.clone())), expected, "{more}");
    }
}

use super::*;
use crate::identity::{ClaimRules, ClaimShape, Split};
use crate::pattern::Pattern;
use serde_json::{Value, json};

fn reading(name: &str, pattern: &str, claims: Value) -> Option<String> {
    let set = ClaimSet(vec![(ClaimName::new(name), vec![Pattern::parse(pattern).unwrap()])]);
    let readings = set.matches_widely(&WideClaims::new(Claims::plain(claims.as_object().unwrap())))?;
    Some(readings.iter().map(WideReading::to_string).collect::<Vec<_>>().join("; "))
}

fn groups(value: Value) -> Option<String> {
    reading("groups", "contractors", json!({"groups": value}))
}

#[test]
fn a_claim_counts_in_every_form() {
    assert_eq!(groups(json!(["dev", "contractors"])).as_deref(), Some(""));
    for text in ["dev,contractors", "dev; contractors", "contractors dev", ",contractors", "a b;contractors,c d"] {
        assert_eq!(groups(json!(text)).as_deref(), Some("`groups` read as a list"), "{text}");
    }
    for value in [json!({"contractors": true}), json!([["contractors"]]), json!([{"name": "contractors"}])] {
        assert_eq!(groups(value.clone()).as_deref(), Some("`groups` read at every depth"), "{value}");
    }
    let loosely = Some("`groups` compared without regard to case and spaces");
    assert_eq!(groups(json!(["CONTRACTORS "])).as_deref(), loosely);
    assert_eq!(reading("level", "7", json!({"level": {"a": [7]}})).as_deref(), Some("`level` read at every depth"));
    assert_eq!(reading("ok", "true", json!({"ok": [[true]]})).as_deref(), Some("`ok` read at every depth"));
}

#[test]
fn a_value_may_contain_separators() {
    for (text, group) in [("x,dev contractors", "dev contractors"), ("CN=a,OU=b;CN=c,OU=d", "CN=c,OU=d")] {
        assert!(reading("groups", group, json!({"groups": text})).is_some(), "{text}");
    }
}

#[test]
fn claims_do_not_match_values_that_they_lack() {
    for value in [json!("contractors2"), json!(["dev contractors"]), json!({"a": "dev,contractors"}), json!(null)] {
        assert_eq!(groups(value.clone()), None, "{value}");
    }
    assert_eq!(reading("groups", "contractors", json!({"teams": "contractors"})), None);
    for name in ["sub", "iss", "/sub"] {
        assert_eq!(reading(name, "contractors", json!({"sub": "dev,contractors", "iss": "a contractors"})), None);
    }
    assert_eq!(reading("/realm/roles", "contractors", json!({"realm": {"groups": ["contractors"]}})), None);
}

#[test]
fn a_text_may_be_a_list_in_any_notation() {
    let texts = [
        r#"["dev","contractors"]"#,
        "[dev, contractors]",
        "{dev|contractors}",
        "dev\tcontractors",
        "dev\u{a0}contractors",
        "'contractors'",
        "dev|Contractors",
    ];
    for text in texts {
        assert_eq!(groups(json!(text)).as_deref(), Some("`groups` read as a list"), "{text}");
    }
    assert!(groups(json!(["contractors\t"])).is_some() && groups(json!(["dev|contractors"])).is_none());
}

#[test]
fn a_number_is_the_same_in_every_notation() {
    for value in [json!(7), json!(7.0), json!("7"), json!([7.0])] {
        assert!(reading("level", "7", json!({"level": value})).is_some(), "{value}");
    }
    assert!(reading("level", "7", json!({"level": 7.5})).is_none());
}

#[test]
fn a_pointer_is_followed_into_lists_and_may_end_early() {
    let roles = |value: Value| reading("/realm/roles", "contractors", json!({"realm": value}));
    assert_eq!(roles(json!({"roles": ["contractors"]})).as_deref(), Some(""));
    for value in [json!([{"roles": ["contractors"]}]), json!(["contractors"]), json!("contractors")] {
        assert_eq!(roles(value.clone()).as_deref(), Some("`/realm/roles` read at every depth"), "{value}");
    }
    assert_eq!(roles(json!([{"groups": "contractors"}])), None);
}

#[test]
fn an_unverified_email_counts() {
    let unverified = Some("`email` counted although it is not verified");
    for claims in [json!({"email": "a@x.com"}), json!({"email": "a@x.com", "email_verified": "false"})] {
        assert_eq!(reading("email", "*@x.com", claims).as_deref(), unverified);
    }
    assert_eq!(reading("email", "*@x.com", json!({"email": "a@x.com", "email_verified": true})).as_deref(), Some(""));
}

#[test]
fn a_claim_with_too_many_values_matches_every_denial() {
    let many = |count: usize| json!((0..count).map(|index| format!("g{index}")).collect::<Vec<_>>());
    assert_eq!(groups(many(1024)), None);
    assert_eq!(groups(many(1025)).as_deref(), Some("`groups` has more values than are compared"));
    assert_eq!(reading("groups", "g1024", json!({"groups": many(1025)})).as_deref(), Some(""), "as a grant reads it");
}

#[test]
fn a_claim_that_takes_too_long_to_read_matches_every_denial() {
    let nested = |depth: usize| (0..depth).fold(json!(vec![json!([]); 9000]), |inner, _| json!([inner]));
    let name = "/roles/*/*/name";
    assert_eq!(
        reading(name, "contractors", json!({"roles": nested(100)})).as_deref(),
        Some("`/roles/*/*/name` has more values than are compared")
    );
    let honest: Vec<_> = (0..1000).map(|id| json!({"id": id, "teams": [{"name": format!("t{id}")}]})).collect();
    assert_eq!(reading("/orgs/*/teams/*/name", "contractors", json!({"orgs": honest})), None);
}

#[test]
fn a_star_leads_into_lists_and_may_be_left_out() {
    let roles = |name: &str, value: Value| reading(name, "contractors", json!({"roles": value}));
    let list = json!([{"name": "dev"}, {"name": "Contractors"}]);
    assert!(roles("/roles/*/name", list.clone()).is_some() && roles("/roles/name", list).is_some());
    for value in [
        json!("contractors"),
        json!({"name": "contractors"}),
        json!({"*": {"name": "contractors"}}),
        json!([{"*": "contractors"}]),
        json!([{"x": {"name": "contractors"}}]),
        json!([[{"name": "contractors"}]]),
        json!([["contractors"]]),
    ] {
        assert!(roles("/roles/*/name", value.clone()).is_some(), "{value}");
    }
    assert_eq!(roles("/roles/*/name", json!([{"id": "contractors"}])), None);
}

#[test]
fn what_an_issuer_says_about_its_claims_hides_nothing_from_denials() {
    let names = ClaimShape { names: true, ..ClaimShape::default() };
    let shapes = [names, at(';'), at(','), ClaimShape { split: Some(Split::Never), ..names }];
    let claims = [
        json!({"contractors": false}),
        json!({"x": ["contractors"]}),
        json!("dev,contractors"),
        json!("dev;contractors"),
        json!(["contractors"]),
        json!([{"name": "contractors"}]),
    ];
    for (shape, claim) in shapes.into_iter().flat_map(|shape| claims.iter().map(move |claim| (shape, claim))) {
        let rules = ClaimRules { shapes: vec![(ClaimName::new("groups"), shape)], trusts_email: true };
        let members = json!({ "groups": claim });
        let claims = Claims::new(members.as_object().unwrap(), &rules);
        let set = ClaimSet(vec![(ClaimName::new("groups"), vec![Pattern::parse("contractors").unwrap()])]);
        assert!(set.matches_widely(&WideClaims::new(claims)).is_some(), "{shape:?} {claim}");
    }
}

fn at(separator: char) -> ClaimShape {
    ClaimShape { split: Some(Split::At(separator)), ..ClaimShape::default() }
}

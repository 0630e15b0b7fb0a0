//! The part of a token that rules read.

use serde_json::{Map, Value};

use super::ClaimName;

/// The claims to which these names lead, where they are in the token, and nothing else of it, as JSON. Rules that go by these
/// names alone read the same in it.
#[must_use]
pub fn read_part(claims: &Map<String, Value>, names: &[ClaimName]) -> String {
    let paths: Vec<_> =
        names.iter().map(|name| std::iter::once(name.member().into_owned()).chain(name.steps()).collect()).collect();
    let mut part = String::new();
    write_part(&mut part, claims, &paths.iter().map(Vec::as_slice).collect::<Vec<_>>());
    part
}

/// Writes the members to which one of the paths leads.
fn write_part(out: &mut String, members: &Map<String, Value>, paths: &[&[String]]) {
    out.push('{');
    let mut separator = "";
    for (name, value) in members {
        let leading_here = paths.iter().filter_map(|path| path.split_first()).filter(|(step, _)| *step == name);
        let rest: Vec<_> = leading_here.map(|(_, rest)| rest).collect();
        if rest.is_empty() {
            continue;
        }
        out.push_str(std::mem::replace(&mut separator, ","));
        out.push_str(&Value::from(name.as_str()).to_string());
        out.push(':');
        let leads_further = |path: &&[String]| path.first().is_some_and(|step| step != "*");
        match value {
            Value::Object(members) if rest.iter().all(leads_further) => write_part(out, members, &rest),
            // The wide reading looks at every element, and at a value behind which the path goes on.
            value => out.push_str(&value.to_string()),
        }
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn part(claims: Value, names: &[&str]) -> Value {
        let names: Vec<_> = names.iter().map(|name| ClaimName::new(name)).collect();
        serde_json::from_str(&read_part(claims.as_object().unwrap(), &names)).unwrap()
    }

    #[test]
    fn only_what_the_names_lead_to_is_in_it() {
        let token = json!({
            "sub": "alice", "groups": ["a"], "email": "a@b.c",
            "realm_access": {"roles": ["x"], "secret": 1}, "list": [{"a": 1, "b": 2}], "text": "t", "a/b": 3
        });
        for (names, expected) in [
            (vec!["groups", "missing"], json!({"groups": ["a"]})),
            (vec!["/realm_access/roles"], json!({"realm_access": {"roles": ["x"]}})),
            (
                vec!["/realm_access/roles", "realm_access"],
                token.as_object().map(|all| json!({"realm_access": all["realm_access"]})).unwrap(),
            ),
            (vec!["/realm_access/none"], json!({"realm_access": {}})),
            (vec!["/realm_access/*"], json!({"realm_access": {"roles": ["x"], "secret": 1}})),
            (vec!["/list/*/a"], json!({"list": [{"a": 1, "b": 2}]})),
            (vec!["/list/0/a"], json!({"list": [{"a": 1, "b": 2}]})),
            (vec!["/text/deep"], json!({"text": "t"})),
            (vec!["/a~1b"], json!({"a/b": 3})),
        ] {
            assert_eq!(part(token.clone(), &names), expected, "{names:?}");
        }
    }
}

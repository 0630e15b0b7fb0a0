//! The names of claims in a configuration, each with the path of the place that has it.

use serde_json::Value;
use temporal_auth::config::{Config, Path};
use temporal_auth::identity::{ClaimName, ClaimSet};
use temporal_auth::policy::grant::GrantScope;
use temporal_auth::policy::who::Who;

use super::{denial_path, grant_path, issuer_path};

/// A place that names a claim.
pub(super) struct NamedClaim<'a> {
    pub(super) path: Path,
    pub(super) name: &'a ClaimName,
    /// Whether the claim says who the caller is, so that it must have one value.
    pub(super) is_subject: bool,
}

/// Every place that names a claim.
pub(super) fn all<'a>(config: &'a Config, value: &Value) -> Vec<NamedClaim<'a>> {
    let mut found = Vec::new();
    for issuer in &config.issuers {
        let path = issuer_path(&issuer.name);
        let written = value.get("issuers").and_then(|issuers| issuers.get(&*issuer.name)?.get("subject"));
        // The default is not in the file.
        let subjects = issuer.rules.subject.iter().enumerate().filter(|_| written.is_some());
        let is_list = written.is_some_and(Value::is_array);
        found.extend(subjects.map(|(index, name)| {
            let path = path.member("subject");
            NamedClaim { path: if is_list { path.index(index) } else { path }, name, is_subject: true }
        }));
        let shapes = issuer.rules.claims.shapes.iter();
        found.extend(shapes.map(|(name, _)| named(path.member("claims").member(&name.to_string()), name)));
        found.extend(in_set(&path.member("token").member("require"), &issuer.rules.require));
        for (index, set) in issuer.service_when.iter().enumerate() {
            found.extend(in_set(&path.member("service_when").index(index), set));
        }
    }
    for (index, grant) in config.policy.grants.iter().enumerate() {
        let path = grant_path(index);
        found.extend(in_who(&path.member("who"), &grant.who));
        if let GrantScope::Permissions(name, _) = &grant.gives {
            found.push(named(path.member("permissions_claim"), name));
        }
    }
    for (index, denial) in config.policy.denials.iter().enumerate() {
        let path = denial_path(index);
        let parts = [("who", &denial.who), ("unless", &denial.unless)];
        found.extend(parts.iter().filter_map(|(part, who)| Some(in_who(&path.member(part), who.as_ref()?))).flatten());
    }
    found
}

fn in_who<'a>(path: &Path, who: &'a Who) -> Vec<NamedClaim<'a>> {
    in_set(&path.member("claims"), &who.claims)
}

fn in_set<'a>(path: &Path, set: &'a ClaimSet) -> Vec<NamedClaim<'a>> {
    set.0.iter().map(|(name, _)| named(path.member(&name.to_string()), name)).collect()
}

fn named(path: Path, name: &ClaimName) -> NamedClaim<'_> {
    NamedClaim { path, name, is_subject: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_place_that_names_a_claim_is_found() {
        let config = json!({
            "version": 1,
            "issuers": {
                "one": {
                    "issuer": "https://one/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"},
                    "subject": ["a", "b"], "claims": {"c": {"names": true}}, "token": {"require": {"d": "x"}},
                    "service_when": [{"e": "x"}, {"f": "x"}],
                },
                "two": {
                    "issuer": "https://two/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"},
                    "subject": "g",
                },
                "three": {"issuer": "https://three/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"}},
            },
            "grants": [
                {"name": "g", "who": {"issuer": "one", "claims": {"/h/i": "x"}}, "role": "reader", "namespaces": ["n"]},
                {"name": "h", "who": {"issuer": "one"}, "permissions_claim": "j"},
            ],
            "denials": [{"name": "d", "who": {"claims": {"k": "x"}}, "unless": {"claims": {"l": "x"}}}],
        });
        let parsed = Config::parse(config.to_string().as_bytes()).unwrap();
        let found: Vec<_> = all(&parsed, &config).iter().map(|claim| claim.path.to_string()).collect();
        assert_eq!(
            found,
            [
                "issuers.one.subject[0]",
                "issuers.one.subject[1]",
                "issuers.one.claims.c",
                "issuers.one.token.require.d",
                "issuers.one.service_when[0].e",
                "issuers.one.service_when[1].f",
                "issuers.two.subject",
                "grants[0].who.claims[\"/h/i\"]",
                "grants[1].permissions_claim",
                "denials[0].who.claims.k",
                "denials[0].unless.claims.l",
            ]
        );
        let subjects = all(&parsed, &config).into_iter().filter(|claim| claim.is_subject);
        assert_eq!(subjects.map(|claim| claim.name.to_string()).collect::<Vec<_>>(), ["a", "b", "g"]);
    }
}

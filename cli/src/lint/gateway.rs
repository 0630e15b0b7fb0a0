//! Grants to what stands between people and Temporal, a gateway or the Web UI: what it may do, everybody may who reaches
//! it.

use temporal_auth::config::Config;
use temporal_auth::policy::pattern::Pattern;

use super::{Lint, member};

pub(super) fn lint(config: &Config) -> Vec<Lint> {
    let mut lints = Vec::new();
    for (place, grant) in config.policy.grants.iter().enumerate() {
        let path = format!("grants[{place}].who");
        let is_subject = |name: &str| config.issuers.iter().any(|issuer| issuer.rules.subject.to_string() == *name);
        let claims = grant.who.claims.0.iter().map(|(name, patterns)| (name.to_string(), patterns));
        let claims = claims.filter(|(name, _)| is_subject(name));
        let claims = claims.map(|(name, patterns)| (member(&format!("{path}.claims"), &name), patterns));
        for (path, patterns) in claims.chain([(format!("{path}.subject"), &grant.who.subject)]) {
            let Some(pattern) = patterns.iter().find(|pattern| is_between(pattern)) else { continue };
            lints.push(Lint {
                path,
                text: format!("`{pattern}` looks like the identity of a gateway or of the Web UI"),
                help: "whoever reaches it may do all that it may: let it send on the token of whoever uses it, and \
                       grant to them"
                    .to_owned(),
            });
        }
    }
    lints
}

fn is_between(pattern: &Pattern) -> bool {
    let mut text = pattern.to_string().to_ascii_lowercase();
    // The name of a capture says nothing of what it takes.
    for name in pattern.captures() {
        text = text.replace(&format!("{{{}}}", name.to_ascii_lowercase()), "*");
    }
    ["gateway", "ingress", "web"].iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_gateways() {
        for between in ["temporal-web", "Web-UI", "istio-ingressgateway", "system:serviceaccount:edge:Ingress*"] {
            assert!(is_between(&Pattern::parse(between).unwrap()), "{between}");
        }
        for other in ["alice", "{web}-runner", "{team}-worker", "we-b", "gate"] {
            assert!(!is_between(&Pattern::parse(other).unwrap()), "{other}");
        }
    }
}

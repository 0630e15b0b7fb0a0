//! Grants that no token can match, or that give nothing. A grant is reported only if that is certain.

use temporal_auth::config::{Config, Issuer};
use temporal_auth::identity::{ClaimSet, Kind};
use temporal_auth::pattern::Pattern;
use temporal_auth::policy::grant::GrantScope;
use temporal_auth::policy::who::Who;
use temporal_auth::temporal::EffectSet;

use super::{Lint, grant_path};
use crate::patterns::overlap::{PatternReading, overlap, texts};

pub(super) fn lint(config: &Config) -> Vec<Lint> {
    let mut lints = Vec::new();
    for (index, grant) in config.policy.grants.iter().enumerate() {
        let path = grant_path(index);
        if let Some(why) = impossible_for_all(&grant.who, config, PatternReading::Narrow) {
            lints.push(Lint {
                path: path.member("who"),
                text: format!("no token can match: {why}"),
                help: "change the conditions, or remove the grant".to_owned(),
            });
        }
        let (GrantScope::System(role) | GrantScope::Namespaces(role, _)) = &grant.gives else { continue };
        if config.policy.parity && !role.effects.covers(EffectSet::READER) {
            lints.push(Lint {
                path: path.member("role"),
                text: format!("role {} gives nothing under `parity: upstream`", role.name),
                help: "under parity, a role counts as the highest of reader, writer and admin that it fully contains"
                    .to_owned(),
            });
        } else if role.effects.is_empty() && role.plus.is_empty() {
            lints.push(Lint {
                path: path.member("role"),
                text: format!("role {} gives nothing", role.name),
                help: "its `minus` removes everything that it has".to_owned(),
            });
        }
    }
    lints
}

/// Why no token can match `who`, whichever issuer it is from. `None` if one might.
pub(super) fn impossible_for_all(who: &Who, config: &Config, reading: PatternReading) -> Option<String> {
    let issuers = config.issuers.iter();
    let meant = issuers.filter(|issuer| who.issuers.is_empty() || who.issuers.contains(&issuer.name));
    let reasons: Option<Vec<_>> = meant.map(|issuer| impossible(who, issuer, reading)).collect();
    reasons?.into_iter().next()
}

/// Why no token of this issuer can match `who`. `None` if one might.
fn impossible(who: &Who, issuer: &Issuer, reading: PatternReading) -> Option<String> {
    let claims = &who.claims;
    // These claims are a single string in every accepted token.
    for (name, patterns) in &claims.0 {
        let name = name.to_string();
        if name == "iss" {
            let Some(iss) = &issuer.rules.issuer else { return Some("the issuer's tokens have no `iss`".to_owned()) };
            if !any_matches(patterns, iss, reading) {
                return Some(format!("the issuer's `iss` is always {iss:?}"));
            }
        }
        // A subject is matched whole; a scope is matched word by word, and so are other claims in denials.
        let whole = match reading {
            PatternReading::Narrow => !matches!(name.trim_start_matches('/'), "scope" | "scp"),
            PatternReading::Wide => name == "sub",
        };
        let is_subject = matches!(issuer.rules.subject.as_slice(), [only] if name == only.to_string());
        if whole && is_subject && are_disjoint(patterns, &who.subject, reading) {
            return Some(format!("claim {name} is the subject, and no value meets both conditions"));
        }
        // Denials also match an unverified address, and a kind in doubt matches both kinds.
        if reading == PatternReading::Wide {
            continue;
        }
        if name == "email_verified"
            && !issuer.rules.claims.trusts_email
            && claims.0.iter().any(|(name, _)| name.to_string() == "email")
            && !any_matches(patterns, "true", reading)
        {
            return Some("`email` counts only if `email_verified` is true".to_owned());
        }
    }
    let service = reading == PatternReading::Narrow && issuer.service_when.iter().any(|set| implies(claims, set));
    (who.kind == Some(Kind::Human) && service)
        .then(|| format!("callers with these claims are services according to service_when of issuer {}", issuer.name))
}

/// Whether claims that match `claims` also match `set`: each condition of `set` is there, or a narrower one.
fn implies(claims: &ClaimSet, set: &ClaimSet) -> bool {
    set.0.iter().all(|(name, allowed)| {
        claims
            .0
            .iter()
            .any(|(other, patterns)| other == name && patterns.iter().all(|pattern| allowed.contains(pattern)))
    })
}

fn any_matches(patterns: &[Pattern], value: &str, reading: PatternReading) -> bool {
    patterns.iter().any(|pattern| match reading {
        PatternReading::Narrow => pattern.matches(value).is_some(),
        PatternReading::Wide => pattern.matches_widely(value),
    })
}

/// Whether no text matches a pattern of either list.
fn are_disjoint(one: &[Pattern], other: &[Pattern], reading: PatternReading) -> bool {
    let shared = |one: &Pattern, other: &Pattern| overlap(&texts(one, reading), &texts(other, reading));
    !one.is_empty() && !other.is_empty() && !one.iter().any(|one| other.iter().any(|other| shared(one, other)))
}

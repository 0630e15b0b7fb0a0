//! What an issuer's settings may open: tokens that were refused before, or that now say something else.

use serde_json::Value;
use temporal_auth::config::{Config, Issuer, KeysFrom};
use temporal_auth::identity::ClaimSet;
use temporal_auth::policy::who::Who;
use temporal_auth::temporal::EffectSet;
use temporal_auth::time::Timestamp;
use temporal_auth::token::jose::KidRule;

use super::{Gain, GainSort};
use crate::analysis::gives;
use crate::analysis::who::is_for_all_of;
use crate::analysis::words::{self, plain};

/// The types of tokens that are accepted if the configuration names none.
const USUAL_TYPES: [&str; 2] = ["jwt", "at+jwt"];

pub(super) fn gains(old: (&Config, &Value), new: (&Config, &Value), now: Timestamp) -> Vec<Gain> {
    let mut gains = Vec::new();
    for issuer in &new.0.issuers {
        let effects = given_to(issuer, new.0, now);
        let reasons = match old.0.issuers.iter().find(|known| known.rules.issuer == issuer.rules.issuer) {
            None if new.0.policy.authenticated.is_empty() => Vec::new(),
            None => vec![("", "tokens of a new issuer are accepted for the methods under authenticated")],
            Some(known) => reasons(known, issuer, (old.0, new.0), (old.1, new.1)),
        };
        for (field, what) in reasons {
            // A new issuer's callers get what its grants give, which is reported with them.
            let effects = if field.is_empty() { open_to_tokens(new.0) } else { effects };
            let by = format!("issuers.{}{field}", plain(&issuer.name));
            let who = format!("callers of issuer {}", plain(&issuer.name));
            let place = words::EVERYWHERE.to_owned();
            gains.push(Gain { sort: GainSort::Setting, by, who, place, what: what.to_owned(), effects });
        }
    }
    gains
}

/// Everything that grants give to callers of this issuer.
fn given_to(issuer: &Issuer, config: &Config, now: Timestamp) -> EffectSet {
    let policy = &config.policy;
    let named =
        policy.grants.iter().filter(|grant| grant.who.issuers.contains(&issuer.name) && gives::is_in_force(grant, now));
    let roles = named.flat_map(gives::roles);
    let all = roles.fold(EffectSet::NONE, |all, given| {
        let single = given.role.plus.iter().filter_map(|path| config.catalogue.named(path));
        single.fold(all.with(given.role.effects), |all, method| all.with(method.effects))
    });
    let all = if policy.parity && !all.is_empty() { EffectSet::ADMIN } else { all };
    all.with(open_to_tokens(config))
}

/// The effects of the methods that are open to every good token.
fn open_to_tokens(config: &Config) -> EffectSet {
    let named = config.policy.authenticated.iter().filter_map(|path| config.catalogue.named(path));
    named.fold(EffectSet::NONE, |all, method| all.with(method.effects))
}

/// The fields by which more may be accepted, each with what is.
fn reasons(
    old: &Issuer,
    new: &Issuer,
    configs: (&Config, &Config),
    values: (&Value, &Value),
) -> Vec<(&'static str, &'static str)> {
    let (before, after) = (&old.rules, &new.rules);
    let more_audiences = match (&before.audiences, &after.audiences) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(before), Some(after)) => after.iter().any(|audience| !before.contains(audience)),
    };
    let more_types = match (&before.typ, &after.typ) {
        (None, None) => false,
        (None, Some(after)) => after.iter().any(|typ| !USUAL_TYPES.contains(&typ.as_str())),
        (Some(_), None) => true,
        (Some(before), Some(after)) => after.iter().any(|typ| !before.contains(typ)),
    };
    let lifetime = |rules: &temporal_auth::identity::token_rules::TokenRules| {
        rules.max_lifetime.unwrap_or(std::time::Duration::MAX)
    };
    let claims = |set: &ClaimSet| Who {
        issuers: Vec::new(),
        kind: None,
        subject: Vec::new(),
        claims: set.clone(),
        peer: None,
        without_token: false,
    };
    let kinds_matter =
        configs.0.policy.grants.iter().chain(configs.1.policy.grants.iter()).any(|grant| grant.who.kind.is_some())
            || configs
                .0
                .policy
                .denials
                .iter()
                .chain(configs.1.policy.denials.iter())
                .any(|denial| [&denial.who, &denial.unless].into_iter().flatten().any(|who| who.kind.is_some()));
    let all = [
        (more_audiences, ".audiences", "tokens for other audiences are accepted"),
        (
            after.algorithms.iter().any(|algorithm| !before.algorithms.contains(algorithm)),
            ".algorithms",
            "tokens signed by other algorithms are accepted",
        ),
        (
            before.kid == KidRule::Required && after.kid == KidRule::Optional,
            ".keys.kid",
            "tokens without kid are accepted",
        ),
        (before.headers != after.headers, ".token.headers", "tokens in other headers count"),
        (more_types, ".token.typ", "tokens of other types are accepted"),
        (after.leeway > before.leeway, ".token.leeway", "tokens are accepted for longer"),
        (lifetime(after) > lifetime(before), ".token.max_lifetime", "tokens that are valid for longer are accepted"),
        (
            !is_for_all_of(&claims(&before.require), &claims(&after.require)),
            ".token.require",
            "tokens without these claims are accepted",
        ),
        (before.subject != after.subject, ".subject", "callers may have other subjects"),
        (before.claims != after.claims, ".claims, email", "claims are read in another way"),
        (
            kinds_matter && old.service_when != new.service_when,
            ".service_when",
            "people may count as services, and services as people",
        ),
        (may_verify_more(old, new, values), ".keys", "tokens signed by other keys may be accepted, or for longer"),
    ];
    all.into_iter().filter(|(is_more, ..)| *is_more).map(|(_, field, what)| (field, what)).collect()
}

/// Whether keys may verify tokens that were refused before.
fn may_verify_more(old: &Issuer, new: &Issuer, values: (&Value, &Value)) -> bool {
    match (&old.keys, &new.keys) {
        (KeysFrom::Remote(old), KeysFrom::Remote(new)) => {
            let source = (&old.discover, &old.start, &old.cluster, &old.jwks_cluster);
            source != (&new.discover, &new.start, &new.cluster, &new.jwks_cluster)
                || new.refresh > old.refresh
                || new.max_stale > old.max_stale
        }
        (KeysFrom::Inline(_), KeysFrom::Inline(_)) => {
            let keys = |value: &Value, issuer: &Issuer| {
                let issuer = value.get("issuers")?.get(&*issuer.name)?;
                issuer.pointer("/keys/inline/keys")?.as_array().cloned()
            };
            match (keys(values.0, old), keys(values.1, new)) {
                (Some(old), Some(new)) => new.iter().any(|key| !old.contains(key)),
                _ => true,
            }
        }
        _ => true,
    }
}

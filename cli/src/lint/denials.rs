//! Denials that do less than they seem to: some do not reach callers without a certain claim, and some never match. A denial
//! is reported only if that is certain.

use temporal_auth::config::{Config, Issuer, PeerSource};
use temporal_auth::identity::{ClaimName, ClaimSet};
use temporal_auth::policy::denial::Denial;
use temporal_auth::policy::who::Who;
use temporal_auth::temporal::EffectSet;

use super::shadowed::has_no_more_conditions;
use super::unreachable::impossible_for_all;
use super::{Lint, denial_path};
use crate::patterns::overlap::PatternReading;

pub(super) fn lint(config: &Config) -> Vec<Lint> {
    let mut lints = Vec::new();
    for (index, denial) in config.policy.denials.iter().enumerate() {
        let path = denial_path(index);
        if let Some((field, why)) = useless(denial, config) {
            lints.push(Lint {
                path: path.member(field),
                text: format!("denial {} {why}", denial.name),
                help: "change it, or remove it: it protects nothing".to_owned(),
            });
        } else if let Some(who) = &denial.who {
            let claims =
                who.claims.0.iter().filter(|(name, _)| !issuers_of(who, config).all(|issuer| guarantees(issuer, name)));
            lints.extend(claims.map(|(name, _)| {
                Lint {
                    path: path.member("who").member("claims").member(&name.to_string()),
                    text: format!("a caller whose token lacks the claim {name} is not denied"),
                    help: "list the exempt callers in `unless` instead, so that callers without the claim are denied; \
                       providers omit groups from the tokens of people who are in too many of them"
                        .to_owned(),
                }
            }));
        }
    }
    lints
}

/// The issuers whose callers `who` may match.
fn issuers_of<'a>(who: &Who, config: &'a Config) -> impl Iterator<Item = &'a Issuer> {
    config.issuers.iter().filter(|issuer| who.issuers.is_empty() || who.issuers.contains(&issuer.name))
}

/// Whether every accepted token of this issuer has the claim.
fn guarantees(issuer: &Issuer, claim: &ClaimName) -> bool {
    let name = claim.to_string();
    matches!(name.as_str(), "iss" | "exp")
        // Denials also match an unverified address.
        || issuer.rules.subject == [claim.clone()]
        || issuer.rules.require.0.iter().any(|(name, _)| name == claim)
}

/// Why a denial never or hardly ever matches, and the field that causes it.
fn useless(denial: &Denial, config: &Config) -> Option<(&'static str, String)> {
    let never = |field, why: &str| Some((field, format!("never matches: {why}")));
    let everyone = Who {
        issuers: Vec::new(),
        kind: None,
        subject: Vec::new(),
        claims: Default::default(),
        peer: None,
        without_token: false,
    };
    let who = denial.who.as_ref().unwrap_or(&everyone);
    if let Some(why) = impossible_for_all(who, config, PatternReading::Wide) {
        return never("who", &format!("no token can match: {why}"));
    }
    // Only a peer may call without a token, and such a caller has no issuer.
    let without_token = config.peers != PeerSource::Unread
        && who.issuers.is_empty()
        && who.kind.is_none()
        && who.claims == ClaimSet::default();
    if let Some(unless) = &denial.unless
        && (unless.issuers.is_empty() || !without_token)
        && issuers_of(who, config).all(|issuer| unless.issuers.is_empty() || unless.issuers.contains(&issuer.name))
        && has_no_more_conditions(unless, who)
    {
        let has_conditions = unless.kind.is_some()
            || !unless.subject.is_empty()
            || unless.claims != ClaimSet::default()
            || unless.peer.is_some();
        if !has_conditions {
            return never("unless", "`unless` exempts everyone whom the denial applies to");
        }
        // Denials read the conditions of `who` wide, and those of `unless` narrow.
        let why = "matches hardly anyone: `unless` requires no more than `who`, so only callers whose claims match in the \
                   wide reading alone are denied";
        return Some(("unless", why.to_owned()));
    }
    let operations = denial.operations.as_ref()?;
    let methods = || operations.methods.iter().filter_map(|path| config.catalogue.named(path));
    if operations.effects.is_empty() && methods().all(|method| config.policy.permit_anonymous(&method).is_some()) {
        return never("effects", "denials do not apply to methods under `anonymous`");
    }
    // AdminService has every effect, and may reach any namespace.
    let reads = EffectSet::CLUSTER_READ.covers(operations.effects) && !config.admin_service;
    let in_no_namespace = reads && methods().all(|method| method.is_cluster_read());
    if denial.namespaces.is_some() && in_no_namespace {
        return never("namespaces", "calls that read from the cluster are not in any namespace");
    }
    None
}

//! Denials that do less than they seem to: one that a missing claim escapes, and one that never matches anything. Only
//! what is certain.

use temporal_auth::config::{Config, Issuer, Peers};
use temporal_auth::identity::{ClaimName, ClaimSet};
use temporal_auth::policy::denial::Denial;
use temporal_auth::policy::who::Who;
use temporal_auth::temporal::EffectSet;

use super::overlap::Reading;
use super::shadowed::has_no_more_conditions;
use super::unreachable::impossible_for_all;
use super::{Lint, denial_path};

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
            let claims = who.claims.0.iter().filter(|(name, _)| !meant(who, config).all(|issuer| gives(issuer, name)));
            lints.extend(claims.map(|(name, _)| {
                Lint {
                path: path.member("who").member("claims").member(&name.to_string()),
                text: format!("a caller whose token lacks the claim {name} is not denied"),
                help: "say with `unless` who is spared: it denies whoever lacks a claim. Providers leave groups out of \
                       the tokens of people who are in too many"
                    .to_owned(),
            }
            }));
        }
    }
    lints
}

/// The issuers whose callers are meant.
fn meant<'a>(who: &Who, config: &'a Config) -> impl Iterator<Item = &'a Issuer> {
    config.issuers.iter().filter(|issuer| who.issuers.is_empty() || who.issuers.contains(&issuer.name))
}

/// Whether every token of this issuer that is accepted has the claim.
fn gives(issuer: &Issuer, claim: &ClaimName) -> bool {
    let name = claim.to_string();
    matches!(name.as_str(), "iss" | "exp")
        // Denials count an address that is not verified.
        || *claim == issuer.rules.subject
        || issuer.rules.require.0.iter().any(|(name, _)| name == claim)
}

/// The field because of which a denial never matches, or hardly ever, and why.
fn useless(denial: &Denial, config: &Config) -> Option<(&'static str, String)> {
    let never = |field, why: &str| Some((field, format!("never matches: {why}")));
    let everybody = Who {
        issuers: Vec::new(),
        kind: None,
        subject: Vec::new(),
        claims: Default::default(),
        peer: None,
        without_token: false,
    };
    let who = denial.who.as_ref().unwrap_or(&everybody);
    if let Some(why) = impossible_for_all(who, config, Reading::Wide) {
        return never("who", &format!("no token can match: {why}"));
    }
    // Only a peer may come without a token, and no issuer means it.
    let without_token = config.peers != Peers::Unread
        && who.issuers.is_empty()
        && who.kind.is_none()
        && who.claims == ClaimSet::default();
    if let Some(unless) = &denial.unless
        && (unless.issuers.is_empty() || !without_token)
        && meant(who, config).all(|issuer| unless.issuers.is_empty() || unless.issuers.contains(&issuer.name))
        && has_no_more_conditions(unless, who)
    {
        let has_conditions = unless.kind.is_some()
            || !unless.subject.is_empty()
            || unless.claims != ClaimSet::default()
            || unless.peer.is_some();
        if !has_conditions {
            return never("unless", "it spares everybody whom it is about");
        }
        // Conditions of `who` read wide, those of `unless` do not.
        let why = "matches hardly anybody: `unless` has the conditions of `who`, and leaves only callers whose claims grants \
                   read otherwise";
        return Some(("unless", why.to_owned()));
    }
    let what = denial.operations.as_ref()?;
    let methods = || what.methods.iter().filter_map(|path| config.catalogue.named(path));
    if what.effects.is_empty() && methods().all(|method| config.policy.permit_anonymous(&method).is_some()) {
        return never("effects", "denials do not touch what is `anonymous`");
    }
    // AdminService has every effect, and may reach any namespace.
    let reads = EffectSet::CLUSTER_READ.covers(what.effects) && !config.admin_service;
    let in_no_namespace = reads && methods().all(|method| method.is_cluster_read());
    if denial.namespaces.is_some() && in_no_namespace {
        return never("namespaces", "what reads from the cluster is in no namespace");
    }
    None
}

//! What settings besides grants, denials and issuers may open, and which settings are written differently.

use serde_json::Value;
use temporal_auth::config::{Config, PeerSource};
use temporal_auth::policy::Policy;
use temporal_auth::policy::who::Who;
use temporal_auth::temporal::{EffectSet, ListMethod};

use super::{Gain, GainSort};
use crate::analysis::calls::{methods, shown_name};
use crate::analysis::words;

/// The members of a configuration that hold rules, which are compared by what they mean.
const RULES: [&str; 2] = ["grants", "denials"];
/// Members whose meaning is compared. Any other member that differs may matter.
const KNOWN: [&str; 18] = [
    "version",
    "applies_to",
    "issuers",
    "prefer",
    "roles",
    "anonymous",
    "authenticated",
    "methods",
    "newer_fields",
    "admin_service",
    "peers",
    "http",
    "parity",
    "mode",
    // These change answers and logs, and no verdict.
    "log",
    "access_log_state",
    "explain_to_client",
    "hide_namespaces",
];
/// The same, for what goes on to the server.
const HARMLESS: &str = "forward_token";

pub(super) fn gains(old: &Config, new: &Config) -> Vec<Gain> {
    let mut gains = Vec::new();
    let mut add = |by: &str, what: String, effects: EffectSet| {
        let (by, who, place) = (by.to_owned(), "everybody".to_owned(), words::EVERYWHERE.to_owned());
        gains.push(Gain { sort: GainSort::Setting, by, who, place, what, effects });
    };
    let routes_are_left_out = match (&old.applies_to, &new.applies_to) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(old), Some(new)) => !old.iter().all(|pattern| new.contains(pattern)),
    };
    if routes_are_left_out {
        add("applies_to", "calls on other routes pass without a check".to_owned(), EffectSet::ADMIN);
    }
    if old.token_headers != new.token_headers {
        add("token.headers, prefer", "another header's token may count".to_owned(), EffectSet::ADMIN);
    }
    for (list, before, after) in [
        ("anonymous", &old.policy.anonymous, &new.policy.anonymous),
        ("authenticated", &old.policy.authenticated, &new.policy.authenticated),
    ] {
        let mut more = methods(new);
        more.retain(|method| {
            after.iter().any(|path| *path == method.path) && !before.iter().any(|path| *path == method.path)
        });
        let effects = more.iter().fold(EffectSet::NONE, |all, method| all.with(method.effects));
        let names: Vec<_> = more.iter().map(|method| shown_name(method)).collect();
        if !names.is_empty() {
            add(list, names.join(", "), effects);
        }
    }
    // Of a list that is open to every good token, a denial removes entries; otherwise it shows all of them to its callers.
    let reduces =
        |policy: &Policy, path: &String| policy.authenticated.contains(path) && ListMethod::with_path(path).is_some();
    if old.policy.authenticated.iter().any(|path| reduces(&old.policy, path) && !reduces(&new.policy, path))
        && old.policy.denials.iter().any(|denial| denial.namespaces.is_some())
    {
        add("authenticated", "whole lists, with the entries that denials removed".to_owned(), EffectSet::CLUSTER_READ);
    }
    if old.policy.refuses_newer && !new.policy.refuses_newer {
        add("newer_fields", "requests with fields that the filter does not know".to_owned(), EffectSet::ADMIN);
    }
    if old.policy.refuses_newer && new.policy.refuses_newer && loses_limits(&old.policy, &new.policy) {
        let what = "polls with fields that the filter does not know, by callers without limits".to_owned();
        add("newer_fields", what, EffectSet::POLL);
    }
    if old.policy.parity != new.policy.parity {
        add("parity", "grants decide in another way".to_owned(), EffectSet::ADMIN);
    }
    if new.shadow && !old.shadow {
        add("mode", "nothing is enforced".to_owned(), EffectSet::ADMIN);
    }
    if new.http.api && !old.http.api {
        add("http.api", "calls over HTTP".to_owned(), EffectSet::ADMIN);
    }
    if (new.http.api || new.http.nexus) && old.http.path_prefix != new.http.path_prefix {
        add("http.path_prefix", "calls over HTTP at other paths".to_owned(), EffectSet::ADMIN);
    }
    if old.peers != new.peers && [old.peers, new.peers].contains(&PeerSource::Forwarded) {
        add("peers", "the TLS peer comes from elsewhere".to_owned(), EffectSet::ADMIN);
    }
    gains
}

/// Whether some callers may have had limits, and may have none now.
fn loses_limits(old: &Policy, new: &Policy) -> bool {
    let limited = |policy: &Policy| {
        let grants = policy.grants.iter().filter(|grant| !grant.limits.is_empty());
        let denials = policy.denials.iter().filter(|denial| denial.outside.is_some());
        let who = |who: Option<&Who>, unless: Option<&Who>| format!("{who:?} {unless:?}");
        let of_grants = grants.map(|grant| who(Some(&grant.who), None)).collect::<Vec<_>>();
        let of_denials = denials.map(|denial| who(denial.who.as_ref(), denial.unless.as_ref()));
        of_grants.into_iter().chain(of_denials).collect::<Vec<_>>()
    };
    let now = limited(new);
    limited(old).iter().any(|who| !now.contains(who))
}

/// What members may open that this comparison does not know.
pub(super) fn unknown(old: &Value, new: &Value) -> Vec<Gain> {
    let is_known = |path: &str| {
        let first = path.split(['.', '[']).next().unwrap_or_default();
        KNOWN.contains(&first) || first == HARMLESS
    };
    let paths = changed(old, new).into_iter().map(|(path, ..)| path);
    let gain = |path| {
        let (who, place) = ("everybody".to_owned(), words::EVERYWHERE.to_owned());
        let what = "a setting that may change verdicts".to_owned();
        Gain { sort: GainSort::Setting, by: path, who, place, what, effects: EffectSet::ADMIN }
    };
    paths.filter(|path| !is_known(path)).map(gain).collect()
}

/// The settings that differ, with their old and new values. Rules are left out.
pub(super) fn changed(old: &Value, new: &Value) -> Vec<(String, Option<Value>, Option<Value>)> {
    let mut changed = Vec::new();
    compare("", Some(old), Some(new), &mut changed);
    changed.retain(|(path, ..)| !RULES.contains(&path.split(['.', '[']).next().unwrap_or_default()));
    changed
}

fn compare(
    path: &str,
    old: Option<&Value>,
    new: Option<&Value>,
    changed: &mut Vec<(String, Option<Value>, Option<Value>)>,
) {
    if old == new {
        return;
    }
    // Where one side is missing, its members are shown as a whole, except at the top.
    let (Some(Value::Object(before)), Some(Value::Object(after))) = (old, new) else {
        changed.push((path.to_owned(), old.cloned(), new.cloned()));
        return;
    };
    let mut names: Vec<_> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        compare(&inner, before.get(name), after.get(name), changed);
    }
}

//! Grants that an earlier grant makes redundant: everyone who holds them also holds that grant, and it gives at least as
//! much. Only literally equal patterns are compared; patterns that happen to match the same names are not reported.

use std::hash::{DefaultHasher, Hash, Hasher};

use temporal_auth::config::Config;
use temporal_auth::identity::ClaimSet;
use temporal_auth::pattern::Pattern;
use temporal_auth::policy::expiry::Expiry;
use temporal_auth::policy::grant::{Grant, GrantScope, PermissionsFormat};
use temporal_auth::policy::limits::Limits;
use temporal_auth::policy::role::Role;
use temporal_auth::policy::who::Who;
use temporal_auth::temporal::Limit;
use temporal_auth::time::Timestamp;

use super::{Lint, grant_path};

pub(super) fn lint(config: &Config, now: Timestamp) -> Vec<Lint> {
    let grants: Vec<_> = config.policy.grants.iter().map(|grant| (grant, Sketch::of(grant))).collect();
    let shadowed = grants.iter().enumerate().filter_map(|(index, (grant, sketch))| {
        let mut earlier = grants.iter().take(index);
        let (earlier, _) = earlier.find(|(earlier, wide)| wide.may_cover(sketch) && covers(earlier, grant, now))?;
        Some(Lint {
            path: grant_path(index),
            text: format!(
                "grant {} never decides: grant {} before it gives the same callers at least as much",
                grant.name, earlier.name
            ),
            help: "remove it, or narrow the earlier one".to_owned(),
        })
    });
    shadowed.collect()
}

/// Sets of patterns as bit sets of their hashes. Rules out most pairs of grants with a few comparisons, because ten
/// thousand grants have fifty million pairs.
struct Sketch {
    /// All patterns of the conditions. `None` if there are no conditions.
    who: Option<u128>,
    /// The first pattern of each condition.
    who_first: u128,
    /// All patterns of namespaces. `None` if any namespace matches.
    namespaces: Option<u128>,
    /// The first pattern of namespaces.
    namespaces_first: u128,
}

impl Sketch {
    fn of(grant: &Grant) -> Self {
        let Who { issuers: _, kind: _, subject, claims, peer, without_token: _ } = &grant.who;
        let lists = || {
            let claims = claims.0.iter().map(|(_, patterns)| patterns);
            claims.chain(peer).chain([subject]).filter(|list| !list.is_empty())
        };
        let namespaces = match &grant.gives {
            GrantScope::Namespaces(_, patterns) => patterns.as_slice(),
            GrantScope::System(_) | GrantScope::Permissions(..) => &[],
        };
        let any = namespaces.is_empty() || namespaces.iter().any(Pattern::is_star);
        Self {
            who: lists().next().map(|_| bits(lists().flatten())),
            who_first: bits(lists().filter_map(|list| list.first())),
            namespaces: (!any).then(|| bits(namespaces)),
            namespaces_first: bits(namespaces.first()),
        }
    }

    /// Whether this grant may cover the other. If it does, each of its conditions contains all patterns of the other's
    /// condition, and so do its namespaces.
    fn may_cover(&self, narrow: &Self) -> bool {
        self.who.is_none_or(|who| who & narrow.who_first != 0)
            && self.namespaces.is_none_or(|all| all & narrow.namespaces_first == narrow.namespaces_first)
    }
}

fn bits<'a>(patterns: impl IntoIterator<Item = &'a Pattern>) -> u128 {
    patterns.into_iter().fold(0, |bits, pattern| {
        let mut hasher = DefaultHasher::new();
        pattern.to_string().hash(&mut hasher);
        bits | 1u128.wrapping_shl(hasher.finish() as u32)
    })
}

fn covers(wide: &Grant, narrow: &Grant, now: Timestamp) -> bool {
    // Every field is listed, so that a new field is considered here.
    let Grant { name: _, who, gives, limits, may_register, may_call_back, until, shadow: _ } = wide;
    // A grant that is in shadow or has ended gives nothing, and has a warning of its own.
    let gives_nothing = |grant: &Grant| grant.shadow || grant.until.as_ref().is_some_and(|until| until.has_passed(now));
    if gives_nothing(wide) || gives_nothing(narrow) || !is_wider(who, &narrow.who) {
        return false;
    }
    let ends_before = |until: &Expiry| narrow.until.as_ref().is_none_or(|other| until.at() < other.at());
    if until.as_ref().is_some_and(ends_before) {
        return false;
    }
    let may_as_much = (*may_register || !narrow.may_register) && (*may_call_back || !narrow.may_call_back);
    let same_captures =
        who.claims == narrow.who.claims && who.subject == narrow.who.subject && who.peer == narrow.who.peer;
    if !is_looser(limits, &narrow.limits, same_captures) {
        return false;
    }
    match (gives, &narrow.gives) {
        (GrantScope::System(role), GrantScope::System(other) | GrantScope::Namespaces(other, _)) => {
            is_greater(role, other)
        }
        (GrantScope::Namespaces(role, patterns), GrantScope::Namespaces(other, narrower)) => {
            may_as_much
                && is_greater(role, other)
                && narrower.iter().all(|pattern| reaches(patterns, pattern, same_captures))
        }
        (GrantScope::Permissions(claim, reading), GrantScope::Permissions(other, other_reading)) => {
            may_as_much && claim == other && is_same(reading, other_reading)
        }
        _ => false,
    }
}

fn is_same(one: &PermissionsFormat, other: &PermissionsFormat) -> bool {
    one.as_upstream == other.as_upstream && regex(one) == regex(other)
}

fn regex(format: &PermissionsFormat) -> Option<&str> {
    format.regex.as_ref().map(|regex| regex.as_str())
}

/// Whether `wide` matches every caller whom `narrow` matches: it has no additional condition, and all alternatives in each
/// condition.
pub(super) fn is_wider(wide: &Who, narrow: &Who) -> bool {
    // Without an issuer, it also matches callers without a token.
    let issued = wide.issuers.is_empty()
        || (!narrow.issuers.is_empty() && narrow.issuers.iter().all(|issuer| wide.issuers.contains(issuer)));
    issued && has_no_more_conditions(wide, narrow)
}

/// The same, regardless of the issuer.
pub(super) fn has_no_more_conditions(wide: &Who, narrow: &Who) -> bool {
    let Who { issuers: _, kind, subject, claims, peer, without_token } = wide;
    let peers = match (peer, &narrow.peer) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(peer), Some(narrower)) => contains_all(peer, narrower),
    };
    peers
        && (!without_token || narrow.without_token)
        && (kind.is_none() || *kind == narrow.kind)
        && (subject.is_empty() || (!narrow.subject.is_empty() && contains_all(subject, &narrow.subject)))
        && has_no_more(claims, &narrow.claims)
}

fn has_no_more(wide: &ClaimSet, narrow: &ClaimSet) -> bool {
    wide.0.iter().all(|(name, patterns)| {
        narrow.0.iter().any(|(other, narrower)| other == name && contains_all(patterns, narrower))
    })
}

fn contains_all(wide: &[Pattern], narrow: &[Pattern]) -> bool {
    narrow.iter().all(|pattern| wide.contains(pattern))
}

fn is_greater(role: &Role, other: &Role) -> bool {
    role.effects.covers(other.effects)
        && other.plus.iter().all(|path| role.plus.contains(path))
        && role.minus.iter().all(|path| other.minus.contains(path))
}

/// Whether `wide` limits no more than `narrow`: not at all, or to names that include all of the other's.
fn is_looser(wide: &Limits, narrow: &Limits, same_captures: bool) -> bool {
    // Without schedule ids a grant that is limited to workflow ids covers no schedule at all.
    let has_schedules = |limits: &Limits| limits.of(Limit::ScheduleIds).is_some();
    if wide.of(Limit::WorkflowIds).is_some() && !has_schedules(wide) && has_schedules(narrow) {
        return false;
    }
    Limit::ALL.into_iter().all(|limit| match (wide.of(limit), narrow.of(limit)) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => narrow.iter().all(|pattern| has(wide, pattern, same_captures)),
    })
}

/// Whether the patterns match everything that this pattern matches. Captures are comparable only if both grants have the
/// same conditions, because otherwise a different condition may bind them.
fn reaches(patterns: &[Pattern], pattern: &Pattern, same_captures: bool) -> bool {
    patterns.iter().any(Pattern::is_star) || has(patterns, pattern, same_captures)
}

fn has(patterns: &[Pattern], pattern: &Pattern, same_captures: bool) -> bool {
    patterns.contains(pattern) && (same_captures || pattern.captures().next().is_none())
}

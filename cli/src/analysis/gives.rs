//! What a grant gives: which effects of which calls, and in which namespaces.

use std::rc::Rc;

use temporal_auth::config::Config;
use temporal_auth::identity::Kind;
use temporal_auth::pattern::{Binding, Pattern};
use temporal_auth::policy::grant::{Grant, GrantScope, PERMISSION_ROLES};
use temporal_auth::policy::limits::{LimitMiss, Limits, NamespaceRole};
use temporal_auth::policy::role::Role;
use temporal_auth::policy::who::Who;
use temporal_auth::temporal::{EffectSet, Limit, MethodRef, Scope, Target};
use temporal_auth::time::Timestamp;

use super::calls::{CallOption, touches_internal};
use super::words::plain;
use crate::patterns::overlap::{Fragment, PatternReading, fragments, overlap, texts};

/// The longest namespace whose parts are tried as the text of a capture.
const MAX_TRIED: usize = 100;

/// A role that a grant gives.
#[derive(Debug, Clone)]
pub(crate) struct GivenRole {
    /// The word for it in a permissions claim. `None` if the grant itself names the role.
    pub(crate) word: Option<&'static str>,
    pub(crate) role: Rc<Role>,
    /// Whether it is given in the cluster and in every namespace.
    pub(crate) is_system: bool,
}

/// The roles that a grant may give. A permissions claim may name any of them, in any namespace and in the cluster.
pub(crate) fn roles(grant: &Grant) -> Vec<GivenRole> {
    let one = |role: &Rc<Role>, is_system| vec![GivenRole { word: None, role: Rc::clone(role), is_system }];
    match &grant.gives {
        GrantScope::System(role) => one(role, true),
        GrantScope::Namespaces(role, _) => one(role, false),
        GrantScope::Permissions(..) => {
            let role = |(word, name)| {
                Some(GivenRole { word: Some(word), role: Rc::new(Role::built_in(name)?), is_system: true })
            };
            PERMISSION_ROLES.into_iter().filter_map(role).collect()
        }
    }
}

/// Whether the grant gives anything at this time.
pub(crate) fn is_in_force(grant: &Grant, now: Timestamp) -> bool {
    !grant.shadow && !grant.until.as_ref().is_some_and(|until| until.has_passed(now))
}

/// The effects of a call that the grant may cover, whatever else the request says. `option` is what the request says. A call that
/// touches something of Temporal's own has `cluster-admin` as well.
pub(crate) fn covered(
    config: &Config,
    grant: &Grant,
    given: &GivenRole,
    method: &MethodRef,
    option: Option<&CallOption>,
) -> EffectSet {
    let policy = &config.policy;
    let in_cluster = method.scope == Scope::Cluster;
    let registers = method.name() == "RegisterNamespace" && method.scope == Scope::Namespace;
    if !given.is_system && (in_cluster || (registers && !grant.may_register && !policy.parity)) {
        return EffectSet::NONE;
    }
    let effects = option.map_or(method.effects, |option| option.effects);
    let may_touch_internal = (given.is_system || policy.parity) && touches_internal(method);
    let effects = if may_touch_internal { effects.with(EffectSet::CLUSTER_ADMIN) } else { effects };
    let covered = policy.effects_of_role(&given.role, method);
    // Under parity, whatever a request says needs no more than its method.
    let covered = if policy.parity && !covered.is_empty() { effects } else { covered.intersection(effects) };
    // Nor are limits compared with what an option does.
    if is_never_within(&grant.limits, method, option.filter(|_| !policy.parity)) { EffectSet::NONE } else { covered }
}

/// Whether no such call is within the limits, whatever it names.
fn is_never_within(limits: &Limits, method: &MethodRef, option: Option<&CallOption>) -> bool {
    let target = Target::of(method.clone());
    let (role, effects) = match option {
        Some(option) if option.elsewhere => (NamespaceRole::Foreign, option.effects),
        Some(option) => (NamespaceRole::Own, method.effects.with(option.effects)),
        None => (NamespaceRole::Own, method.effects),
    };
    let is_never = |limit: Limit| {
        // Each limit by itself: a limit whose names are missing would hide the others.
        let belongs = |other| other == limit || (limit == Limit::WorkflowIds && other == Limit::ScheduleIds);
        let alone = Limits::from_fn(|other| limits.of(other).filter(|_| belongs(other)).map(<[Pattern]>::to_vec));
        let miss = alone.check(&target, role, effects).err();
        let never = |miss| {
            matches!(
                miss,
                LimitMiss::RequestNotRead
                    | LimitMiss::Unknown(_)
                    | LimitMiss::NeedsScheduleIds
                    | LimitMiss::ChangesById
            )
        };
        limits.of(limit).is_some() && miss.is_some_and(never)
    };
    Limit::ALL.into_iter().any(is_never)
}

/// A pattern by which a grant may reach a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) pattern: String,
    /// What the pattern's captures depend on. Empty if it has none.
    pub(crate) when: Vec<Condition>,
}

/// A condition of `who` that must have one of these values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    /// The condition, such as `claim groups`.
    pub(crate) name: String,
    /// The values. Empty if they are too many to list.
    pub(crate) values: Vec<String>,
}

/// The patterns by which a grant for namespaces may reach this namespace.
pub(crate) fn reaches(grant: &Grant, patterns: &[Pattern], namespace: &str) -> Vec<Reach> {
    let name = texts(&Pattern::literal(namespace), PatternReading::Narrow);
    let matching = patterns.iter().filter(|pattern| overlap(&texts(pattern, PatternReading::Narrow), &name));
    let reach = |pattern: &Pattern| {
        let when = when(&grant.who, pattern, namespace)?;
        Some(Reach { pattern: pattern.to_string(), when })
    };
    matching.filter_map(reach).collect()
}

/// What the captures of a pattern depend on, if it is to match the namespace. `None` if they cannot take such a text.
fn when(who: &Who, pattern: &Pattern, namespace: &str) -> Option<Vec<Condition>> {
    let mut captures: Vec<_> = pattern.captures().collect();
    captures.sort_unstable();
    captures.dedup();
    let values = match captures.as_slice() {
        [] => return Some(Vec::new()),
        [capture] if namespace.len() <= MAX_TRIED => Some(candidates(pattern, capture, namespace)),
        _ => None,
    };
    if values.as_ref().is_some_and(Vec::is_empty) {
        return None;
    }
    let mut conditions = Vec::new();
    for (name, patterns) in named_conditions(who) {
        let bound: Vec<_> = patterns.iter().filter(|own| own.captures().any(|own| captures.contains(&own))).collect();
        if bound.is_empty() {
            continue;
        }
        let with = |own: &&Pattern, value: &String| {
            let capture = own.captures().next()?.to_owned();
            let bound = own.bind(&[Binding { name: capture, value: value.clone() }])?;
            Some(text_of(&bound))
        };
        let values = values
            .iter()
            .flatten()
            .flat_map(|value| bound.iter().filter_map(|own| with(own, value)).collect::<Vec<_>>());
        conditions.push(Condition { name, values: values.collect() });
    }
    (!conditions.is_empty()).then_some(conditions)
}

/// The texts that the capture may take for the pattern to match the namespace.
fn candidates(pattern: &Pattern, capture: &str, namespace: &str) -> Vec<String> {
    let bounds: Vec<_> = namespace.char_indices().map(|(at, _)| at).chain([namespace.len()]).collect();
    let pieces = bounds.iter().flat_map(|from| bounds.iter().filter_map(move |to| namespace.get(*from..*to)));
    let mut found: Vec<String> = Vec::new();
    for piece in pieces.filter(|piece| !piece.is_empty() && !piece.contains(':')) {
        let binding = Binding { name: capture.to_owned(), value: piece.to_owned() };
        let matches = pattern.bind(&[binding]).is_some_and(|bound| bound.matches(namespace).is_some());
        if matches && !found.iter().any(|known| known == piece) {
            found.push(piece.to_owned());
        }
    }
    found
}

/// The conditions of `who` that may have captures, by what they are called in texts.
fn named_conditions(who: &Who) -> Vec<(String, &[Pattern])> {
    let Who {
        issuers: _,
        kind: None | Some(Kind::Human | Kind::Service | Kind::Doubtful),
        subject,
        claims,
        peer,
        without_token: _,
    } = who;
    let claims =
        claims.0.iter().map(|(name, patterns)| (format!("claim {}", plain(&name.to_string())), patterns.as_slice()));
    let peer = peer.as_deref().map(|peer| ("TLS peer".to_owned(), peer));
    std::iter::once(("subject".to_owned(), subject.as_slice())).chain(claims).chain(peer).collect()
}

/// The text that a pattern matches, if it is only one, or the pattern.
fn text_of(pattern: &Pattern) -> String {
    match fragments(pattern).as_slice() {
        [Fragment::Literal(text)] => text.clone(),
        _ => pattern.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn config(grant: Value, more: Value) -> Config {
        let issuer = json!({"issuer": "https://a/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"}});
        let mut config = json!({"version": 1, "issuers": {"corp": issuer}, "grants": [grant]});
        config["grants"][0]["name"] = json!("g");
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Config::parse(config.to_string().as_bytes()).unwrap()
    }

    fn reached(who: Value, pattern: &str, namespace: &str) -> Vec<Reach> {
        let config = config(json!({"who": who, "role": "reader", "namespaces": [pattern]}), json!({}));
        let grant = &config.policy.grants[0];
        let GrantScope::Namespaces(_, patterns) = &grant.gives else { panic!() };
        reaches(grant, patterns, namespace)
    }

    fn values(who: Value, pattern: &str, namespace: &str) -> Vec<Vec<String>> {
        let reached = reached(who, pattern, namespace).into_iter().flat_map(|reach| reach.when);
        reached.map(|condition| condition.values).collect()
    }

    #[test]
    fn the_value_that_gives_a_namespace_is_told() {
        let team = || json!({"issuer": "corp", "claims": {"groups": "team-{t}"}});
        assert_eq!(values(team(), "{t}", "payroll"), [["team-payroll"]]);
        assert_eq!(values(team(), "{t}-*", "pay-eu-dev"), [["team-pay", "team-pay-eu"]]);
        assert_eq!(values(team(), "{t}-{t}", "a-a"), [["team-a"]]);
        assert!(values(team(), "{t}-{t}", "a-b").is_empty() && values(team(), "{t}", "a:b").is_empty());
        let both = json!({"issuer": "corp", "subject": "{t}-w", "claims": {"groups": ["ops", "team-{t}"]}});
        assert_eq!(values(both, "{t}", "x"), [["x-w"], ["team-x"]]);
        assert_eq!(reached(team(), "pay*", "payroll"), [Reach { pattern: "pay*".to_owned(), when: Vec::new() }]);
        assert!(reached(team(), "pay", "payroll").is_empty());
    }

    fn gives(grant: Value, more: Value, method: &str) -> EffectSet {
        let config = config(grant, more);
        let method = config.catalogue.named(method).unwrap();
        let grant = &config.policy.grants[0];
        let of = |given: &GivenRole| covered(&config, grant, given, &method, None);
        roles(grant).iter().map(of).fold(EffectSet::NONE, EffectSet::with)
    }

    #[test]
    fn a_grant_covers_what_its_role_and_its_limits_leave() {
        let grant = |more: Value| {
            let mut grant = json!({"who": {"issuer": "corp"}, "role": "admin", "namespaces": ["a"]});
            grant.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            grant
        };
        let none = || json!({});
        assert_eq!(gives(grant(none()), none(), "TerminateWorkflowExecution"), EffectSet::TERMINATE);
        let queues = json!({"task_queues": ["q"]});
        assert!(gives(grant(queues.clone()), none(), "TerminateWorkflowExecution").is_empty());
        assert_eq!(gives(grant(queues), none(), "StartWorkflowExecution"), EffectSet::START);
        assert!(gives(grant(json!({"workflow_ids": ["i"]})), none(), "DeleteSchedule").is_empty());
        assert!(gives(grant(none()), none(), "RegisterNamespace").is_empty());
        assert_eq!(gives(grant(json!({"may_register": true})), none(), "RegisterNamespace"), EffectSet::NAMESPACE);
        assert!(gives(grant(none()), none(), "ListClusters").is_empty());
        let permissions = json!({"who": {"issuer": "corp"}, "permissions_claim": "p"});
        assert_eq!(gives(permissions, none(), "ListClusters"), EffectSet::CLUSTER_ADMIN);
        let narrow = json!({"role": "mine"});
        let roles = json!({"roles": {"mine": {"from": "writer", "minus": ["pause"]}}, "parity": "upstream"});
        assert!(gives(grant(narrow), roles, "TerminateWorkflowExecution").is_empty(), "counts as reader");
    }
}

//! The rules, and what each gives or takes, in an order that does not depend on the order of the file.

use temporal_auth::config::Config;
use temporal_auth::policy::denial::Denial;
use temporal_auth::policy::grant::{Grant, GrantScope, SYSTEM};
use temporal_auth::temporal::{EffectSet, MethodRef, Scope};
use temporal_auth::time::Timestamp;

use crate::analysis::calls::{self, CallOption, shown_name};
use crate::analysis::gives::{self, GivenRole};
use crate::analysis::words;

/// The sort of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    Grant,
    Denial,
    Anonymous,
    Authenticated,
}

/// One rule.
#[derive(Debug)]
pub(super) struct RuleAccess {
    pub(super) sort: Sort,
    pub(super) name: String,
    /// The role, if the rule names one.
    pub(super) role: Option<String>,
    pub(super) who: String,
    /// What bounds the rule: limits, and when it ends.
    pub(super) conditions: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// What a rule gives or takes in one place.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    /// The pattern of namespaces as it is written, or what it stands for.
    pub(super) place: String,
    pub(super) effects: Vec<Cell>,
}

/// An effect of a rule in one place.
#[derive(Debug, PartialEq)]
pub(super) struct Cell {
    /// Empty for single methods.
    pub(super) effect: String,
    /// The calls by which. `None` for all calls that have the effect there.
    pub(super) calls: Option<Vec<String>>,
}

/// A call, or what its request may say.
struct KnownCall {
    method: MethodRef,
    option: Option<CallOption>,
}

impl Sort {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Denial => "denial",
            Self::Anonymous => "anonymous",
            Self::Authenticated => "authenticated",
        }
    }
}

pub(super) fn rules(config: &Config, now: Timestamp) -> Vec<RuleAccess> {
    let mut known = Vec::new();
    for method in calls::methods(config) {
        // What an operation of a newer server does is not known.
        let options = calls::options(&method).into_iter().filter(|option| !option.is_newer);
        known.push(KnownCall { method: method.clone(), option: None });
        known.extend(options.map(|option| KnownCall { method: method.clone(), option: Some(option) }));
    }
    let policy = &config.policy;
    let mut rules: Vec<_> = policy.grants.iter().map(|grant| given(config, grant, &known, now)).collect();
    rules.extend(policy.denials.iter().map(|denial| denied(denial)));
    let open = [(Sort::Anonymous, &policy.anonymous), (Sort::Authenticated, &policy.authenticated)];
    for (sort, paths) in open.into_iter().filter(|(_, paths)| !paths.is_empty()) {
        rules.push(listed(config, sort, paths));
    }
    rules.sort_by(|one, other| one.sort.cmp(&other.sort).then_with(|| one.name.cmp(&other.name)));
    for rule in &mut rules {
        rule.rows.sort_by(|one, other| one.place.cmp(&other.place));
        rule.rows.dedup();
    }
    rules
}

fn given(config: &Config, grant: &Grant, known: &[KnownCall], now: Timestamp) -> RuleAccess {
    let mut rows = Vec::new();
    let mut add = |place: String, given: &GivenRole, in_cluster: bool| {
        let effects = cells(config, grant, given, known, in_cluster);
        if !effects.is_empty() {
            rows.push(Row { place, effects });
        }
    };
    for given in gives::roles(grant) {
        match &grant.gives {
            GrantScope::System(_) => add(words::EVERYWHERE.to_owned(), &given, true),
            GrantScope::Namespaces(_, patterns) => {
                patterns.iter().for_each(|pattern| add(format!("{:?}", pattern.to_string()), &given, false));
            }
            GrantScope::Permissions(claim, _) => {
                let claim = words::plain(&claim.to_string());
                let word = given.word.unwrap_or_default();
                let named = GivenRole { is_system: false, ..given.clone() };
                add(format!("each NAMESPACE for which claim {claim} has NAMESPACE:{word}"), &named, false);
                add(format!("{}, if claim {claim} has {SYSTEM}:{word}", words::EVERYWHERE), &given, true);
            }
        }
    }
    // Under parity, commands act in other namespaces by the rights that their caller has in its own.
    let has_commands = |row: &Row| row.effects.iter().any(|cell| cell.effect == "respond");
    if config.policy.parity && rows.iter().any(has_commands) {
        let there = EffectSet::START.with(EffectSet::SIGNAL).with(EffectSet::CANCEL).with(EffectSet::TERMINATE);
        let there = there.with(EffectSet::NEXUS).with(EffectSet::UPDATE);
        let cell =
            |effect: &str| Cell { effect: effect.to_owned(), calls: Some(vec!["commands of workers".to_owned()]) };
        rows.push(Row {
            place: "every other namespace (parity: upstream)".to_owned(),
            effects: there.names().map(cell).collect(),
        });
    }
    let mut conditions = words::conditions(grant);
    if !grant.shadow && !gives::is_in_force(grant, now) {
        conditions.push("ended: it gives nothing".to_owned());
    }
    RuleAccess {
        sort: Sort::Grant,
        name: grant.name.to_string(),
        role: words::role(grant).map(|role| role.name.to_string()),
        who: words::callers(&grant.who),
        conditions,
        rows,
    }
}

/// The effects of a role in namespaces, or in the cluster as well.
fn cells(config: &Config, grant: &Grant, given: &GivenRole, known: &[KnownCall], in_cluster: bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    for name in EffectSet::ADMIN.names() {
        let Some(effect) = EffectSet::named(name) else { continue };
        let has_effect = |call: &&KnownCall| {
            let effects = call.option.as_ref().map_or(call.method.effects, |option| option.effects);
            // An option adds nothing to a method that has the effect anyway.
            let is_new = call.option.is_none() || !call.method.effects.covers(effect);
            effects.covers(effect) && is_new && (in_cluster || call.method.scope == Scope::Namespace)
        };
        let with_effect: Vec<_> = known.iter().filter(has_effect).collect();
        let is_covered = |call: &&&KnownCall| {
            gives::covered(config, grant, given, &call.method, call.option.as_ref()).covers(effect)
        };
        let covered: Vec<_> = with_effect.iter().filter(is_covered).collect();
        // A call that touches something of Temporal's own has this effect, too.
        let is_admin = effect == EffectSet::CLUSTER_ADMIN
            && known.iter().any(|call| {
                gives::covered(config, grant, given, &call.method, call.option.as_ref())
                    .covers(EffectSet::CLUSTER_ADMIN)
            });
        if covered.is_empty() && !is_admin {
            continue;
        }
        let text = |call: &&&KnownCall| match &call.option {
            None => shown_name(&call.method).to_owned(),
            Some(option) => format!("{} with {}", shown_name(&call.method), option.text),
        };
        let calls = (covered.len() < with_effect.len()).then(|| covered.iter().map(text).collect());
        cells.push(Cell { effect: name.to_owned(), calls });
    }
    cells
}

fn denied(denial: &Denial) -> RuleAccess {
    let mut effects = Vec::new();
    match &denial.operations {
        None => effects.push(Cell { effect: "every effect".to_owned(), calls: None }),
        Some(denied) => {
            effects.extend(denied.effects.names().map(|name| Cell { effect: name.to_owned(), calls: None }));
            let mut methods: Vec<_> =
                denied.methods.iter().filter_map(|path| path.rsplit('/').next()).map(str::to_owned).collect();
            methods.sort();
            if !methods.is_empty() {
                effects.push(Cell { effect: String::new(), calls: Some(methods) });
            }
        }
    }
    let row = |place: String| Row { place, effects: effects.iter().map(Cell::copied).collect() };
    let rows = match &denial.namespaces {
        None => vec![row(words::EVERYWHERE.to_owned())],
        Some(patterns) => patterns.iter().map(|pattern| row(format!("{:?}", pattern.to_string()))).collect(),
    };
    let mut conditions: Vec<_> =
        denial.outside.iter().flat_map(words::limits).map(|limit| format!("except within {limit}")).collect();
    conditions.extend(denial.commands.then(|| "commands of workers as well".to_owned()));
    conditions.extend(denial.shadow.then(|| "in shadow: it denies nothing".to_owned()));
    let who = words::denied_callers(denial);
    RuleAccess { sort: Sort::Denial, name: denial.name.to_string(), role: None, who, conditions, rows }
}

impl Cell {
    fn copied(&self) -> Self {
        Self { effect: self.effect.clone(), calls: self.calls.clone() }
    }
}

fn listed(config: &Config, sort: Sort, paths: &[String]) -> RuleAccess {
    let methods: Vec<_> =
        calls::methods(config).into_iter().filter(|method| paths.iter().any(|path| *path == method.path)).collect();
    let cell = |effect: &str| {
        let having = methods.iter().filter(|method| method.effects.names().any(|name| name == effect));
        let calls: Vec<_> = having.map(|method| shown_name(method).to_owned()).collect();
        (!calls.is_empty()).then(|| Cell { effect: effect.to_owned(), calls: Some(calls) })
    };
    let effects = EffectSet::ADMIN.names().filter_map(cell).collect();
    let who =
        if sort == Sort::Anonymous { "everybody, with or without a token" } else { "everybody with a good token" };
    let rows = vec![Row { place: "the cluster".to_owned(), effects }];
    let (name, who) = (sort.name().to_owned(), who.to_owned());
    RuleAccess { sort, name, role: None, who, conditions: Vec::new(), rows }
}

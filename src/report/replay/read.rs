//! Reads what a decision was made from.

use serde_json::{Map, Value};

use super::{QUEUE_USES, words};
use crate::identity::ClaimName;
use crate::policy::PolicyInputs;
use crate::temporal::names::{RequestNames, TaskQueue};
use crate::temporal::{
    EffectSet, Limit, LimitSet, MethodRef, NamespaceEffects, NewerPart, NewerParts, Scope, SystemReason, Target,
};
use crate::time::Timestamp;

/// What a decision was made from.
#[derive(Debug)]
pub struct Recorded {
    /// When it was made.
    pub time: Timestamp,
    /// What the policy read that made it. Its limits are those whose names the request was read for.
    pub inputs: PolicyInputs,
    pub claims: Map<String, Value>,
    pub peer: Option<String>,
    pub target: Target,
    /// Whether the request was read, rather than denied before.
    pub was_read: bool,
}

impl Recorded {
    /// Reads the record of a call of this method. `None` if it is not complete, or has a word that this version does not know.
    #[must_use]
    pub fn read(record: &Value, method: MethodRef) -> Option<Self> {
        let facts = words_in(record.get(words::FACTS))?;
        let is = |fact: &str| facts.contains(&fact);
        let was_read = !is(words::NOT_READ);
        let mut effects = record.get(words::EFFECTS)?.as_array()?.iter().map(effects_in);
        let own = effects.next()??;
        let mut names = record.get(words::NAMES).map_or(Some(RequestNames::default()), names)?;
        names.attaches_to_running = is(words::ATTACHES);
        names.has_standalone_task = is(words::STANDALONE);
        names.has_unread_operation = is(words::UNREAD_OPERATION);
        let newer = record.get(words::NEWER).map_or(Some(0), Value::as_u64)?;
        let target = Target {
            namespace: own.namespace,
            // The id itself does not matter.
            namespace_id: if is(words::NAMESPACE_ID) { "id".to_owned() } else { String::new() },
            effects: own.effects,
            commands: effects_of(record.get(words::COMMANDS))?,
            elsewhere: effects.collect::<Option<_>>()?,
            needs_system: is(words::NEEDS_SYSTEM).then_some(SystemReason::WholeCluster),
            may_have_any_effect: is(words::ANY_EFFECT),
            may_reach_any_namespace: is(words::ANY_NAMESPACE),
            registers_callback: is(words::CALLBACK),
            names: names.incomplete_for(limits(record.get(words::TOO_MANY))?),
            newer: newer_parts(newer),
            ..Target::of(method)
        };
        let claims_read = words_in(record.get(words::CLAIMS_READ))?.into_iter().map(ClaimName::new).collect();
        // For calls that concern the cluster, only the method counts, so no limit lacks a name.
        let limits = if target.method.scope == Scope::Cluster { LimitSet::ALL } else { target.names.collected() };
        Some(Self {
            time: Timestamp::from_millis(record.get(words::TIME)?.as_u64()?),
            inputs: PolicyInputs { claims: claims_read, limits, peer: record.get(words::PEER).is_some() },
            claims: record.get(words::CLAIMS)?.as_object()?.clone(),
            peer: record.get(words::PEER).and_then(Value::as_str).map(str::to_owned),
            target,
            was_read,
        })
    }
}

/// The texts of a list. No list is an empty one.
fn words_in(list: Option<&Value>) -> Option<Vec<&str>> {
    list.map_or(Some(Vec::new()), |list| list.as_array()?.iter().map(Value::as_str).collect())
}

fn effects_of(list: Option<&Value>) -> Option<EffectSet> {
    words_in(list)?.into_iter().try_fold(EffectSet::NONE, |effects, name| Some(effects.with(EffectSet::named(name)?)))
}

fn effects_in(value: &Value) -> Option<NamespaceEffects> {
    let namespace = value.get(words::NAMESPACE)?.as_str()?.to_owned();
    Some(NamespaceEffects { namespace, effects: effects_of(value.get(words::EFFECTS))? })
}

fn limits(list: Option<&Value>) -> Option<LimitSet> {
    words_in(list)?.into_iter().try_fold(LimitSet::NONE, |limits, name| Some(limits.with(limit(name)?)))
}

fn limit(name: &str) -> Option<Limit> {
    Limit::ALL.into_iter().find(|limit| limit.name() == name)
}

fn names(by_limit: &Value) -> Option<RequestNames> {
    let mut lists = Vec::new();
    for (name, list) in by_limit.as_object()? {
        lists.push((limit(name)?, list.as_array()?));
    }
    let mut names =
        RequestNames::collecting(lists.iter().fold(LimitSet::NONE, |limits, (limit, _)| limits.with(*limit)));
    for (limit, list) in lists {
        for name in list {
            match limit {
                Limit::TaskQueues => names.add_queue(queue(name)?),
                limit => names.add(limit, name.as_str()?),
            }
        }
    }
    Some(names)
}

fn queue(value: &Value) -> Option<TaskQueue> {
    let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
    let (used, _) = QUEUE_USES.iter().find(|(_, word)| value.get(words::USE).and_then(Value::as_str) == Some(word))?;
    let kind = i32::try_from(value.get(words::KIND)?.as_i64()?).ok()?;
    Some(TaskQueue { used: *used, name: text(words::NAME)?, kind, normal_name: text(words::NORMAL_NAME)? })
}

/// This many parts. Which they are does not matter.
fn newer_parts(count: u64) -> NewerParts {
    let part = NewerPart { message: "the request", field: 0, value: None };
    NewerParts { count, first: if count > 0 { vec![part] } else { Vec::new() } }
}

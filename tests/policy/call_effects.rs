//! The effects of a call in each namespace, as docs/effects.md describes them.

use serde_json::Value;

use crate::methods::{EffectNames, MethodRow, method};
use crate::pattern::is_temporals_namespace;
use crate::request_meaning::RequestMeaning;
use crate::role::role;

pub struct CallEffects<'a> {
    pub request: &'a RequestMeaning,
    pub method: MethodRow,
    /// The namespaces in which the call has effects, with the effects. The request's own namespace is first.
    pub effects_by_namespace: Vec<(String, EffectNames)>,
    /// What a worker's commands do in the request's own namespace.
    pub commands: EffectNames,
    /// Whether only a grant for the whole cluster can cover the call.
    pub needs_system: bool,
    /// Whether the call may act in a namespace that the request does not name.
    pub may_reach_any_namespace: bool,
    /// Whether denials assume all effects, because the call touches something of Temporal's own.
    pub may_have_any_effect: bool,
}

impl<'a> CallEffects<'a> {
    pub fn new(config: &Value, request: &'a RequestMeaning) -> Option<Self> {
        let method = method(config, &request.method)?;
        let mut own: EffectNames = method.effects.union(&request.options).cloned().collect();
        let mut commands = EffectNames::new();
        let mut elsewhere: Vec<(String, EffectNames)> = Vec::new();
        let mut internal = request.is_internal;
        for mention in &request.mentions {
            if mention.namespace.is_empty() || mention.namespace == request.namespace {
                own.extend(mention.options.clone());
                commands.extend(mention.command.clone());
                continue;
            }
            internal |= mention.must_be_own;
            let index = elsewhere.iter().position(|(name, _)| *name == mention.namespace).unwrap_or_else(|| {
                elsewhere.push((mention.namespace.clone(), EffectNames::new()));
                elsewhere.len() - 1
            });
            elsewhere[index].1.extend(mention.there.union(&mention.options).cloned());
        }
        // An unknown operation could be any operation.
        if request.method.ends_with("/StartBatchOperation") && (own == method.effects || request.newer > 0) {
            own.extend(role(&Value::Null, "writer").effects);
        }
        let system =
            elsewhere.iter().map(|(name, _)| name).chain([&request.namespace]).any(|name| is_temporals_namespace(name));
        internal |= system;
        // Reading is harmless.
        internal &= !method.effects.is_subset(&role(&Value::Null, "reader").effects);
        // A worker that does its own work has no other effects.
        let may_have_any_effect = internal && !method.effects.is_subset(&role(&Value::Null, "worker").effects);
        if request.has_unread_operation {
            commands.extend(role(&Value::Null, "admin").effects);
        }
        own.extend(internal.then(|| "cluster-admin".to_owned()));
        let effects_by_namespace = [(request.namespace.clone(), own)].into_iter().chain(elsewhere).collect();
        let cluster = method.scope == "cluster";
        let hidden = request.namespace.is_empty() || request.names_namespace_id;
        let may_reach_any_namespace = if cluster {
            method.access != "readonly"
        } else {
            hidden || request.registers_callback || (may_have_any_effect && system)
        };
        Some(Self {
            request,
            method,
            effects_by_namespace,
            commands,
            needs_system: cluster || hidden || internal,
            may_reach_any_namespace,
            may_have_any_effect,
        })
    }

    pub fn is_of_cluster(&self) -> bool {
        self.method.scope == "cluster"
    }

    /// Whether the call has an effect in any namespace.
    pub fn has_effect(&self, effect: &str) -> bool {
        self.commands.contains(effect) || self.effects_by_namespace.iter().any(|(_, effects)| effects.contains(effect))
    }
}

//! What a call does, and where, as docs/effects.md tells.

use serde_json::Value;

use crate::methods::{Method, Words, method};
use crate::pattern::is_temporals_namespace;
use crate::request::Request;
use crate::role::role;

pub struct Call<'a> {
    pub request: &'a Request,
    pub method: Method,
    /// The namespaces in which it has effects, its own first.
    pub places: Vec<(String, Words)>,
    /// What a worker's commands do in its own.
    pub commands: Words,
    /// Whether only a grant for the whole cluster may cover it.
    pub needs_system: bool,
    /// Whether it may act where nobody can see.
    pub unseen: bool,
    /// Whether it may do anything by what is Temporal's own, as denials take it.
    pub anything: bool,
}

impl<'a> Call<'a> {
    pub fn new(config: &Value, request: &'a Request) -> Option<Self> {
        let method = method(config, &request.method)?;
        let mut own: Words = method.effects.union(&request.options).cloned().collect();
        let mut commands = Words::new();
        let mut places: Vec<(String, Words)> = Vec::new();
        let mut internal = request.internal;
        for other in &request.others {
            if other.namespace.is_empty() || other.namespace == request.namespace {
                own.extend(other.options.clone());
                commands.extend(other.command.clone());
                continue;
            }
            internal |= other.own;
            let place = places.iter().position(|(name, _)| *name == other.namespace).unwrap_or_else(|| {
                places.push((other.namespace.clone(), Words::new()));
                places.len() - 1
            });
            places[place].1.extend(other.there.union(&other.options).cloned());
        }
        // An operation that is not known could be any.
        if request.method.ends_with("/StartBatchOperation") && (own == method.effects || request.newer > 0) {
            own.extend(role(&Value::Null, "writer").effects);
        }
        let system =
            places.iter().map(|(name, _)| name).chain([&request.namespace]).any(|name| is_temporals_namespace(name));
        internal |= system;
        // To read about it is harmless.
        internal &= !method.effects.is_subset(&role(&Value::Null, "reader").effects);
        // A worker's own work is not that.
        let anything = internal && !method.effects.is_subset(&role(&Value::Null, "worker").effects);
        if request.unread {
            commands.extend(role(&Value::Null, "admin").effects);
        }
        own.extend(internal.then(|| "cluster-admin".to_owned()));
        places.insert(0, (request.namespace.clone(), own));
        let cluster = method.scope == "cluster";
        let hidden = request.namespace.is_empty() || request.by_id;
        let unseen =
            if cluster { method.access != "readonly" } else { hidden || request.calls_back || (anything && system) };
        Some(Self { request, method, places, commands, needs_system: cluster || hidden || internal, unseen, anything })
    }

    pub fn is_of_cluster(&self) -> bool {
        self.method.scope == "cluster"
    }

    /// Whether it has an effect anywhere.
    pub fn does(&self, effect: &str) -> bool {
        self.commands.contains(effect) || self.places.iter().any(|(_, effects)| effects.contains(effect))
    }
}

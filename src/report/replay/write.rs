//! Writes what a decision was made from.

use serde_json::Value;

use super::{QUEUE_USES, words};
use crate::policy::{CallerInputs, PolicyInputs};
use crate::report::MAX_LINE;
use crate::temporal::names::{RequestNames, TaskQueue};
use crate::temporal::{EffectSet, Limit, Target};
use crate::time::Timestamp;

/// What this decision was made from, as JSON. It is cut off where it would be too long for a line. `was_read` says whether the
/// request was read, rather than denied before.
pub(crate) fn record(
    inputs: &PolicyInputs,
    caller: &CallerInputs,
    target: &Target,
    was_read: bool,
    time: Timestamp,
) -> String {
    let mut json = JsonWriter::default();
    json.open('{');
    json.name(words::TIME).raw(&time.as_millis().to_string());
    json.name(words::CLAIMS_READ).open('[');
    for claim in &inputs.claims {
        json.text(&claim.to_string());
    }
    json.close(']');
    json.name(words::CLAIMS).raw(&caller.claims);
    if inputs.peer {
        json.name(words::PEER);
        match &caller.peer {
            Some(peer) => json.text(peer),
            None => json.raw("null"),
        }
    }
    json.name(words::EFFECTS).open('[');
    for (namespace, effects) in target.effects_by_namespace() {
        json.open('{');
        json.name(words::NAMESPACE).text(namespace);
        json.effects(words::EFFECTS, effects);
        json.close('}');
    }
    json.close(']');
    json.effects(words::COMMANDS, target.commands);
    if was_read {
        json.name(words::NAMES).open('{');
        json.names(&target.names);
        json.close('}');
    }
    json.name(words::TOO_MANY).open('[');
    for limit in Limit::ALL {
        if target.names.is_incomplete(limit) {
            json.text(limit.name());
        }
    }
    json.close(']');
    json.name(words::NEWER).raw(&target.newer.count.to_string());
    json.name(words::FACTS).open('[');
    for (word, is_so) in [
        (words::NOT_READ, !was_read),
        (words::NEEDS_SYSTEM, target.needs_system.is_some()),
        (words::ANY_EFFECT, target.may_have_any_effect),
        (words::ANY_NAMESPACE, target.may_reach_any_namespace),
        (words::CALLBACK, target.registers_callback),
        (words::NAMESPACE_ID, !target.namespace_id.is_empty()),
        (words::ATTACHES, target.names.attaches_to_running),
        (words::STANDALONE, target.names.has_standalone_task),
        (words::UNREAD_OPERATION, target.names.has_unread_operation),
    ] {
        if is_so {
            json.text(word);
        }
    }
    json.close(']');
    json.close('}');
    json.text
}

/// Writes JSON step by step: that takes a fraction of the code that trees of values would.
#[derive(Default)]
struct JsonWriter {
    text: String,
}

impl JsonWriter {
    fn open(&mut self, bracket: char) {
        self.separate();
        self.text.push(bracket);
    }

    fn close(&mut self, bracket: char) {
        self.text.push(bracket);
    }

    fn name(&mut self, name: &str) -> &mut Self {
        self.text(name);
        self.text.push(':');
        self
    }

    #[inline(never)]
    fn text(&mut self, text: &str) {
        // Whoever sends a thousand names must not cost more than a line.
        if self.text.len() <= MAX_LINE {
            self.raw(&Value::from(text).to_string());
        }
    }

    #[inline(never)]
    fn raw(&mut self, json: &str) {
        if self.text.len() <= MAX_LINE {
            self.separate();
            // One byte more than a line shows that it was cut off.
            self.text.extend(json.chars().take(MAX_LINE.saturating_add(1)));
        }
    }

    /// What ends with neither an opening bracket nor a name is followed by another element or member.
    fn separate(&mut self) {
        if !(self.text.is_empty() || self.text.ends_with(['[', '{', ':'])) {
            self.text.push(',');
        }
    }

    fn effects(&mut self, name: &str, effects: EffectSet) {
        self.name(name).open('[');
        for effect in effects.names() {
            self.text(effect);
        }
        self.close(']');
    }

    /// The names by limit: an empty list if there are none, and nothing for limits whose names were not read.
    fn names(&mut self, names: &RequestNames) {
        for limit in Limit::ALL {
            if !names.collected().has(limit) {
                continue;
            }
            self.name(limit.name()).open('[');
            if limit == Limit::TaskQueues {
                names.queues.iter().for_each(|queue| self.queue(queue));
            }
            for name in names.of(limit) {
                self.text(name);
            }
            self.close(']');
        }
    }

    fn queue(&mut self, TaskQueue { used, name, kind, normal_name }: &TaskQueue) {
        let used = QUEUE_USES.iter().find(|(known, _)| known == used).map_or("", |(_, word)| *word);
        self.open('{');
        self.name(words::NAME).text(name);
        self.name(words::USE).text(used);
        self.name(words::KIND).raw(&kind.to_string());
        self.name(words::NORMAL_NAME).text(normal_name);
        self.close('}');
    }
}

//! Reads from a request what it would do: which effects it has, and in which namespaces.

mod answer;
mod fields;
mod meaning;
mod outcome;

use super::effect::EffectSet;
use super::method::MethodRef;
use super::names::{LimitSet, Names, Queue};
use super::schema::Message;
use super::target::{Newer, Target};
use crate::wire::DecodeError;
use crate::wire::protobuf::Reader;
use answer::{Inner, Operation};
use meaning::Expected;
use outcome::Named;

/// Reads one request, in any chunking and in bounded memory.
#[derive(Debug)]
pub struct RequestReader {
    reader: Reader,
    reading: Reading,
}

#[derive(Debug)]
struct Reading {
    method: MethodRef,
    namespace: Option<String>,
    named: Vec<Named>,
    too_many: bool,
    by_id: bool,
    /// What of it touches what is Temporal's own, for people.
    internal: Option<&'static str>,
    calls_back: bool,
    newer: Newer,
    /// What limits speak of, where there are limits.
    names: Option<Names>,
    levels: Vec<Level>,
    effects: EffectSet,
    commands: EffectSet,
    expected: Expected,
    /// What reads the bytes that come, for fields whose bytes are messages.
    inner: Option<Inner>,
}

/// A message being read.
#[derive(Debug)]
struct Level {
    message: &'static Message,
    /// Which of its watched fields have been seen.
    seen: u64,
    /// What its options do.
    effects: EffectSet,
    /// What it does as a worker's command.
    command: EffectSet,
    /// The namespace that it names, and what it does there.
    named: Option<(String, EffectSet)>,
    /// The task queue that it is.
    queue: Queue,
    /// Whose Nexus operation it starts.
    operation: Operation,
}

impl RequestReader {
    /// A request of this method of which nothing has arrived. `names` says whether all that limits may compare is wanted.
    #[must_use]
    pub fn new(method: MethodRef, names: bool) -> Self {
        Self::for_limits(method, if names { LimitSet::ALL } else { LimitSet::NONE })
    }

    /// The same, where limits of these sorts compare what it names.
    #[must_use]
    pub fn for_limits(method: MethodRef, limits: LimitSet) -> Self {
        let reading = Reading {
            levels: vec![Level::new(method.request)],
            effects: method.effects,
            method,
            namespace: None,
            named: Vec::new(),
            too_many: false,
            by_id: false,
            internal: None,
            calls_back: false,
            newer: Newer::default(),
            names: (limits != LimitSet::NONE).then(|| Names::wanting(limits)),
            commands: EffectSet::NONE,
            expected: Expected::Nothing,
            inner: None,
        };
        Self { reader: Reader::default(), reading }
    }

    /// Reads the next bytes of the request.
    ///
    /// # Errors
    /// Temporal would not decode them, or a field that decides stands twice.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.reader.feed(bytes, &mut self.reading)
    }

    /// The request has arrived whole.
    ///
    /// # Errors
    /// It ends within a field.
    pub fn finish(self) -> Result<Target, DecodeError> {
        self.reader.finish()?;
        Ok(self.reading.target())
    }
}

impl Level {
    fn new(message: &'static Message) -> Self {
        Self {
            message,
            seen: 0,
            effects: EffectSet::NONE,
            command: message.command,
            named: None,
            queue: Queue::default(),
            operation: Operation::Foreign,
        }
    }
}

#[cfg(test)]
mod tests;

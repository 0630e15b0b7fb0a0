//! Reads from a request what it would do: which effects it has, and in which namespaces.

mod embedded;
mod fields;
mod json;
mod meaning;
mod named;
mod outcome;
mod parameters;

use super::effect::EffectSet;
use super::method::MethodRef;
use super::names::{LimitSet, RequestNames, TaskQueue};
use super::schema::Message;
use super::system_reason::InternalReason;
use super::target::{NewerParts, Target};
use crate::wire::DecodeError;
use crate::wire::protobuf::Reader;
use crate::work::Work;
use embedded::{EmbeddedReader, NexusTarget};
use meaning::NextValue;
pub(super) use meaning::leads_into_temporal;
use outcome::NamespaceMention;

/// Reads one request, in any chunking and in bounded memory.
#[derive(Debug)]
pub struct RequestReader {
    reader: Reader,
    scan: RequestScan,
}

/// Everything that was read from a request so far.
#[derive(Debug)]
struct RequestScan {
    method: MethodRef,
    namespace: Option<String>,
    mentions: Vec<NamespaceMention>,
    has_too_many_namespaces: bool,
    namespace_id: String,
    /// What the request touches that is Temporal's own: the first that was found.
    internal: Option<InternalReason>,
    registers_callback: bool,
    newer: NewerParts,
    /// The names that limits compare. `None` if there are no limits.
    names: Option<RequestNames>,
    /// The messages around the next field, the innermost last.
    open_messages: Vec<OpenMessage>,
    effects: EffectSet,
    commands: EffectSet,
    next: NextValue,
    /// Reads the bytes of the current field if they are a message of their own.
    embedded: Option<EmbeddedReader>,
    work: Work,
}

/// A message whose end has not been read yet.
#[derive(Debug)]
struct OpenMessage {
    message: &'static Message,
    /// A bit for each watched field that was read.
    seen: u64,
    /// What its options do.
    effects: EffectSet,
    /// What it does as a worker's command.
    command: EffectSet,
    /// The namespace that it names, and what it does there.
    mentioned: Option<(String, EffectSet)>,
    /// The task queue that it describes.
    queue: TaskQueue,
    /// The Nexus operation that it starts.
    nexus: NexusTarget,
}

impl RequestReader {
    /// Reads a request of this method. `names` says whether the names that limits may compare are needed.
    #[must_use]
    pub fn new(method: MethodRef, names: bool) -> Self {
        Self::for_limits(method, if names { LimitSet::ALL } else { LimitSet::NONE })
    }

    /// Reads a request of this method, with the names that these limits compare.
    #[must_use]
    pub fn for_limits(method: MethodRef, limits: LimitSet) -> Self {
        let scan = RequestScan {
            open_messages: vec![OpenMessage::new(method.request)],
            effects: method.effects,
            method,
            namespace: None,
            mentions: Vec::new(),
            has_too_many_namespaces: false,
            namespace_id: String::new(),
            internal: None,
            registers_callback: false,
            newer: NewerParts::default(),
            names: (limits != LimitSet::NONE).then(|| RequestNames::collecting(limits)),
            commands: EffectSet::NONE,
            next: NextValue::Nothing,
            embedded: None,
            work: Work::default(),
        };
        Self { reader: Reader::default(), scan }
    }

    /// The same, spending from this work.
    #[must_use]
    pub fn spending(mut self, work: Work) -> Self {
        self.scan.work = work;
        self
    }

    /// Its size in memory between two chunks, in bytes, roughly.
    #[must_use]
    pub fn size(&self) -> usize {
        let scan = &self.scan;
        let mut size = size_of::<Self>();
        let mut add = |bytes: usize| size = size.saturating_add(bytes);
        add(self.reader.heap_size());
        add(scan.names.as_ref().map_or(0, RequestNames::size));
        add(scan.embedded.as_ref().map_or(0, EmbeddedReader::heap_size));
        add(scan.namespace.as_ref().map_or(0, String::capacity));
        add(scan.namespace_id.capacity());
        add(scan.open_messages.capacity().saturating_mul(size_of::<OpenMessage>()));
        add(scan.mentions.capacity().saturating_mul(size_of::<NamespaceMention>()));
        scan.open_messages.iter().for_each(|open| add(open.heap_size()));
        scan.mentions.iter().for_each(|mention| add(mention.namespace.capacity()));
        size
    }

    /// Reads the next bytes of the request.
    ///
    /// # Errors
    /// Temporal would not decode them, or they have a duplicate field that affects authorization.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.reader.feed(bytes, &mut self.scan)
    }

    /// Ends the request, all bytes of which have been read.
    ///
    /// # Errors
    /// It ends within a field.
    pub fn finish(self) -> Result<Target, DecodeError> {
        self.reader.finish()?;
        Ok(self.scan.target())
    }
}

impl OpenMessage {
    fn new(message: &'static Message) -> Self {
        Self {
            message,
            seen: 0,
            effects: EffectSet::NONE,
            command: message.command,
            mentioned: None,
            queue: TaskQueue::default(),
            nexus: NexusTarget::Foreign,
        }
    }

    /// The size of its names in memory, in bytes.
    fn heap_size(&self) -> usize {
        self.mentioned.as_ref().map_or(0, |(name, _)| name.capacity()).saturating_add(self.queue.size())
    }
}

#[cfg(test)]
mod tests;

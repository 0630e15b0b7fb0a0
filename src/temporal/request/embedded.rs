//! Messages that are embedded in a request as bytes: task tokens, and the input of operations at Temporal's own Nexus
//! endpoint.

use super::super::catalogue::Catalogue;
use super::super::effect::EffectSet;
use super::super::names::{Limit, LimitSet, RequestNames};
use super::super::payload::{DataReader, PayloadReader};
use super::super::reserved::{is_internal_partition, is_reserved};
use super::super::schema::TaskTokenKind;
use super::super::system_reason::{InternalReason, OperationRefusal};
use super::super::token::{TaskToken, TaskTokenReader};
use super::meaning::{NextValue, SKIP};
use super::outcome::NamespaceMention;
use super::{RequestReader, RequestScan};
use crate::wire::DecodeError;
use crate::wire::protobuf::{FieldAction, Handler};
use crate::work::{Piece, Work};

/// The only operation of Temporal's own endpoint that acts for the workflow that starts it, and its service. Source:
/// `chasm/lib/workflow/nexus_service.go`.
const OPERATION_SERVICE: &str = "temporal.api.workflowservice.v1.WorkflowService";
const OPERATION: &str = "SignalWithStartWorkflowExecution";

/// Reads a message that is embedded as bytes.
#[derive(Debug)]
pub(super) enum EmbeddedReader {
    TaskToken(TaskTokenReader),
    NexusInput(Box<PayloadReader<RequestReader>>),
}

/// The Nexus operation that a message starts, as far as its fields have been read. They count only in the order in which every
/// encoder writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NexusTarget {
    /// No operation, or an operation at another endpoint.
    Foreign,
    /// At Temporal's own endpoint.
    SystemEndpoint,
    /// Of the service that has [`OPERATION`].
    KnownService,
    /// [`OPERATION`] itself, whose input has not been read.
    KnownOperation,
    /// [`OPERATION`], and its input has been read.
    Complete,
}

impl DataReader for RequestReader {
    fn feed(&mut self, bytes: &[u8], work: &mut Work) -> Result<(), DecodeError> {
        std::mem::swap(&mut self.scan.work, work);
        let read = RequestReader::feed(self, bytes);
        std::mem::swap(&mut self.scan.work, work);
        read
    }

    fn size(&self) -> usize {
        RequestReader::size(self)
    }
}

impl EmbeddedReader {
    /// How many bytes it holds on the heap.
    pub(super) fn heap_size(&self) -> usize {
        match self {
            Self::TaskToken(token) => token.heap_size(),
            Self::NexusInput(input) => input.size(),
        }
    }
}

impl NexusTarget {
    pub(super) fn with_service(self, name: &str) -> Self {
        if name == OPERATION_SERVICE { Self::KnownService } else { self }
    }

    pub(super) fn with_operation(self, name: &str) -> Self {
        if name == OPERATION { Self::KnownOperation } else { self }
    }

    /// Why only an admin of the cluster may start it. `None` if a workflow may.
    pub(super) fn refusal(self) -> Option<OperationRefusal> {
        match self {
            Self::Foreign | Self::Complete => None,
            Self::SystemEndpoint => Some(OperationRefusal::OtherService),
            Self::KnownService => Some(OperationRefusal::OtherOperation),
            Self::KnownOperation => Some(OperationRefusal::NoInput),
        }
    }
}

impl RequestScan {
    pub(super) fn expect_task_token(&mut self, kind: TaskTokenKind) -> (NextValue, FieldAction) {
        self.embedded = Some(EmbeddedReader::TaskToken(TaskTokenReader::new(kind)));
        (NextValue::Nothing, FieldAction::Chunks)
    }

    pub(super) fn expect_nexus_input(&mut self) -> (NextValue, FieldAction) {
        let Some(method) = Catalogue::default().named(OPERATION) else { return SKIP };
        let limits = self.names.as_ref().map_or(LimitSet::NONE, RequestNames::collected);
        let request = RequestReader::for_limits(method, limits);
        self.embedded = Some(EmbeddedReader::NexusInput(Box::new(PayloadReader::new(request))));
        (NextValue::Nothing, FieldAction::Chunks)
    }

    /// Reads the next bytes of an embedded message.
    pub(super) fn read_embedded(&mut self, part: &[u8], last: bool) -> Result<(), DecodeError> {
        match &mut self.embedded {
            Some(EmbeddedReader::TaskToken(token)) => token.feed(part, &mut self.work)?,
            Some(EmbeddedReader::NexusInput(input)) => input.feed(part, &mut self.work)?,
            None => {}
        }
        if !last {
            return Ok(());
        }
        match self.embedded.take() {
            Some(EmbeddedReader::TaskToken(token)) => self.end_task_token(token.finish()?),
            Some(EmbeddedReader::NexusInput(input)) => {
                self.work.spend(Piece::Embedded, 1)?;
                let request = input.finish()?;
                if let Some(open) = self.open_messages.last_mut() {
                    open.nexus = NexusTarget::Complete;
                    // The command does what its input says, and no more.
                    open.command = EffectSet::NONE;
                }
                self.end_nexus_input(request)?;
            }
            None => {}
        }
        Ok(())
    }

    fn end_task_token(&mut self, token: TaskToken) {
        let TaskToken { kind, name, is_standalone, .. } = token;
        if kind != TaskTokenKind::Task {
            if is_internal_partition(&name) {
                self.touch_internal(InternalReason::TaskQueueTask);
            }
            return;
        }
        if is_reserved(&name) {
            self.touch_internal(InternalReason::WorkflowTask);
        }
        if let Some(names) = &mut self.names {
            names.has_standalone_task |= is_standalone;
            names.add(Limit::WorkflowIds, &name);
        }
    }

    /// An operation of Temporal's own that a workflow may not start could do anything.
    pub(super) fn refuse_operation(&mut self, refusal: OperationRefusal) {
        self.touch_internal(refusal);
        self.commands = self.commands.with(EffectSet::ADMIN);
        self.names.iter_mut().for_each(|names| names.has_unread_operation = true);
    }

    /// An operation at Temporal's own endpoint starts and signals as the call that its input describes would.
    fn end_nexus_input(&mut self, request: Result<RequestReader, OperationRefusal>) -> Result<(), DecodeError> {
        let mut input = match request {
            Ok(request) => {
                request.reader.finish()?;
                request.scan
            }
            Err(refusal) => {
                self.refuse_operation(refusal);
                return Ok(());
            }
        };
        while !input.open_messages.is_empty() {
            input.end_message();
        }
        let command = input.method.effects;
        let options = input.effects.without(command);
        match input.namespace.filter(|namespace| !namespace.is_empty()) {
            Some(namespace) => {
                self.mention(NamespaceMention { namespace, there: command, options, command, must_be_own: true });
            }
            None => {
                self.effects = self.effects.with(options);
                self.commands = self.commands.with(command);
            }
        }
        input.mentions.into_iter().for_each(|mention| self.mention(mention));
        self.internal = self.internal.or(input.internal);
        self.has_too_many_namespaces |= input.has_too_many_namespaces;
        if !input.namespace_id.is_empty() {
            self.namespace_id = input.namespace_id;
        }
        self.registers_callback |= input.registers_callback;
        self.newer.extend(input.newer);
        if let (Some(names), Some(inner)) = (&mut self.names, input.names) {
            names.extend(inner);
        }
        Ok(())
    }
}

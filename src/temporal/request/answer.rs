//! What workers answer, where it stands as bytes: the tokens of their tasks, and the input of operations at Temporal's own
//! endpoint.

use super::super::catalogue::Catalogue;
use super::super::effect::EffectSet;
use super::super::names::{Limit, LimitSet, Names};
use super::super::own::{is_internal_partition, is_reserved};
use super::super::payload::{Data, PayloadReader};
use super::super::schema::Token;
use super::super::token::{TaskToken, TokenReader};
use super::meaning::{Expected, SKIP};
use super::outcome::Named;
use super::{Reading, RequestReader};
use crate::wire::DecodeError;
use crate::wire::protobuf::{FieldAction, Handler};

/// The one operation of Temporal's own endpoint that acts for the workflow that sends it, and its service. Source:
/// `chasm/lib/workflow/nexus_service.go`.
const OPERATION_SERVICE: &str = "temporal.api.workflowservice.v1.WorkflowService";
const OPERATION: &str = "SignalWithStartWorkflowExecution";

/// Reads a message that stands as bytes in a field.
#[derive(Debug)]
pub(super) enum Inner {
    Token(TokenReader),
    Input(Box<PayloadReader<RequestReader>>),
}

/// A Nexus operation, as far as its fields have told in the order in which every encoder writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// Somebody's, or none.
    Foreign,
    /// At Temporal's own endpoint.
    Own,
    /// Of the service that has [`OPERATION`].
    OfService,
    /// [`OPERATION`] itself, whose input is awaited.
    Known,
    /// The same, and its input has been read.
    Read,
}

impl Data for RequestReader {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        RequestReader::feed(self, bytes)
    }
}

impl Operation {
    pub(super) fn of_service(self, name: &str) -> Self {
        if name == OPERATION_SERVICE { Self::OfService } else { self }
    }

    pub(super) fn named(self, name: &str) -> Self {
        if name == OPERATION { Self::Known } else { self }
    }

    /// Why only an admin of the cluster may start it, if so.
    pub(super) fn refused(self) -> Option<&'static str> {
        match self {
            Self::Foreign | Self::Read => None,
            Self::Own => Some("an operation of Temporal's own is not of the service that a workflow may call"),
            Self::OfService => Some("an operation of Temporal's own is not SignalWithStartWorkflowExecution"),
            Self::Known => Some("an operation of Temporal's own has no input"),
        }
    }
}

impl Reading {
    pub(super) fn awaits_token(&mut self, token: Token) -> (Expected, FieldAction) {
        self.inner = Some(Inner::Token(TokenReader::new(token)));
        (Expected::Nothing, FieldAction::Chunks)
    }

    pub(super) fn awaits_input(&mut self) -> (Expected, FieldAction) {
        let Some(method) = Catalogue::default().named(OPERATION) else { return SKIP };
        let limits = self.names.as_ref().map_or(LimitSet::NONE, Names::wanted);
        let request = RequestReader::for_limits(method, limits);
        self.inner = Some(Inner::Input(Box::new(PayloadReader::new(request))));
        (Expected::Nothing, FieldAction::Chunks)
    }

    /// A part of what stands as bytes.
    pub(super) fn inner_bytes(&mut self, part: &[u8], last: bool) -> Result<(), DecodeError> {
        match &mut self.inner {
            Some(Inner::Token(token)) => token.feed(part)?,
            Some(Inner::Input(input)) => input.feed(part),
            None => {}
        }
        if !last {
            return Ok(());
        }
        match self.inner.take() {
            Some(Inner::Token(token)) => self.token(token.finish()?),
            Some(Inner::Input(input)) => {
                let request = input.finish()?;
                if let Some(level) = self.levels.last_mut() {
                    level.operation = Operation::Read;
                    // It does what its input says, and no more.
                    level.command = EffectSet::NONE;
                }
                self.input(request)?;
            }
            None => {}
        }
        Ok(())
    }

    /// A task token has been read.
    fn token(&mut self, token: TaskToken) {
        let TaskToken { kind, name, standalone, .. } = token;
        if kind != Token::Task {
            self.touches_if(is_internal_partition(&name), "the task is of a task queue of Temporal's own");
            return;
        }
        self.touches_if(is_reserved(&name), "the task is of a workflow of Temporal's own");
        if let Some(names) = &mut self.names {
            names.standalone |= standalone;
            names.name(Limit::WorkflowIds, &name);
        }
    }

    /// An operation of Temporal's own is not read: it could do anything.
    pub(super) fn unread(&mut self, why: &'static str) {
        self.touches(why);
        self.commands = self.commands.with(EffectSet::ADMIN);
        self.names.iter_mut().for_each(|names| names.unread = true);
    }

    /// The input of an operation at Temporal's own endpoint has been read: it starts and signals as the call of that name
    /// would.
    fn input(&mut self, request: Result<RequestReader, &'static str>) -> Result<(), DecodeError> {
        let mut inner = match request {
            Ok(request) => {
                request.reader.finish()?;
                request.reading
            }
            Err(why) => {
                self.unread(why);
                return Ok(());
            }
        };
        while !inner.levels.is_empty() {
            inner.end_message();
        }
        let command = inner.method.effects;
        let options = inner.effects.without(command);
        match inner.namespace.filter(|namespace| !namespace.is_empty()) {
            Some(namespace) => self.note(Named { namespace, there: command, options, command, own: true }),
            None => {
                self.effects = self.effects.with(options);
                self.commands = self.commands.with(command);
            }
        }
        inner.named.into_iter().for_each(|named| self.note(named));
        self.internal = self.internal.or(inner.internal);
        self.too_many |= inner.too_many;
        self.by_id |= inner.by_id;
        self.calls_back |= inner.calls_back;
        self.newer.extend(inner.newer);
        if let (Some(names), Some(inner)) = (&mut self.names, inner.names) {
            names.extend(inner);
        }
        Ok(())
    }
}

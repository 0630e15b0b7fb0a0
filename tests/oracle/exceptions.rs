//! The intended differences between this library and Temporal, each with its reason. docs/parity.md lists them for operators.

use temporal_auth::policy::{DenyReason, NeededGrant};
use temporal_auth::temporal::{EffectSet, InternalReason, SystemReason};
use temporal_auth::wire::DecodeError;

macro_rules! exceptions {
    ($($(#[$doc:meta])* $exception:ident: $text:literal,)*) => {
        /// An intended difference. Its text is for the report.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Exception {
            $($(#[$doc])* $exception,)*
        }

        impl Exception {
            pub const ALL: &[Self] = &[$(Self::$exception),*];

            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$exception => $text,)*
                }
            }
        }
    };
}

pub(crate) use exceptions;

exceptions! {
    // Temporal reads these requests and this library refuses them: no encoder makes them, and two decoders could read them
    // differently.
    DuplicateNamespace: "duplicate namespace",
    DuplicateField: "duplicate field that matters",
    /// Temporal's frontend reads the token as bytes; another service decodes it later.
    DuplicateTokenField: "duplicate field in a task token",
    /// In a task token, or in the input of an operation.
    NotUtf8: "name that is not UTF-8",
    SecondMessage: "second message",
    TextTooLong: "long name",
    GroupsTooDeep: "deep groups",
    GzipOverhead: "gzip overhead",
    CorruptGzip: "many gzip members",
    /// Where this reader and another disagreed about a token, a token would pass unread. Temporal's answer is the same, 3, but
    /// it comes later.
    UnreadableToken: "task token that cannot be read",
    /// The input of an operation at Temporal's own endpoint: what the operation would do cannot be known.
    UnreadableInput: "input of an operation that cannot be read",

    // Temporal's authorizer allows these requests and this library's policy denies them.
    /// Temporal's authorizer looks at the outer namespace only. The server compares the others later, or not at all.
    ForeignNamespace: "another namespace in a message",
    /// No workflow needs so many, and each costs memory.
    TooManyNamespaces: "many namespaces in messages",
    /// The id does not say which namespace it belongs to.
    NamespaceId: "namespace by id",
    /// A signal to the workflow of a schedule edits the schedule.
    InternalName: "a name of Temporal's own",
    InternalQuery: "a query for workflows of Temporal's own",
    InternalNamespace: "Temporal's own namespace",
    /// Anybody can write a token, and with it answer a task of Temporal's own workers.
    InternalWorkflowTask: "task of a workflow of Temporal's own",
    InternalTaskQueueTask: "task of a task queue of Temporal's own",
    /// One operation acts for the workflow that sends it, in the workflow's namespace. What the others do is unknown.
    InternalOperation: "operation at Temporal's own endpoint",
    /// The server acts on a compute configuration at once, with the permissions of the server.
    Compute: "compute configuration",
    DeployAndCompute: "compute method",
    /// A token in the callback's header says where the callback ends, and anybody can write a token.
    Callback: "callback into Temporal",
    /// An admin of a pattern could create any number of namespaces.
    RegisterNamespace: "RegisterNamespace",
    /// `:read` is a permission for the namespace without a name, which DescribeNamespace by id asks about. And Go lower-cases
    /// `adm\u{130}n` to `admin`.
    Permission: "permission that means nothing here",

    // This library allows these requests and Temporal's authorizer denies them.
    /// Temporal's role `worker` allows nothing.
    WorkerRole: "worker role",
    /// The answer shows only a namespace that the caller may describe by its name.
    DescriptionById: "DescribeNamespace by an id alone",
    /// No released server has the method, so its authorizer denies it to everybody.
    UnlistedMethod: "method that no server lists",
    /// Temporal cannot decode a field on which no decision depends. The request goes on, and Temporal refuses it itself.
    LeftToTemporal: "left to Temporal to refuse",
}

impl Exception {
    /// The exception for a request that Temporal reads and this library refuses with this error.
    pub fn of_error(error: DecodeError) -> Option<Self> {
        Some(match error {
            DecodeError::DuplicateNamespace => Self::DuplicateNamespace,
            DecodeError::DuplicateField => Self::DuplicateField,
            DecodeError::DuplicateTokenField => Self::DuplicateTokenField,
            DecodeError::NotUtf8 => Self::NotUtf8,
            DecodeError::SecondMessage => Self::SecondMessage,
            DecodeError::TextTooLong { .. } => Self::TextTooLong,
            DecodeError::GroupsTooDeep => Self::GroupsTooDeep,
            DecodeError::GzipOverhead => Self::GzipOverhead,
            DecodeError::CorruptGzip => Self::CorruptGzip,
            _ => return None,
        })
    }

    /// The exception for a request that Temporal's authorizer allows and this library's policy denies for this reason.
    pub fn of_reason(reason: &DenyReason) -> Option<Self> {
        let DenyReason::NotCovered(missing) = reason else { return None };
        Some(match &missing.needed {
            NeededGrant::ForeignNamespace(_) => Self::ForeignNamespace,
            NeededGrant::System(SystemReason::TooManyNamespaces) => Self::TooManyNamespaces,
            NeededGrant::System(SystemReason::NamespaceId) => Self::NamespaceId,
            NeededGrant::System(SystemReason::Internal(reason)) => Self::of_internal(*reason),
            _ if missing.effects == EffectSet::COMPUTE => Self::Compute,
            _ if missing.effects == EffectSet::DEPLOY.with(EffectSet::COMPUTE) => Self::DeployAndCompute,
            NeededGrant::Callback => Self::Callback,
            NeededGrant::OwnNamespace(_) if missing.effects == EffectSet::NAMESPACE => Self::RegisterNamespace,
            _ => return None,
        })
    }

    fn of_internal(reason: InternalReason) -> Self {
        match reason {
            InternalReason::Name => Self::InternalName,
            InternalReason::Query => Self::InternalQuery,
            InternalReason::Namespace => Self::InternalNamespace,
            InternalReason::WorkflowTask => Self::InternalWorkflowTask,
            InternalReason::TaskQueueTask => Self::InternalTaskQueueTask,
            InternalReason::Operation(_) => Self::InternalOperation,
        }
    }
}

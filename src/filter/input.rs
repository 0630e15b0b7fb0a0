//! Where a request is read from.

use crate::temporal::http::{NexusCall, Parameters, size_of_query};
use crate::wire::grpc::Body;

/// The bytes from which a request is read.
#[derive(Debug)]
pub(super) enum PendingInput {
    /// The message in a frame.
    Grpc(Body),
    /// The JSON in the filter's `held`.
    Api(Box<ApiInput>),
}

/// What a request calls, apart from the method.
#[derive(Debug, Clone)]
pub(super) enum Input {
    Grpc,
    Api(Box<ApiInput>),
    /// A Nexus call, with the parameters of its query. Its body is not read.
    Nexus(Box<(NexusCall, Vec<(String, String)>)>),
    OpenApi,
}

/// A call of the HTTP API.
#[derive(Debug, Clone)]
pub(super) struct ApiInput {
    pub(super) parameters: Parameters,
    /// Whether the route has a body.
    pub(super) has_body: bool,
    /// Whether the verdict depends on the headers alone, and must be known before they go on.
    pub(super) ends: bool,
}

impl Input {
    /// The size of its texts in memory, in bytes, roughly.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Grpc | Self::OpenApi => 0,
            Self::Api(input) => input.parameters.size(),
            Self::Nexus(call) => call.0.size().saturating_add(size_of_query(&call.1)),
        }
    }

    /// The namespace in the path. `None` if it names none; that of a gRPC call is in its body.
    pub(super) fn namespace(&self) -> Option<&str> {
        match self {
            Self::Grpc | Self::OpenApi => None,
            Self::Api(input) => {
                let mut variables = input.parameters.path.iter();
                variables.find(|(name, _)| *name == "namespace").map(|(_, namespace)| namespace.as_str())
            }
            Self::Nexus(call) => call.0.namespace(),
        }
    }
}

//! Reading what arrives: gRPC frames, gzip, protobuf and JSON. Incremental, bounded, without knowledge of Temporal.

pub mod grpc;
pub mod gzip;
pub mod headers;
pub mod json;
pub mod protobuf;
pub mod tree;

/// Temporal's limit for one message, before and after decompression, in bytes. Source: grpc-go's default
/// `MaxRecvMsgSize`, which the frontend does not change.
pub const MAX_MESSAGE: u64 = 4 << 20;

/// Why bytes are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Temporal would not decode them.
    Malformed(&'static str),
    /// Temporal might decode them, and they could be read in two ways, or are more than is read.
    Ambiguous(&'static str),
    /// The message is over [`MAX_MESSAGE`].
    TooLarge,
}

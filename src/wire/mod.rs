//! Reading what arrives: gRPC frames, gzip, protobuf and JSON. Incremental, bounded, without knowledge of Temporal.

mod error;
pub mod grpc;
pub mod gzip;
pub mod headers;
pub mod json;
pub mod protobuf;
pub mod tree;

pub use error::DecodeError;

/// Temporal's limit for one message, before and after decompression, in bytes. Source: grpc-go's default
/// `MaxRecvMsgSize`, which the frontend does not change.
pub const MAX_MESSAGE: u64 = 4 << 20;

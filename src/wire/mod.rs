//! Incremental, bounded readers of gRPC frames, gzip, protobuf and JSON. They know nothing of Temporal.

mod error;
pub mod grpc;
pub mod gzip;
pub mod headers;
pub mod json;
pub mod protobuf;

pub use error::DecodeError;

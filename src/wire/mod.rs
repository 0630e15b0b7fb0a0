//! Reading what arrives: gRPC frames, gzip, protobuf and JSON. Incremental, bounded, without knowledge of Temporal.

mod error;
pub mod grpc;
pub mod gzip;
pub mod headers;
pub mod json;
pub mod protobuf;
pub mod tree;

pub use error::DecodeError;

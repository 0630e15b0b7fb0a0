//! Incremental, bounded readers of gRPC frames, gzip, protobuf and JSON, and of what HTTP requests say in their path and query. They
//! know nothing of Temporal, except that [`DecodeError`] lists every reason for refusing a request, those of its readers included.

mod error;
pub mod grpc;
pub mod gzip;
pub mod headers;
pub mod http;
pub mod json;
pub mod protobuf;

pub use error::DecodeError;

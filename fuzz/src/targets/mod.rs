//! The fuzz targets. Each tests a parser: `run` panics when it finds a fault.

pub mod answer;
pub mod bearer;
pub mod call;
pub mod config;
pub mod discovery;
pub mod grpc_frames;
pub mod gunzip;
pub mod http;
pub mod keys;
pub mod list;
pub mod peer;
pub mod protobuf;
pub mod target;
pub mod token;
pub mod until;
pub mod wide;

//! The reasons for refusing a request that cannot be read, each with its text.

use std::fmt;

use super::http::HttpFault;
use crate::work::TooMuchWork;

/// Why a request is refused before any policy is evaluated: Temporal would not decode it, two decoders could read it
/// differently, or it is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// The message is over [`MAX_MESSAGE`](super::grpc::MAX_MESSAGE), before or after decompression.
    TooLarge,
    NotGrpc,
    TooManyHeaders,
    BodyWithoutHeaders,
    /// The request ended before its message was complete.
    Incomplete,
    SecondMessage,
    UnknownMessageFlag,
    CompressedWithoutEncoding,
    CorruptGzip,
    /// More headers, members or blocks than the content can justify.
    GzipOverhead,
    FieldNumberOutOfRange,
    UnknownWireType,
    VarintTooLong,
    FieldBeyondMessage,
    UnmatchedEndGroup,
    GroupWithoutEnd,
    GroupsTooDeep,
    EndsWithinField,
    /// A text that is longer than its handler accepts, in bytes.
    TextTooLong {
        max: u64,
    },
    NotUtf8,
    DuplicateNamespace,
    DuplicateField,
    DuplicateTokenField,
    DuplicatePayloadData,
    /// Reading it takes too much work.
    Work(TooMuchWork),
    /// Of an HTTP request.
    Http(HttpFault),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "message over 4 MiB",
            Self::NotGrpc => "not a gRPC call",
            Self::TooManyHeaders => "too many headers",
            Self::BodyWithoutHeaders => "body without headers",
            Self::Incomplete => "the request ends before its message is complete",
            Self::SecondMessage => "more than one message in a unary call",
            Self::UnknownMessageFlag => "unknown message flag",
            Self::CompressedWithoutEncoding => "compressed message without grpc-encoding",
            Self::CorruptGzip => "corrupt gzip data",
            Self::GzipOverhead => "gzip data that is mostly overhead",
            Self::FieldNumberOutOfRange => "field number out of range",
            Self::UnknownWireType => "unknown wire type",
            Self::VarintTooLong => "varint longer than 64 bits",
            Self::FieldBeyondMessage => "field longer than the enclosing message",
            Self::UnmatchedEndGroup => "unmatched end-group tag",
            Self::GroupWithoutEnd => "group without an end-group tag",
            Self::GroupsTooDeep => "groups nested too deeply",
            Self::EndsWithinField => "message ends within a field",
            Self::TextTooLong { max } => return write!(f, "text longer than {max} bytes"),
            Self::NotUtf8 => "text that is not UTF-8",
            Self::DuplicateNamespace => "duplicate namespace field",
            Self::DuplicateField => "duplicate field that affects authorization",
            Self::DuplicateTokenField => "duplicate field in the task token",
            Self::DuplicatePayloadData => "duplicate data field in a payload",
            Self::Work(work) => return work.fmt(f),
            Self::Http(fault) => return fault.fmt(f),
        })
    }
}

impl From<HttpFault> for DecodeError {
    fn from(fault: HttpFault) -> Self {
        Self::Http(fault)
    }
}

impl From<TooMuchWork> for DecodeError {
    fn from(work: TooMuchWork) -> Self {
        Self::Work(work)
    }
}

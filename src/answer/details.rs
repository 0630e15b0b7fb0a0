//! The `grpc-status-details-bin` of answers: a `google.rpc.Status` with a failure by which SDKs recognize Temporal's own answer.
//! Source: `serviceerror` of the API, `temporal/api/errordetails/v1`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::wire::protobuf::{write_field, write_varint};

/// The details without a reason. They are byte for byte what Temporal sends.
const WITHOUT_REASON: &str = "CAcSFVJlcXVlc3QgdW5hdXRob3JpemVkLhpKCkh0eXBlLmdvb2dsZWFwaXMuY29tL3RlbXBvcmFsLmFwaS5lcnJvcmRldGFpbHMudjEuUGVybWlzc2lvbkRlbmllZEZhaWx1cmU";

pub(super) const PERMISSION_DENIED: &str = "type.googleapis.com/temporal.api.errordetails.v1.PermissionDeniedFailure";
pub(super) const NAMESPACE_NOT_FOUND: &str =
    "type.googleapis.com/temporal.api.errordetails.v1.NamespaceNotFoundFailure";

/// The details of a denial with this message. `reason` is `None` if clients may not know the reason.
pub(super) fn denied(message: &str, reason: Option<&str>) -> Cow<'static, str> {
    let Some(reason) = reason else { return WITHOUT_REASON.into() };
    STANDARD_NO_PAD.encode(status(7, message, &failure(PERMISSION_DENIED, reason))).into()
}

/// The details of the answer that there is no such namespace.
pub(super) fn namespace_not_found(message: &str, namespace: &str) -> String {
    STANDARD_NO_PAD.encode(status(5, message, &failure(NAMESPACE_NOT_FOUND, namespace)))
}

/// A failure of this type, whose first field is this text, as `google.protobuf.Any`.
fn failure(url: &str, text: &str) -> Vec<u8> {
    let (mut failure, mut any) = (Vec::new(), Vec::new());
    write_field(&mut failure, 1, text.as_bytes());
    write_field(&mut any, 1, url.as_bytes());
    write_field(&mut any, 2, &failure);
    any
}

/// A `google.rpc.Status` with this detail.
fn status(code: u64, message: &str, detail: &[u8]) -> Vec<u8> {
    let mut status = Vec::new();
    write_varint(&mut status, 1 << 3);
    write_varint(&mut status, code);
    write_field(&mut status, 2, message.as_bytes());
    write_field(&mut status, 3, detail);
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_reason_the_failure_has_no_fields() {
        let mut any = Vec::new();
        write_field(&mut any, 1, PERMISSION_DENIED.as_bytes());
        assert_eq!(STANDARD_NO_PAD.encode(status(7, "Request unauthorized.", &any)), WITHOUT_REASON);
    }

    #[test]
    fn the_reason_is_the_first_field_of_the_failure() {
        let reason = "r".repeat(300);
        let bytes = STANDARD_NO_PAD.decode(denied("m", Some(&reason)).as_ref()).unwrap();
        let inner = [&[0x0a, 0xac, 0x02][..], reason.as_bytes()].concat();
        assert!(bytes.ends_with(&inner), "{bytes:?}");
    }
}

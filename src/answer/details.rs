//! `grpc-status-details-bin` of a denial: a `google.rpc.Status` that holds a `PermissionDeniedFailure`, by which SDKs tell
//! Temporal's own denial. Source: `serviceerror.NewPermissionDenied` of the API, `temporal/api/errordetails/v1`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// That of [`denied`] without a reason, which is byte for byte Temporal's.
const WITHOUT_REASON: &str = "CAcSFVJlcXVlc3QgdW5hdXRob3JpemVkLhpKCkh0eXBlLmdvb2dsZWFwaXMuY29tL3RlbXBvcmFsLmFwaS5lcnJvcmRldGFpbHMudjEuUGVybWlzc2lvbkRlbmllZEZhaWx1cmU";

const FAILURE: &str = "type.googleapis.com/temporal.api.errordetails.v1.PermissionDeniedFailure";

/// The details of a denial with this message, and with this reason if clients may know it.
pub(super) fn denied(message: &str, reason: Option<&str>) -> Cow<'static, str> {
    let Some(reason) = reason else { return WITHOUT_REASON.into() };
    let failure = [field(1, FAILURE.as_bytes()), field(2, &field(1, reason.as_bytes()))].concat();
    let status = [vec![0x08, 7], field(2, message.as_bytes()), field(3, &failure)].concat();
    STANDARD_NO_PAD.encode(status).into()
}

/// A length-delimited protobuf field of a number below 16.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = value.len();
    while length > 0x7f {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(value);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_reason_it_is_the_failure_without_fields() {
        let failure = field(1, FAILURE.as_bytes());
        let status = [vec![0x08, 7], field(2, b"Request unauthorized."), field(3, &failure)].concat();
        assert_eq!(STANDARD_NO_PAD.encode(status), WITHOUT_REASON);
    }

    #[test]
    fn a_reason_is_the_failures_first_field() {
        let reason = "r".repeat(300);
        let bytes = STANDARD_NO_PAD.decode(denied("m", Some(&reason)).as_ref()).unwrap();
        let inner = [&[0x0a, 0xac, 0x02][..], reason.as_bytes()].concat();
        assert!(bytes.ends_with(&inner), "{bytes:?}");
    }
}

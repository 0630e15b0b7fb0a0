//! Keys for tests.

use serde_json::{Value, json};

/// RFC 8037 appendix A.2.
pub(super) fn ed25519() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "kid": "e", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

/// RFC 7515 appendix A.3.
pub(super) fn p256() -> Value {
    json!({"kty": "EC", "crv": "P-256", "kid": "p", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
}

pub(super) fn p384() -> Value {
    json!({"kty": "EC", "crv": "P-384", "kid": "q", "x": "_hFpomefS_tU96IO7O7v68g162I0DwIoie9yI09Z3KF8q-CvHYHgFQEADKUt0KR0", "y": "jf-VCZt7Xi_RXxrwY3dAHoYZ3g5iFOhlB4BVKs8AD84sbVClQ3PeTdq3a7WazbPx"})
}

/// RFC 7515 appendix A.2.
pub(super) fn rsa() -> Value {
    json!({"kty": "RSA", "kid": "r", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"})
}

/// A key that is only in a certificate.
pub(super) fn certified(kty: &str, crv: Option<&str>) -> Value {
    let samples: Value = serde_json::from_str(include_str!("../crypto/certificates.json")).unwrap();
    let is_meant = |sample: &&Value| sample["type"] == crv.unwrap_or(kty);
    let certificate = samples.as_array().unwrap().iter().find(is_meant).unwrap()["certificate"].clone();
    let mut jwk = json!({"kty": kty, "kid": "c", "x5c": [certificate]});
    if let Some(crv) = crv {
        jwk["crv"] = crv.into();
    }
    jwk
}

pub(super) fn with(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}

//! A token in a header where no issuer expects one, which is why a request counts as a request without a token.

use super::bearer::{TokenHeaders, has_jwt};

/// Headers in which clients, gateways and identity proxies send JWTs.
const USUAL: [&str; 14] = [
    "authorization",
    // The Web UI.
    "authorization-extras",
    "grpcgateway-authorization",
    "grpc-metadata-authorization",
    // oauth2-proxy, and Envoy's OAuth filter.
    "x-forwarded-access-token",
    "x-forwarded-id-token",
    "x-auth-request-access-token",
    "x-id-token",
    // Google's Identity-Aware Proxy, Cloudflare Access, AWS's load balancers, Azure's App Service, Pomerium.
    "x-goog-iap-jwt-assertion",
    "cf-access-jwt-assertion",
    "x-amzn-oidc-accesstoken",
    "x-ms-token-aad-access-token",
    "x-ms-token-aad-id-token",
    "x-pomerium-jwt-assertion",
];

/// The longest value that is looked at, in bytes: the look must cost nothing, and longer tokens are rare.
const MAX_VALUE: usize = 16 << 10;

/// The first of the usual headers that no issuer names and that has a JWT. It is for the log; the token does not count.
pub fn elsewhere<'a>(
    headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    named: &TokenHeaders,
) -> Option<&'static str> {
    let is_jwt = |value: &[u8]| value.len() <= MAX_VALUE && has_jwt(value);
    headers
        .filter_map(|(name, value)| Some((*USUAL.iter().find(|usual| usual.as_bytes() == name)?, value)))
        .find(|(name, value)| !named.names().iter().any(|known| known == name) && is_jwt(value))
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.e30.AAAA";

    fn found(named: &[&str], headers: &[(&str, &str)]) -> Option<&'static str> {
        let named = TokenHeaders::new(Vec::new(), named.iter().map(|name| (*name).to_owned()));
        elsewhere(headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())), &named)
    }

    #[test]
    fn a_jwt_in_a_usual_header_is_found() {
        let bearer = format!("Bearer {JWT}");
        for name in USUAL {
            assert_eq!(found(&["x-svid"], &[("te", JWT), (name, JWT)]), Some(name));
            assert_eq!(found(&["x-svid"], &[(name, &bearer)]), Some(name));
        }
        let twice = [("x-id-token", JWT), ("authorization", JWT)];
        assert_eq!(found(&["x-svid"], &twice), Some("x-id-token"), "the first");
        assert_eq!(found(&["x-id-token"], &twice), Some("authorization"), "an issuer names the other");
    }

    #[test]
    fn other_values_and_headers_are_not_found() {
        for value in ["", "Basic YTpi", "Bearer ya29.a0Af", "a.b.c", "Bearer eyJhbGciOiJFUzI1NiJ9.e30", "\u{ff}"] {
            assert_eq!(found(&["x-svid"], &[("authorization", value)]), None, "{value}");
        }
        assert_eq!(found(&["x-svid"], &[("x-anything", JWT), ("x-svid", JWT)]), None);
        assert_eq!(found(&["authorization"], &[("authorization", JWT)]), None, "an issuer names it");
        let long = |length: usize| format!("eyJhbGciOiJFUzI1NiJ9.{}.AAAA", "a".repeat(length - 26));
        assert_eq!(found(&["x-svid"], &[("authorization", &long(MAX_VALUE))]), Some("authorization"));
        assert_eq!(found(&["x-svid"], &[("authorization", &long(MAX_VALUE + 1))]), None);
    }
}

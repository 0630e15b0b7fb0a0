//! A caller of whom everything is known but nothing was verified: claims, a token, a certificate.

use serde_json::{Map, Value, json};
use temporal_auth::pattern::Pattern;
use temporal_auth::time::Timestamp;

/// Whether a token's `exp`, `nbf` and `iat` are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenTimes {
    Checked,
    Ignored,
}

/// What matters about a token besides its claims.
#[derive(Debug, Clone)]
pub(crate) struct AssumedToken {
    /// The header that carries it. `None` for the first that its issuer names.
    pub(crate) header: Option<String>,
    pub(crate) form: TokenForm,
}

#[derive(Debug, Clone)]
pub(crate) enum TokenForm {
    /// It is signed again, with a header of this form.
    Signed { typ: Option<String>, has_kid: bool },
    /// It is sent as it is: the filter refuses it before it looks for a key.
    Refused(String),
}

/// A caller whose claims or certificate are assumed to be verified.
#[derive(Debug, Clone)]
pub(crate) struct AssumedCaller {
    /// The issuer's name in the configuration. `None` for a caller without a token.
    pub(crate) issuer: Option<String>,
    pub(crate) claims: Map<String, Value>,
    /// The caller's token. `None` if the caller has only claims, or no token.
    pub(crate) token: Option<AssumedToken>,
    pub(crate) times: TokenTimes,
    /// The identity in the TLS certificate.
    pub(crate) peer: Option<String>,
    /// The time of the call.
    pub(crate) at: Timestamp,
}

impl AssumedCaller {
    /// A caller with a certificate and no token.
    pub(crate) fn without_token(peer: String, at: Timestamp) -> Self {
        Self { issuer: None, claims: Map::new(), token: None, times: TokenTimes::Ignored, peer: Some(peer), at }
    }

    /// A caller with these claims from this issuer, as if a token with good times had been verified.
    pub(crate) fn with_claims(issuer: &str, claims: Map<String, Value>, at: Timestamp) -> Self {
        Self { issuer: Some(issuer.to_owned()), claims, token: None, times: TokenTimes::Ignored, peer: None, at }
    }

    /// A `who` that matches this caller.
    pub(crate) fn who(&self) -> Value {
        match (&self.issuer, &self.peer) {
            (Some(issuer), _) => json!({"issuer": issuer}),
            (None, Some(peer)) => json!({"peer": Pattern::literal(peer).to_string()}),
            (None, None) => json!({}),
        }
    }
}

//! From an Authorization header to verified claims: RFC 6750, 7515, 7519 and 8725.

pub mod bearer;
pub mod claims;
pub mod jose;

/// Why a token is refused, for the log. The client is never told.
pub type Refusal = std::borrow::Cow<'static, str>;

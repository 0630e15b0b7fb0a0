//! From an Authorization header to verified claims: RFC 6750, 7515, 7519 and 8725.

pub mod bearer;
pub mod budget;
pub mod cache;
pub mod claims;
mod der;
pub mod jose;
pub mod native;
pub mod signature;

/// Why a token is refused, for the log. The client is never told.
pub type Refusal = std::borrow::Cow<'static, str>;

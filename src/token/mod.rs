//! From an Authorization header to verified claims: RFC 6750, 7515, 7519 and 8725.

pub mod bearer;
pub mod jose;
mod refusal;

pub use refusal::{TokenPart, TokenRefusal};

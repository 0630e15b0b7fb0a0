//! Finds and decodes bearer tokens, and says why a token is refused: RFC 6750, 7515, 7519 and 8725.

pub mod bearer;
pub mod elsewhere;
pub mod jose;
mod refusal;

pub use refusal::{SubjectFault, TokenPart, TokenRefusal};

//! Public keys and the signatures they verify.

mod algorithm;
mod der;
pub mod public_key;
pub mod roca;

pub use algorithm::Algorithm;
pub use public_key::PublicKey;

//! Public keys and the signatures they verify.

mod algorithm;
pub mod certificate;
mod der;
pub mod public_key;
pub mod roca;
mod rsa;
mod unusable_key;

pub use algorithm::Algorithm;
pub use public_key::{KeyMaterial, PublicKey};
pub use unusable_key::UnusableKey;

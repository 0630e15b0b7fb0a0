//! JWT authentication and role-based authorization for Temporal, as a proxy-wasm filter for Envoy and Istio.
//!
//! Data flows one way: the path says which method is called, the body what it would do, the token who calls; `policy`
//! decides, and everything after it reports. Only the crate in `module/` knows proxy-wasm; this library builds and tests
//! natively.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::get_unwrap,
        clippy::string_slice
    )
)]

pub mod answer;
pub mod authentication;
pub mod config;
pub mod counters;
pub mod crypto;
mod excerpt;
pub mod filter;
pub mod identity;
pub mod keys;
mod listed;
pub mod pattern;
pub mod policy;
pub mod report;
pub mod temporal;
pub mod time;
pub mod token;
pub mod wire;
pub mod work;

//! What Temporal's API means: its methods, the effects of each, and what a request would really do.

pub mod effect;
pub mod method;
pub mod names;
pub mod request;
pub mod schema;
mod table;

pub use effect::EffectSet;
pub use method::{Access, Catalogue, Limited, Method, MethodRef, Scope, Surface};
pub use request::{Elsewhere, RequestReader, Target};
pub use table::API_VERSION;

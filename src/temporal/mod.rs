//! What Temporal's API means: its methods, the effects of each, and what a request would really do.

pub mod effect;
pub mod method;
pub mod names;
mod own;
mod payload;
pub mod request;
pub mod schema;
mod table;
mod target;
mod token;

pub use effect::EffectSet;
pub use method::{Access, Catalogue, Ids, Limited, Method, MethodRef, Scope, Surface};
pub use names::{Limit, LimitSet};
pub use request::RequestReader;
pub use table::API_VERSION;
pub use target::{Elsewhere, Newer, Part, Target};

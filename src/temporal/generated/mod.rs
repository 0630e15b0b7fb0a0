//! The tables that `make generate` (tools/methods.py) writes from data/temporal.

mod effects;
mod http;
mod methods;

pub(super) use effects::NAMES as EFFECT_NAMES;
pub use effects::ROLES;
pub(super) use http::ROUTES;
pub use methods::API_VERSION;
pub(super) use methods::{METHODS, TASK_QUEUE_KIND};

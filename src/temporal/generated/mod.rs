//! Written by `make table` (tools/methods.py) from data/temporal: do not edit.

mod effects;
mod methods;

pub(super) use effects::NAMES as EFFECT_NAMES;
pub use effects::ROLES;
pub use methods::API_VERSION;
pub(super) use methods::METHODS;

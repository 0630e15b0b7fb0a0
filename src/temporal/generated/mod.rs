//! Written by `make table` (tools/methods.py) from data/temporal: do not edit.

mod methods;

pub use methods::API_VERSION;
pub(super) use methods::METHODS;

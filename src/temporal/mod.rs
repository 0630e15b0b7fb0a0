//! What Temporal's API means: its methods, the effects of each, and what a request would really do.

mod catalogue;
pub mod effect;
mod generated;
pub mod http;
pub mod list;
mod list_json;
pub mod method;
pub mod names;
mod payload;
pub mod request;
mod reserved;
pub mod schema;
mod server;
mod system_reason;
mod target;
mod token;

pub use catalogue::{Catalogue, Route};
pub use effect::EffectSet;
pub use generated::{API_VERSION, ROLES};
pub use list::{ListMethod, ListView, ReducedList};
pub use method::{Access, LimitRule, Method, MethodRef, Scope, WorkflowIdRule};
pub use names::{Limit, LimitSet};
pub use request::RequestReader;
pub use server::{GET_SYSTEM_INFO, ServerVersion, server_version};
pub use system_reason::{InternalReason, OperationRefusal, SystemReason};
pub use target::{NamespaceEffects, NewerPart, NewerParts, Target};

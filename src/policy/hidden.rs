//! Namespaces in which a caller may do nothing: where `hide_namespaces` says so, they are told that these do not exist.

use super::decide::{is_expired, registers};
use super::grant::{ResolvedGrant, ResolvedScope};
use super::{Policy, Principal};
use crate::temporal::{EffectSet, Method, Scope};
use crate::time::Timestamp;

/// Whether a denial of this method may say that its namespace does not exist. Not for the calls of workers: some SDKs end a
/// worker on that answer, and a worker whose groups are missing for a minute must not be lost. Not for registering: the
/// namespace need not exist. Not for Nexus over HTTP, whose requests have no namespace field: its failures are others.
pub fn may_hide_namespace(method: &Method) -> bool {
    let has_namespace = method.scope == Scope::Namespace && method.namespace_field != 0;
    has_namespace && !EffectSet::WORKER.covers(method.effects) && !registers(method)
}

impl Policy {
    /// Whether no grant gives the caller anything in this namespace, or a denial takes everything away. Limits do not count:
    /// who may do something there may know that it exists.
    pub fn may_do_nothing_in(&self, principal: &Principal, namespace: &str, now: Timestamp) -> bool {
        let gives = |grant: &ResolvedGrant| {
            let reaches = match &grant.scope {
                ResolvedScope::System => true,
                ResolvedScope::Namespaces(namespaces) => namespaces.contains(namespace),
            };
            reaches && !grant.shadow && !is_expired(grant, now)
        };
        let mut denials = principal.denials.iter().map(|applicable| &applicable.denial);
        !principal.grants.iter().any(gives)
            || denials.any(|denial| !denial.shadow && denial.denies_everything_in(namespace))
    }
}

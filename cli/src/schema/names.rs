//! The library's names of methods, roles and algorithms.

use temporal_auth::crypto::Algorithm;
use temporal_auth::temporal::{Catalogue, MethodRef, ROLES};

use crate::request;

/// Every method with the shortest name that leads to it, in the order of the names.
pub(super) fn methods() -> Result<Vec<(String, MethodRef)>, String> {
    let catalogue = Catalogue::default();
    let mut methods = Vec::new();
    for path in request::methods()?.into_iter().chain(["/grpc.health.v1.Health/Check".to_owned()]) {
        let Some(method) = catalogue.named(&path) else { continue };
        let is_short = catalogue.named(method.name()).is_some_and(|named| named == method);
        let name = if is_short { method.name() } else { path.trim_start_matches('/') };
        methods.push((name.to_owned(), method));
    }
    methods.sort_by(|(name, _), (other, _)| name.cmp(other));
    Ok(methods)
}

pub(super) fn roles() -> Vec<&'static str> {
    ROLES.iter().map(|(name, _)| *name).collect()
}

pub(super) fn algorithms() -> Vec<&'static str> {
    Algorithm::ALL.iter().map(|(name, _)| *name).collect()
}

//! Envoy's own JWT filter before ours: it removes the token that it has verified, unless it forwards it.

use std::rc::Rc;

use super::{Deployment, DeploymentKind, at, text};
use crate::report::Diagnostic;
use crate::yaml::{NodeKind, YamlNode};

const JWT: &str = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";

pub(super) fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    if deployment.kind == DeploymentKind::Envoy {
        walk(&deployment.document, &deployment.wasm, &mut warnings);
    }
    warnings
}

/// Looks for the chain of filters that has ours.
fn walk(node: &YamlNode, ours: &Rc<YamlNode>, warnings: &mut Vec<Diagnostic>) {
    match &node.kind {
        NodeKind::Scalar(..) => {}
        NodeKind::List(list) => list.iter().for_each(|node| walk(node, ours, warnings)),
        NodeKind::Map(members) => {
            for member in members {
                match (&member.value.kind, member.name.text()) {
                    (NodeKind::List(filters), Some("http_filters")) => chain(filters, ours, warnings),
                    _ => walk(&member.value, ours, warnings),
                }
            }
        }
    }
}

fn chain(filters: &[Rc<YamlNode>], ours: &Rc<YamlNode>, warnings: &mut Vec<Diagnostic>) {
    let is_ours = |filter: &Rc<YamlNode>| {
        at(filter, &["typed_config"]).and_then(|node| node.value("config")).is_some_and(|node| Rc::ptr_eq(node, ours))
    };
    let Some(position) = filters.iter().position(is_ours) else { return };
    for filter in filters.iter().take(position) {
        let Some(jwt) =
            at(filter, &["typed_config"]).filter(|node| text(node, &["@type"]).is_some_and(|name| name.ends_with(JWT)))
        else {
            continue;
        };
        let Some(NodeKind::Map(providers)) = jwt.value("providers").map(|node| &node.kind) else { continue };
        for provider in providers.iter().filter(|provider| removes(&provider.value)) {
            let name = provider.name.text().unwrap_or_default();
            let text = format!(
                "providers.{name}.forward: missing; jwt_authn removes the tokens that it verifies before the filter reads them, \
                 so these calls are answered 16"
            );
            warnings.push(Diagnostic::warning(
                text,
                provider.name.at,
                "write forward: true, or put jwt_authn after the filter",
            ));
        }
    }
}

/// Whether a provider removes tokens from `authorization`.
fn removes(provider: &YamlNode) -> bool {
    let is_elsewhere = ["from_headers", "from_params", "from_cookies"].iter().any(|name| provider.get(name).is_some());
    let is_named = match provider.value("from_headers").map(|node| &node.kind) {
        Some(NodeKind::List(headers)) => {
            let mut names = headers.iter().filter_map(|header| text(header, &["name"]));
            names.any(|name| name.eq_ignore_ascii_case("authorization"))
        }
        _ => false,
    };
    text(provider, &["forward"]) != Some("true") && (is_named || !is_elsewhere)
}

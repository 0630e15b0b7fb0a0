//! Which module runs.

use super::{Deployment, DeploymentKind, at, pointed, text};
use crate::report::Diagnostic;
use crate::yaml::location::members;

const PIN: &str = "pin it by digest (…@sha256:…), so that the module that runs is the one you tested";

pub(super) fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let node = &*deployment.wasm;
    match deployment.kind {
        DeploymentKind::WasmPlugin | DeploymentKind::TrafficExtension => istio(deployment, &["url"], &["sha256"]),
        DeploymentKind::Values => istio(deployment, &["module", "url"], &["module", "sha256"]),
        DeploymentKind::EnvoyFilter => {
            // Istio's agent fetches nothing for a local file.
            let names = ["vm_config", "code", "remote"];
            let is_remote = at(node, &names).is_some();
            let url = ["vm_config", "code", "remote", "http_uri", "uri"];
            if is_remote { istio(deployment, &url, &["vm_config", "code", "remote", "sha256"]) } else { Vec::new() }
        }
        DeploymentKind::EnvoyGateway => gateway(deployment),
        DeploymentKind::Envoy => {
            let names = ["vm_config", "code", "remote"];
            let unpinned = at(node, &names).filter(|remote| is_empty(text(remote, &["sha256"])));
            let help = "better load a local file: Envoy documents its own fetching as unstable";
            let text = "vm_config.code.remote.sha256: missing, so any server that answers can supply the module";
            unpinned.map(|_| Diagnostic::warning(text, pointed(node, &members(&names)), help)).into_iter().collect()
        }
    }
}

fn is_empty(text: Option<&str>) -> bool {
    text.is_none_or(str::is_empty)
}

/// Checks a URL that Istio's agent fetches.
fn istio(deployment: &Deployment, url: &[&str], sha256: &[&str]) -> Vec<Diagnostic> {
    let node = &deployment.wasm;
    let path = members(url);
    let span = pointed(node, &path);
    let Some(found) = text(node, url) else {
        // The chart has a default.
        if deployment.kind == DeploymentKind::Values {
            return Vec::new();
        }
        let text = format!("{path}: missing; expected an image as oci://…, or an https:// URL");
        return vec![Diagnostic::error(text, span)];
    };
    let mut wrong = Vec::new();
    let scheme = found.split_once("://").map(|(scheme, _)| scheme);
    match scheme {
        Some("oci" | "http" | "https" | "file") => {}
        Some(_) => {
            let text = format!("{path}: expected a URL that starts with oci://, https:// or file://, found {found:?}");
            wrong.push(Diagnostic::error(text, span));
        }
        None if found.split('/').next().is_some_and(|host| host.contains(':')) => {
            let text = format!("{path}: expected oci:// before {found:?}: Istio takes the host for a scheme");
            wrong.push(Diagnostic::error(text, span));
        }
        None => {
            let text = format!("{path}: no scheme in {found:?}");
            wrong.push(Diagnostic::warning(
                text,
                span,
                "write oci://, which is assumed only while the host has no port",
            ));
        }
    }
    if scheme == Some("http") {
        let text = format!("{path}: the module is fetched without TLS");
        wrong.push(Diagnostic::warning(text, span, "use https:// or oci://"));
    }
    if scheme != Some("file") && !has_digest(found) && is_empty(text(node, sha256)) {
        let text = format!("{path}: the module is not pinned by digest: a tag or a file can be replaced");
        wrong.push(Diagnostic::warning(text, span, PIN));
    }
    wrong
}

/// Checks the `code` of an EnvoyExtensionPolicy.
fn gateway(deployment: &Deployment) -> Vec<Diagnostic> {
    let node = &deployment.wasm;
    let mut wrong = Vec::new();
    for kind in ["image", "http"] {
        let names = ["code", kind, "url"];
        let path = members(&names);
        let Some(found) = text(node, &names) else { continue };
        let span = pointed(node, &path);
        if kind == "image" && found.contains("://") {
            let text = format!("{path}: expected the name of an image without a scheme, found {found:?}");
            wrong.push(Diagnostic::error(text, span));
        }
        if !has_digest(found) && is_empty(text(node, &["code", kind, "sha256"])) {
            let text = format!("{path}: the module is not pinned by digest: a tag or a file can be replaced");
            wrong.push(Diagnostic::warning(text, span, PIN));
        }
    }
    wrong
}

fn has_digest(url: &str) -> bool {
    url.rsplit_once("@sha256:")
        .is_some_and(|(_, digest)| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

//! Which module is run.

use super::{Carrier, Kind, at, pointed, text, warning};
use crate::report::Diagnostic;

const ANOTHER: &str = "name it by digest, …@sha256:…, so that what runs is what was tested";

pub(super) fn check(carrier: &Carrier) -> Vec<Diagnostic> {
    let node = &*carrier.wasm;
    match carrier.kind {
        Kind::WasmPlugin | Kind::TrafficExtension => istio(carrier, &["url"], &["sha256"]),
        Kind::Values => istio(carrier, &["module", "url"], &["module", "sha256"]),
        Kind::EnvoyFilter => {
            // A file is none of Istio's agent's business.
            let names = ["vm_config", "code", "remote"];
            let is_remote = at(node, &names).is_some();
            let url = ["vm_config", "code", "remote", "http_uri", "uri"];
            if is_remote { istio(carrier, &url, &["vm_config", "code", "remote", "sha256"]) } else { Vec::new() }
        }
        Kind::EnvoyGateway => gateway(carrier),
        Kind::Envoy => {
            let names = ["vm_config", "code", "remote"];
            let unpinned = at(node, &names).filter(|remote| is_empty(text(remote, &["sha256"])));
            let help = "a file beside the proxy is better: Envoy calls its own fetching unstable";
            let said = "vm_config.code.remote.sha256: found nothing: whoever answers hands out the module";
            unpinned.map(|_| warning(said, pointed(node, &names.join(".")), help)).into_iter().collect()
        }
    }
}

fn is_empty(text: Option<&str>) -> bool {
    text.is_none_or(str::is_empty)
}

/// A URL as Istio's agent takes it.
fn istio(carrier: &Carrier, url: &[&str], sha256: &[&str]) -> Vec<Diagnostic> {
    let node = &carrier.wasm;
    let path = url.join(".");
    let place = pointed(node, &path);
    let Some(found) = text(node, url) else {
        // The chart has a value of its own.
        if carrier.kind == Kind::Values {
            return Vec::new();
        }
        let expected = format!("{path}: found nothing, expected oci:// and the image's name, or https://");
        return vec![Diagnostic::error(expected, place)];
    };
    let mut wrong = Vec::new();
    let scheme = found.split_once("://").map(|(scheme, _)| scheme);
    match scheme {
        Some("oci" | "http" | "https" | "file") => {}
        Some(_) => {
            let text = format!("{path}: found {found:?}, expected oci://, https:// or file:// at its beginning");
            wrong.push(Diagnostic::error(text, place));
        }
        None if found.split('/').next().is_some_and(|host| host.contains(':')) => {
            let text = format!("{path}: found {found:?}, expected oci:// before it: the host is taken for a scheme");
            wrong.push(Diagnostic::error(text, place));
        }
        None => {
            let text = format!("{path}: found {found:?} without oci:// before it");
            wrong.push(warning(text, place, "it is taken for oci://, as long as the host has no port: say so"));
        }
    }
    if scheme == Some("http") {
        let text = format!("{path}: the module is fetched without TLS");
        wrong.push(warning(text, place, "use https:// or oci://"));
    }
    if scheme != Some("file") && !has_digest(found) && is_empty(text(node, sha256)) {
        let text = format!("{path}: nothing says which module it is: a tag, or a file, can be replaced");
        wrong.push(warning(text, place, ANOTHER));
    }
    wrong
}

/// The `code` of an EnvoyExtensionPolicy.
fn gateway(carrier: &Carrier) -> Vec<Diagnostic> {
    let node = &carrier.wasm;
    let mut wrong = Vec::new();
    for kind in ["image", "http"] {
        let path = format!("code.{kind}.url");
        let Some(found) = text(node, &["code", kind, "url"]) else { continue };
        let place = pointed(node, &path);
        if kind == "image" && found.contains("://") {
            let text = format!("{path}: found {found:?}, expected the image's name without a scheme");
            wrong.push(Diagnostic::error(text, place));
        }
        if !has_digest(found) && is_empty(text(node, &["code", kind, "sha256"])) {
            let text = format!("{path}: nothing says which module it is: a tag, or a file, can be replaced");
            wrong.push(warning(text, place, ANOTHER));
        }
    }
    wrong
}

fn has_digest(url: &str) -> bool {
    url.rsplit_once("@sha256:")
        .is_some_and(|(_, digest)| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

//! What happens to calls when the module fails or is missing.

use super::{Deployment, DeploymentKind, pointed, text};
use crate::report::Diagnostic;
use crate::yaml::location::members;

pub(super) fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let node = &deployment.wasm;
    let (names, expected): (&[&[&str]], _) = match deployment.kind {
        DeploymentKind::WasmPlugin | DeploymentKind::TrafficExtension => {
            (&[&["failStrategy"]], "FAIL_RELOAD or FAIL_CLOSE")
        }
        DeploymentKind::Values => (&[&["module", "failStrategy"]], "FAIL_RELOAD or FAIL_CLOSE"),
        DeploymentKind::EnvoyGateway => (&[&["failOpen"]], "false"),
        DeploymentKind::EnvoyFilter | DeploymentKind::Envoy => {
            (&[&["failure_policy"], &["fail_open"]], "FAIL_RELOAD or FAIL_CLOSED")
        }
    };
    let problems = names.iter().filter_map(|names| {
        let found = text(node, names).filter(|text| text.eq_ignore_ascii_case("true") || *text == "FAIL_OPEN")?;
        let path = members(names);
        let why = "calls would pass unchecked when the module cannot be fetched, is rejected or fails";
        let text = format!("{path}: expected {expected}, found {found}: {why}");
        Some(Diagnostic::error(text, pointed(node, &path)))
    });
    problems.collect()
}

//! What becomes of calls where the module fails, or is not there.

use super::{Carrier, Kind, pointed, text};
use crate::report::Diagnostic;

pub(super) fn check(carrier: &Carrier) -> Vec<Diagnostic> {
    let node = &carrier.wasm;
    let (names, expected): (&[&[&str]], _) = match carrier.kind {
        Kind::WasmPlugin | Kind::TrafficExtension => (&[&["failStrategy"]], "FAIL_RELOAD or FAIL_CLOSE"),
        Kind::Values => (&[&["module", "failStrategy"]], "FAIL_RELOAD or FAIL_CLOSE"),
        Kind::EnvoyGateway => (&[&["failOpen"]], "false"),
        Kind::EnvoyFilter | Kind::Envoy => (&[&["failure_policy"], &["fail_open"]], "FAIL_RELOAD or FAIL_CLOSED"),
    };
    let open = names.iter().filter_map(|names| {
        let found = text(node, names).filter(|text| text.eq_ignore_ascii_case("true") || *text == "FAIL_OPEN")?;
        let path = names.join(".");
        let why = "calls would pass undecided where the module cannot be fetched, is refused, or fails";
        let text = format!("{path}: found {found}, expected {expected}: {why}");
        Some(Diagnostic::error(text, pointed(node, &path)))
    });
    open.collect()
}

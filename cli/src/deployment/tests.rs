use crate::find;
use crate::report::Severity;
use crate::source::Source;

/// The diagnostics of the one deployment in a text, warnings with a `?` before them.
#[track_caller]
fn diagnostics(text: &str) -> Vec<String> {
    let source = Source { name: "f".into(), text: text.into() };
    let deployments = find::configurations(&source, &crate::yaml::documents(text).unwrap()).deployments;
    assert_eq!(deployments.len(), 1, "{text}");
    let mark = |severity| if severity == Severity::Warning { "?" } else { "" };
    deployments[0].check().iter().map(|found| format!("{}{}", mark(found.severity), found.text)).collect()
}

const DIGEST: &str = "oci://r.example.com/m@sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const GATEWAY: &str = "match: [{mode: CLIENT}]";

/// A WasmPlugin with a URL and more fields of its spec.
fn plugin(url: &str, fields: &str) -> Vec<String> {
    diagnostics(&format!(
        "kind: WasmPlugin\nspec:\n  pluginName: temporal_auth\n  pluginConfig: {{}}\n  url: '{url}'\n  {fields}\n"
    ))
}

#[track_caller]
fn assert_one(found: &[String], beginning: &str) {
    assert!(found.len() == 1 && found[0].starts_with(beginning), "{beginning:?}: {found:?}");
}

#[test]
fn a_usual_plugin_is_good() {
    assert_eq!(plugin(DIGEST, &format!("{GATEWAY}\n  phase: AUTHN")), [""; 0]);
    let sidecar = "match: [{mode: SERVER, ports: [{number: 7233}, {number: 7243}]}]\n  phase: AUTHZ";
    assert_eq!(plugin(DIGEST, sidecar), [""; 0]);
}

#[test]
fn failing_open_is_an_error() {
    let place = format!("{GATEWAY}\n  phase: AUTHN\n  failStrategy:");
    assert_one(
        &plugin(DIGEST, &format!("{place} FAIL_OPEN")),
        "failStrategy: expected FAIL_RELOAD or FAIL_CLOSE, found FAIL_OPEN",
    );
    for closed in ["FAIL_CLOSE", "FAIL_RELOAD"] {
        assert_eq!(plugin(DIGEST, &format!("{place} {closed}")), [""; 0]);
    }
    let gateway = |open: &str| {
        diagnostics(&format!(
            "kind: EnvoyExtensionPolicy\nspec:\n  wasm:\n  - {{rootID: temporal_auth, failOpen: {open}, config: {{}}}}\n"
        ))
    };
    assert_one(&gateway("true"), "failOpen: expected false, found true");
    assert_eq!(gateway("false"), [""; 0]);
    let envoy = |field: &str| {
        diagnostics(&format!(
            "static_resources:\n- '@type': x/envoy.extensions.filters.http.wasm.v3.Wasm\n  config: {{root_id: temporal_auth, {field}}}\n"
        ))
    };
    assert_one(
        &envoy("failure_policy: FAIL_OPEN"),
        "failure_policy: expected FAIL_RELOAD or FAIL_CLOSED, found FAIL_OPEN",
    );
    assert_one(&envoy("fail_open: true"), "fail_open: expected FAIL_RELOAD or FAIL_CLOSED, found true");
    assert_eq!(envoy("failure_policy: FAIL_RELOAD, fail_open: false"), [""; 0]);
    let values = |strategy: &str| diagnostics(&format!("module: {{failStrategy: {strategy}}}\nconfig: {{}}\n"));
    assert_one(&values("FAIL_OPEN"), "module.failStrategy: expected FAIL_RELOAD or FAIL_CLOSE, found FAIL_OPEN");
    assert_eq!(values("FAIL_CLOSE"), [""; 0]);
}

#[test]
fn modules_are_pinned() {
    let url = |url: &str| plugin(url, &format!("{GATEWAY}\n  phase: AUTHN"));
    let digest = DIGEST.strip_prefix("oci://").unwrap();
    assert_one(&url(digest), "?url: no scheme in \"r.example.com/m@sha256:");
    assert_one(
        &url(&digest.replace("com/", "com:5000/")),
        "url: expected oci:// before \"r.example.com:5000/m@sha256:",
    );
    assert_one(&url(&DIGEST.replace("oci:", "ftp:")), "url: expected a URL that starts with");
    assert_one(&url("oci://r.example.com:5000/m:1.2"), "?url: the module is not pinned");
    assert_one(&url("oci://r.example.com/m@sha256:12"), "?url: the module is not pinned");
    assert_one(&url("https://r.example.com/m.wasm"), "?url: the module is not pinned");
    assert_one(&url(&DIGEST.replace("oci:", "http:")), "?url: the module is fetched without TLS");
    assert_eq!(url("file:///m.wasm"), [""; 0]);
    let pinned = format!("{GATEWAY}\n  phase: AUTHN\n  sha256: 00");
    assert_eq!(plugin("https://r.example.com/m.wasm", &pinned), [""; 0]);
    let none = "kind: WasmPlugin\nspec: {pluginName: temporal_auth, pluginConfig: {}, phase: AUTHN, match: [{mode: CLIENT}]}\n";
    assert_one(&diagnostics(none), "url: missing");

    let image = |image: &str| {
        diagnostics(&format!(
            "kind: EnvoyExtensionPolicy\nspec:\n  wasm:\n  - rootID: temporal_auth\n    config: {{}}\n    code: {{image: {image}}}\n"
        ))
    };
    assert_one(&image("{url: 'r.example.com/m:1'}"), "?code.image.url: the module is not pinned");
    assert_one(
        &image(&format!("{{url: '{DIGEST}'}}")),
        "code.image.url: expected the name of an image without a scheme, found \"oci://",
    );
    assert_eq!(image(&format!("{{url: '{digest}'}}")), [""; 0]);
    assert_eq!(image("{url: 'r.example.com/m:1', sha256: 00}"), [""; 0]);
}

#[test]
fn the_phase_is_before_istios_checks() {
    let phase = |phase: &str| plugin(DIGEST, &format!("{GATEWAY}\n  {phase}"));
    assert_one(&phase(""), "?spec.phase: missing");
    assert_one(&phase("phase: STATS"), "?spec.phase: expected AUTHN or AUTHZ, found STATS");
    assert_eq!(phase("phase: AUTHZ"), [""; 0]);
}

#[test]
fn listeners_and_ports_cover_temporal() {
    let at = |place: &str| plugin(DIGEST, &format!("phase: AUTHN\n  {place}"));
    assert_one(&at("selector: {}"), "?spec.match: missing");
    assert_one(
        &at("match: [{ports: [{number: 7233}, {number: 7243}]}]"),
        "?spec.match[0].mode: CLIENT_AND_SERVER also filters",
    );
    let ports = |ports: &str| at(&format!("match: [{{mode: SERVER, ports: [{ports}]}}]"));
    assert_one(&ports("{number: 7233}"), "?spec.match[0].ports: found 7233 without 7243");
    assert_one(&ports("{number: 443}"), "?spec.match[0].ports: found 443 without 7233");
    assert_eq!(ports("{number: 7243}, {number: 7233}"), [""; 0]);
    assert_one(&at("match: [{mode: CLIENT, ports: [{number: 443}]}]"), "?spec.match[0].ports: ports of a gateway are");
    assert_eq!(at("match: [{mode: CLIENT, ports: [{number: 8443}]}]"), [""; 0]);
    let target = |kind: &str, fields: &str| at(&format!("targetRefs: [{{kind: {kind}, name: n}}]\n  {fields}"));
    assert_eq!(target("Gateway", ""), [""; 0]);
    assert_eq!(target("Service", ""), [""; 0]);
    assert_one(
        &target("Service", "match: [{ports: [{number: 7233}]}]"),
        "spec.match[0].ports: not allowed at a waypoint",
    );
    assert_one(&target("Service", "match: [{mode: CLIENT}]"), "spec.match[0].mode: not allowed at a waypoint");
    assert_eq!(target("Service", "match: [{mode: SERVER}]"), [""; 0]);
}

#[test]
fn an_envoy_filter_names_its_context() {
    let filter = |context: &str, url: &str, more: &str| {
        diagnostics(&format!(
            "kind: EnvoyFilter\nspec:\n  configPatches:\n  - applyTo: EXTENSION_CONFIG\n    match: {{{context}}}\n    patch:\n      \
             value:\n        '@type': x/envoy.extensions.filters.http.wasm.v3.Wasm\n        config:\n          root_id: temporal_auth\n          \
             vm_config: {{code: {{remote: {{http_uri: {{uri: '{url}'}}}}}}}}\n          {more}\n"
        ))
    };
    assert_eq!(filter("context: GATEWAY", DIGEST, ""), [""; 0]);
    assert_one(&filter("", DIGEST, ""), "?spec.configPatches[0].match.context: ANY also filters");
    assert_one(
        &filter("context: GATEWAY", "oci://r/m:1", ""),
        "?vm_config.code.remote.http_uri.uri: the module is not pinned",
    );
    assert_one(
        &filter("context: GATEWAY", DIGEST, "failure_policy: FAIL_OPEN"),
        "failure_policy: expected FAIL_RELOAD or FAIL_CLOSED, found FAIL_OPEN",
    );
}

#[test]
fn a_policy_that_was_not_accepted_is_an_error() {
    let plugin = |status: &str| {
        diagnostics(&format!(
            "kind: WasmPlugin\nspec: {{pluginName: temporal_auth, pluginConfig: {{}}, phase: AUTHN, url: '{DIGEST}', match: [{{mode: CLIENT}}]}}\n\
             status:\n  {status}\n"
        ))
    };
    let refused = "conditions: [{type: Accepted, status: 'STATUS', reason: Invalid, message: \"a\\nb\"}]";
    assert_one(
        &plugin(&refused.replace("STATUS", "False")),
        "status.conditions[0]: not accepted, so the filter does not run there: Invalid (\"a\\nb\")",
    );
    assert_eq!(plugin(&refused.replace("STATUS", "True")), [""; 0]);
    assert_eq!(plugin("conditions: [{type: Ready, status: 'False'}]"), [""; 0]);
    let gateway = |condition: &str| {
        diagnostics(&format!(
            "kind: EnvoyExtensionPolicy\nspec:\n  wasm: [{{rootID: temporal_auth, config: {{}}}}]\nstatus:\n  ancestors:\n  \
             - conditions: [{{type: Accepted, status: 'True'}}]\n  - conditions: [{{{condition}}}]\n"
        ))
    };
    assert_one(
        &gateway("type: Accepted, status: 'False', reason: Conflicted"),
        "status.ancestors[1].conditions[0]: not accepted",
    );
    assert_one(
        &gateway("type: Overridden, status: 'True', reason: Overridden"),
        "status.ancestors[1].conditions[0]: overridden",
    );
    assert_eq!(gateway("type: Overridden, status: 'False'"), [""; 0]);
    assert_eq!(gateway("type: Accepted, status: 'True'"), [""; 0]);
}

#[test]
fn a_jwt_filter_of_envoys_leaves_the_token() {
    let chain =
        |filters: &str| diagnostics(&format!("static_resources:\n  listeners:\n  - http_filters: [{filters}]\n"));
    let ours = "{name: t, typed_config: {'@type': x/envoy.extensions.filters.http.wasm.v3.Wasm, config: {root_id: temporal_auth, configuration: {}}}}";
    let jwt = |provider: &str| {
        format!(
            "{{name: j, typed_config: {{'@type': x/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication, providers: {{corp: {{{provider}}}}}}}}}"
        )
    };
    let before = |provider: &str| chain(&format!("{}, {ours}", jwt(provider)));
    assert_one(&before("issuer: a"), "?providers.corp.forward: missing; jwt_authn removes the tokens");
    assert_one(&before("from_headers: [{name: Authorization}]"), "?providers.corp.forward");
    assert_eq!(before("forward: true"), [""; 0]);
    assert_eq!(before("from_headers: [{name: x-jwt}]"), [""; 0]);
    assert_eq!(chain(&format!("{ours}, {}", jwt("issuer: a"))), [""; 0], "it runs after the filter");
}

#[test]
fn every_diagnostic_has_its_position() {
    let text = "kind: TrafficExtension\nspec:\n  match:\n  - {mode: SERVER, ports: [{number: 7233}]}\n  phase: STATS\n  wasm:\n    \
                pluginName: temporal_auth\n    pluginConfig: {}\n    url: r/m:1\n    failStrategy: FAIL_OPEN\n";
    let source = Source { name: "f".into(), text: text.into() };
    let deployments = find::configurations(&source, &crate::yaml::documents(text).unwrap()).deployments;
    let mut places: Vec<_> = deployments[0].check().iter().map(|found| (found.at.line, found.at.column)).collect();
    places.sort_unstable();
    assert_eq!(places, [(4, 27), (5, 10), (9, 10), (9, 10), (10, 19)]);
}

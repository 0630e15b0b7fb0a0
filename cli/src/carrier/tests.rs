use crate::find;
use crate::report::Severity;
use crate::source::Source;

/// What is said of the one carrier in a text: warnings with a `?` before them.
#[track_caller]
fn said(text: &str) -> Vec<String> {
    let source = Source { name: "f".into(), text: text.into() };
    let carriers = find::configurations(&source, &crate::yaml::documents(text).unwrap()).carriers;
    assert_eq!(carriers.len(), 1, "{text}");
    let said = carriers[0].check();
    said.iter()
        .map(|said| format!("{}{}", if said.severity == Severity::Warning { "?" } else { "" }, said.text))
        .collect()
}

const DIGEST: &str = "oci://r.example.com/m@sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const GATEWAY: &str = "match: [{mode: CLIENT}]";

/// A WasmPlugin with a URL and more fields of its spec.
fn plugin(url: &str, fields: &str) -> Vec<String> {
    said(&format!(
        "kind: WasmPlugin\nspec:\n  pluginName: temporal_auth\n  pluginConfig: {{}}\n  url: '{url}'\n  {fields}\n"
    ))
}

#[track_caller]
fn one(said: &[String], beginning: &str) {
    assert!(said.len() == 1 && said[0].starts_with(beginning), "{beginning:?}: {said:?}");
}

#[test]
fn a_plain_plugin_is_good() {
    assert_eq!(plugin(DIGEST, &format!("{GATEWAY}\n  phase: AUTHN")), [""; 0]);
    let sidecar = "match: [{mode: SERVER, ports: [{number: 7233}, {number: 7243}]}]\n  phase: AUTHZ";
    assert_eq!(plugin(DIGEST, sidecar), [""; 0]);
}

#[test]
fn no_fail_open_anywhere() {
    let place = format!("{GATEWAY}\n  phase: AUTHN\n  failStrategy:");
    one(&plugin(DIGEST, &format!("{place} FAIL_OPEN")), "failStrategy: found FAIL_OPEN, expected FAIL_RELOAD");
    for closed in ["FAIL_CLOSE", "FAIL_RELOAD"] {
        assert_eq!(plugin(DIGEST, &format!("{place} {closed}")), [""; 0]);
    }
    let gateway = |open: &str| {
        said(&format!(
            "kind: EnvoyExtensionPolicy\nspec:\n  wasm:\n  - {{rootID: temporal_auth, failOpen: {open}, config: {{}}}}\n"
        ))
    };
    one(&gateway("true"), "failOpen: found true, expected false");
    assert_eq!(gateway("false"), [""; 0]);
    let envoy = |field: &str| {
        said(&format!(
            "static_resources:\n- '@type': x/envoy.extensions.filters.http.wasm.v3.Wasm\n  config: {{root_id: temporal_auth, {field}}}\n"
        ))
    };
    one(&envoy("failure_policy: FAIL_OPEN"), "failure_policy: found FAIL_OPEN");
    one(&envoy("fail_open: true"), "fail_open: found true");
    assert_eq!(envoy("failure_policy: FAIL_RELOAD, fail_open: false"), [""; 0]);
    let values = |strategy: &str| said(&format!("module: {{failStrategy: {strategy}}}\nconfig: {{}}\n"));
    one(&values("FAIL_OPEN"), "module.failStrategy: found FAIL_OPEN");
    assert_eq!(values("FAIL_CLOSE"), [""; 0]);
}

#[test]
fn which_module() {
    let url = |url: &str| plugin(url, &format!("{GATEWAY}\n  phase: AUTHN"));
    let digest = DIGEST.strip_prefix("oci://").unwrap();
    one(&url(digest), "?url: found \"r.example.com/m@sha256:");
    one(&url(&digest.replace("com/", "com:5000/")), "url: found \"r.example.com:5000/m@sha256:");
    one(&url(&DIGEST.replace("oci:", "ftp:")), "url: found \"ftp://");
    one(&url("oci://r.example.com:5000/m:1.2"), "?url: nothing says which module it is");
    one(&url("oci://r.example.com/m@sha256:12"), "?url: nothing says which module it is");
    one(&url("https://r.example.com/m.wasm"), "?url: nothing says which module it is");
    one(&url(&DIGEST.replace("oci:", "http:")), "?url: the module is fetched without TLS");
    assert_eq!(url("file:///m.wasm"), [""; 0]);
    let pinned = format!("{GATEWAY}\n  phase: AUTHN\n  sha256: 00");
    assert_eq!(plugin("https://r.example.com/m.wasm", &pinned), [""; 0]);
    let none = "kind: WasmPlugin\nspec: {pluginName: temporal_auth, pluginConfig: {}, phase: AUTHN, match: [{mode: CLIENT}]}\n";
    one(&said(none), "url: found nothing");

    let image = |image: &str| {
        said(&format!(
            "kind: EnvoyExtensionPolicy\nspec:\n  wasm:\n  - rootID: temporal_auth\n    config: {{}}\n    code: {{image: {image}}}\n"
        ))
    };
    one(&image("{url: 'r.example.com/m:1'}"), "?code.image.url: nothing says which module it is");
    one(&image(&format!("{{url: '{DIGEST}'}}")), "code.image.url: found \"oci://");
    assert_eq!(image(&format!("{{url: '{digest}'}}")), [""; 0]);
    assert_eq!(image("{url: 'r.example.com/m:1', sha256: 00}"), [""; 0]);
}

#[test]
fn before_which_filters() {
    let phase = |phase: &str| plugin(DIGEST, &format!("{GATEWAY}\n  {phase}"));
    one(&phase(""), "?spec.phase: found nothing");
    one(&phase("phase: STATS"), "?spec.phase: found STATS");
    assert_eq!(phase("phase: AUTHZ"), [""; 0]);
}

#[test]
fn on_which_listeners() {
    let at = |place: &str| plugin(DIGEST, &format!("phase: AUTHN\n  {place}"));
    one(&at("selector: {}"), "?spec.match: found nothing");
    one(&at("match: [{ports: [{number: 7233}, {number: 7243}]}]"), "?spec.match[0].mode: found CLIENT_AND_SERVER");
    let ports = |ports: &str| at(&format!("match: [{{mode: SERVER, ports: [{ports}]}}]"));
    one(&ports("{number: 7233}"), "?spec.match[0].ports: found 7233, and not 7243");
    one(&ports("{number: 443}"), "?spec.match[0].ports: found 443, and not 7233");
    assert_eq!(ports("{number: 7243}, {number: 7233}"), [""; 0]);
    one(&at("match: [{mode: CLIENT, ports: [{number: 443}]}]"), "?spec.match[0].ports: a gateway's are those of its");
    assert_eq!(at("match: [{mode: CLIENT, ports: [{number: 8443}]}]"), [""; 0]);
    let target = |kind: &str, fields: &str| at(&format!("targetRefs: [{{kind: {kind}, name: n}}]\n  {fields}"));
    assert_eq!(target("Gateway", ""), [""; 0]);
    assert_eq!(target("Service", ""), [""; 0]);
    one(
        &target("Service", "match: [{ports: [{number: 7233}]}]"),
        "spec.match[0].ports: found one, expected none at a way",
    );
    one(&target("Service", "match: [{mode: CLIENT}]"), "spec.match[0].mode: found one, expected none at a waypoint");
    assert_eq!(target("Service", "match: [{mode: SERVER}]"), [""; 0]);
}

#[test]
fn an_envoy_filter() {
    let filter = |context: &str, url: &str, more: &str| {
        said(&format!(
            "kind: EnvoyFilter\nspec:\n  configPatches:\n  - applyTo: EXTENSION_CONFIG\n    match: {{{context}}}\n    patch:\n      \
             value:\n        '@type': x/envoy.extensions.filters.http.wasm.v3.Wasm\n        config:\n          root_id: temporal_auth\n          \
             vm_config: {{code: {{remote: {{http_uri: {{uri: '{url}'}}}}}}}}\n          {more}\n"
        ))
    };
    assert_eq!(filter("context: GATEWAY", DIGEST, ""), [""; 0]);
    one(&filter("", DIGEST, ""), "?spec.configPatches[0].match.context: found ANY");
    one(
        &filter("context: GATEWAY", "oci://r/m:1", ""),
        "?vm_config.code.remote.http_uri.uri: nothing says which module",
    );
    one(&filter("context: GATEWAY", DIGEST, "failure_policy: FAIL_OPEN"), "failure_policy: found FAIL_OPEN");
}

#[test]
fn everything_is_at_its_place() {
    let text = "kind: TrafficExtension\nspec:\n  match:\n  - {mode: SERVER, ports: [{number: 7233}]}\n  phase: STATS\n  wasm:\n    \
                pluginName: temporal_auth\n    pluginConfig: {}\n    url: r/m:1\n    failStrategy: FAIL_OPEN\n";
    let source = Source { name: "f".into(), text: text.into() };
    let carriers = find::configurations(&source, &crate::yaml::documents(text).unwrap()).carriers;
    let mut places: Vec<_> = carriers[0].check().iter().map(|said| (said.at.line, said.at.column)).collect();
    places.sort_unstable();
    assert_eq!(places, [(4, 27), (5, 10), (9, 10), (9, 10), (10, 19)]);
}

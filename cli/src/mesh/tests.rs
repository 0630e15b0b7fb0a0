use super::*;

/// The diagnostics of the configurations in a text, in the mesh that its documents describe.
fn diagnostics(text: &str) -> Vec<String> {
    found(text).into_iter().map(|found| found.text).collect()
}

/// The same, with what to do about them.
fn found(text: &str) -> Vec<Diagnostic> {
    let file = std::env::temp_dir().join(format!(
        "temporal-auth-{}-{:?}.yaml",
        std::process::id(),
        std::thread::current().id()
    ));
    std::fs::write(&file, text).unwrap();
    let read = crate::load::file(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(read.wrong.is_empty() && !read.configurations.is_empty(), "{:?}", read.wrong);
    let deployments: Vec<_> = read.deployments.iter().collect();
    let mesh = Mesh::of(read.documents.iter(), &deployments);
    let configurations = read.configurations.iter();
    configurations.flat_map(|one| mesh.check(one, one.deployment())).collect()
}

/// A WasmPlugin in namespace `edge` with keys from a cluster, and other documents.
fn plugin(cluster: &str, others: &str) -> Vec<String> {
    diagnostics(&format!(
        "kind: WasmPlugin\nmetadata: {{name: a, namespace: edge}}\nspec:\n  pluginName: temporal_auth\n  pluginConfig:\n    \
         version: 1\n    issuers: {{corp: {{issuer: 'https://idp/', audiences: [a], keys: {{discovery: true, cluster: '{cluster}'}}}}}}\n{others}"
    ))
}

const ENTRY: &str = "---\nkind: ServiceEntry\nmetadata: {name: idp, namespace: edge}\nspec: {hosts: [idp], ports: [{number: 443}], exportTo: ['.']}\n";

#[test]
fn defined_clusters_are_fine() {
    assert_eq!(plugin("outbound|443||idp", ENTRY), [""; 0]);
    let service = "---\nkind: Service\nmetadata: {name: kc, namespace: auth}\nspec: {ports: [{port: 8080}]}\n";
    assert_eq!(plugin("outbound|8080||kc.auth.svc.cluster.local", service), [""; 0]);
    assert!(
        plugin("outbound|8080||kc.other.svc.cluster.local", service)[0]
            .contains("no ServiceEntry, Service or route in these files defines")
    );
}

#[test]
fn undefined_clusters_are_reported() {
    let path = "issuers.corp.keys.cluster: ";
    let absent = plugin("outbound|443||login", ENTRY);
    assert_eq!(
        absent,
        [format!("{path}no ServiceEntry, Service or route in these files defines cluster \"outbound|443||login\"")]
    );
    assert_eq!(plugin("outbound|8443||idp", ENTRY), [format!("{path}idp has no port 8443")]);
    let hidden = plugin("outbound|443||idp", &ENTRY.replace("namespace: edge", "namespace: temporal"));
    assert_eq!(hidden, [format!("{path}`exportTo` hides idp from namespace edge")]);
    let open = ENTRY.replace("namespace: edge", "namespace: temporal").replace("['.']", "['*']");
    assert_eq!(plugin("outbound|443||idp", &open), [""; 0]);
    assert_eq!(plugin("idp", ""), [format!("{path}no cluster has the name \"idp\"")], "Istio has no such names");
}

#[test]
fn nothing_is_reported_if_the_files_do_not_tell() {
    assert_eq!(plugin("outbound|443||idp", ""), [""; 0]);
    assert_eq!(plugin("outbound|443||idp", "---\nkind: VirtualService\nspec: {}\n"), [""; 0]);
}

/// An Envoy configuration with keys from a cluster, and with these clusters.
fn envoy(cluster: &str, clusters: &str) -> String {
    "static_resources:\n  listeners:\n  - '@type': x/envoy.extensions.filters.http.wasm.v3.Wasm\n    config:\n      root_id: temporal_auth\n      \
         configuration:\n        '@type': x/google.protobuf.Struct\n        value:\n          version: 1\n          \
         issuers: {corp: {issuer: 'https://idp/', audiences: [a], keys: {discovery: true, cluster: 'KEYS'}}}\n  clusters: [OTHERS]\n"
    .replace("KEYS", cluster)
    .replace("OTHERS", clusters)
}

#[test]
fn clusters_are_read_from_envoy_and_from_dumps() {
    let envoy = |clusters: &str| diagnostics(&envoy("idp", clusters));
    assert_eq!(envoy("{name: temporal}, {name: idp}"), [""; 0]);
    assert_eq!(envoy("{name: temporal}"), ["issuers.corp.keys.cluster: no cluster has the name \"idp\""]);
    assert_eq!(envoy(""), [""; 0], "they may come by xDS");
    let dump = "---\nconfigs: [{dynamic_active_clusters: [{cluster: {name: 'outbound|443||idp'}}]}]\n";
    assert_eq!(plugin("outbound|443||idp", dump), [""; 0]);
    assert_eq!(plugin("outbound|443||login", dump).len(), 1);
}

#[test]
fn clusters_are_derived_from_routes_of_envoy_gateway() {
    let policy = |cluster: &str| {
        diagnostics(&format!(
            "kind: EnvoyExtensionPolicy\nmetadata: {{name: a, namespace: t}}\nspec:\n  wasm:\n  - rootID: temporal_auth\n    config:\n      \
             version: 1\n      issuers: {{corp: {{issuer: 'https://idp/', audiences: [a], keys: {{discovery: true, cluster: '{cluster}'}}}}}}\n---\n\
             kind: HTTPRoute\nmetadata: {{name: idp, namespace: t}}\nspec: {{rules: [{{}}]}}\n"
        ))
    };
    assert_eq!(policy("httproute/t/idp/rule/0"), [""; 0]);
    for absent in ["httproute/t/idp/rule/1", "httproute/u/idp/rule/0", "grpcroute/t/idp/rule/0"] {
        assert_eq!(policy(absent), [format!("issuers.corp.keys.cluster: no cluster has the name {absent:?}")]);
    }
}

#[test]
fn what_to_do_about_a_cluster_depends_on_who_names_clusters() {
    let help = |text: &str| found(text).into_iter().filter_map(|found| found.help).collect::<Vec<_>>().join("\n");
    let operator = "add a cluster of this name to the Envoy configuration, or name an existing one";
    for cluster in ["idp", "outbound|443||idp"] {
        let said = help(&envoy(cluster, "{name: temporal}"));
        assert!(said.ends_with(operator) && !said.contains("ServiceEntry"), "{cluster}: {said}");
    }
    let in_mesh = help(&envoy("outbound|443||idp", "{name: 'outbound|7233||temporal'}"));
    assert!(in_mesh.contains("add a ServiceEntry, or name an existing Service"), "a dump: {in_mesh}");
    let gateway = help(
        "kind: EnvoyExtensionPolicy\nmetadata: {name: a, namespace: t}\nspec:\n  wasm:\n  - rootID: temporal_auth\n    config:\n      \
         version: 1\n      issuers: {corp: {issuer: 'https://idp/', audiences: [a], keys: {discovery: true, cluster: 'outbound|443||idp'}}}\n---\n\
         kind: HTTPRoute\nmetadata: {name: idp, namespace: t}\nspec: {rules: [{}]}\n",
    );
    assert!(gateway.contains("Envoy Gateway names clusters httproute/NAMESPACE/NAME/rule/NUMBER"), "{gateway}");
}

/// A WasmPlugin with a grant to a peer, and other documents.
fn granted(peer: &str, with_token: bool, others: &str) -> Vec<String> {
    let issuer = if with_token { "issuer: corp, " } else { "" };
    let grant = format!(
        "\n    grants: [{{name: g, who: {{{issuer}peer: '{peer}'}}, role: worker, namespaces: [payroll]}}]\n{others}"
    );
    plugin("outbound|443||idp", &grant)
}

#[test]
fn grants_to_gateways_are_reported() {
    let api = "---\nkind: Gateway\nmetadata: {name: door, namespace: edge}\nspec: {gatewayClassName: istio}\n";
    let id = "spiffe://cluster.local/ns/edge/sa/door-istio";
    let expected = [format!("grants[0].who.peer: `{id}` is a gateway in these files")];
    assert_eq!(granted(id, false, api), expected);
    assert_eq!(granted("spiffe://cluster.local/ns/edge/sa/*", false, api), expected);
    assert_eq!(granted("spiffe://cluster.local/ns/{team}/sa/door-istio", false, api), expected);
    assert_eq!(granted(id, true, api), [""; 0], "with a token it is the right peer");
    assert_eq!(granted("spiffe://cluster.local/ns/edge/sa/worker", false, api), [""; 0]);
    assert_eq!(granted(id, false, ""), [""; 0]);
    let waypoint = api.replace("istio}", "istio-waypoint}");
    assert_eq!(granted("spiffe://cluster.local/ns/edge/sa/door", false, &waypoint).len(), 1);
    let pods = "---\nkind: Gateway\nmetadata: {name: g}\nspec: {selector: {app: door}}\n---\nkind: Deployment\nmetadata: {namespace: edge}\n\
                spec: {template: {metadata: {labels: {app: door, x: y}}, spec: {serviceAccountName: proxy}}}\n";
    assert_eq!(granted("spiffe://cluster.local/ns/edge/sa/proxy", false, pods).len(), 1);
    assert_eq!(granted("spiffe://cluster.local/ns/edge/sa/proxy", false, &pods.replace("door,", "dooor,")), [""; 0]);
}

#[test]
fn values_of_the_chart_define_clusters_and_the_gateway() {
    let values = |cluster: &str, peer: &str| {
        diagnostics(&format!(
            "gateway: {{namespace: edge, serviceAccount: proxy}}\ntrustDomain: td\nidentityProvider: {{host: idp, port: 443}}\n\
             otherKeyClusters: [mine]\nconfig:\n  version: 1\n  \
             issuers: {{corp: {{issuer: 'https://idp/', audiences: [a], keys: {{discovery: true, cluster: '{cluster}'}}}}}}\n  \
             grants: [{{name: g, who: {{peer: '{peer}'}}, role: worker, namespaces: [payroll]}}]\n"
        ))
    };
    let worker = "spiffe://td/ns/edge/sa/worker";
    assert_eq!(values("outbound|443||idp", worker), [""; 0]);
    assert_eq!(values("mine", worker), [""; 0]);
    assert_eq!(values("other", worker), ["issuers.corp.keys.cluster: no cluster has the name \"other\""]);
    let gateway = "spiffe://td/ns/edge/sa/proxy";
    assert_eq!(values("mine", gateway), [format!("grants[0].who.peer: `{gateway}` is a gateway in these files")]);
}

#[test]
fn applies_to_covers_the_inbound_clusters_of_a_sidecar() {
    let plugin = |listener: &str, clusters: &str| {
        diagnostics(&format!(
            "kind: WasmPlugin\nspec:\n  pluginName: temporal_auth\n  match: [{listener}]\n  pluginConfig:\n    version: 1\n    \
             applies_to: {{clusters: [{clusters}]}}\n    issuers: {{corp: {{issuer: 'https://idp/', audiences: [a], keys: {{discovery: true, cluster: 'outbound|443||idp'}}}}}}\n"
        ))
    };
    let sidecar = "{mode: SERVER, ports: [{number: 7233}, {number: 7243}]}";
    let missing =
        |port| vec![format!("applies_to.clusters: \"inbound|{port}||\" is missing, so calls to it pass unchecked")];
    assert_eq!(plugin(sidecar, "'outbound|7233||temporal-frontend.temporal.svc.cluster.local'"), missing(7233));
    assert_eq!(plugin(sidecar, "'inbound|7233||'"), missing(7243));
    assert_eq!(plugin(sidecar, "'inbound|*||'"), [""; 0]);
    assert_eq!(plugin(sidecar, "'inbound|7233||', 'inbound|7243||'"), [""; 0]);
    assert_eq!(plugin("{mode: CLIENT}", "'outbound|7233||x'"), [""; 0]);
}

use super::*;
use crate::report::Severity;

const HEAD: &str = "kind: WasmPlugin\nmetadata: {name: auth, namespace: edge}\nspec:\n  pluginName: temporal_auth\n  url: file:///m.wasm\n";

/// A plugin in namespace `edge` with these fields in its spec and its configuration, and other documents.
fn plugin(spec: &str, config: &str, others: &str) -> String {
    format!(
        "{HEAD}  {spec}\n  pluginConfig:\n    version: 1\n    {config}\n    \
         issuers: {{corp: {{issuer: 'https://idp/', audiences: [a], keys: {{discovery: true, cluster: 'outbound|443||idp'}}}}}}\n{others}"
    )
}

/// What is reported about the first deployment in a text, warnings with a `?` before them.
fn found(text: &str) -> Vec<String> {
    let name = format!("temporal-auth-{}-{:?}.yaml", std::process::id(), std::thread::current().id());
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, text).unwrap();
    let read = crate::load::file(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(read.wrong.is_empty() && !read.configurations.is_empty(), "{:?}", read.wrong);
    let deployments: Vec<_> = read.deployments.iter().collect();
    let mesh = Mesh::of(read.documents.iter(), &deployments);
    let mut found = mesh.check_deployment(deployments[0]);
    found.extend(mesh.check(&read.configurations[0], Some(deployments[0])));
    let mark = |severity| if severity == Severity::Warning { "?" } else { "" };
    found.iter().map(|found| format!("{}{}", mark(found.severity), found.text)).collect()
}

#[track_caller]
fn assert_one(found: &[String], part: &str) {
    assert!(found.len() == 1 && found[0].contains(part), "{part:?}: {found:?}");
}

fn gateway(class: &str, fields: &str) -> String {
    format!(
        "---\nkind: Gateway\nmetadata: {{name: door, namespace: edge{fields}}}\nspec: {{gatewayClassName: {class}}}\n"
    )
}

// -- agentgateway

#[test]
fn agentgateway_runs_no_filter() {
    let at_gateway = "targetRefs: [{kind: Gateway, name: door}]";
    let at = |spec: &str, others: &str| found(&plugin(spec, "", others));
    let said = at(at_gateway, &gateway("istio-agentgateway", ""));
    assert_one(
        &said,
        "spec.targetRefs: Gateway edge/door: class istio-agentgateway is agentgateway, which runs no WebAssembly",
    );
    assert_eq!(at(at_gateway, &gateway("istio", "")), [""; 0]);
    assert_eq!(at("targetRefs: [{kind: Gateway, name: other}]", &gateway("istio-agentgateway", "")), [""; 0]);
    let elsewhere = gateway("istio-agentgateway", "").replace("namespace: edge", "namespace: b");
    assert_eq!(at(at_gateway, &elsewhere), [""; 0]);
    // A class of another name, by its controller.
    let class = |controller: &str| {
        let gateway = gateway("fast", "");
        format!("{gateway}---\nkind: GatewayClass\nmetadata: {{name: fast}}\nspec: {{controllerName: {controller}}}\n")
    };
    assert_one(&at(at_gateway, &class("istio.io/agentgateway-controller")), "class fast is agentgateway");
    assert_eq!(at(at_gateway, &class("istio.io/gateway-controller")), [""; 0]);
    assert_one(
        &at("targetRefs: [{kind: GatewayClass, name: istio-agentgateway-waypoint}]", ""),
        "spec.targetRefs: class istio-",
    );
    assert_eq!(at("targetRefs: [{kind: GatewayClass, name: istio-waypoint}]", ""), [""; 0]);
}

#[test]
fn agentgateway_is_found_by_labels() {
    let selector = |labels: &str| format!("selector: {{matchLabels: {{{labels}}}}}");
    let agent = gateway("istio-agentgateway", ", labels: {app: door}");
    let at = |labels: &str, others: &str| found(&plugin(&selector(labels), "", others));
    for labels in ["gateway.networking.k8s.io/gateway-name: door", "app: door"] {
        assert_one(&at(labels, &agent), "spec.selector: Gateway edge/door: class istio-agentgateway");
        assert_eq!(at(labels, &gateway("istio", ", labels: {app: door}")), [""; 0]);
    }
    assert_eq!(at("app: frontend", &agent), [""; 0]);
    assert_eq!(found(&plugin("match: [{mode: SERVER}]", "", &agent)), [""; 0], "for the sidecars of the namespace");
}

#[test]
fn an_agentgateway_waypoint_runs_no_filter() {
    let at_service = "targetRefs: [{kind: Service, name: temporal-frontend}]";
    let service = |waypoint: &str| {
        format!(
            "---\nkind: Service\nmetadata: {{name: temporal-frontend, namespace: edge, labels: {{istio.io/use-waypoint: {waypoint}}}}}\n"
        )
    };
    let agent = gateway("istio-agentgateway-waypoint", "");
    assert_one(&found(&plugin(at_service, "", &agent)), "Gateway edge/door: class istio-agentgateway-waypoint");
    assert_one(&found(&plugin(at_service, "", &format!("{agent}{}", service("door")))), "Gateway edge/door");
    assert_eq!(found(&plugin(at_service, "", &format!("{agent}{}", service("another")))), [""; 0]);
    assert_eq!(found(&plugin(at_service, "", &gateway("istio-agentgateway", ""))), [""; 0], "it is no waypoint");
    assert_eq!(found(&plugin(at_service, "", &gateway("istio-waypoint", ""))), [""; 0]);
}

#[test]
fn values_of_the_chart_name_no_agentgateway() {
    let values = |class: &str| {
        found(&format!(
            "gateway: {{className: {class}}}\nidentityProvider: {{host: idp, port: 443}}\nconfig:\n  version: 1\n  \
             issuers: {{corp: {{issuer: 'https://idp/', audiences: [a], keys: {{discovery: true, cluster: 'outbound|443||idp'}}}}}}\n"
        ))
    };
    assert_one(&values("istio-agentgateway"), "gateway.className: class istio-agentgateway is agentgateway");
    assert_eq!(values("istio"), [""; 0]);
}

// -- the filter twice

#[test]
fn the_filter_runs_once_in_a_proxy() {
    let extension = |spec: &str| {
        format!(
            "kind: TrafficExtension\nmetadata: {{name: new, namespace: edge}}\nspec:\n  {spec}\n  \
             wasm: {{pluginName: temporal_auth, url: file:///m.wasm, pluginConfig: {CONFIG}}}\n---\n"
        )
    };
    let both = |one: &str, other: &str| {
        let text = format!("{}{}", extension(one), plugin(other, "", ""));
        let read = crate::yaml::documents(&text).unwrap();
        let source = crate::source::Source { name: "f".into(), text };
        let deployments = crate::find::configurations(&source, &read).deployments;
        let mesh = Mesh::of(read.iter(), &deployments.iter().collect::<Vec<_>>());
        let found = deployments.iter().flat_map(|one| mesh.check_deployment(one));
        found.map(|found| found.text).collect::<Vec<_>>()
    };
    let selector = "selector: {matchLabels: {app: a}}";
    let said = "spec: TrafficExtension edge/new runs the filter in the same proxy: the second to run finds no token";
    assert_eq!(both(AT_GATEWAY, AT_GATEWAY), [said]);
    assert_eq!(both(selector, selector), [said]);
    assert_eq!(both(AT_GATEWAY, "targetRefs: [{kind: Gateway, name: other}]"), [""; 0]);
    assert_eq!(both(selector, "selector: {matchLabels: {app: b}}"), [""; 0]);
    let mode = |mode: &str| format!("{selector}\n  match: [{{mode: {mode}}}]");
    assert_eq!(both(&mode("CLIENT"), &mode("SERVER")), [""; 0], "one for each direction");
    assert_eq!(both(&mode("CLIENT"), &mode("CLIENT_AND_SERVER")), [said]);
}

// -- Istio's own JWT filter

fn authentication(spec: &str, rule: &str) -> String {
    format!(
        "---\nkind: RequestAuthentication\nmetadata: {{name: jwt, namespace: edge}}\nspec:\n  {spec}\n  \
         jwtRules: [{{issuer: 'https://idp/', {rule}}}]\n"
    )
}

const AT_GATEWAY: &str = "targetRefs: [{kind: Gateway, name: door}]";

#[test]
fn a_token_that_istio_removes_is_reported() {
    let before =
        |rule: &str| found(&plugin(&format!("{AT_GATEWAY}\n  phase: AUTHZ"), "", &authentication(AT_GATEWAY, rule)));
    assert_one(
        &before(""),
        "?spec.phase: RequestAuthentication edge/jwt removes the token before the filter reads it, so every call is answered 16",
    );
    assert_one(&before("forwardOriginalToken: false"), "removes the token");
    assert_eq!(before("forwardOriginalToken: true"), [""; 0]);
    assert_eq!(before("fromHeaders: [{name: x-jwt}]"), [""; 0], "not a header of ours");
    assert_one(&before("fromHeaders: [{name: Authorization}]"), "removes the token");
    assert_eq!(before("fromParams: [t]"), [""; 0]);
    let after = plugin(&format!("{AT_GATEWAY}\n  phase: AUTHN"), "", &authentication(AT_GATEWAY, ""));
    assert_eq!(found(&after), [""; 0], "the filter runs first");
}

#[test]
fn an_issuer_that_istio_does_not_know_is_reported() {
    let before = |phase: &str, issuer: &str, rule: &str| {
        let policy =
            authentication(AT_GATEWAY, &format!("forwardOriginalToken: true{rule}")).replace("https://idp/", issuer);
        found(&plugin(&format!("{AT_GATEWAY}\n  phase: {phase}"), "", &policy))
    };
    let said = "?spec.phase: RequestAuthentication edge/jwt refuses the tokens of issuer corp, which none of its jwtRules names";
    assert_one(&before("AUTHZ", "https://other/", ""), said);
    assert_eq!(before("AUTHZ", "https://idp/", ""), [""; 0]);
    assert_eq!(before("AUTHN", "https://other/", ""), [""; 0], "the filter has removed the token");
    assert_eq!(before("AUTHZ", "https://other/", ", fromHeaders: [{name: x-jwt}]"), [""; 0], "not a header of ours");
}

#[test]
fn a_token_that_istio_requires_after_the_filter_is_reported() {
    let after = |config: &str, rule: &str| {
        found(&plugin(&format!("{AT_GATEWAY}\n  phase: AUTHN"), config, &authentication(AT_GATEWAY, rule)))
    };
    let required = "presence: REQUIRED, forwardOriginalToken: true";
    assert_one(&after("", required), "requires the token that the filter has removed before, so every call is refused");
    assert_eq!(after("", "presence: OPTIONAL"), [""; 0]);
    assert_eq!(after("forward_token: true", required), [""; 0]);
    let peer = "grants: [{name: p, who: {peer: 'spiffe://td/a'}, role: worker, namespaces: [payroll]}]";
    assert_one(
        &after(&format!("forward_token: true\n    {peer}"), required),
        "requires a token, so peers without a token are refused, although grants here allow them",
    );
    let before = |config: &str| {
        found(&plugin(&format!("{AT_GATEWAY}\n  phase: AUTHZ"), config, &authentication(AT_GATEWAY, required)))
    };
    assert_eq!(before(""), [""; 0]);
    assert_one(&before(peer), "requires a token, so peers without");
    assert_eq!(before(&peer.replace("peer:", "issuer: corp, peer:")), [""; 0], "with a token");
}

#[test]
fn only_policies_of_the_same_proxy_count() {
    let count = |ours: &str, theirs: &str, others: &str| {
        let policy = authentication(theirs, "");
        found(&plugin(&format!("{ours}\n  phase: AUTHZ"), "", &format!("{policy}{others}"))).len()
    };
    let selector = |labels: &str| format!("selector: {{matchLabels: {{{labels}}}}}");
    assert_eq!(count(AT_GATEWAY, "targetRefs: [{kind: Gateway, name: other}]", ""), 0);
    assert_eq!(count(&selector("app: a"), &selector("app: a"), ""), 1);
    assert_eq!(count(&selector("app: a"), "x: y", ""), 1, "for the whole namespace");
    assert_eq!(count(&selector("app: a"), &selector("app: b"), ""), 0);
    let pods = "---\nkind: Deployment\nmetadata: {namespace: edge}\nspec: {template: {metadata: {labels: {app: a, tier: b}}}}\n";
    assert_eq!(count(&selector("app: a"), &selector("tier: b"), ""), 0, "the files do not tell");
    assert_eq!(count(&selector("app: a"), &selector("tier: b"), pods), 1);
    assert_eq!(count(AT_GATEWAY, &selector("gateway.networking.k8s.io/gateway-name: door"), ""), 1);
    assert_eq!(count(AT_GATEWAY, &selector("gateway.networking.k8s.io/gateway-name: other"), ""), 0);
    assert_eq!(
        count("targetRefs: [{kind: Service, name: f}]", &selector("app: a"), ""),
        0,
        "waypoints ignore selectors"
    );
    let mesh = |namespace: &str| {
        let policy = authentication("x: y", "").replace("namespace: edge", &format!("namespace: {namespace}"));
        found(&plugin(&format!("{}\n  phase: AUTHZ", selector("app: a")), "", &policy)).len()
    };
    assert_eq!((mesh("istio-system"), mesh("other")), (1, 0));
}

// -- waypoints

#[test]
fn a_waypoint_names_peers_only_if_asked() {
    const ANNOTATION: &str = "ambient.istio.io/xfcc-include-client-identity: 'true'";
    let at_service = "targetRefs: [{kind: Service, name: temporal-frontend}]";
    let grant = "grants: [{name: p, who: {peer: 'spiffe://td/ns/a/sa/worker'}, role: worker, namespaces: [payroll]}]";
    let forwarded = format!("peers: {{xfcc: true}}\n    {grant}");
    let plain = gateway("istio-waypoint", "");
    let at = |config: &str, others: &str| found(&plugin(at_service, config, others));
    assert_one(&at(grant, &plain), "?grants[0].who.peer: the filter of a waypoint sees no certificate");
    let denial = "denials: [{name: d, effects: [start], who: {peer: 'spiffe://td/a'}}]";
    assert_one(&at(denial, &plain), "?denials[0].who.peer: the filter of a waypoint");
    assert_eq!(at("", &plain), [""; 0], "no rule asks");
    assert_eq!(found(&plugin(AT_GATEWAY, grant, &gateway("istio", ""))), [""; 0], "a gateway terminates TLS itself");
    assert_one(&at(&forwarded, &plain), "?peers.xfcc: the waypoint edge/door names no peer");
    assert_eq!(at(&forwarded, &gateway("istio-waypoint", &format!(", annotations: {{{ANNOTATION}}}"))), [""; 0]);
    let infrastructure =
        plain.replace("istio-waypoint", &format!("istio-waypoint, infrastructure: {{annotations: {{{ANNOTATION}}}}}"));
    assert_eq!(at(&forwarded, &infrastructure), [""; 0]);
    let class =
        format!("{plain}---\nkind: GatewayClass\nmetadata: {{name: istio-waypoint, annotations: {{{ANNOTATION}}}}}\n");
    assert_eq!(at(&forwarded, &class), [""; 0]);
    assert_one(&at(&forwarded, &class.replace("'true'", "'false'")), "names no peer");
    assert_eq!(at(&forwarded, ""), [""; 0], "the files do not tell");
}

// -- Envoy Gateway

const CONFIG: &str = "{version: 1, issuers: {corp: {issuer: 'https://idp/', audiences: [a], keys: {discovery: true, cluster: 'httproute/t/idp/rule/0'}}}}";

fn extension(target: &str, others: &str) -> Vec<String> {
    found(&format!(
        "kind: EnvoyExtensionPolicy\nmetadata: {{name: a, namespace: t}}\nspec:\n  targetRefs: [{target}]\n  wasm:\n  \
         - rootID: temporal_auth\n    config: {CONFIG}\n{others}"
    ))
}

#[test]
fn a_policy_that_takes_the_place_of_the_filter_is_an_error() {
    let at_gateway = "{kind: Gateway, name: door}";
    let other = |fields: &str| {
        format!(
            "---\nkind: EnvoyExtensionPolicy\nmetadata: {{name: b, namespace: t}}\nspec: {{targetRefs: [{{kind: GRPCRoute, name: r}}], {fields}}}\n"
        )
    };
    let route = |gateway: &str| {
        format!(
            "---\nkind: GRPCRoute\nmetadata: {{name: r, namespace: t}}\nspec: {{parentRefs: [{{name: {gateway}}}]}}\n"
        )
    };
    let said = extension(at_gateway, &other("lua: []"));
    assert_one(
        &said,
        "EnvoyExtensionPolicy t/b without the filter is also for GRPCRoute r: the policy of a route takes the place",
    );
    assert_one(&extension(at_gateway, &format!("{}{}", other("lua: []"), route("door"))), "takes the place");
    assert_eq!(extension(at_gateway, &format!("{}{}", other("lua: []"), route("another"))), [""; 0]);
    assert_eq!(
        extension(at_gateway, &other("mergeType: StrategicMerge, lua: []")),
        [""; 0],
        "it is added to the Gateway's"
    );
    assert_one(&extension(at_gateway, &other("mergeType: StrategicMerge, wasm: [{name: x}]")), "takes the place");
    assert_eq!(
        extension(at_gateway, &other(&format!("wasm: [{{name: temporal-auth, config: {CONFIG}}}]"))),
        [""; 0],
        "it has the filter too"
    );
    assert_one(&extension("{kind: GRPCRoute, name: r}", &other("lua: []")), "takes only the older of two policies");
    assert_eq!(extension("{kind: GRPCRoute, name: s}", &other("lua: []")), [""; 0]);
    assert_eq!(extension(at_gateway, &other("lua: []").replace("namespace: t", "namespace: u")), [""; 0]);
}

#[test]
fn other_policies_that_fail_open_are_reported() {
    let open = |text: &str| {
        let documents = crate::yaml::documents(text).unwrap();
        Mesh::default().check_other(&documents[0]).into_iter().map(|found| found.text).collect::<Vec<_>>()
    };
    for (kind, spec, path) in [
        ("SecurityPolicy", "extAuth: {failOpen: OPEN}", "spec.extAuth.failOpen"),
        ("SecurityPolicy", "jwt: {failOpen: OPEN}", "spec.jwt.failOpen"),
        ("EnvoyExtensionPolicy", "extProc: [{failOpen: false}, {failOpen: OPEN}]", "spec.extProc[1].failOpen"),
        (
            "EnvoyExtensionPolicy",
            "wasm: [{name: temporal-auth}, {name: other, failOpen: OPEN}]",
            "spec.wasm[1].failOpen",
        ),
    ] {
        let text = format!("kind: {kind}\nspec: {{{spec}}}\n");
        assert_one(&open(&text.replace("OPEN", "true")), &format!("{path}: found true: if "));
        assert_eq!(open(&text.replace("OPEN", "false")), [""; 0], "{text}");
    }
    assert_eq!(
        open("kind: EnvoyExtensionPolicy\nspec: {wasm: [{name: temporal-auth, failOpen: true}]}"),
        [""; 0],
        "an error of its deployment"
    );
}

//! Finds the configurations of the filter in a file: the file itself, or those in an Envoy configuration, in manifests of
//! Istio or Envoy Gateway, or in values of the Helm chart.

use std::rc::Rc;

use crate::deployment::{Deployment, DeploymentKind};
use crate::embedded;
use crate::report::Diagnostic;
use crate::source::{Source, Span};
use crate::yaml::scalar::Dialect;
use crate::yaml::{Member, NodeKind, YamlNode};

const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// A configuration in a file.
#[derive(Debug)]
pub(crate) struct FoundConfiguration {
    pub(crate) node: Rc<YamlNode>,
    /// The name of the member that holds it.
    pub(crate) name: Option<Span>,
    pub(crate) dialect: Dialect,
    /// Where all of its problems are shown, if positions inside it are unknown.
    pub(crate) shown_at: Option<Span>,
    pub(crate) deployment: Option<Rc<Deployment>>,
}

/// Everything about the filter in a file.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) found: Vec<FoundConfiguration>,
    /// Including those without a valid configuration.
    pub(crate) deployments: Vec<Rc<Deployment>>,
    /// Errors outside of the configurations.
    pub(crate) wrong: Vec<Diagnostic>,
    /// The error for a file without a configuration, if nothing else is wrong.
    pub(crate) no_config: Option<Diagnostic>,
}

/// The configurations in a file.
pub(crate) fn configurations(source: &Source, documents: &[Rc<YamlNode>]) -> Findings {
    let dialect = match serde_json::from_str::<serde_json::Value>(&source.text) {
        Ok(_) => Dialect::Json,
        Err(_) => Dialect::Yaml,
    };
    let mut findings = Findings::default();
    for document in documents {
        let mut search = Search { source, dialect, document, deployment: None, findings: &mut findings };
        let is_foreign = ["kind", "static_resources", "dynamic_resources", "resources", "configs"];
        if is_foreign.iter().any(|name| document.get(name).is_some()) {
            search.walk(document);
        } else if let Some(config) = values(document) {
            search.begin_deployment(DeploymentKind::Values, document);
            search.add(&config.value, Some(config.name.at));
        } else if document.text() != Some("") {
            search.add(document, None);
        }
    }
    if findings.found.is_empty() && findings.wrong.is_empty() {
        let text = "found no configuration of temporal-auth; expected the configuration itself, or a manifest, an Envoy \
                    configuration or Helm values that contain it";
        findings.no_config = Some(Diagnostic::error(text, Span::START));
    }
    findings
}

/// The configuration in values of the Helm chart. They are recognized by `config`, which configurations do not have.
fn values(document: &YamlNode) -> Option<&Member> {
    let is_configuration = document.get("version").is_some() || document.get("issuers").is_some();
    document.get("config").filter(|config| !is_configuration && matches!(config.value.kind, NodeKind::Map(_)))
}

struct Search<'a> {
    source: &'a Source,
    dialect: Dialect,
    document: &'a Rc<YamlNode>,
    deployment: Option<Rc<Deployment>>,
    findings: &'a mut Findings,
}

impl Search<'_> {
    fn walk(&mut self, node: &Rc<YamlNode>) {
        match &node.kind {
            NodeKind::Scalar(..) => {}
            NodeKind::List(list) => list.iter().for_each(|node| self.walk(node)),
            NodeKind::Map(members) => {
                let type_of = |name: &str| node.value(name).and_then(|node| node.text()).unwrap_or_default();
                if type_of("@type").ends_with(WASM) {
                    return self.wasm(node);
                }
                // A TypedStruct, as in an EnvoyFilter.
                if type_of("type_url").ends_with(WASM) {
                    return node.value("value").map_or((), |node| self.wasm(node));
                }
                let spec = node.value("spec");
                match (type_of("kind"), spec) {
                    ("WasmPlugin", Some(spec)) => {
                        return self.plugin(DeploymentKind::WasmPlugin, spec, "spec.pluginConfig");
                    }
                    ("TrafficExtension", Some(spec)) => {
                        let wasm = spec.value("wasm");
                        return wasm.map_or((), |wasm| {
                            self.plugin(DeploymentKind::TrafficExtension, wasm, "spec.wasm.pluginConfig");
                        });
                    }
                    ("EnvoyExtensionPolicy", Some(spec)) => {
                        let Some(NodeKind::List(list)) = spec.value("wasm").map(|wasm| &wasm.kind) else { return };
                        return list
                            .iter()
                            .for_each(|wasm| self.plugin(DeploymentKind::EnvoyGateway, wasm, "spec.wasm.config"));
                    }
                    _ => {}
                }
                members.iter().for_each(|member| self.walk(&member.value));
            }
        }
    }

    /// `envoy.extensions.filters.http.wasm.v3.Wasm`
    fn wasm(&mut self, node: &YamlNode) {
        let Some(config) = node.get("config") else { return };
        let (config, name) = (&config.value, config.name.at);
        let kind = self.document.value("kind").and_then(|kind| kind.text()).unwrap_or_default();
        let names = [config.value("root_id"), config.value("name"), config.value("vm_config")];
        let content = config.get("configuration");
        let value = content.and_then(|member| member.value.get("value"));
        if !names.into_iter().flatten().any(|node| names_filter(node))
            && !value.is_some_and(|member| is_config(&member.value))
        {
            return;
        }
        self.begin_deployment(
            if kind == "EnvoyFilter" { DeploymentKind::EnvoyFilter } else { DeploymentKind::Envoy },
            config,
        );
        let Some(content) = content else {
            self.findings
                .wrong
                .push(Diagnostic::error("config.configuration: missing; expected the filter's configuration", name));
            return;
        };
        let type_of = content.value.value("@type").and_then(|node| node.text()).unwrap_or_default();
        match (type_of.rsplit('/').next(), value) {
            (Some("google.protobuf.Struct"), Some(Member { name, value })) => self.add(value, Some(name.at)),
            (Some("google.protobuf.StringValue"), Some(Member { name, value })) => self.embedded(value, name.at),
            _ => self.findings.wrong.push(Diagnostic::error(
                "config.configuration: expected `@type` with google.protobuf.Struct or StringValue, and `value`",
                content.name.at,
            )),
        }
    }

    /// Reads the part of a manifest that names the module and has the configuration at this path.
    fn plugin(&mut self, kind: DeploymentKind, wasm: &Rc<YamlNode>, path: &str) {
        let content = wasm.get(path.rsplit('.').next().unwrap_or_default());
        let names = ["pluginName", "rootID", "name", "url", "code"].map(|name| wasm.value(name));
        let is_named = names.into_iter().flatten().any(|node| names_filter(node));
        if !is_named && !content.is_some_and(|content| is_config(&content.value)) {
            return;
        }
        self.begin_deployment(kind, wasm);
        match content {
            Some(content) => self.add(&content.value, Some(content.name.at)),
            None => {
                let text = format!("{path}: missing; expected the filter's configuration");
                self.findings.wrong.push(Diagnostic::error(text, wasm.at));
            }
        }
    }

    /// Configurations that are added from now on belong to this deployment.
    fn begin_deployment(&mut self, kind: DeploymentKind, wasm: &Rc<YamlNode>) {
        let deployment = Rc::new(Deployment { kind, document: Rc::clone(self.document), wasm: Rc::clone(wasm) });
        self.findings.deployments.push(Rc::clone(&deployment));
        self.deployment = Some(deployment);
    }

    fn add(&mut self, node: &Rc<YamlNode>, name: Option<Span>) {
        let deployment = self.deployment.clone();
        self.findings.found.push(FoundConfiguration {
            node: Rc::clone(node),
            name,
            dialect: self.dialect,
            shown_at: None,
            deployment,
        });
    }

    fn embedded(&mut self, node: &YamlNode, name: Span) {
        match embedded::json(self.source, node) {
            Ok((node, shown_at)) => {
                let deployment = self.deployment.clone();
                self.findings.found.push(FoundConfiguration {
                    node,
                    name: Some(name),
                    dialect: Dialect::Json,
                    shown_at,
                    deployment,
                });
            }
            Err(wrong) => self.findings.wrong.push(wrong),
        }
    }
}

/// Whether it contains the filter's name, as in the module's file or its root id.
pub(crate) fn names_filter(node: &YamlNode) -> bool {
    match &node.kind {
        NodeKind::Scalar(text, _) => text.contains("temporal-auth") || text.contains("temporal_auth"),
        NodeKind::List(list) => list.iter().any(|node| names_filter(node)),
        NodeKind::Map(members) => members.iter().any(|member| names_filter(&member.value)),
    }
}

/// Whether it looks like a configuration of the filter, whatever the name of the module.
fn is_config(node: &YamlNode) -> bool {
    match node.text() {
        Some(text) => text.contains("\"issuers\"") && text.contains("\"version\""),
        None => node.get("issuers").is_some() && node.get("version").is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (Vec<(usize, usize)>, Vec<String>) {
        let source = Source { name: "f".into(), text: text.into() };
        let documents = crate::yaml::documents(text).unwrap();
        let Findings { found, wrong, no_config, .. } = configurations(&source, &documents);
        let positions = found.iter().map(|found| (found.node.at.line, found.node.at.column)).collect();
        (positions, wrong.into_iter().chain(no_config).map(|wrong| wrong.text).collect())
    }

    const HEAD: &str = "static_resources:\n- '@type': x/envoy.extensions.filters.http.wasm.v3.Wasm\n  config:\n";

    #[test]
    fn a_file_may_be_the_configuration_itself() {
        assert_eq!(found("version: 1\nissuers: {}\n").0, [(1, 1)]);
        assert_eq!(found("{\"version\": 1.5}").0, [(1, 1)]);
    }

    #[test]
    fn only_this_filter_is_found_in_envoys_configuration() {
        let ours = "    root_id: temporal_auth\n";
        let configuration = "    configuration: {'@type': x/google.protobuf.Struct, value: {a: 1}}\n";
        assert_eq!(found(&format!("{HEAD}{ours}{configuration}")).0, [(5, 63)]);
        let other = found(&format!("{HEAD}    root_id: other\n{configuration}"));
        assert!(other.0.is_empty() && other.1[0].contains("no configuration of temporal-auth"));
        let (positions, wrong) = found(&format!("{HEAD}{ours}"));
        assert!(positions.is_empty() && wrong[0].starts_with("config.configuration: missing"));
        let (_, wrong) = found(&format!("{HEAD}{ours}    configuration: {{'@type': x/other, value: 1}}\n"));
        assert!(wrong[0].starts_with("config.configuration: expected `@type`"));
    }

    #[test]
    fn typed_structs_are_found_in_an_envoy_filter() {
        let text = "kind: EnvoyFilter\nx:\n  type_url: x/envoy.extensions.filters.http.wasm.v3.Wasm\n  value:\n    config:\n      \
                    name: n\n      configuration: {'@type': x/google.protobuf.Struct, value: {version: 1, issuers: {}}}\n";
        assert_eq!(found(text).0.len(), 1);
    }

    #[test]
    fn wasm_plugins_are_found_among_other_manifests() {
        let text = "kind: Service\n---\nkind: WasmPlugin\nspec:\n  pluginName: temporal_auth\n  pluginConfig:\n    version: 1\n";
        assert_eq!(found(text).0, [(7, 5)]);
        assert!(found("kind: WasmPlugin\nspec: {pluginName: temporal_auth}").1[0].starts_with("spec.pluginConfig"));
        assert!(found("kind: WasmPlugin\nspec: {pluginName: other, pluginConfig: {a: 1}}").0.is_empty());
    }

    #[test]
    fn other_kinds_of_manifests_are_searched() {
        let text = "kind: TrafficExtension\nspec:\n  wasm:\n    pluginName: temporal_auth\n    pluginConfig:\n      version: 1\n";
        assert_eq!(found(text).0, [(6, 7)]);
        let other = "kind: TrafficExtension\nspec: {lua: {inlineCode: temporal-auth}}\n";
        assert!(found(other).1[0].contains("no configuration"));
        let text = "kind: EnvoyExtensionPolicy\nspec:\n  wasm:\n  - name: other\n    config: {a: 1}\n  - rootID: temporal_auth\n    \
                    config:\n      version: 1\n";
        assert_eq!(found(text).0, [(8, 7)]);
        let text = "kind: EnvoyExtensionPolicy\nspec:\n  wasm:\n  - rootID: temporal_auth\n";
        assert!(found(text).1[0].starts_with("spec.wasm.config: missing"));
    }

    #[test]
    fn values_of_the_chart_are_searched() {
        assert_eq!(found("attach: sidecar\nconfig:\n  version: 1\n").0, [(3, 3)]);
        assert_eq!(found("version: 1\nconfig: {}\n").0, [(1, 1)], "a configuration with an unknown field");
    }
}

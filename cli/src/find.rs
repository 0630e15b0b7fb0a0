//! Finds the configurations of the filter in a file: the file itself, or what an Envoy configuration, a manifest of Istio
//! or Envoy Gateway, or the values of the Helm chart have for it.

use std::rc::Rc;

use crate::carrier::{Carrier, Kind as Carried};
use crate::embedded;
use crate::report::Diagnostic;
use crate::source::{Source, Span};
use crate::yaml::scalar::Dialect;
use crate::yaml::{Kind, Member, Node};

const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// A configuration and its place.
#[derive(Debug)]
pub(crate) struct Found {
    /// What it is.
    pub(crate) node: Rc<Node>,
    /// The name it has as a member.
    pub(crate) name: Option<Span>,
    /// How its scalars are read.
    pub(crate) dialect: Dialect,
    /// Where everything is shown, if the places inside cannot be told.
    pub(crate) shown_at: Option<Span>,
    /// What brings it to a proxy.
    pub(crate) carrier: Option<Rc<Carrier>>,
}

/// What a file has.
#[derive(Debug, Default)]
pub(crate) struct Finding {
    /// Its configurations.
    pub(crate) found: Vec<Found>,
    /// What brings them to a proxy, whether they are good or not.
    pub(crate) carriers: Vec<Rc<Carrier>>,
    /// What is wrong around them.
    pub(crate) wrong: Vec<Diagnostic>,
    /// Said of a file that has nothing of the filter.
    pub(crate) nothing: Option<Diagnostic>,
}

/// The configurations in a file.
pub(crate) fn configurations(source: &Source, documents: &[Rc<Node>]) -> Finding {
    let dialect = match serde_json::from_str::<serde_json::Value>(&source.text) {
        Ok(_) => Dialect::Json,
        Err(_) => Dialect::Yaml,
    };
    let mut finding = Finding::default();
    for document in documents {
        let mut search = Search { source, dialect, document, carrier: None, finding: &mut finding };
        let is_foreign = ["kind", "static_resources", "dynamic_resources", "resources", "configs"];
        if is_foreign.iter().any(|name| document.get(name).is_some()) {
            search.walk(document);
        } else if let Some(config) = values(document) {
            search.carried(Carried::Values, document);
            search.add(&config.value, Some(config.name.at));
        } else if document.text() != Some("") {
            search.add(document, None);
        }
    }
    if finding.found.is_empty() && finding.wrong.is_empty() {
        let text = "found no configuration of temporal-auth; expected the configuration itself, or a manifest, an Envoy \
                    configuration or Helm values that contain it";
        finding.nothing = Some(Diagnostic::error(text, Span { line: 1, column: 1, end_line: 1, end_column: 2 }));
    }
    finding
}

/// The configuration in values of the Helm chart, which no configuration has a field `config` for.
fn values(document: &Node) -> Option<&Member> {
    let is_configuration = document.get("version").is_some() || document.get("issuers").is_some();
    document.get("config").filter(|config| !is_configuration && matches!(config.value.kind, Kind::Map(_)))
}

struct Search<'a> {
    source: &'a Source,
    dialect: Dialect,
    document: &'a Rc<Node>,
    carrier: Option<Rc<Carrier>>,
    finding: &'a mut Finding,
}

impl Search<'_> {
    fn walk(&mut self, node: &Rc<Node>) {
        match &node.kind {
            Kind::Scalar(..) => {}
            Kind::List(list) => list.iter().for_each(|node| self.walk(node)),
            Kind::Map(members) => {
                let type_of = |name: &str| node.value(name).and_then(|node| node.text()).unwrap_or_default();
                if type_of("@type").ends_with(WASM) {
                    return self.wasm(node);
                }
                // As an EnvoyFilter may have it.
                if type_of("type_url").ends_with(WASM) {
                    return node.value("value").map_or((), |node| self.wasm(node));
                }
                let spec = node.value("spec");
                match (type_of("kind"), spec) {
                    ("WasmPlugin", Some(spec)) => return self.plugin(Carried::WasmPlugin, spec, "spec.pluginConfig"),
                    ("TrafficExtension", Some(spec)) => {
                        let wasm = spec.value("wasm");
                        return wasm.map_or((), |wasm| {
                            self.plugin(Carried::TrafficExtension, wasm, "spec.wasm.pluginConfig");
                        });
                    }
                    ("EnvoyExtensionPolicy", Some(spec)) => {
                        let Some(Kind::List(list)) = spec.value("wasm").map(|wasm| &wasm.kind) else { return };
                        return list
                            .iter()
                            .for_each(|wasm| self.plugin(Carried::EnvoyGateway, wasm, "spec.wasm.config"));
                    }
                    _ => {}
                }
                members.iter().for_each(|member| self.walk(&member.value));
            }
        }
    }

    /// `envoy.extensions.filters.http.wasm.v3.Wasm`
    fn wasm(&mut self, node: &Node) {
        let Some(config) = node.get("config") else { return };
        let (config, name) = (&config.value, config.name.at);
        let kind = self.document.value("kind").and_then(|kind| kind.text()).unwrap_or_default();
        let names = [config.value("root_id"), config.value("name"), config.value("vm_config")];
        let content = config.get("configuration");
        let value = content.and_then(|member| member.value.get("value"));
        if !names.into_iter().flatten().any(|node| names_us(node))
            && !value.is_some_and(|member| is_ours(&member.value))
        {
            return;
        }
        self.carried(if kind == "EnvoyFilter" { Carried::EnvoyFilter } else { Carried::Envoy }, config);
        let Some(content) = content else {
            self.finding
                .wrong
                .push(Diagnostic::error("config.configuration: missing; expected the filter's configuration", name));
            return;
        };
        let type_of = content.value.value("@type").and_then(|node| node.text()).unwrap_or_default();
        match (type_of.rsplit('/').next(), value) {
            (Some("google.protobuf.Struct"), Some(Member { name, value })) => self.add(value, Some(name.at)),
            (Some("google.protobuf.StringValue"), Some(Member { name, value })) => self.embedded(value, name.at),
            _ => self.finding.wrong.push(Diagnostic::error(
                "config.configuration: expected `@type` with google.protobuf.Struct or StringValue, and `value`",
                content.name.at,
            )),
        }
    }

    /// What names the module in a manifest, with the configuration at this path.
    fn plugin(&mut self, kind: Carried, wasm: &Rc<Node>, path: &str) {
        let content = wasm.get(path.rsplit('.').next().unwrap_or_default());
        let names = ["pluginName", "rootID", "name", "url", "code"].map(|name| wasm.value(name));
        let ours = names.into_iter().flatten().any(|node| names_us(node));
        if !ours && !content.is_some_and(|content| is_ours(&content.value)) {
            return;
        }
        self.carried(kind, wasm);
        match content {
            Some(content) => self.add(&content.value, Some(content.name.at)),
            None => {
                let text = format!("{path}: missing; expected the filter's configuration");
                self.finding.wrong.push(Diagnostic::error(text, wasm.at));
            }
        }
    }

    /// All that is added next is brought by this.
    fn carried(&mut self, kind: Carried, wasm: &Rc<Node>) {
        let carrier = Rc::new(Carrier { kind, document: Rc::clone(self.document), wasm: Rc::clone(wasm) });
        self.finding.carriers.push(Rc::clone(&carrier));
        self.carrier = Some(carrier);
    }

    fn add(&mut self, node: &Rc<Node>, name: Option<Span>) {
        let carrier = self.carrier.clone();
        self.finding.found.push(Found { node: Rc::clone(node), name, dialect: self.dialect, shown_at: None, carrier });
    }

    fn embedded(&mut self, node: &Node, name: Span) {
        match embedded::json(self.source, node) {
            Ok((node, shown_at)) => {
                let carrier = self.carrier.clone();
                self.finding.found.push(Found { node, name: Some(name), dialect: Dialect::Json, shown_at, carrier });
            }
            Err(wrong) => self.finding.wrong.push(wrong),
        }
    }
}

/// Whether a text in it has the filter's name: the module's file, or the root id it goes by.
fn names_us(node: &Node) -> bool {
    match &node.kind {
        Kind::Scalar(text, _) => text.contains("temporal-auth") || text.contains("temporal_auth"),
        Kind::List(list) => list.iter().any(|node| names_us(node)),
        Kind::Map(members) => members.iter().any(|member| names_us(&member.value)),
    }
}

/// Whether it looks like a configuration of the filter, whatever the module is called.
fn is_ours(node: &Node) -> bool {
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
        let Finding { found, wrong, nothing, .. } = configurations(&source, &documents);
        let places = found.iter().map(|found| (found.node.at.line, found.node.at.column)).collect();
        (places, wrong.into_iter().chain(nothing).map(|wrong| wrong.text).collect())
    }

    const HEAD: &str = "static_resources:\n- '@type': x/envoy.extensions.filters.http.wasm.v3.Wasm\n  config:\n";

    #[test]
    fn the_file_itself() {
        assert_eq!(found("version: 1\nissuers: {}\n").0, [(1, 1)]);
        assert_eq!(found("{\"version\": 1.5}").0, [(1, 1)]);
    }

    #[test]
    fn filters_of_envoy_if_they_are_ours() {
        let ours = "    root_id: temporal_auth\n";
        let configuration = "    configuration: {'@type': x/google.protobuf.Struct, value: {a: 1}}\n";
        assert_eq!(found(&format!("{HEAD}{ours}{configuration}")).0, [(5, 63)]);
        let other = found(&format!("{HEAD}    root_id: other\n{configuration}"));
        assert!(other.0.is_empty() && other.1[0].contains("no configuration of temporal-auth"));
        let (places, wrong) = found(&format!("{HEAD}{ours}"));
        assert!(places.is_empty() && wrong[0].starts_with("config.configuration: missing"));
        let (_, wrong) = found(&format!("{HEAD}{ours}    configuration: {{'@type': x/other, value: 1}}\n"));
        assert!(wrong[0].starts_with("config.configuration: expected `@type`"));
    }

    #[test]
    fn typed_structs_of_an_envoy_filter() {
        let text = "kind: EnvoyFilter\nx:\n  type_url: x/envoy.extensions.filters.http.wasm.v3.Wasm\n  value:\n    config:\n      \
                    name: n\n      configuration: {'@type': x/google.protobuf.Struct, value: {version: 1, issuers: {}}}\n";
        assert_eq!(found(text).0.len(), 1);
    }

    #[test]
    fn wasm_plugins_among_other_manifests() {
        let text = "kind: Service\n---\nkind: WasmPlugin\nspec:\n  pluginName: temporal_auth\n  pluginConfig:\n    version: 1\n";
        assert_eq!(found(text).0, [(7, 5)]);
        assert!(found("kind: WasmPlugin\nspec: {pluginName: temporal_auth}").1[0].starts_with("spec.pluginConfig"));
        assert!(found("kind: WasmPlugin\nspec: {pluginName: other, pluginConfig: {a: 1}}").0.is_empty());
    }

    #[test]
    fn other_manifests_that_carry_one() {
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
    fn values_of_the_chart() {
        assert_eq!(found("attach: sidecar\nconfig:\n  version: 1\n").0, [(3, 3)]);
        assert_eq!(found("version: 1\nconfig: {}\n").0, [(1, 1)], "a configuration with a field that it has not");
    }
}

//! Clusters: the filter fetches keys from one by its name, and gets none from a name that its proxy does not know.

use super::{Mesh, Service, list, namespace};
use crate::carrier::{Carrier, Kind, at, text};
use crate::yaml::{Kind as Value, Node};

impl Mesh {
    /// What a document tells of clusters.
    pub(super) fn read(&mut self, document: &Node) {
        match text(document, &["kind"]) {
            Some("Service") => {
                let name = text(document, &["metadata", "name"]).unwrap_or_default();
                let host = format!("{name}.{}.svc.cluster.local", namespace(document));
                self.services_of(document, &[&host], "port");
            }
            Some("ServiceEntry") => {
                let hosts: Vec<_> =
                    list(at(document, &["spec", "hosts"])).iter().filter_map(|host| host.text()).collect();
                self.services_of(document, &hosts, "number");
            }
            Some(kind @ ("HTTPRoute" | "GRPCRoute")) => {
                let name = text(document, &["metadata", "name"]).unwrap_or_default();
                let rules = list(at(document, &["spec", "rules"])).len();
                let of = format!("{}/{}/{name}", kind.to_ascii_lowercase(), namespace(document));
                self.clusters.extend((0..rules).map(|rule| format!("{of}/rule/{rule}")));
            }
            Some(_) => {}
            None => {
                let provider = document.value("identityProvider");
                if let Some(provider) = provider
                    && let (Some(host), Some(port)) = (text(provider, &["host"]), text(provider, &["port"]))
                {
                    self.clusters.insert(format!("outbound|{port}||{host}"));
                }
                let others = list(document.value("otherKeyClusters").map(|node| &**node));
                self.clusters.extend(others.iter().filter_map(|node| node.text()).map(str::to_owned));
                self.clusters_in(document);
            }
        }
    }

    fn services_of(&mut self, document: &Node, hosts: &[&str], number: &str) {
        let export: Vec<_> =
            list(at(document, &["spec", "exportTo"])).iter().filter_map(|namespace| namespace.text()).collect();
        let ports: Vec<_> =
            list(at(document, &["spec", "ports"])).iter().filter_map(|port| text(port, &[number])).collect();
        for host in hosts {
            self.services.extend(ports.iter().map(|port| Service {
                host: (*host).to_owned(),
                port: (*port).to_owned(),
                namespace: namespace(document).to_owned(),
                private: export == ["."],
            }));
        }
    }

    /// `static_resources.clusters` of an Envoy configuration, `cluster` of every entry in a dump.
    fn clusters_in(&mut self, node: &Node) {
        match &node.kind {
            Value::Scalar(..) => {}
            Value::List(list) => list.iter().for_each(|node| self.clusters_in(node)),
            Value::Map(members) => {
                for member in members {
                    let name = member.name.text().unwrap_or_default();
                    let named = |node: &Node| text(node, &["name"]).map(str::to_owned);
                    match name {
                        "clusters" => {
                            self.clusters.extend(list(Some(&member.value)).iter().filter_map(|node| named(node)))
                        }
                        "cluster" => self.clusters.extend(named(&member.value)),
                        _ => self.clusters_in(&member.value),
                    }
                }
            }
        }
    }

    /// Why a proxy would not know a cluster, and what to do; nothing where the files do not tell.
    pub(super) fn lacks(&self, cluster: &str, carrier: Option<&Carrier>) -> Option<(String, &'static str)> {
        if self.clusters.contains(cluster) {
            return None;
        }
        let is_istio = carrier.is_some_and(Carrier::is_istio);
        let parts: Vec<_> = cluster.split('|').collect();
        let ["outbound", port, _, host] = parts.as_slice() else {
            let help = if is_istio { "Istio calls it outbound|PORT||HOST" } else { ADD };
            return (is_istio || !self.clusters.is_empty())
                .then(|| (format!("no cluster is called {cluster:?}"), help));
        };
        if self.services.is_empty() && self.clusters.is_empty() {
            return None;
        }
        let mut at_host = self.services.iter().filter(|service| service.host == *host).peekable();
        if at_host.peek().is_none() {
            return Some((format!("nothing in these files makes cluster {cluster:?}"), ADD));
        }
        let mut at_port = at_host.filter(|service| service.port == *port).peekable();
        if at_port.peek().is_none() {
            return Some((format!("{host} has no port {port}"), ADD));
        }
        // Values are for a chart that puts both in one place.
        let proxy = carrier.filter(|carrier| carrier.kind != Kind::Values).map(Carrier::namespace)?;
        let is_hidden = at_port.all(|service| service.private && service.namespace != proxy);
        is_hidden.then(|| {
            let text = format!("{host} is for another namespace than {proxy}, says its exportTo");
            (text, "put the ServiceEntry beside the proxy, or let it be exported there")
        })
    }
}

const ADD: &str = "a request waits for its key, and is UNAVAILABLE: add a ServiceEntry or name a Service that is there; \
                   check both files in one go";

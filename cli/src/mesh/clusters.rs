//! Clusters: the filter fetches keys through a cluster that it names, and cannot fetch any if its proxy does not know
//! that name.

use std::fmt;

use super::{Mesh, Service, list, namespace};
use crate::deployment::{Deployment, DeploymentKind, at, text};
use crate::yaml::{NodeKind, YamlNode};

impl Mesh {
    /// Reads the clusters and services that a document defines.
    pub(super) fn read(&mut self, document: &YamlNode) {
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
                let prefix = format!("{}/{}/{name}", kind.to_ascii_lowercase(), namespace(document));
                self.clusters.extend((0..rules).map(|rule| format!("{prefix}/rule/{rule}")));
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

    fn services_of(&mut self, document: &YamlNode, hosts: &[&str], number: &str) {
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

    /// Reads `static_resources.clusters` of an Envoy configuration, and `cluster` of every entry in a dump.
    fn clusters_in(&mut self, node: &YamlNode) {
        match &node.kind {
            NodeKind::Scalar(..) => {}
            NodeKind::List(list) => list.iter().for_each(|node| self.clusters_in(node)),
            NodeKind::Map(members) => {
                for member in members {
                    let name = member.name.text().unwrap_or_default();
                    let named = |node: &YamlNode| text(node, &["name"]).map(str::to_owned);
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

    /// Who names the clusters of a proxy.
    fn namer(&self, deployment: Option<&Deployment>) -> Namer {
        let is_mesh = !self.services.is_empty() || self.clusters.iter().any(|name| name.starts_with("outbound|"));
        match deployment.map(|deployment| deployment.kind) {
            _ if deployment.is_some_and(Deployment::is_istio) => Namer::Istio,
            Some(DeploymentKind::EnvoyGateway) => Namer::EnvoyGateway,
            // A dump may be that of a proxy in a mesh.
            Some(DeploymentKind::Envoy) | None if !is_mesh => Namer::Operator,
            _ => Namer::Mesh,
        }
    }

    /// Why a proxy would not know a cluster. `None` if it would, or if the files do not tell.
    pub(super) fn cluster_problem(&self, cluster: &str, deployment: Option<&Deployment>) -> Option<ClusterProblem> {
        if self.clusters.contains(cluster) {
            return None;
        }
        let namer = self.namer(deployment);
        let parts: Vec<_> = cluster.split('|').collect();
        let (["outbound", port, _, host], Namer::Istio | Namer::Mesh) = (parts.as_slice(), namer) else {
            let unknown = ClusterProblem::Unknown { cluster: cluster.to_owned(), namer };
            return (namer == Namer::Istio || !self.clusters.is_empty()).then_some(unknown);
        };
        if self.services.is_empty() && self.clusters.is_empty() {
            return None;
        }
        let mut at_host = self.services.iter().filter(|service| service.host == *host).peekable();
        if at_host.peek().is_none() {
            return Some(ClusterProblem::Undefined { cluster: cluster.to_owned() });
        }
        let mut at_port = at_host.filter(|service| service.port == *port).peekable();
        if at_port.peek().is_none() {
            return Some(ClusterProblem::NoSuchPort { host: (*host).to_owned(), port: (*port).to_owned() });
        }
        // The chart puts the ServiceEntry and the proxy into one namespace.
        let proxy =
            deployment.filter(|deployment| deployment.kind != DeploymentKind::Values).map(Deployment::namespace)?;
        let is_hidden = at_port.all(|service| service.private && service.namespace != proxy);
        is_hidden.then(|| ClusterProblem::Hidden { host: (*host).to_owned(), namespace: proxy.to_owned() })
    }
}

/// Who names the clusters of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Namer {
    /// Istio, by host and port.
    Istio,
    /// Istio, or anyone who adds clusters to its proxies.
    Mesh,
    /// Envoy Gateway, by route.
    EnvoyGateway,
    /// Whoever writes the Envoy configuration.
    Operator,
}

/// Why a proxy does not know a cluster.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClusterProblem {
    /// No cluster has this name.
    Unknown {
        cluster: String,
        namer: Namer,
    },
    /// Nothing in the files defines the host of this cluster.
    Undefined {
        cluster: String,
    },
    NoSuchPort {
        host: String,
        port: String,
    },
    /// The host is not exported to the namespace of the proxy.
    Hidden {
        host: String,
        namespace: String,
    },
}

impl ClusterProblem {
    /// What to do about it.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::Unknown { namer: Namer::Istio, .. } => "Istio names clusters outbound|PORT||HOST",
            Self::Hidden { .. } => "move the ServiceEntry to the namespace of the proxy, or export it there",
            Self::Unknown { namer: Namer::EnvoyGateway, .. } => {
                "without its keys, requests wait and are answered UNAVAILABLE: Envoy Gateway names clusters \
                 httproute/NAMESPACE/NAME/rule/NUMBER, so name a rule of an existing route; check all files in one command"
            }
            Self::Unknown { namer: Namer::Operator, .. } => {
                "without its keys, requests wait and are answered UNAVAILABLE: add a cluster of this name to the Envoy \
                 configuration, or name an existing one"
            }
            Self::Unknown { namer: Namer::Mesh, .. } | Self::Undefined { .. } | Self::NoSuchPort { .. } => {
                "without its keys, requests wait and are answered UNAVAILABLE: add a ServiceEntry, or name an existing \
                 Service; check all files in one command"
            }
        }
    }
}

impl fmt::Display for ClusterProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { cluster, .. } => write!(out, "no cluster has the name {cluster:?}"),
            Self::Undefined { cluster } => {
                write!(out, "no ServiceEntry, Service or route in these files defines cluster {cluster:?}")
            }
            Self::NoSuchPort { host, port } => write!(out, "{host} has no port {port}"),
            Self::Hidden { host, namespace } => write!(out, "`exportTo` hides {host} from namespace {namespace}"),
        }
    }
}

//! What a policy of Istio's is attached to: resources by name, or pods by their labels.

use std::rc::Rc;

use super::{list, namespace};
use crate::deployment::{at, text};
use crate::yaml::{NodeKind, YamlNode};

/// Policies in this namespace apply to the whole mesh.
const ROOT: &str = "istio-system";
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
const GATEWAY_CLASS_NAME: &str = "gateway.networking.k8s.io/gateway-class-name";

pub(super) struct Attachment<'a> {
    namespace: &'a str,
    pub(super) targets: Vec<Target<'a>>,
    labels: Labels<'a>,
}

/// A resource that a policy names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
}

type Labels<'a> = Vec<(&'a str, &'a str)>;

impl<'a> Attachment<'a> {
    pub(super) fn of(policy: &'a YamlNode) -> Self {
        let one = at(policy, &["spec", "targetRef"]).into_iter();
        let several = list(at(policy, &["spec", "targetRefs"])).iter().map(|node| &**node);
        let target = |node: &'a YamlNode| Some(Target { kind: text(node, &["kind"])?, name: text(node, &["name"])? });
        let selectors = [["spec", "selector", "matchLabels"], ["spec", "workloadSelector", "labels"]];
        Self {
            namespace: namespace(policy),
            targets: several.chain(one).filter_map(target).collect(),
            labels: selectors.iter().flat_map(|names| labels(at(policy, names))).collect(),
        }
    }

    /// Whether it is a policy for Services, which waypoints carry out.
    pub(super) fn is_at_waypoint(&self) -> bool {
        self.targets.iter().any(|target| matches!(target.kind, "Service" | "ServiceEntry"))
    }

    /// Whether the proxy of a Gateway of the Gateway API is meant.
    pub(super) fn names_gateway(&self, gateway: &YamlNode, documents: &[Rc<YamlNode>]) -> bool {
        let (name, class) = (text(gateway, &["metadata", "name"]), text(gateway, &["spec", "gatewayClassName"]));
        let is_here = namespace(gateway) == self.namespace;
        if self.targets.is_empty() {
            let pod = pod_labels(gateway);
            return (is_here || self.namespace == ROOT) && !self.labels.is_empty() && is_subset(&self.labels, &pod);
        }
        self.targets.iter().any(|target| match target.kind {
            "Gateway" => is_here && name == Some(target.name),
            "GatewayClass" => class == Some(target.name),
            "Service" => {
                let is_ours = |node: &YamlNode| {
                    text(node, &["kind"]) == Some("Service")
                        && namespace(node) == self.namespace
                        && text(node, &["metadata", "name"]) == Some(target.name)
                };
                let service = documents.iter().find(|node| is_ours(node));
                let used = service.and_then(|node| text(node, &["metadata", "labels", "istio.io/use-waypoint"]));
                // The label may also be at the namespace, or in a file that was not given.
                is_here && used.map_or_else(|| class.is_some_and(is_waypoint), |used| name == Some(used))
            }
            _ => false,
        })
    }

    /// Whether some proxy has both policies, as far as the files show.
    pub(super) fn overlaps(&self, other: &Self, documents: &[Rc<YamlNode>]) -> bool {
        if !(self.namespace == other.namespace || [self.namespace, other.namespace].contains(&ROOT)) {
            return false;
        }
        match (self.targets.as_slice(), other.targets.as_slice()) {
            ([], []) => {
                is_subset(&self.labels, &other.labels)
                    || is_subset(&other.labels, &self.labels)
                    || documents
                        .iter()
                        .map(|node| pod_labels(node))
                        .any(|pod| !pod.is_empty() && is_subset(&self.labels, &pod) && is_subset(&other.labels, &pod))
            }
            ([], targets) => selects_one_of(self, targets, documents),
            (targets, []) => selects_one_of(other, targets, documents),
            (targets, others) => targets.iter().any(|target| others.contains(target)),
        }
    }
}

/// Whether a selector matches the pods of one of these Gateways. Waypoints have no policies by selector.
fn selects_one_of(selector: &Attachment, targets: &[Target], documents: &[Rc<YamlNode>]) -> bool {
    targets.iter().filter(|target| target.kind == "Gateway").any(|target| {
        let is_target = |node: &YamlNode| {
            text(node, &["spec", "gatewayClassName"]).is_some()
                && text(node, &["metadata", "name"]) == Some(target.name)
                && [namespace(node), ROOT].contains(&selector.namespace)
        };
        let gateway = documents.iter().find(|node| is_target(node));
        if gateway.is_some_and(|node| text(node, &["spec", "gatewayClassName"]).is_some_and(is_waypoint)) {
            return false;
        }
        let pod = gateway.map_or_else(|| vec![(GATEWAY_NAME, target.name)], |node| pod_labels(node));
        is_subset(&selector.labels, &pod)
    })
}

/// Whether the name of a class is that of waypoints.
pub(super) fn is_waypoint(class: &str) -> bool {
    class.ends_with("-waypoint")
}

fn is_subset(labels: &[(&str, &str)], of: &[(&str, &str)]) -> bool {
    labels.iter().all(|label| of.contains(label))
}

/// The labels of the pods that a resource creates, or has. Empty if it has none.
fn pod_labels(node: &YamlNode) -> Labels<'_> {
    match (text(node, &["kind"]), text(node, &["spec", "gatewayClassName"])) {
        (Some("Gateway"), Some(class)) => {
            let own = [["spec", "infrastructure", "labels"].as_slice(), &["metadata", "labels"]];
            let mut labels: Labels = own.iter().flat_map(|names| labels(at(node, names))).collect();
            labels.extend(text(node, &["metadata", "name"]).map(|name| (GATEWAY_NAME, name)));
            labels.push((GATEWAY_CLASS_NAME, class));
            labels
        }
        (Some("Pod"), _) => labels(at(node, &["metadata", "labels"])),
        _ => labels(at(node, &["spec", "template", "metadata", "labels"])),
    }
}

fn labels(node: Option<&YamlNode>) -> Labels<'_> {
    let Some(NodeKind::Map(members)) = node.map(|node| &node.kind) else { return Vec::new() };
    members.iter().filter_map(|member| Some((member.name.text()?, member.value.text()?))).collect()
}

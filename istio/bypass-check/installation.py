"""The part of a cluster that the check concerns: the frontend's pods, the routes to them, and the proxies with the filter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cluster import CannotLook, Cluster, Object, labels, matches, name, namespace, where

GRPC, HTTP = 7233, 7243
EXCLUDED = "traffic.sidecar.istio.io/excludeInboundPorts"
INCLUDED = "traffic.sidecar.istio.io/includeInboundPorts"
# Components that check no authorization, and are for Temporal's own services alone.
INTERNAL = {7236: "the internal frontend", 7246: "the internal frontend's HTTP API", 7234: "history", 7235: "matching"}


@dataclass(frozen=True)
class Options:
    """Names that may differ in an operator's installation."""

    namespace: str = "temporal"
    service: str = "temporal-frontend"
    root_namespace: str = "istio-system"
    plugin: str = "temporal_auth"  # pluginName, the root id
    allow: tuple[str, ...] = ()  # principals that may call the frontend without passing the filter


@dataclass(frozen=True)
class Plugin:
    """A WasmPlugin, TrafficExtension or EnvoyExtensionPolicy that loads the filter."""

    kind: str
    thing: Object

    @property
    def spec(self) -> Object:
        return self.thing.get("spec") or {}

    name: str = Options.plugin  # pluginName, or the root id

    @property
    def wasm(self) -> Object:
        if self.is_envoy_gateways:
            ours = [wasm for wasm in self.spec.get("wasm") or [] if wasm.get("rootID") == self.name]
            return ours[0] if ours else {}
        return self.spec if self.kind == "WasmPlugin" else self.spec.get("wasm") or {}

    @property
    def is_envoy_gateways(self) -> bool:
        return self.kind == "EnvoyExtensionPolicy"

    @property
    def config(self) -> Object:
        return self.wasm.get("config" if self.is_envoy_gateways else "pluginConfig") or {}

    @property
    def fails_open(self) -> bool:
        return self.wasm.get("failOpen") is True or self.wasm.get("failStrategy") == "FAIL_OPEN"

    @property
    def refusal(self) -> str | None:
        """Why its controller has not accepted it, or lets another policy take its place."""
        status = self.thing.get("status") or {}
        lists = [status, *(status.get("ancestors") or [])]
        for condition in [condition for entry in lists for condition in entry.get("conditions") or []]:
            if (condition.get("type"), condition.get("status")) in (("Accepted", "False"), ("WaypointAccepted", "False"), ("Overridden", "True")):
                return f"{condition['type']} is {condition['status']}: {condition.get('reason', '')}: {condition.get('message', '')}"
        return None

    @property
    def where(self) -> str:
        return where(self.kind, self.thing)

    @property
    def targets(self) -> list[Object]:
        one = self.spec.get("targetRef")
        return list(self.spec.get("targetRefs") or ([one] if one else []))

    def covers(self, mode: str, port: int) -> bool:
        """Whether `match` lets it run on this port, as in Istio's model/extensions.go."""
        if self.refusal:
            return False
        selectors = self.spec.get("match") or []
        return not selectors or any(
            m.get("mode", "CLIENT_AND_SERVER") in ("CLIENT_AND_SERVER", "UNDEFINED", mode)
            and (not m.get("ports") or any(p.get("number") == port for p in m["ports"]))
            for m in selectors
        )

    def covers_cluster(self, cluster: str) -> bool:
        """Whether `applies_to` matches this cluster. Without it, the filter judges every route."""
        applies = self.config.get("applies_to")
        return not applies or any(_like(pattern, cluster) for pattern in applies.get("clusters") or [])


def _like(pattern: str, text: str) -> bool:
    """Whether a pattern of the filter's configuration matches, where `*` matches one or more characters."""
    head, star, tail = pattern.partition("*")
    if not star:
        return pattern == text
    return len(text) > len(head) + len(tail) and text.startswith(head) and text.endswith(tail)


class Installation:
    """Everything that several checks need."""

    def __init__(self, cluster: Cluster, options: Options) -> None:
        self.cluster, self.options = cluster, options
        self.service = self._frontend()
        self.pods = self._pods_of(self.service)
        if not self.pods:
            raise CannotLook(f"Service {options.namespace}/{options.service} has no pods: nothing to check")
        self.services = [s for s in cluster.objects("Service") if self._leads_here(s)]
        self.grpc_port = self._pod_port(GRPC)
        self.http_port = self._pod_port(HTTP)
        self.plugins = self._plugins()
        self.at_pods = [p for p in self.plugins if not p.is_envoy_gateways and self.selects_pods(p.thing, p.targets)]

    # -- pods and Services

    def _frontend(self) -> Object:
        for service in self.cluster.objects("Service"):
            if (namespace(service), name(service)) == (self.options.namespace, self.options.service):
                return service
        raise CannotLook(f"no Service {self.options.namespace}/{self.options.service}: --namespace and --service name it")

    def _pods_of(self, service: Object) -> list[Object]:
        selector = service["spec"].get("selector")
        here = [pod for pod in self.cluster.objects("Pod") if namespace(pod) == namespace(service) and not finished(pod)]
        if selector:
            return [pod for pod in here if matches(selector, labels(pod))]
        targets = {
            (endpoint.get("targetRef") or {}).get("name")
            for piece in self.cluster.objects("EndpointSlice")
            if namespace(piece) == namespace(service) and labels(piece).get("kubernetes.io/service-name") == name(service)
            for endpoint in piece.get("endpoints") or []
        }
        return [pod for pod in here if name(pod) in targets]

    def _leads_here(self, service: Object) -> bool:
        """Whether the Service has the same namespace and one of its pods is the frontend's."""
        ours = {name(pod) for pod in self.pods}
        return namespace(service) == self.options.namespace and any(name(pod) in ours for pod in self._pods_of(service))

    def _pod_port(self, port: int) -> int:
        for entry in self.service["spec"].get("ports") or []:
            if entry["port"] == port:
                return self.target(entry)
        return port

    def target(self, entry: Object, pods: list[Object] | None = None) -> int:
        """The pod's port behind a Service's."""
        target = entry.get("targetPort", entry["port"])
        if isinstance(target, int):
            return target
        for pod in self.pods if pods is None else pods:
            for container in pod["spec"].get("containers", []) + pod["spec"].get("initContainers", []):
                for port in container.get("ports") or []:
                    if port.get("name") == target:
                        return int(port["containerPort"])
        raise CannotLook(f"no container of the pods names a port {target!r}")

    def hosts(self, service: Object) -> list[str]:
        """The host names by which a route may refer to this Service."""
        full = f"{name(service)}.{namespace(service)}.svc.cluster.local"
        return [full, full[: -len(".cluster.local")], f"{name(service)}.{namespace(service)}"]

    def accounts(self) -> list[str]:
        """Service accounts of Temporal's own services: of the frontend's pods and the pods of its release, except the Web UI's."""
        instance = labels(self.pods[0]).get("app.kubernetes.io/instance")
        own = [
            pod
            for pod in self.cluster.objects("Pod")
            if namespace(pod) == self.options.namespace
            and (pod in self.pods or instance and labels(pod).get("app.kubernetes.io/instance") == instance)
            and labels(pod).get("app.kubernetes.io/component") != "web"
        ]
        return sorted({account(pod) for pod in own})

    # -- the filter

    def _plugins(self) -> list[Plugin]:
        name, kinds = self.options.plugin, ("WasmPlugin", "TrafficExtension", "EnvoyExtensionPolicy")
        found = [Plugin(kind, thing, name) for kind in kinds for thing in self.cluster.objects(kind)]
        return [plugin for plugin in found if name in (plugin.wasm.get("pluginName"), plugin.wasm.get("rootID"))]

    def selects_pods(self, thing: Object, targets: list[Object]) -> bool:
        """Whether an Istio policy applies to the frontend's pods in their sidecars."""
        if targets:
            return False
        return self.selects(thing, self.pods)

    def selects(self, thing: Object, pods: list[Object]) -> bool:
        selector = ((thing.get("spec") or {}).get("selector") or {}).get("matchLabels")
        return any(
            namespace(thing) in (namespace(pod), self.options.root_namespace) and matches(selector, labels(pod)) for pod in pods
        )

    def filtered_at_pods(self, port: int) -> bool:
        """Whether a sidecar's filter judges calls to this port of the pods."""
        return all(has_sidecar(pod) for pod in self.pods) and any(
            plugin.covers("SERVER", port) and plugin.covers_cluster(f"inbound|{port}||") for plugin in self.at_pods
        )


def finished(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def account(pod: Object) -> str:
    return f"{namespace(pod)}/{pod['spec'].get('serviceAccountName') or 'default'}"


def keeps_out(pod: Object, port: int) -> bool:
    """Whether an annotation of the pod makes connections to this port bypass its sidecar."""
    notes = pod["metadata"].get("annotations") or {}
    excluded = {part.strip() for part in notes.get(EXCLUDED, "").split(",")}
    included = {part.strip() for part in notes.get(INCLUDED, "*").split(",")}
    return str(port) in excluded or not included & {"*", str(port)}


def has_sidecar(pod: Object) -> bool:
    spec: dict[str, Any] = pod["spec"]
    return any(c["name"] == "istio-proxy" for c in spec.get("containers", []) + spec.get("initContainers", []))

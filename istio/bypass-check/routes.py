"""Ways from outside to the frontend's pods: routes of gateways, and Services that are reachable themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cluster import Object, labels, matches, name, namespace, where
from finding import Finding
from installation import HTTP, INTERNAL, Installation, Plugin, account

# Istio's controllers of agentgateway (its constants.go), whose gateways run no WebAssembly.
AGENTGATEWAY = ("istio.io/agentgateway-controller", "istio.io/agentgateway-waypoint-controller")
ROUTES = ("GRPCRoute", "HTTPRoute", "TLSRoute", "TCPRoute")


@dataclass(frozen=True)
class Entry:
    """One listener of a gateway and a route from it to a Service of the frontend."""

    route: str  # the resource that defines it
    listener: str
    port: int  # the port on which the gateway's pods listen
    service_port: int
    cluster: str  # Istio's name of the destination
    mirror: bool  # a copy of calls that go elsewhere: the filter looks at their destination, and cannot know about the copy
    http: bool
    plugins: tuple[Plugin, ...]  # plugins with the filter, on the gateway's pods
    accounts: tuple[str, ...]  # service accounts of these
    without_wasm: str = ""  # the class of a gateway that runs no WebAssembly

    def filtered(self) -> bool:
        judged = "" if self.mirror else self.cluster
        return self.http and not self.without_wasm and any(p.covers("CLIENT", self.port) and p.covers_cluster(judged) for p in self.plugins)


def check(installation: Installation) -> Iterator[Finding]:
    for way in entries(installation):
        if way.filtered() or installation.filtered_at_pods(_pod_port(installation, way.service_port)):
            continue
        if way.without_wasm:
            yield Finding(
                "no-wasm",
                way.route,
                f"leads from {way.listener} to port {way.service_port} of the frontend: class {way.without_wasm} is agentgateway, "
                "which runs no WebAssembly, whatever plugin is attached to it.",
                "give the Gateway a class of Envoy's, such as istio, or remove the route",
            )
            continue
        if way.http and way.plugins and not any(p.covers("CLIENT", way.port) for p in way.plugins):
            continue  # plugins.py reports this: the plugin is on the wrong port, or not accepted
        if not way.http:
            why = "it routes TCP, where no filter reads calls"
            fix = "route it as HTTP (http: in a VirtualService, a GRPCRoute), or remove the route"
        elif way.plugins and way.mirror:
            why = "it is a mirror of calls to a cluster that is not in the plugin's applies_to, and the copies pass untouched"
            fix = "remove the mirror"
        elif way.plugins:
            why = f"its cluster {way.cluster} is not in the plugin's applies_to: the filter lets its calls pass untouched"
            fix = "route to the Service that applies_to names, or add the cluster to it"
        else:
            why = "the filter does not run in that gateway"
            fix = "attach the filter to this gateway as well, or remove the route"
        yield Finding("second-route", way.route, f"leads from {way.listener} to port {way.service_port} of the frontend: {why}.", fix)
    yield from _internal_routes(installation)
    yield from _open_services(installation)
    yield from _ingresses(installation)


def _pod_port(installation: Installation, service_port: int) -> int:
    return installation.http_port if service_port == HTTP else installation.grpc_port


def _open_services(installation: Installation) -> Iterator[Finding]:
    for service in installation.services:
        spec = service["spec"]
        kind = spec.get("type", "ClusterIP")
        if kind in ("NodePort", "LoadBalancer") or spec.get("externalIPs"):
            if installation.filtered_at_pods(installation.grpc_port) and installation.filtered_at_pods(installation.http_port):
                continue
            yield Finding(
                "second-route",
                where("Service", service),
                f"is itself open to the outside (type {kind}): its callers do not come through the gateway.",
                "make it a ClusterIP without externalIPs",
            )


def _ingresses(installation: Installation) -> Iterator[Finding]:
    ours = {name(service) for service in installation.services}
    for ingress in installation.cluster.objects("Ingress"):
        if namespace(ingress) != installation.options.namespace:
            continue
        backends = [ingress["spec"].get("defaultBackend") or {}]
        backends += [p["backend"] for rule in ingress["spec"].get("rules") or [] for p in (rule.get("http") or {}).get("paths") or []]
        if any((backend.get("service") or {}).get("name") in ours for backend in backends):
            if not installation.filtered_at_pods(installation.grpc_port):
                yield Finding(
                    "second-route",
                    where("Ingress", ingress),
                    "leads to the frontend; an ingress controller does not run the filter.",
                    "remove it: route through a gateway with the filter",
                )


def _internal_routes(installation: Installation) -> Iterator[Finding]:
    others = [
        service
        for service in installation.cluster.objects("Service")
        if namespace(service) == installation.options.namespace and service not in installation.services
    ]
    for way in entries(installation, others):
        if way.service_port in INTERNAL:
            yield Finding(
                "internal-open",
                way.route,
                f"leads from {way.listener} to {INTERNAL[way.service_port]} (port {way.service_port}), which does no authorization.",
                "remove the route",
            )


# -- finding them


def entries(installation: Installation, services: list[Object] | None = None) -> Iterator[Entry]:
    """Every route from a gateway to these Services; by default the frontend's."""
    wanted = installation.services if services is None else services
    yield from _istio(installation, {host: service for service in wanted for host in installation.hosts(service)})
    yield from _gateway_api(installation, {name(service): service for service in wanted})


def _istio(installation: Installation, hosts: dict[str, Object]) -> Iterator[Entry]:
    """Routes by Gateway and VirtualService."""
    roots: dict[str, list[Object]] = {}  # delegate -> the VirtualServices that delegate to it
    services = installation.cluster.objects("VirtualService")
    for virtual in services:
        for rule in virtual["spec"].get("http") or []:
            if delegate := rule.get("delegate"):
                roots.setdefault(f"{delegate.get('namespace', namespace(virtual))}/{delegate['name']}", []).append(virtual)
    for virtual in services:
        owners = roots.get(f"{namespace(virtual)}/{name(virtual)}", []) or [virtual]
        for kind in ("http", "tls", "tcp"):
            for rule in virtual["spec"].get(kind) or []:
                for to, mirror in _targets(rule):
                    found = _destination(virtual, to, hosts)
                    if found:
                        for owner in owners:
                            yield from _through(installation, virtual, owner, kind == "http", mirror, *found)


def _targets(rule: Object) -> Iterator[tuple[Object, bool]]:
    """The destinations of a rule, and which of them are mirrors."""
    for target in rule.get("route") or []:
        yield target.get("destination") or {}, False
    for target in rule.get("mirrors") or []:
        yield target.get("destination") or {}, True
    if rule.get("mirror"):
        yield rule["mirror"], True


def _destination(virtual: Object, to: Object, hosts: dict[str, Object]) -> tuple[int, str] | None:
    """The Service's port and Istio's name of the cluster, if it is one of these Services."""
    host = str(to.get("host", ""))
    service = hosts.get(host if "." in host else f"{host}.{namespace(virtual)}.svc.cluster.local")
    if service is None:
        return None
    ports = service["spec"].get("ports") or []
    port = (to.get("port") or {}).get("number") or (ports[0]["port"] if len(ports) == 1 else None)
    if port is None:
        return None
    full = f"{name(service)}.{namespace(service)}.svc.cluster.local"
    return int(port), f"outbound|{port}|{to.get('subset', '')}|{full}"


def _through(
    installation: Installation, virtual: Object, owner: Object, http: bool, mirror: bool, service_port: int, cluster: str
) -> Iterator[Entry]:
    for gateway_name in owner["spec"].get("gateways") or []:
        if gateway_name == "mesh":
            continue
        for gateway in installation.cluster.objects("Gateway"):
            if _full_name(gateway_name, namespace(owner)) != f"{namespace(gateway)}/{name(gateway)}":
                continue
            selector = gateway["spec"].get("selector") or {}
            pods = [pod for pod in installation.cluster.objects("Pod") if matches(selector, labels(pod))]
            plugins = tuple(p for p in installation.plugins if not p.targets and installation.selects(p.thing, pods))
            for server in gateway["spec"].get("servers") or []:
                number = int(server["port"]["number"])
                passthrough = (server.get("tls") or {}).get("mode") in ("PASSTHROUGH", "AUTO_PASSTHROUGH")
                reads_http = http and not passthrough and str(server["port"].get("protocol", "")).upper() not in ("TCP", "TLS")
                yield Entry(
                    where("VirtualService", virtual),
                    f"{where('Gateway', gateway)} port {number}",
                    _listening(installation, pods, number),
                    service_port,
                    cluster,
                    mirror,
                    reads_http,
                    plugins,
                    tuple(sorted({account(pod) for pod in pods})),
                )


def _full_name(gateway: str, home: str) -> str:
    """The full name of a gateway as a VirtualService in this namespace writes it, also as `./name` and as a host (Istio's
    model/config.go)."""
    if "/" in gateway:
        namespace, _, short = gateway.partition("/")
        return f"{home if namespace == '.' else namespace}/{short}"
    short, *domain = gateway.split(".")
    return f"{domain[0] if domain else home}/{short}"


def _listening(installation: Installation, pods: list[Object], number: int) -> int:
    """The port on which a gateway really listens: behind a Service, its target port (Istio's model/gateway.go)."""
    for service in installation.cluster.objects("Service"):
        selector = service["spec"].get("selector")
        mine = [pod for pod in pods if namespace(pod) == namespace(service) and selector and matches(selector, labels(pod))]
        for entry in service["spec"].get("ports") or [] if mine else []:
            if entry["port"] == number:
                return installation.target(entry, mine)
    return number


def _gateway_api(installation: Installation, services: dict[str, Object]) -> Iterator[Entry]:
    for kind in ROUTES:
        for route in installation.cluster.objects(kind):
            for backend, mirror in _backends(route):
                service = services.get(backend.get("name", ""))
                in_namespace = backend.get("namespace", namespace(route)) == installation.options.namespace
                if service is None or not in_namespace or backend.get("kind", "Service") != "Service":
                    continue
                port = int(backend.get("port") or 0)
                cluster = f"outbound|{port}||{installation.hosts(service)[0]}"
                for parent in route["spec"].get("parentRefs") or []:
                    yield from _parents(installation, kind, route, parent, mirror, port, cluster)


def _backends(route: Object) -> Iterator[tuple[Object, bool]]:
    """The destinations of a route, and which of them are mirrors."""
    for rule in route["spec"].get("rules") or []:
        for backend in rule.get("backendRefs") or []:
            yield backend, False
        for mirror in (f["requestMirror"] for f in rule.get("filters") or [] if f.get("requestMirror")):
            yield mirror.get("backendRef") or {}, True


def _parents(
    installation: Installation, kind: str, route: Object, parent: dict[str, Any], mirror: bool, service_port: int, cluster: str
) -> Iterator[Entry]:
    if parent.get("kind", "Gateway") != "Gateway":
        return
    home = parent.get("namespace", namespace(route))
    for gateway in installation.cluster.objects("KubernetesGateway"):
        if (namespace(gateway), name(gateway)) != (home, parent.get("name")):
            continue
        pods = [
            pod
            for pod in installation.cluster.objects("Pod")
            if namespace(pod) == home and labels(pod).get("gateway.networking.k8s.io/gateway-name") == name(gateway)
        ]
        plugins = tuple(
            p
            for p in installation.plugins
            if (p.targets and namespace(p.thing) == home and any(_names(target, gateway) for target in p.targets))
            or (p.is_envoy_gateways and namespace(p.thing) == namespace(route) and any(_is(target, kind, route) for target in p.targets))
            or (not p.targets and not p.is_envoy_gateways and installation.selects(p.thing, pods))
        )
        for listener in gateway["spec"].get("listeners") or []:
            if parent.get("sectionName", listener["name"]) != listener["name"] or parent.get("port", listener["port"]) != listener["port"]:
                continue
            port = int(listener["port"])
            yield Entry(
                where(kind, route),
                f"{where('Gateway', gateway)} listener {listener['name']}",
                _listening(installation, pods, port),
                service_port,
                cluster,
                mirror,
                kind in ("GRPCRoute", "HTTPRoute"),
                plugins,
                tuple(sorted({account(pod) for pod in pods})),
                _without_wasm(installation, gateway),
            )


def _without_wasm(installation: Installation, gateway: Object) -> str:
    """The Gateway's class, if it is agentgateway's."""
    wanted = str(gateway["spec"].get("gatewayClassName", ""))
    for known in installation.cluster.objects("GatewayClass"):
        if name(known) == wanted and (known.get("spec") or {}).get("controllerName") in AGENTGATEWAY:
            return wanted
    return ""


def _names(target: Object, gateway: Object) -> bool:
    return _is(target, "Gateway", gateway)


def _is(target: Object, kind: str, thing: Object) -> bool:
    return target.get("kind") == kind and target.get("name") == name(thing)

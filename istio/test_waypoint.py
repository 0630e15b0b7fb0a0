"""The configuration that istiod sends to a waypoint. Stock Envoy cannot be a waypoint: here it only requests the configuration,
and istiod's debug page shows the answer."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api_server import ROOT, ApiServer
from harness import paths
from harness.poll import until
from harness.procs import Process
from harness.waypoint import NAMES_PEER, PEER_FILTER

NAME = "temporal-waypoint"
SERVICE = "temporal-frontend.temporal.svc.cluster.local"
FILTER = "extensions.istio.io/trafficextension/temporal.temporal-auth~istio-translated-wasmplugin"

# There is no kubelet: the test writes a pod that serves the waypoint.
RESOURCES = """
apiVersion: v1
kind: Service
metadata: {name: temporal-frontend, namespace: temporal, labels: {istio.io/use-waypoint: temporal-waypoint}}
spec:
  selector: {app.kubernetes.io/component: frontend}
  ports: [{name: grpc-rpc, port: 7233, appProtocol: grpc}, {name: http, port: 7243, appProtocol: http}]
---
apiVersion: v1
kind: Pod
metadata: {name: temporal-waypoint-1, namespace: temporal, labels: {gateway.networking.k8s.io/gateway-name: temporal-waypoint}}
spec: {serviceAccountName: temporal-waypoint, nodeName: here, containers: [{name: istio-proxy, image: none}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: temporal-waypoint-1, namespace: temporal, labels: {kubernetes.io/service-name: temporal-waypoint}}
addressType: IPv4
ports: [{name: mesh, port: 15008}]
endpoints: [{addresses: [10.99.0.10], conditions: {ready: true}, targetRef: {kind: Pod, name: temporal-waypoint-1, namespace: temporal}}]
"""
RUNNING = {"phase": "Running", "podIP": "10.99.0.10", "podIPs": [{"ip": "10.99.0.10"}], "conditions": [{"type": "Ready", "status": "True"}]}


@pytest.fixture(scope="module")
def waypoint(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    resources = tmp_path_factory.mktemp("waypoint") / "resources.yaml"
    resources.write_text(RESOURCES)
    manifest = str(ROOT / "istio" / "manifests" / "waypoint.yaml")
    server.must("apply", "-f", manifest)
    server.must("apply", "-f", str(resources))
    server.must("patch", "pod", "-n", "temporal", f"{NAME}-1", "--subresource=status", "--type=merge", "-p", json.dumps({"status": RUNNING}))

    def programmed() -> bool:
        conditions = "jsonpath={.status.conditions[?(@.type==\"Programmed\")].status}"
        return server.kubectl("get", "gateway", "-n", "temporal", NAME, "-o", conditions).stdout == "True"

    until(programmed, 60, "the waypoint")
    yield server
    server.must("delete", "--wait=false", "--ignore-not-found", "-f", manifest, "-f", str(resources))


def sent(server: ApiServer, directory: Path, what: str) -> list[dict[str, Any]]:
    """The clusters (cds) or listeners (lds) that a waypoint receives, on a connection of its own."""
    labels = {"gateway.networking.k8s.io/gateway-name": NAME}
    metadata: dict[str, Any] = {"NAMESPACE": "temporal", "NAME": f"{NAME}-2", "LABELS": labels, "CLUSTER_ID": "Kubernetes", "SERVICE_ACCOUNT": NAME}
    # The agent tells istiod the annotations of its pod.
    metadata["ANNOTATIONS"] = annotations(server)
    address = {"socket_address": {"address": "127.0.0.1", "port_value": server.xds}}
    source = {"ads": {}, "resource_api_version": "V3"}
    http2 = {"@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": {"http2_protocol_options": {}}}
    istiod = {
        "name": "istiod",
        "load_assignment": {"cluster_name": "istiod", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2},
    }
    services = [{"envoy_grpc": {"cluster_name": "istiod"}}]
    ads = {"api_type": "DELTA_GRPC", "transport_api_version": "V3", "grpc_services": services}
    bootstrap = {
        "node": {"id": f"waypoint~10.99.0.9~{NAME}-2.temporal~temporal.svc.cluster.local", "cluster": NAME, "metadata": metadata},
        "dynamic_resources": {"ads_config": ads, f"{what}_config": source},
        "static_resources": {"clusters": [istiod]},
    }
    (directory / "envoy.json").write_text(json.dumps(bootstrap))
    argv = [paths.envoy_binary(), "-c", directory / "envoy.json", "--concurrency", "1", "--use-dynamic-base-id"]
    page = f"http://127.0.0.1:{server.debug}/debug/config_dump?proxyID={NAME}-2.temporal"
    kind, key = {"cds": ("dynamicActiveClusters", "cluster"), "lds": ("dynamicListeners", "activeState")}[what]

    def answer() -> list[dict[str, Any]]:
        try:
            configs = json.load(urllib.request.urlopen(page, timeout=10))["configs"]
        except OSError:
            return []
        return [entry[key] for config in configs for entry in config.get(kind, [])]

    with Process("waypoint", [str(arg) for arg in argv], directory / "envoy.log"):
        return until(answer, 30, f"istiod's answer about {what}")


def annotations(server: ApiServer) -> dict[str, str]:
    """Annotations that the waypoint's pods would have: istiod writes a Deployment, which nothing carries out here."""
    template = server.kubectl("get", "deployment", "-n", "temporal", NAME, "-o", "jsonpath={.spec.template.metadata.annotations}")
    found: dict[str, str] = json.loads(template.stdout or "{}")
    return found


def filters(server: ApiServer, directory: Path) -> dict[str, bool]:
    """Whether the filter is present, for each HTTP filter chain."""
    listeners = [state["listener"] for state in sent(server, directory, "lds")]
    inside = next(listener for listener in listeners if listener["name"] == "main_internal")
    chains = inside["filterChains"] + [inside[name] for name in ["defaultFilterChain"] if name in inside]
    return {chain["name"]: FILTER in json.dumps(chain) for chain in chains if '"httpFilters"' in json.dumps(chain)}


def test_the_filter_is_on_both_ports_of_the_service(waypoint: ApiServer, tmp_path: Path) -> None:
    ours = {f"inbound-vip|{port}|http|{SERVICE}" for port in (7233, 7243)}
    found = until(lambda: (f := filters(waypoint, tmp_path)).keys() >= ours and f, 60, "the chains of the Service", every=1)
    assert {name for name, there in found.items() if there} == ours
    assert "direct-http" in found, "by which a waypoint would serve pods, without the filter: hence waypoint-for: service"


def test_the_waypoint_names_the_peer_before_the_filter_if_asked(waypoint: ApiServer, tmp_path: Path) -> None:
    """Envoy carries the filter out in wasm-test/test_waypoint_peers.py."""

    def managers() -> list[dict[str, Any]]:
        listeners = [state["listener"] for state in sent(waypoint, tmp_path, "lds")]
        inside = next(listener for listener in listeners if listener["name"] == "main_internal")
        found = [chain["filters"][-1]["typedConfig"] for chain in inside["filterChains"] if FILTER in json.dumps(chain)]
        assert len(found) == 2
        return found

    def asks(value: str) -> None:
        waypoint.must("annotate", "gateway", "-n", "temporal", NAME, "--overwrite", f"{NAMES_PEER}{value}")

    def names(manager: dict[str, Any]) -> list[str]:
        return [entry["name"] for entry in manager["httpFilters"]]

    def is_asked() -> bool:
        return annotations(waypoint).get(NAMES_PEER) == "true"

    for manager in managers():
        assert PEER_FILTER["name"] not in names(manager)
        assert "forwardClientCertDetails" not in manager, "SANITIZE, which removes the header"
    asks("=true")
    try:
        until(is_asked, 60, "istiod passes the annotation on to the pods")
        for manager in managers():
            assert names(manager).index(PEER_FILTER["name"]) < names(manager).index(FILTER)
            assert PEER_FILTER in manager["httpFilters"]
            assert manager["forwardClientCertDetails"] == "ALWAYS_FORWARD_ONLY"
    finally:
        asks("-")
        until(lambda: not is_asked(), 60, "the annotation is gone")


def test_a_port_in_match_leaves_the_filter_out(waypoint: ApiServer, tmp_path: Path) -> None:
    def patch(match: str) -> None:
        waypoint.must("patch", "wasmplugin", "-n", "temporal", "temporal-auth", "--type=merge", "-p", f'{{"spec":{{"match":{match}}}}}')

    patch('[{"ports":[{"number":7233}]}]')
    try:
        until(lambda: not any(filters(waypoint, tmp_path).values()), 60, "no filter", every=1)
    finally:
        patch("null")


def test_only_the_route_makes_the_provider_a_cluster(waypoint: ApiServer, tmp_path: Path) -> None:
    def is_there() -> bool:
        return "outbound|443||idp.example.com" in {cluster["name"] for cluster in sent(waypoint, tmp_path, "cds")}

    until(is_there, 60, "the provider's cluster", every=1)
    waypoint.must("delete", "virtualservice", "-n", "temporal", "temporal-auth-idp")
    until(lambda: not is_there(), 60, "no cluster", every=1)

"""The Helm chart's resources, in suite A: each kind of plugin at each place, and the guard that closes a port that the mesh
treats as TCP."""

from __future__ import annotations

import json
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest

from harness import http_client, paths
from harness.gate import allowed, refused
from harness.poll import until
from lab import parts
from lab.mesh import FRONTEND_LABELS, GATEWAY_LABELS, Mesh
from lab.policy import CORP, IDP, replaced

READ = ["payroll:read"]
PLUGINS = ["WasmPlugin", "TrafficExtension", "EnvoyFilter"]
# istiod's name for the filter, in the proxy's namespace.
NAMES = {
    "WasmPlugin": "extensions.istio.io/trafficextension/{}.temporal-auth~istio-translated-wasmplugin",
    "TrafficExtension": "extensions.istio.io/trafficextension/{}.temporal-auth",
    "EnvoyFilter": "{}.temporal-auth",
}


def rendered(mesh: Mesh, tmp_path: Path, kind: str, policy: str, **values: Any) -> str:
    """The documents of one kind."""
    values = {
        "routing": "none",
        "module": {"url": f"oci://{mesh.registry.reference}"},
        "identityProvider": {"kind": "none"},
        "otherKeyClusters": [IDP, CORP],
        "gateway": {"selector": {"temporal-auth": GATEWAY_LABELS["temporal-auth"]}, "serviceAccount": "ingressgateway"},
    } | values
    text = "".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items())
    (tmp_path / "values.yaml").write_text(text + "config:\n" + textwrap.indent(policy, "  "))
    chart = paths.ROOT / "istio" / "chart"
    done = subprocess.run(
        [parts.binary("helm"), "template", "temporal-auth", chart, "-f", tmp_path / "values.yaml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    documents = [document for document in done.stdout.split("---\n") if f"\nkind: {kind}\n" in document]
    assert documents
    return "---\n".join(documents)


def frontends(text: str) -> str:
    """Replaces the labels: Temporal's chart gives pods other labels than they have here."""
    label = f"app: {FRONTEND_LABELS['app']}"
    chart = ["name: temporal", "instance: temporal", "component: frontend"]
    for indent in (" " * 6, " " * 4):
        labels = "".join(f"{indent}app.kubernetes.io/{name}\n" for name in chart)
        text = text.replace(labels, f"{indent}{label}\n")
    return text


def runs(mesh: Mesh, proxy: Any, name: str, listeners: int) -> bool:
    """Whether this filter runs, and no earlier listener is left."""
    dump = json.loads(proxy.admin("/config_dump"))
    filters = [entry for config in dump["configs"] for entry in config.get("ecds_filters", [])]
    if not any(entry["ecds_filter"]["name"] == name for entry in filters):
        return False
    found = [entry for config in dump["configs"] for entry in config.get("dynamic_listeners", [])]
    settled = all(not {"warming_state", "draining_state"} & entry.keys() for entry in found)
    return settled and sum(f'"name": "{name}"' in json.dumps(entry) for entry in found) == listeners


@pytest.mark.parametrize("kind", PLUGINS)
def test_at_the_gateway(mesh: Mesh, tmp_path: Path, kind: str) -> None:
    plugin = rendered(mesh, tmp_path, kind, mesh.gateway_plugin.policy, api=kind)
    token = mesh.corp.token(permissions=READ)
    with mesh.changed(gateway_plugin=plugin):
        until(lambda: runs(mesh, mesh.gateway, NAMES[kind].format("istio-system"), 1), 60, f"the filter, by {kind}")
        until(lambda: mesh.gate.count(token=token).grpc_status == 0, 30, "keys")
        refused(mesh.gate.count(), 16)
        refused(mesh.gate.start(token=token), 7)
        dump = mesh.gateway.admin("/config_dump?resource=ecds_filters")
        assert ('"allow_on_headers_stop_iteration": true' in dump) == (kind == "EnvoyFilter")


@pytest.mark.parametrize("kind", PLUGINS)
def test_probes_are_answered_before_the_filter(mesh: Mesh, tmp_path: Path, kind: str) -> None:
    plugin = rendered(mesh, tmp_path, kind, mesh.gateway_plugin.policy, api=kind)
    probes = rendered(mesh, tmp_path, "EnvoyFilter", mesh.gateway_plugin.policy, healthCheck=True)

    def probe(verb: str = "GET") -> int:
        return http_client.send(mesh.gateway.port, verb, "/healthz").status

    with mesh.changed(gateway_plugin=plugin):
        until(lambda: runs(mesh, mesh.gateway, NAMES[kind].format("istio-system"), 1), 60, f"the filter, by {kind}")
        mark = mesh.gateway.log_mark()
        assert probe() == 404
        until(lambda: mesh.gateway.decision(mark), 10, "a verdict on the probe")
        with mesh.changed(probes=probes):
            until(lambda: probe() == 200, 30, "the answer to probes")
            until(lambda: runs(mesh, mesh.gateway, NAMES[kind].format("istio-system"), 1), 60, "the old listener is gone")
            mark = mesh.gateway.log_mark()
            assert [probe() for _ in range(10)] == [200] * 10
            assert probe("POST") == 404
            refused(mesh.gate.count(), 16)
            until(lambda: len(mesh.gateway.decisions(mark)) >= 2, 10, "the verdicts on the other two")
            posted, counted = mesh.gateway.decisions(mark)
            assert (posted["method"], counted["status"]) == ("/healthz", 16)


@pytest.mark.parametrize("kind", PLUGINS)
def test_at_the_sidecar(mesh: Mesh, tmp_path: Path, kind: str) -> None:
    plugin = frontends(rendered(mesh, tmp_path, kind, mesh.frontend_plugin.policy, api=kind, attach="sidecar"))
    token = mesh.corp.token(permissions=READ)
    with mesh.changed(frontend_plugin=plugin):
        # On both ports.
        until(lambda: runs(mesh, mesh.frontend, NAMES[kind].format("temporal"), 2), 60, f"the filter, by {kind}")
        until(lambda: mesh.gate.count(token=token).grpc_status == 0, 30, "keys")
        mark = mesh.frontend.log_mark()
        allowed(mesh.gate.count(token=token))
        line = until(lambda: mesh.frontend.decision(mark), 10, "the sidecar's verdict")
        assert (line["verdict"], line["subject"]) == ("allow", "alice")


def guarded(mesh: Mesh, tmp_path: Path) -> str:
    policy = rendered(mesh, tmp_path, "AuthorizationPolicy", mesh.gateway_plugin.policy)
    return frontends(policy)


def unguarded_frontend(mesh: Mesh) -> str:
    text: str = mesh.istiod.resources["frontend"]
    return text[: text.index("---\n# The gateway, and workloads")]


def test_only_the_gateway_reaches_the_frontend(mesh: Mesh, tmp_path: Path) -> None:
    guard = guarded(mesh, tmp_path)
    token = mesh.corp.token(permissions=READ)
    other = replaced(guard, "sa/ingressgateway", "sa/somebody-else")
    with mesh.changed(frontend=unguarded_frontend(mesh), guard=guard), mesh.another_gateway("guarded") as gate:
        until(lambda: gate.count(token=token).grpc_status == 0, 30, "the gateway is let in")
    with mesh.changed(frontend=unguarded_frontend(mesh), guard=other):
        # A connection keeps the rules under which it was opened; a gateway of its own opens a new connection.
        with mesh.another_gateway("foreign") as gate:
            until(lambda: "RBAC: access denied" in gate.count(token=token).grpc_message, 30, "the gateway is shut out")


def test_a_port_that_is_taken_for_tcp_is_closed(mesh: Mesh, tmp_path: Path) -> None:
    """No filter runs on it: without `methods`, it would be open to every caller with the right identity."""
    guard = guarded(mesh, tmp_path)
    token = mesh.corp.token(permissions=READ)
    tcp = replaced(unguarded_frontend(mesh), "{number: 7233, protocol: GRPC, name: grpc-rpc}", "{number: 7233, protocol: TCP, name: tcp-rpc}")
    listener = f"{mesh.frontend_address}_7233"

    def is_tcp() -> bool:
        found = json.loads(mesh.frontend.admin("/config_dump?resource=dynamic_listeners"))["configs"]
        return any("tcp_proxy" in json.dumps(entry.get("active_state", {})) for entry in found if entry["name"] == listener)

    with mesh.changed(frontend=tcp, guard=guard):
        until(is_tcp, 30, "a chain for TCP")
        with mesh.another_gateway("closed") as gate:
            closed = "reset reason: connection termination"
            until(lambda: closed in gate.count(token=token).grpc_message, 30, "the port is closed")
    with mesh.changed(frontend=tcp, guard=replaced(guard, "        methods: [POST]\n", "")):
        until(is_tcp, 30, "a chain for TCP")
        with mesh.another_gateway("open") as gate:
            until(lambda: gate.count(token=token).grpc_status == 0, 30, "the port is open")
    # A connection that is opened too early would stay with the filter chain for TCP.
    until(lambda: not is_tcp(), 30, "a chain for HTTP again")

"""istio/bypass-check with a real API server: it finds nothing if nothing is open, and finds each hole that a test opens."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness import paths
from harness.poll import until
from lab.kube_mesh import FRONTEND, KubeMesh
from lab.policy import FRONTEND as FRONTEND_CLUSTER
from lab.policy import replaced
from lab.resources import render

CHECK = paths.ROOT / "istio" / "bypass-check"


def check(mesh: KubeMesh, *arguments: str) -> subprocess.CompletedProcess[str]:
    return mesh.kube.run(sys.executable, "-B", str(CHECK), *arguments)


def findings(mesh: KubeMesh, *arguments: str) -> set[str]:
    done = check(mesh, "--json", *arguments)
    assert done.returncode in (0, 1), done.stderr
    found: list[dict[str, str]] = json.loads(done.stdout)
    assert done.returncode == (1 if found else 0)
    assert all(finding["fix"] and finding["what"] and finding["object"] for finding in found)
    return {finding["id"] for finding in found}


# -- holes

Edit = Callable[[KubeMesh], dict[str, str]]


def edit(resource: str, old: str, new: str) -> Edit:
    """A resource with a part of its text replaced."""
    return lambda mesh: {resource: replaced(mesh.resources[resource], old, new)}


@dataclass(frozen=True)
class Hole:
    finds: set[str]
    edits: tuple[Edit, ...] = ()
    add: str = ""  # a file of resources/kube/holes
    delete: tuple[str, ...] = ()  # kind/name
    recreate: str = ""  # a resource that cannot be changed in place
    refuse: str = ""  # kind/name of a resource that its controller does not accept


FRONTEND_POLICY = "authorizationpolicy/temporal-frontend"
INTERNAL_POLICY = "authorizationpolicy/temporal-internal-frontend"
GRPC = "- {name: grpc-rpc, port: 7233, targetPort: rpc, appProtocol: grpc}"
FAIL_CLOSED = 'failStrategy: "FAIL_RELOAD"'
NOT_AT_PODS = "wasmplugin/temporal-auth"


def wrong_pod_port(mesh: KubeMesh) -> dict[str, str]:
    """The Service's port instead of the pod's."""
    return {"frontend_plugin": replaced(mesh.resources["frontend_plugin"], f'"number": {mesh.temporal.port}', '"number": 7233')}


def grpc_only(mesh: KubeMesh) -> dict[str, str]:
    return {"frontend_plugin": replaced(mesh.resources["frontend_plugin"], f', {{"number": {mesh.temporal.http_port}}}', "")}


def everybody_on_http(mesh: KubeMesh) -> dict[str, str]:
    rule = f'  - to: [{{operation: {{ports: ["{mesh.temporal.http_port}"], methods: [GET, POST]}}}}]\n'
    return {"mesh": replaced(mesh.resources["mesh"], "methods: [GET, POST]}}]\n", f"methods: [GET, POST]}}}}]\n{rule}")}


def wrong_listener_port(mesh: KubeMesh) -> dict[str, str]:
    spec = "spec:\n  match: [{mode: CLIENT, ports: [{number: 7233}]}]\n"
    return {"gateway_plugin": replaced(mesh.resources["gateway_plugin"], "spec:\n", spec)}


def exclude_port(mesh: KubeMesh) -> dict[str, str]:
    note = f'  annotations: {{traffic.sidecar.istio.io/excludeInboundPorts: "15020,{mesh.temporal.port}"}}\n'
    pod = "  name: temporal-frontend-1\n  namespace: temporal\n  labels:\n    app.kubernetes.io/name"
    return {"temporal": replaced(mesh.resources["temporal"], pod, note + pod)}


def tried_only(mesh: KubeMesh) -> dict[str, str]:
    meta = "metadata: {name: temporal-internal-frontend, namespace: temporal"
    return {"mesh": replaced(mesh.resources["mesh"], meta, meta + ', annotations: {istio.io/dry-run: "true"}')}


def server_mode_at_gateway(mesh: KubeMesh) -> dict[str, str]:
    return {"gateway_plugin": replaced(mesh.resources["gateway_plugin"], "spec:\n", "spec:\n  match: [{mode: SERVER}]\n")}


HOLES = {
    "appProtocol tcp": Hole({"tcp-port"}, (edit("temporal", GRPC, GRPC.replace("appProtocol: grpc", "appProtocol: tcp")),)),
    "a port that is sniffed": Hole(
        {"sniffed-port"}, (edit("temporal", GRPC, "- {name: rpc, port: 7233, targetPort: rpc}"),)
    ),
    "plain text is permitted": Hole({"plaintext"}, (edit("mesh", "mode: STRICT", "mode: PERMISSIVE"),)),
    "no PeerAuthentication": Hole({"plaintext"}, delete=("peerauthentication/temporal",)),
    "plain text on one port": Hole({"plaintext"}, add="port-exception.yaml", delete=()),
    "FAIL_OPEN at the sidecar": Hole({"fail-open"}, (edit("frontend_plugin", FAIL_CLOSED, "failStrategy: FAIL_OPEN"),)),
    "FAIL_OPEN at the gateway": Hole({"fail-open"}, (edit("gateway_plugin", FAIL_CLOSED, "failStrategy: FAIL_OPEN"),)),
    "the Service's port at the sidecar": Hole({"wrong-port"}, (wrong_pod_port,)),
    "the Service's port at the gateway": Hole({"wrong-port"}, (wrong_listener_port,)),
    "incoming calls at the gateway": Hole({"wrong-port"}, (server_mode_at_gateway,)),
    "the HTTP API is left out": Hole({"http-api"}, (grpc_only, everybody_on_http)),
    "pod addresses, filter at the gateway": Hole(
        {"pod-ip", "http-api", "headless"}, delete=(NOT_AT_PODS, FRONTEND_POLICY)
    ),
    "everybody in the mesh may call": Hole(
        {"pod-ip", "http-api", "headless"},
        (edit("mesh", "principals: [cluster.local/ns/temporal/sa/temporal-istio]", 'principals: ["*"]'),),
        delete=(NOT_AT_PODS,),
    ),
    "another caller beside the gateway": Hole(
        {"caller"},
        (edit("mesh", "sa/temporal-istio]", "sa/temporal-istio, cluster.local/ns/payroll/sa/app]"),),
        delete=(NOT_AT_PODS,),
    ),
    "the internal frontend is open": Hole({"internal-open"}, delete=(INTERNAL_POLICY,)),
    "the gateway may call the internal frontend": Hole(
        {"internal-open"}, (edit("mesh", "[cluster.local/ns/temporal/sa/temporal]", "[cluster.local/ns/temporal/sa/temporal-istio]"),)
    ),
    "a route to the internal frontend": Hole({"internal-open"}, add="internal-route.yaml"),
    "a second route": Hole({"second-route"}, add="second-gateway.yaml", delete=(NOT_AT_PODS,)),
    "a route to another Service": Hole(
        {"second-route"},
        (edit("mesh", "name: temporal-frontend, port: 7233", "name: temporal-frontend-headless, port: 7233"),),
        delete=(NOT_AT_PODS,),
    ),
    "a TCP route": Hole({"second-route"}, add="tcp-route.yaml", delete=(NOT_AT_PODS,)),
    "a mirror of other calls": Hole({"second-route"}, add="mirror.yaml", delete=(NOT_AT_PODS,)),
    "a mirror by the Gateway API": Hole({"second-route"}, add="request-mirror.yaml", delete=(NOT_AT_PODS,)),
    "a load balancer": Hole({"second-route"}, add="load-balancer.yaml", delete=(NOT_AT_PODS,)),
    "a policy in shadow": Hole({"shadow"}, (edit("frontend_plugin", "    version: 1\n", "    version: 1\n    mode: shadow\n"),)),
    "the gateway's applies_to at the sidecar": Hole(
        {"applies-to"},
        (edit("frontend_plugin", "    version: 1\n", f'    version: 1\n    applies_to: {{clusters: ["{FRONTEND_CLUSTER}"]}}\n'),),
    ),
    "an Ingress": Hole({"second-route"}, add="ingress.yaml", delete=(NOT_AT_PODS,)),
    "a port kept out of the sidecar": Hole({"not-captured"}, (exclude_port,)),
    "a port kept out of the sidecar, filter at the gateway": Hole({"pod-ip", "headless"}, (exclude_port,), delete=(NOT_AT_PODS,)),
    "a policy that is only tried": Hole({"internal-open"}, (tried_only,)),
    "history is open": Hole({"internal-open"}, delete=("authorizationpolicy/temporal-history",)),
    "a pod without a sidecar": Hole(
        {"no-sidecar", "pod-ip", "http-api", "headless"},
        (edit("temporal", "  - {name: istio-proxy, image: istio/proxyv2}\n---\napiVersion: v1\nkind: Pod", "---\napiVersion: v1\nkind: Pod"),),
        recreate="pod/temporal-frontend-1",
    ),
    "a plugin that selects nothing": Hole(
        {"wrong-place", "second-route", "caller"},
        (edit("gateway_plugin", '"name": "temporal"}', '"name": "another"}'),),
        delete=(NOT_AT_PODS,),
    ),
    "a TrafficExtension that fails open": Hole({"fail-open"}, add="traffic-extension.yaml"),
    "a gateway that is not Envoy": Hole({"no-wasm"}, add="agentgateway.yaml", delete=(NOT_AT_PODS,)),
    "a plugin that was not accepted": Hole({"not-accepted"}, refuse=NOT_AT_PODS),
    "a plugin that was not accepted at the gateway": Hole(
        {"not-accepted", "caller"}, refuse="wasmplugin/temporal-auth-gateway", delete=(NOT_AT_PODS,)
    ),
    "no filter at all": Hole(
        {"no-filter", "second-route", "caller"}, delete=(NOT_AT_PODS, "wasmplugin/temporal-auth-gateway")
    ),
}


@contextmanager
def opened(mesh: KubeMesh, hole: Hole) -> Iterator[None]:
    texts: dict[str, str] = {}
    for change in hole.edits:
        for name, text in change(mesh).items():
            assert name not in texts, "two edits of one resource"
            texts[name] = text
    extra = render(f"kube/holes/{hole.add}", grpc=mesh.temporal.port) if hole.add else ""
    # There is no kubelet here that would end a pod.
    delete = ("delete", "--ignore-not-found", "--force", "--grace-period=0")
    try:
        if hole.recreate:
            mesh.kube.kubectl(*delete, "-n", "temporal", hole.recreate)
        if texts or extra:
            mesh.kube.apply("\n---\n".join([*texts.values(), extra]))
        if hole.delete:
            mesh.kube.kubectl("delete", "-n", "temporal", *hole.delete)
        if hole.refuse:
            say_status(mesh, hole.refuse, "False")
        yield
    finally:
        if hole.refuse:
            say_status(mesh, hole.refuse, "True")
        if extra:
            mesh.kube.kubectl(*delete, "-f", "-", text=extra)
        if hole.recreate:
            mesh.kube.kubectl(*delete, "-n", "temporal", hole.recreate)
        mesh.kube.apply("\n---\n".join(mesh.resources.values()))
        if hole.recreate:
            mesh.kube.run_pod("temporal", FRONTEND, mesh.address)


def say_status(mesh: KubeMesh, resource: str, accepted: str) -> None:
    """As its controller would: istiod writes no status for plugins by selector."""
    conditions = [{"type": "Accepted", "status": accepted, "reason": "Test", "message": "of the test"}]
    patch = json.dumps({"status": {"conditions": conditions}})
    mesh.kube.kubectl("patch", "-n", "temporal", resource, "--subresource=status", "--type=merge", "-p", patch)


def test_nothing_is_found_where_nothing_is_open(kube_mesh: KubeMesh) -> None:
    done = check(kube_mesh)
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        "0 findings; 1 pods, 2 Services, the filter in the frontend's sidecars",
    ), done.stdout + done.stderr
    assert findings(kube_mesh, "--probe") == set()


def test_nothing_is_found_with_the_filter_at_the_gateway_alone(kube_mesh: KubeMesh) -> None:
    """Then the AuthorizationPolicy protects the frontend."""
    with opened(kube_mesh, Hole(set(), delete=(NOT_AT_PODS,))):
        assert findings(kube_mesh) == set()


@pytest.mark.parametrize("hole", HOLES)
def test_a_hole_is_found(kube_mesh: KubeMesh, hole: str) -> None:
    with opened(kube_mesh, HOLES[hole]):
        assert findings(kube_mesh) == HOLES[hole].finds


def test_each_finding_names_its_fix(kube_mesh: KubeMesh) -> None:
    with opened(kube_mesh, HOLES["appProtocol tcp"]):
        done = check(kube_mesh)
    assert done.returncode == 1
    assert "tcp-port: Service temporal/temporal-frontend port 7233" in done.stdout
    assert "fix: set server.frontend.service.appProtocol: grpc" in done.stdout


def test_the_probe_reaches_an_open_pod(kube_mesh: KubeMesh) -> None:
    """The port is plain TCP, requires no certificate and denies nobody. Temporal answers a stranger, and the probe reports it."""
    plain = replaced(kube_mesh.resources["temporal"], GRPC, GRPC.replace("appProtocol: grpc", "appProtocol: tcp"))
    # Without capture, Istio uses the port of the Sidecar resource.
    plain = replaced(plain, "protocol: GRPC", "protocol: TCP")
    permissive = replaced(kube_mesh.resources["mesh"], "mode: STRICT", "mode: PERMISSIVE")
    hole = Hole(set(), (lambda _: {"temporal": plain}, lambda _: {"mesh": permissive}), delete=(FRONTEND_POLICY,))
    with opened(kube_mesh, hole):
        def answered() -> list[dict[str, Any]]:
            found = json.loads(check(kube_mesh, "--json", "--probe").stdout)
            return [f for f in found if f["id"] == "pod-ip" and "has answered a call" in f["what"]]

        assert len(until(answered, 30, "the probe is answered")) == 1


def test_the_page_lists_every_finding() -> None:
    page = (CHECK / "README.md").read_text()
    said = {id for hole in HOLES.values() for id in hole.finds}
    assert all(f"`{id}`" in page for id in said)
    listed = {id for line in page.splitlines() if line.startswith("| `") for id in re.findall(r"`([a-z-]+)`", line.split("|")[1])}
    assert listed == said, "each finding on the page has a hole that it is found in"


def test_an_incomplete_view_is_not_a_clean_result(kube_mesh: KubeMesh) -> None:
    done = check(kube_mesh, "--service", "temporal-elsewhere")
    assert done.returncode == 2 and "no Service temporal/temporal-elsewhere" in done.stderr
    done = check(kube_mesh, "--context", "nowhere")
    assert done.returncode == 2 and "nowhere" in done.stderr


# Runs the check as its Job does, except for the path where a pod's secrets are mounted.
IN_A_POD = """
import runpy, sys
check, secrets = sys.argv[1:]
sys.path.insert(0, check)
import cluster
cluster.SERVICE_ACCOUNT, sys.argv = secrets, [check]
runpy.run_path(check, run_name="__main__")
"""


def test_the_job_runs_the_check(kube_mesh: KubeMesh, tmp_path: Path) -> None:
    """The manifests are accepted, contain every module, and let the check read everything it needs, with a pod's permissions."""
    kube = kube_mesh.kube
    text = kube.kubectl("kustomize", str(CHECK))
    for module in CHECK.glob("*.py"):
        assert f"  {module.name}: |" in text, f"{module.name} is not in the ConfigMap"
    kube.apply(text)
    try:
        (tmp_path / "token").write_text(kube.kubectl("create", "token", "-n", "temporal", "bypass-check"))
        (tmp_path / "ca.crt").write_bytes(kube.certificate.read_bytes())
        pod = ("env", "KUBERNETES_SERVICE_HOST=127.0.0.1", f"KUBERNETES_SERVICE_PORT={kube.port}", "KUBECONFIG=/nonexistent")
        run = (*pod, sys.executable, "-B", "-c", IN_A_POD, str(CHECK), str(tmp_path))
        done = kube.run(*run)
        assert done.returncode == 0 and done.stdout.startswith("0 findings"), done.stdout + done.stderr
        kube.kubectl("delete", "clusterrolebinding", "temporal-auth-bypass-check")
        # It does not report resources that it may not see as clean.
        done = until(lambda: (d := kube.run(*run)).returncode == 2 and d, 20, "the role is gone")
        assert "403" in done.stderr, done.stderr
    finally:
        kube.kubectl("delete", "--ignore-not-found", "-f", "-", text=text)

"""istio/bypass-check reads Envoy Gateway's policies with the status that its controller gives them. The controller does not run
here: the test writes the status."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api_server import ROOT, ApiServer

RESOURCES = """
apiVersion: v1
kind: Namespace
metadata: {name: bypass}
---
apiVersion: v1
kind: Service
metadata: {name: temporal-frontend, namespace: bypass}
spec:
  selector: {app: frontend}
  ports: [{name: grpc, port: 7233, appProtocol: grpc}, {name: http, port: 7243, appProtocol: http}]
---
apiVersion: v1
kind: Pod
metadata: {name: frontend-1, namespace: bypass, labels: {app: frontend}}
spec: {nodeName: here, containers: [{name: temporal, image: none}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: door, namespace: bypass}
spec: {gatewayClassName: eg, listeners: [{name: grpc, port: 7233, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: temporal, namespace: bypass}
spec: {parentRefs: [{name: door}], rules: [{backendRefs: [{name: temporal-frontend, port: 7233}]}]}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: {name: temporal-auth, namespace: bypass}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: GRPCRoute, name: temporal}]
  wasm: [{name: temporal-auth, rootID: temporal_auth, failOpen: false, code: {type: Image, image: {url: "r.example.com/m:1"}}}]
"""
POLICY = ("envoyextensionpolicy", "-n", "bypass", "temporal-auth")


@pytest.fixture(scope="module")
def installed(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    file = tmp_path_factory.mktemp("bypass") / "resources.yaml"
    file.write_text(RESOURCES)
    server.must("apply", "-f", str(file))
    yield server
    server.must("delete", "--wait=false", "--force", "--grace-period=0", "-f", str(file))


def found(server: ApiServer) -> dict[str, str]:
    """Findings about the policy and the route: the pods are as open as they are without Istio."""
    argv = [sys.executable, "-B", str(ROOT / "istio" / "bypass-check"), "--json", "--namespace", "bypass"]
    done = subprocess.run(argv, env=server.environment(), capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    findings: list[dict[str, str]] = json.loads(done.stdout)
    return {finding["id"]: finding["what"] for finding in findings if "temporal-auth" in finding["object"] or "Route" in finding["object"]}


def says(server: ApiServer, *conditions: dict[str, Any]) -> None:
    ancestor = {
        "ancestorRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "door"},
        "controllerName": "gateway.envoyproxy.io/gatewayclass-controller",
        "conditions": [{"lastTransitionTime": "2026-01-01T00:00:00Z", "reason": "Test", "message": "why", **c} for c in conditions],
    }
    patch = json.dumps({"status": {"ancestors": [ancestor]}})
    server.must("patch", *POLICY, "--subresource=status", "--type=merge", "-p", patch)


def test_an_accepted_policy_is_the_filter(installed: ApiServer) -> None:
    assert found(installed) == {}, "before the controller has looked"
    says(installed, {"type": "Accepted", "status": "True"}, {"type": "Overridden", "status": "False"})
    assert found(installed) == {}


@pytest.mark.parametrize("condition", [("Accepted", "False"), ("Overridden", "True")])
def test_a_policy_that_is_not_in_effect_is_found(installed: ApiServer, condition: tuple[str, str]) -> None:
    kind, status = condition
    says(installed, {"type": kind, "status": status})
    try:
        said = found(installed)
        assert said.keys() == {"not-accepted"}
        assert said["not-accepted"].startswith(f"{kind} is {status}: Test: why")
    finally:
        says(installed, {"type": "Accepted", "status": "True"})


def test_a_policy_that_fails_open_is_found(installed: ApiServer) -> None:
    def fail_open(value: str) -> None:
        patch = f'[{{"op": "replace", "path": "/spec/wasm/0/failOpen", "value": {value}}}]'
        installed.must("patch", *POLICY, "--type=json", "-p", patch)

    fail_open("true")
    try:
        assert found(installed).keys() == {"fail-open"}
    finally:
        fail_open("false")


def test_a_policy_for_another_route_is_not_the_filter(installed: ApiServer, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(RESOURCES.split("---\n")[4].replace("name: temporal,", "name: other,"))
    installed.must("apply", "-f", str(other))
    try:
        assert found(installed).keys() == {"second-route"}
    finally:
        installed.must("delete", "-f", str(other))

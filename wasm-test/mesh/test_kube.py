"""Suite B: the API server checks what is applied, istiod serves it, and the Gateway API's gateway enforces the policy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from demo_stage import MeshStage
from harness import requests
from harness.gate import allowed, refused
from harness.grpc_client import Connection
from harness.poll import until
from lab.kube_mesh import KubeMesh
from lab.policy import replaced
from rows import ROWS, Cast, outcome

READ = ["payroll:read"]


# -- resources that are refused before they are stored

REFUSED = {
    "an unknown field": ("spec.phaze", "phase: \"AUTHN\"", "phaze: AUTHN"),
    "a URL without a scheme": ("url must have schema one of", "oci://", ""),
    "a digest that is none": ("sha256", "phase: \"AUTHN\"", "phase: AUTHN\n  sha256: abc"),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_the_api_server_refuses(kube_mesh: KubeMesh, mistake: str) -> None:
    words, old, new = REFUSED[mistake]
    good = kube_mesh.gateway_plugin.text()
    assert kube_mesh.kube.run("kubectl", "apply", "--dry-run=server", "-f", "-", text=good).returncode == 0
    done = kube_mesh.kube.run("kubectl", "apply", "--dry-run=server", "-f", "-", text=replaced(good, old, new))
    assert done.returncode != 0 and words in done.stderr, done.stderr


def test_istiods_webhook_refuses(kube_mesh: KubeMesh) -> None:
    """Mistakes that neither the schema nor CEL can detect."""
    policy = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: wrong, namespace: temporal}
spec: {action: ALLOW, rules: [{from: [{source: {principals: [""]}}]}]}
"""
    done = kube_mesh.kube.run("kubectl", "apply", "--dry-run=server", "-f", "-", text=policy)
    assert done.returncode != 0 and 'admission webhook "' in done.stderr and "validation.istio.io" in done.stderr, done.stderr
    good = policy.replace('[""]', '["cluster.local/ns/temporal/sa/temporal"]')
    assert kube_mesh.kube.run("kubectl", "apply", "--dry-run=server", "-f", "-", text=good).returncode == 0


# -- resources that are served


def test_the_route_is_accepted(kube_mesh: KubeMesh) -> None:
    def accepted() -> bool:
        parents = kube_mesh.kube.get("httproute", "-n", "temporal", "temporal").get("status", {}).get("parents", [])
        return any(c["type"] == "Accepted" and c["status"] == "True" for parent in parents for c in parent["conditions"])

    until(accepted, 30, "istiod accepts the HTTPRoute")


def test_a_call_passes_gateway_and_sidecar(kube_mesh: KubeMesh) -> None:
    token = kube_mesh.corp.token("carol", permissions=READ)
    until(lambda: kube_mesh.gate.count(token=token).grpc_status == 0, 60, "traffic")
    mark = kube_mesh.frontend.log_mark()
    allowed(kube_mesh.gate.count(token=token))
    kube_mesh.frontend.decision(mark, lambda d: d["subject"] == "carol" and d["verdict"] == "allow")
    refused(kube_mesh.gate.start(token=token), 7)
    refused(kube_mesh.gate.count(), 16)


def test_nobody_reaches_the_pod_in_plain_text(kube_mesh: KubeMesh) -> None:
    with Connection(kube_mesh.temporal.port, host=kube_mesh.address) as connection:
        reply = connection.call(requests.GET_SYSTEM_INFO, timeout=5)
    assert reply.status is None and reply.closed, str(reply)


def test_a_missing_image_denies_everything_while_ready(kube_mesh: KubeMesh) -> None:
    token = kube_mesh.corp.token(permissions=READ)
    until(lambda: kube_mesh.gate.count(token=token).grpc_status == 0, 60, "traffic")
    missing = kube_mesh.gateway_plugin.changed(url=f"oci://{kube_mesh.registry.name}:nobody-pushed-this")
    with kube_mesh.changed(gateway_plugin=missing.text()):
        until(lambda: "RBAC: access denied" in kube_mesh.gate.count(token=token).grpc_message, 40, "everything is denied")
        assert kube_mesh.gateway.says_ready()
    until(lambda: kube_mesh.gate.count(token=token).grpc_status == 0, 40, "a change of the resource fetches again")


# -- the demo's people


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def test_the_demo(kube_mesh: KubeMesh, loop: asyncio.AbstractEventLoop) -> None:
    """The whole demo in one test: suite A has a test for each call."""
    with MeshStage(kube_mesh.gate.port, kube_mesh.idp_port, kube_mesh.frontend) as stage:
        cast = Cast(stage)
        wrong = []
        for row in ROWS:
            try:
                loop.run_until_complete(row.run(cast))
                got = outcome(None)
            except Exception as error:
                got = outcome(error)
            if got != row.expected:
                wrong.append(f"{row.who}: {row.call}, {row.namespace}: {got}, expected {row.expected}")
    assert not wrong, "\n".join(wrong)

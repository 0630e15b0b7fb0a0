"""A caller who hands the server a compute configuration needs `compute`, which of the built-in roles only `admin` has.

The server here does not know the provider, or has no worker that could validate it: its error shows that the call has reached it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message

from harness import grpc_client, requests
from harness.echo import Echo
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import BY_PERMISSIONS, plugin
from harness.temporal import Temporal

w = requests.workflow
ROLES: dict[str, dict[str, Any]] = {
    "controller": {"from": "worker", "plus": ["deploy", "compute"]},
    "composer": {"from": "writer", "plus": ["compute"]},
    "halfway": {"from": "worker", "plus": ["compute"]},
}
LESS = ("reader", "worker", "client", "writer")
GRANTS = [
    *BY_PERMISSIONS,
    *(
        {"name": role, "who": {"issuer": "corp", "claims": {"role": role}}, "role": role, "namespaces": ["payroll"]}
        for role in (*LESS, *ROLES, "admin")
    ),
]


@pytest.fixture(scope="module")
def shop(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS, roles=ROLES), rich_temporal.port)


@pytest.fixture(scope="module")
def deployment(straight: Frontend) -> str:
    name = f"deployment-{uuid.uuid4().hex}"
    straight.ask("CreateWorkerDeployment", w.CreateWorkerDeploymentRequest(namespace="payroll", deployment_name=name, request_id=name))
    version = _plain(name)
    version.deployment_version.build_id = "first"  # type: ignore[attr-defined]
    straight.ask("CreateWorkerDeploymentVersion", version)
    return name


def _plain(deployment: str) -> Message:
    request = w.CreateWorkerDeploymentVersionRequest(namespace="payroll", request_id=str(uuid.uuid4()))
    request.deployment_version.deployment_name, request.deployment_version.build_id = deployment, uuid.uuid4().hex
    return request


def _with_configuration(deployment: str) -> Message:
    request = _plain(deployment)
    request.compute_config.scaling_groups["a"].provider.type = "k8s"  # type: ignore[attr-defined]
    return request


def _update(deployment: str) -> Message:
    request = w.UpdateWorkerDeploymentVersionComputeConfigRequest(namespace="payroll", request_id=str(uuid.uuid4()))
    request.deployment_version.deployment_name, request.deployment_version.build_id = deployment, "first"
    request.compute_config_scaling_groups["a"].scaling_group.provider.type = "k8s"
    return request


def _validate(deployment: str) -> Message:
    request = w.ValidateWorkerDeploymentVersionComputeConfigRequest(namespace="payroll")
    request.deployment_version.deployment_name, request.deployment_version.build_id = deployment, "first"
    request.compute_config_scaling_groups["a"].scaling_group.provider.type = "k8s"
    return request


HANDS_OVER: dict[str, tuple[str, Callable[[str], Message]]] = {
    "validate": ("ValidateWorkerDeploymentVersionComputeConfig", _validate),
    "update": ("UpdateWorkerDeploymentVersionComputeConfig", _update),
    "create": ("CreateWorkerDeploymentVersion", _with_configuration),
}


def _reaches_the_server(gate: Gate, method: str, request: Message, token: str) -> None:
    test_id = grpc_client.test_id()
    reply = gate.call(method, request, token=token, test_id=test_id, grpc_timeout=1)
    line = gate.envoy.access(test_id)
    # The call's deadline may pass first, which Envoy sees as the end of the stream.
    assert reply.grpc_status in (3, 4, 14) and line["cluster"] == "temporal", f"{reply} {line}"
    assert not str(line["details"]).startswith("temporal_auth_"), line


@pytest.mark.parametrize("call", HANDS_OVER)
def test_a_compute_configuration_needs_compute(shop: Gate, corp: Minter, deployment: str, call: str) -> None:
    method, build = HANDS_OVER[call]
    for role in (*LESS, "halfway"):
        mark = shop.envoy.log_mark()
        shop.refused_by_us(method, build(deployment), token=corp.token(role=role), status=7)
        missing = shop.envoy.decision(mark)["reason"].removeprefix("no grant covers ").split(" in ")[0]
        # For a version, only the message shows the configuration; for the two other methods, the path is enough.
        known = {"writer": "compute", "halfway": "deploy"}.get(role, "deploy" if call == "create" else "deploy, compute")
        assert missing == known, role
    for role in ("controller", "composer", "admin"):
        _reaches_the_server(shop, method, build(deployment), corp.token(role=role))
    # Temporal's own names of roles, too.
    shop.refused_by_us(method, build(deployment), token=corp.token(permissions=["payroll:write"]), status=7)
    _reaches_the_server(shop, method, build(deployment), corp.token(permissions=["payroll:admin"]))


def test_a_version_without_a_configuration(shop: Gate, corp: Minter, deployment: str) -> None:
    method = "CreateWorkerDeploymentVersion"
    for role in ("reader", "worker", "client", "halfway"):
        shop.refused_by_us(method, _plain(deployment), token=corp.token(role=role), status=7)
    for role in ("writer", "controller", "composer", "admin"):
        allowed(shop.call(method, _plain(deployment), token=corp.token(role=role)))


def test_a_batch_of_an_unknown_operation_needs_a_writer(shop: Gate, corp: Minter) -> None:
    """It could do anything that a batch may do, but cannot set a compute configuration."""
    batch = w.StartBatchOperationRequest(namespace="payroll", job_id="j", reason="x", visibility_query="WorkflowId = 'x'")
    shop.refused_by_us("StartBatchOperation", batch, token=corp.token(role="client"), status=7)
    assert shop.call("StartBatchOperation", batch, token=corp.token(role="writer")).grpc_status not in (7, 16)


@pytest.fixture(scope="module")
def as_upstream(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), BY_PERMISSIONS, parity="upstream"), rich_temporal.port)


@pytest.mark.parametrize("call", HANDS_OVER)
def test_parity_goes_by_the_metadata_of_servers(as_upstream: Gate, corp: Minter, deployment: str, call: str) -> None:
    """In the metadata of 1.32.2, all three are for writers."""
    method, build = HANDS_OVER[call]
    as_upstream.refused_by_us(method, build(deployment), token=corp.token(permissions=["payroll:read"]), status=7)
    _reaches_the_server(as_upstream, method, build(deployment), corp.token(permissions=["payroll:write"]))


@pytest.fixture(scope="module")
def echoed(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS, roles=ROLES), echo.port)


@pytest.mark.parametrize("method", ["SoftDeleteNamespace", "RestoreNamespace", "DescribeNamespaceRestore"])
def test_methods_that_no_server_lists(shop: Gate, echoed: Gate, as_upstream: Gate, corp: Minter, method: str) -> None:
    """Upstream's authorizer refuses them to everybody; here their effects decide. The server does not know them, and says so as
    soon as it sees the headers, so calls that the body decides go to the echo server."""
    path, kind = f"/{requests.OPERATOR_SERVICE}/{method}", requests.message_class(requests.OPERATOR_SERVICE, method)
    named, by_id = kind(namespace="payroll"), kind(namespace_id="8c1b7c5e-2a7e-4d6b-9a52-3f7d7b0c2f10")
    enough, less = ("read", "worker") if method == "DescribeNamespaceRestore" else ("admin", "write")

    def token(permission: str) -> str:
        return corp.token(permissions=[permission])

    as_upstream.refused_by_us(path, named, token=token("temporal-system:admin"), status=7)
    assert shop.call(path, named, token=token(f"payroll:{enough}")).grpc_status == 12
    allowed(echoed.call(path, named, token=token(f"payroll:{enough}")))
    echoed.refused_by_us(path, named, token=token(f"payroll:{less}"), status=7)
    # With an id, it could be any namespace.
    echoed.refused_by_us(path, by_id, token=token("payroll:admin"), status=7)
    allowed(echoed.call(path, by_id, token=token("temporal-system:admin")))

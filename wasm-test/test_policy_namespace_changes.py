"""UpdateNamespace can end all workflows in a namespace: such changes need the effects that they have."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from harness import requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal

w = requests.workflow
DELETED, SOFT_DELETED = 3, 4
ROLES: dict[str, dict[str, Any]] = {
    "mild": {"from": "admin", "minus": ["terminate", "delete", "reset"]},
    "resetter": {"from": "admin", "minus": ["delete", "reset"]},
}
GRANTS = [
    {"name": role, "who": {"issuer": "corp", "claims": {"role": role}}, "role": role, "namespaces": ["scratch-*"]}
    for role in (*ROLES, "admin")
]


@pytest.fixture(scope="module")
def shop(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS, roles=ROLES), rich_temporal.port)


@pytest.fixture
def scratch(straight: Frontend) -> Frontend:
    """A namespace that no other test needs, with a workflow in it."""
    name = f"scratch-{uuid.uuid4().hex[:12]}"
    register = w.RegisterNamespaceRequest(namespace=name)
    register.workflow_execution_retention_period.FromSeconds(86400)
    straight.ask("RegisterNamespace", register)
    frontend = Frontend(straight.port, name)
    frontend.start("w")
    return frontend


def _state(namespace: str, state: int) -> Any:
    request = w.UpdateNamespaceRequest(namespace=namespace)
    request.update_info.state = state  # type: ignore[assignment]
    return request


def _bad_binary(namespace: str) -> Any:
    request = w.UpdateNamespaceRequest(namespace=namespace)
    request.config.bad_binaries.binaries["sum"].reason = "x"
    return request


ENDS: dict[str, Callable[[str], Any]] = {
    "deleted": lambda namespace: _state(namespace, DELETED),
    "softly deleted": lambda namespace: _state(namespace, SOFT_DELETED),
    "a bad binary": _bad_binary,
}


@pytest.mark.parametrize("change", ENDS)
def test_changes_that_end_running_workflows(shop: Gate, scratch: Frontend, corp: Minter, change: str) -> None:
    """A bad binary makes the server reset workflows, which is more than terminating them."""
    request = ENDS[change](scratch.namespace)
    for role in ROLES:
        shop.refused_by_us("UpdateNamespace", request, token=corp.token(role=role), status=7)
    describe = w.DescribeNamespaceRequest(namespace=scratch.namespace)
    assert scratch.ask("DescribeNamespace", describe).namespace_info.state == 1
    assert scratch.status("w") == "RUNNING"
    reply = shop.call("UpdateNamespace", request, token=corp.token(role="admin"))
    assert reply.grpc_status not in (7, 16), f"the server's answer: {reply}"


def test_changes_that_end_nothing(shop: Gate, scratch: Frontend, corp: Minter) -> None:
    request = w.UpdateNamespaceRequest(namespace=scratch.namespace)
    request.update_info.description = "mild"
    allowed(shop.call("UpdateNamespace", request, token=corp.token(role="mild")))
    describe = w.DescribeNamespaceRequest(namespace=scratch.namespace)
    assert scratch.ask("DescribeNamespace", describe).namespace_info.description == "mild"

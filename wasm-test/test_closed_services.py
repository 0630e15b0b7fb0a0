"""AdminService, reflection and Health/Watch are closed, whatever the token is. A switch opens AdminService."""

from __future__ import annotations

import pytest

from harness import requests
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin

ADMIN = f"/{requests.ADMIN_SERVICE}/DescribeCluster"
CLOSED = [
    ADMIN,
    f"/{requests.ADMIN_SERVICE}/NoSuchMethod",
    f"/{requests.ADMIN_SERVICE}/StreamWorkflowReplicationMessages",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    requests.HEALTH_WATCH,
    "/grpc.health.v1.Health/List",
]
WHO = ["admin", "nobody", "garbage"]


def _token(corp: Minter, who: str) -> str | None:
    return {"admin": corp.token(permissions=["temporal-system:admin"]), "nobody": None, "garbage": "x.y.z"}[who]


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("who", WHO)
def test_closed_services_are_denied_to_everybody(gate: Gate, corp: Minter, path: str, who: str) -> None:
    gate.refused_by_us(path, token=_token(corp, who), status=7, reason="closed")


@pytest.fixture(scope="module")
def opened(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), admin_service=True), echo.port)


def test_the_switch_opens_the_service_for_system_admins(opened: Gate, corp: Minter) -> None:
    allowed(opened.call(ADMIN, token=corp.token(permissions=["temporal-system:admin"])))


@pytest.mark.parametrize("permission", ["temporal-system:write", "temporal-system:read", "payroll:admin"])
def test_the_switch_opens_the_service_for_nobody_else(opened: Gate, corp: Minter, permission: str) -> None:
    refused(opened.call(ADMIN, token=corp.token(permissions=[permission])), 7)


def test_an_open_service_needs_a_token(opened: Gate) -> None:
    refused(opened.call(ADMIN), 16)
    refused(opened.call(ADMIN, token="x.y.z"), 16)


def test_the_switch_opens_nothing_else(opened: Gate, corp: Minter) -> None:
    for path in CLOSED:
        if requests.ADMIN_SERVICE not in path:
            refused(opened.call(path, token=corp.token(permissions=["temporal-system:admin"])), 7)

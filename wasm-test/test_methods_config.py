"""A newer server has methods that the table lacks: the operator adds them."""

from __future__ import annotations

import pytest

from harness import requests
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin
from harness.proto import text

NEW = f"/{requests.WORKFLOW_SERVICE}/BrandNewMethod"
LATE = f"/{requests.OPERATOR_SERVICE}/NamespaceInFieldNine"
CLUSTER = "/temporal.api.other.v1.OtherService/OfTheCluster"


@pytest.fixture(scope="module")
def extended(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    methods = [
        {"name": NEW, "scope": "namespace", "namespace_field": 1, "effects": ["read"]},
        {"name": LATE, "scope": "namespace", "namespace_field": 9, "effects": ["start", "terminate"]},
        {"name": CLUSTER, "scope": "cluster", "effects": ["cluster-admin"]},
    ]
    return open_shared_gate(plugin(corp.config(), methods=methods), echo.port)


def test_a_newer_method_is_unknown_by_default(echo_gate: Gate, corp: Minter) -> None:
    for path in (NEW, LATE, CLUSTER):
        refused(echo_gate.call(path, token=corp.token(permissions=["temporal-system:admin"])), 12)


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_a_configured_namespace_method_is_judged(extended: Gate, corp: Minter, gzip: bool) -> None:
    reader = corp.token(permissions=["payroll:read"])
    allowed(extended.call(NEW, text(1, "payroll"), token=reader, gzip=gzip))
    refused(extended.call(NEW, text(1, "finance-reports"), token=reader, gzip=gzip), 7)
    refused(extended.call(NEW, text(1, "payroll") * 2, token=reader, gzip=gzip), 3)
    refused(extended.call(NEW, text(1, "payroll"), token=corp.token(permissions=["payroll:worker"]), gzip=gzip), 7)
    refused(extended.call(NEW, text(1, "payroll"), gzip=gzip), 16)


def test_another_field(extended: Gate, corp: Minter) -> None:
    writer = corp.token(permissions=["payroll:write"])
    allowed(extended.call(LATE, text(1, "finance-reports") + text(9, "payroll"), token=writer))
    refused(extended.call(LATE, text(1, "payroll") + text(9, "finance-reports"), token=writer), 7)
    refused(extended.call(LATE, text(9, "payroll"), token=corp.token(permissions=["payroll:read"])), 7)


def test_a_configured_cluster_method_needs_a_system_grant(extended: Gate, corp: Minter) -> None:
    allowed(extended.call(CLUSTER, token=corp.token(permissions=["temporal-system:admin"])))
    refused(extended.call(CLUSTER, token=corp.token(permissions=["temporal-system:write"])), 7)
    refused(extended.call(CLUSTER, token=corp.token(permissions=["payroll:admin"])), 7)

"""An alias for the division of Temporal's own workflows would let every batch query find them, so only the platform may set it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from harness import requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import BY_PERMISSIONS, plugin
from harness.temporal import Temporal

w = requests.workflow
NAMESPACE = "finance-reports"
DIVISION = "TemporalNamespaceDivision"


@pytest.fixture(scope="module")
def shop(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), BY_PERMISSIONS), rich_temporal.port)


def _update(**aliases: str) -> Any:
    request = w.UpdateNamespaceRequest(namespace=NAMESPACE)
    for field, alias in aliases.items():
        request.config.custom_search_attribute_aliases[field] = alias
    return request


@pytest.mark.parametrize("field", [DIVISION, DIVISION.lower(), "NamespaceDivision"])
def test_an_alias_for_the_division(shop: Gate, corp: Minter, field: str) -> None:
    """It is also denied next to an ordinary alias."""
    admin = corp.token(permissions=[f"{NAMESPACE}:admin"])
    for request in (_update(**{field: "Foo"}), _update(Keyword01="Color", **{field: "Foo"})):
        mark = shop.envoy.log_mark()
        shop.refused_by_us("UpdateNamespace", request, token=admin, status=7)
        assert "the request asks for what is Temporal's own" in shop.envoy.decision(mark)["reason"]


def test_an_ordinary_alias(shop: Gate, straight: Frontend, corp: Minter) -> None:
    alias = f"Color{uuid.uuid4().hex[:8]}"
    allowed(shop.call("UpdateNamespace", _update(Keyword02=alias), token=corp.token(permissions=[f"{NAMESPACE}:admin"])))
    described = Frontend(straight.port, NAMESPACE).ask("DescribeNamespace", w.DescribeNamespaceRequest(namespace=NAMESPACE))
    assert described.config.custom_search_attribute_aliases["Keyword02"] == alias
    # The value of an entry is not a field name: Temporal does not treat it as one.
    harmless = shop.call("UpdateNamespace", _update(Keyword03=DIVISION), token=corp.token(permissions=[f"{NAMESPACE}:admin"]))
    assert harmless.grpc_status not in (7, 16), str(harmless)


def test_the_platform_may(shop: Gate, corp: Minter) -> None:
    """The server accepts the alias, which is why the filter denies it to others."""
    allowed(shop.call("UpdateNamespace", _update(**{DIVISION: "Foo"}), token=corp.token(permissions=["temporal-system:admin"])))
    allowed(shop.call("UpdateNamespace", _update(**{DIVISION: ""}), token=corp.token(permissions=["temporal-system:admin"])))

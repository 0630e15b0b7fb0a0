"""DescribeNamespace by an id alone: only the server knows which namespace that is, so the answer decides. On a real Temporal."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from harness import requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Reply
from harness.minter import Minter
from harness.policy import BY_PERMISSIONS, Json, plugin
from harness.temporal import Temporal

w = requests.workflow

DENIALS: list[Json] = [
    {"name": "no-finance", "who": {"claims": {"groups": "everything"}}, "namespaces": ["finance-*"]},
    {"name": "nothing", "who": {"claims": {"groups": "banned"}}},
]


@pytest.fixture(scope="module", params=[False, True], ids=["A", "B"])
def gate(request: pytest.FixtureRequest, open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), BY_PERMISSIONS, denials=DENIALS), rich_temporal.port, header_stop=request.param)


@pytest.fixture(scope="module")
def ids(straight: Frontend) -> dict[str, str]:
    listed = straight.ask("ListNamespaces", w.ListNamespacesRequest(page_size=100))
    return {entry.namespace_info.name: entry.namespace_info.id for entry in listed.namespaces}


def describe(gate: Gate, token: str | None, *, namespace: str = "", id: str = "", gzip: bool = False) -> Reply:
    return gate.call("DescribeNamespace", w.DescribeNamespaceRequest(namespace=namespace, id=id), token=token, gzip=gzip)


def straight_from(server: Frontend, id: str) -> Reply:
    return allowed(server.call("DescribeNamespace", w.DescribeNamespaceRequest(id=id)))


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("role", ["worker", "read", "admin"])
def test_ones_own_namespace_is_described(gate: Gate, straight: Frontend, corp: Minter, ids: dict[str, str], role: str, gzip: bool) -> None:
    token = corp.token(permissions=[f"payroll:{role}"])
    by_id = allowed(describe(gate, token, gzip=gzip, id=ids["payroll"]))
    assert by_id.message == straight_from(straight, ids["payroll"]).message
    assert w.DescribeNamespaceResponse.FromString(by_id.message).namespace_info.name == "payroll"


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper case": str.upper,
    "no hyphens": lambda id: id.replace("-", ""),
    "in braces": lambda id: f"{{{id}}}",
    "URN": lambda id: f"urn:uuid:{id}",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_other_spellings_of_an_id_look_alike(gate: Gate, corp: Minter, ids: dict[str, str], spelling: str) -> None:
    spell, token = SPELLINGS[spelling], corp.token(permissions=["payroll:admin"])
    hidden_id, unknown = spell(ids["default"]), spell(str(uuid.uuid4()))
    hidden, missing = (describe(gate, token, id=id) for id in (hidden_id, unknown))
    assert hidden.grpc_status == missing.grpc_status != 0, f"{hidden} {missing}"
    assert hidden.grpc_message.replace(hidden_id, unknown) == missing.grpc_message
    assert hidden.details.replace(hidden_id.encode(), unknown.encode()) == missing.details


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", ["finance-reports", "default", "temporal-system"])
def test_an_id_of_another_namespace_looks_unknown(gate: Gate, corp: Minter, ids: dict[str, str], name: str, gzip: bool) -> None:
    token, unknown = corp.token(permissions=["payroll:admin"]), str(uuid.uuid4())
    hidden, missing = (describe(gate, token, gzip=gzip, id=id) for id in (ids[name], unknown))
    assert (hidden.grpc_status, missing.grpc_status) == (5, 5), f"{hidden} {missing}"
    assert (hidden.body, missing.body) == (b"", b"")
    assert hidden.grpc_message == missing.grpc_message.replace(unknown, ids[name])
    assert hidden.details.replace(ids[name].encode(), unknown.encode()) == missing.details


def test_denials_hold_by_id(gate: Gate, corp: Minter, ids: dict[str, str]) -> None:
    for permissions in (["finance-reports:admin", "payroll:read"], ["temporal-system:admin"]):
        token = corp.token(permissions=permissions, groups=["everything"])
        assert describe(gate, token, id=ids["finance-reports"]).grpc_status == 5
        allowed(describe(gate, token, id=ids["payroll"]))
    banned = corp.token(permissions=["temporal-system:admin"], groups=["banned"])
    refused(describe(gate, banned, id=ids["payroll"]), 7)


def test_a_system_grant_shows_every_namespace(gate: Gate, straight: Frontend, corp: Minter, ids: dict[str, str]) -> None:
    token = corp.token(permissions=["temporal-system:read"])
    for id in ids.values():
        assert allowed(describe(gate, token, id=id)).body == straight_from(straight, id).body


def test_who_may_describe_nothing_may_not_ask(gate: Gate, corp: Minter, ids: dict[str, str]) -> None:
    refused(describe(gate, corp.token(), id=ids["payroll"]), 7)
    refused(describe(gate, None, id=ids["payroll"]), 16)


def test_a_name_and_an_id_still_need_a_system_grant(gate: Gate, corp: Minter, ids: dict[str, str]) -> None:
    for name, id in (("payroll", ids["payroll"]), ("payroll", ids["default"])):
        refused(describe(gate, corp.token(permissions=["payroll:admin"]), namespace=name, id=id), 7)
        # The server itself refuses it.
        asked = describe(gate, corp.token(permissions=["temporal-system:admin"]), namespace=name, id=id)
        assert (asked.grpc_status, "Both ID and Name" in asked.grpc_message) == (3, True)


def test_other_calls_by_id_still_need_one(gate: Gate, corp: Minter, ids: dict[str, str]) -> None:
    deletion = requests.operator.DeleteNamespaceRequest(namespace_id=ids["payroll"])
    refused(gate.call("DeleteNamespace", deletion, token=corp.token(permissions=["payroll:admin"])), 7)

"""Temporal's own permissions claim: `namespace:role` in a list or a string, or `{namespace: role}`."""

from __future__ import annotations

from typing import Any

import pytest

from harness import requests
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin

# A method that each role, and nothing below it, may call in its namespace.
NEEDS = {
    "worker": "PollActivityTaskQueue",
    "read": "CountWorkflowExecutions",
    "write": "StartWorkflowExecution",
    "admin": "UpdateNamespace",
}


def _may(gate: Gate, token: str, namespace: str, role: str) -> bool:
    method = next(m for m in requests.methods() if m.name == NEEDS[role])
    reply = gate.call(method.path, requests.build(method, namespace), token=token)
    assert reply.grpc_status in (0, 7), str(reply)
    return reply.grpc_status == 0


# (the claim, what it gives: namespace -> the roles that the caller has there)
CASES: dict[str, tuple[Any, dict[str, set[str]]]] = {
    "list": (["a:read", "b:write"], {"a": {"read"}, "b": {"read", "write", "worker"}}),
    "string": ("a:read b:worker", {"a": {"read"}, "b": {"worker"}}),
    "object": ({"a": "read", "b": "admin"}, {"a": {"read"}, "b": {"read", "write", "worker", "admin"}}),
    "object of lists": ({"a": ["read", "worker"]}, {"a": {"read", "worker"}}),
    "any case": (["a:READ", "b:Write", "c:wOrKeR"], {"a": {"read"}, "b": {"read", "write", "worker"}, "c": {"worker"}}),
    "two roles": (["a:read", "a:worker"], {"a": {"read", "worker"}}),
    "other types between": (["a:read", 7, None, {"b": "read"}, ["b:read"]], {"a": {"read"}}),
    "unknown role": (["a:owner", "b:reader", "b:writer", "b:none"], {}),
    "no role": (["a", "a:", ":", ""], {}),
    "spaces": ([" a:read", "a :read", "a: read", "a:read "], {}),
    "turkish I": (["a:adm\u0130n", "a:wr\u0131te"], {}),
    "star": (["*:admin", "a*:read"], {}),
    "capture": (["{a}:admin"], {}),
    "another case of namespace": (["A:read"], {}),
    "number": (7, {}),
    "true": (True, {}),
    "null": (None, {}),
    "empty list": ([], {}),
    "system is no namespace": (["temporal-system:bogus"], {}),
}


@pytest.mark.parametrize("case", CASES)
def test_each_form_of_the_claim_gives_its_roles(echo_gate: Gate, corp: Minter, case: str) -> None:
    claim, gives = CASES[case]
    token = corp.token(permissions=claim)
    for namespace in ("a", "b", "c"):
        for role in NEEDS:
            expected = role in gives.get(namespace, set())
            assert _may(echo_gate, token, namespace, role) is expected, f"{claim}: {role} in {namespace}"


@pytest.mark.parametrize("role", ["worker", "read", "write", "admin"])
def test_temporal_system_is_every_namespace_and_the_cluster(echo_gate: Gate, corp: Minter, role: str) -> None:
    """`temporal-system:R` is R in every namespace and for the cluster."""
    token = corp.token(permissions=[f"temporal-system:{role}"])
    order = {"worker": {"worker"}, "read": {"read"}, "write": {"read", "write", "worker"}, "admin": set(NEEDS)}[role]
    for namespace in ("a", "payroll"):
        for needed in NEEDS:
            assert _may(echo_gate, token, namespace, needed) is (needed in order), f"{role}: {needed}"
    info = echo_gate.call("GetClusterInfo", token=token)
    assert info.grpc_status == (7 if role == "worker" else 0)
    endpoint = echo_gate.call("ListNexusEndpoints", token=token)
    assert endpoint.grpc_status == (0 if role == "admin" else 7)


def test_namespace_with_a_colon(echo_gate: Gate, corp: Minter) -> None:
    """The filter splits at the first colon, as Temporal does: `a:b:read` gives no role in `a:b`, nor in `a`."""
    token = corp.token(permissions=["a:b:read"])
    for namespace in ("a", "a:b", "b"):
        assert not _may(echo_gate, token, namespace, "read")


def test_empty_namespace(echo_gate: Gate, corp: Minter) -> None:
    """Upstream, `:read` allows DescribeNamespace for any UUID. Here it does not."""
    token = corp.token(permissions=[":read", ":admin"])
    request = requests.workflow.DescribeNamespaceRequest(id="8c1b7c5e-2a7e-4d6b-9a52-3f7d7b0c2f10")
    refused(echo_gate.call("DescribeNamespace", request, token=token), 7)
    assert not _may(echo_gate, token, "", "read")


def test_at_another_place(open_gate: OpenGate, echo: Echo, corp: Minter) -> None:
    """The claim is addressed by pointer, as Keycloak's client roles require; the default name then means nothing."""
    grants = [{"name": "p", "who": {"issuer": "corp"}, "permissions_claim": "/resource_access/temporal/roles"}]
    gate = open_gate(plugin(corp.config(), grants=grants), echo.port)
    allowed(gate.count("a", token=corp.token(resource_access={"temporal": {"roles": ["a:read"]}})))
    refused(gate.count("b", token=corp.token(resource_access={"temporal": {"roles": ["a:read"]}})), 7)
    refused(gate.count("a", token=corp.token(permissions=["a:read"])), 7)
    refused(gate.count("a", token=corp.token(resource_access={"other": {"roles": ["a:read"]}})), 7)


def test_only_of_the_issuer_it_is_granted_to(open_gate: OpenGate, echo: Echo, corp: Minter) -> None:
    other = Minter("https://other.test/", [corp.key("ES256")])
    configuration = plugin(corp.config())
    configuration["issuers"]["other"] = other.config()
    gate = open_gate(configuration, echo.port)
    allowed(gate.count("a", token=corp.token(permissions=["a:read"])))
    refused(gate.count("a", token=other.token(permissions=["a:read"])), 7)

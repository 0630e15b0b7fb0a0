"""Methods that connecting clients and probes call before they have a good token: they are answered without a look at the token."""

from __future__ import annotations

import pytest

from harness import grpc_client, requests
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal

CLUSTER_INFO = requests.path("GetClusterInfo")


@pytest.mark.parametrize("path", [requests.GET_SYSTEM_INFO, requests.HEALTH_CHECK])
@pytest.mark.parametrize("authorization", [None, "", "garbage", "Bearer", "Bearer x.y.z", "Basic dTpw", "Bearer a, Bearer b"])
@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_exempt_whatever_the_token(gate: Gate, path: str, authorization: str | None, gzip: bool) -> None:
    headers = [] if authorization is None else [("authorization", authorization)]
    allowed(gate.call(path, headers=headers, gzip=gzip))


@pytest.mark.parametrize("name", ["GetClusterInfo", "ListNamespaces", "GetSearchAttributes", "DescribeNamespace", "ListSearchAttributes"])
def test_no_other_method_is_exempt(gate: Gate, name: str) -> None:
    refused(gate.call(name), 16)
    refused(gate.call(name, token="x.y.z"), 16)


@pytest.fixture(scope="module")
def configured(open_shared_gate: OpenGate, temporal: Temporal, corp: Minter) -> Gate:
    configuration = plugin(corp.config(), anonymous=["GetClusterInfo"])
    return open_shared_gate(configuration, temporal.port)


def test_the_list_is_the_operators(configured: Gate) -> None:
    """The operator's list replaces the default: every other method needs a token."""
    allowed(configured.call(CLUSTER_INFO))
    refused(configured.call(requests.GET_SYSTEM_INFO), 16)


@pytest.fixture(scope="module")
def with_authenticated(open_shared_gate: OpenGate, temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), authenticated=["GetClusterInfo"]), temporal.port)


def test_authenticated_needs_any_good_token(with_authenticated: Gate, corp: Minter) -> None:
    stranger = corp.token("stranger")
    allowed(with_authenticated.call(CLUSTER_INFO, token=stranger))
    refused(with_authenticated.call(CLUSTER_INFO), 16)
    refused(with_authenticated.call(CLUSTER_INFO, token="x.y.z"), 16)
    refused(with_authenticated.call(CLUSTER_INFO, token=corp.token(exp=1)), 16)


def test_authenticated_is_that_method_only(with_authenticated: Gate, gate: Gate, corp: Minter) -> None:
    stranger = corp.token("stranger")
    refused(with_authenticated.call("ListNamespaces", token=stranger), 7)
    refused(with_authenticated.call("GetSearchAttributes", token=stranger), 7)
    # And for a method that is not configured, a good token is not enough.
    refused(gate.call(CLUSTER_INFO, token=stranger), 7)


def test_a_big_message_passes(echo_gate: Gate, echo: Echo) -> None:
    marked = grpc_client.test_id()
    allowed(echo_gate.call(requests.GET_SYSTEM_INFO, bytes(1_000_000), test_id=marked))
    assert len(echo.find(marked).body) == 1_000_005

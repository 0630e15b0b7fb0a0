"""Temporal receives the call without the token, and without headers that the server would trust."""

from __future__ import annotations

import pytest

from harness import grpc_client, requests
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed
from harness.grpc_client import frame, gzipped
from harness.minter import Minter
from harness.policy import plugin
from harness.proto import text

COUNT = requests.path("CountWorkflowExecutions")
OWN = text(1, "payroll")

DROPPED = {
    "grpcgateway-authorization": "Bearer x",
    "grpcgateway-cookie": "session=1",
    "grpcgateway-user-agent": "browser",
    "grpc-metadata-authorization": "Bearer x",
    "grpc-metadata-x": "1",
    "xdc-redirection": "false",
    "xdc-redirection-api": "x",
    "caller-type": "operator",
    "temporal-principal-type": "jwt",
    "temporal-principal-name": "root",
    "authorization-extras": "the id token",
}
KEPT = {
    "client-name": "temporal-go",
    "client-version": "1.50.0",
    "temporal-namespace": "payroll",
    "temporal-resource-id": "workflow:x",
    "x-custom": "kept",
    "grpc-accept-encoding": "gzip",
    "caller-typ": "kept",
    "grpcgatewayx": "kept",
}


@pytest.fixture
def token(corp: Minter) -> str:
    return corp.token(permissions=["payroll:read"])


modes = pytest.fixture(scope="module", params=[False, True], ids=["A", "B"])


@modes
def stripping(request: pytest.FixtureRequest, open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config()), echo.port, header_stop=request.param)


@modes
def forwarding(request: pytest.FixtureRequest, open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    configuration = plugin(corp.config(), forward_token=True)
    return open_shared_gate(configuration, echo.port, header_stop=request.param)


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_the_token_is_not_forwarded(stripping: Gate, echo: Echo, token: str, gzip: bool) -> None:
    marked = grpc_client.test_id()
    allowed(stripping.call(COUNT, OWN, token=token, headers=DROPPED | KEPT, gzip=gzip, test_id=marked))
    seen = echo.find(marked)
    assert "authorization" not in seen.names
    assert not seen.names & DROPPED.keys()
    assert {name: seen.get(name) for name in KEPT} == {name: value.encode() for name, value in KEPT.items()}
    assert seen.get(":path") == COUNT.encode() and seen.get("te") == b"trailers"
    assert seen.body == (gzipped(OWN) if gzip else frame(OWN))
    assert token.encode() not in b"".join(value for _, value in seen.headers)


def test_forward_token(forwarding: Gate, echo: Echo, token: str) -> None:
    marked = grpc_client.test_id()
    allowed(forwarding.call(COUNT, OWN, token=token, headers=DROPPED | KEPT, test_id=marked))
    seen = echo.find(marked)
    assert seen.get("authorization") == f"Bearer {token}".encode()
    assert not seen.names & DROPPED.keys()


@pytest.mark.parametrize("path", [requests.GET_SYSTEM_INFO, requests.HEALTH_CHECK])
def test_the_token_of_an_exempt_method_is_not_forwarded_either(stripping: Gate, echo: Echo, path: str) -> None:
    """A token that nobody has checked is still a token."""
    marked = grpc_client.test_id()
    allowed(stripping.call(path, token="some.secret.token", headers=DROPPED | KEPT, test_id=marked))
    seen = echo.find(marked)
    assert "authorization" not in seen.names and not seen.names & DROPPED.keys()
    assert seen.get("x-custom") == b"kept"


def test_repeated_headers(stripping: Gate, echo: Echo, token: str) -> None:
    """Removing only the first of several headers would leave the rest."""
    marked = grpc_client.test_id()
    repeated = [(name, value + str(i)) for name, value in DROPPED.items() for i in range(3)]
    kept = [("x-custom", "one"), ("x-custom", "two")]
    allowed(stripping.call(COUNT, OWN, token=token, headers=[*repeated, *kept], test_id=marked))
    seen = echo.find(marked)
    assert not seen.names & DROPPED.keys()
    assert [value for name, value in seen.headers if name == b"x-custom"] in ([b"one", b"two"], [b"one,two"], [b"one, two"])


def test_bytes_in_dropped_headers(stripping: Gate, echo: Echo, token: str) -> None:
    marked = grpc_client.test_id()
    nasty = [(name, b"\xff\x80") for name in DROPPED]
    allowed(stripping.call(COUNT, OWN, token=token, headers=nasty, test_id=marked))
    assert not echo.find(marked).names & DROPPED.keys()


@pytest.fixture(scope="module")
def own_header(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    """The token travels in a header of the operator's choice."""
    configuration = plugin(corp.config(token={"headers": ["x-temporal-token"]}))
    return open_shared_gate(configuration, echo.port)


def test_another_token_header(own_header: Gate, echo: Echo, token: str) -> None:
    marked = grpc_client.test_id()
    allowed(own_header.call(COUNT, OWN, headers={"x-temporal-token": f"Bearer {token}"}, test_id=marked))
    assert "x-temporal-token" not in echo.find(marked).names
    assert own_header.call(COUNT, OWN, token=token).grpc_status == 16

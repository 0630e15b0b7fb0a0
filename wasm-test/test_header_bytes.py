"""A header may hold any byte. The SDK's string getters trap on 0x80 and above; one trap stops a worker's filter."""

from __future__ import annotations

import pytest

from harness import grpc_client, requests
from harness.echo import Echo
from harness.gate import Gate, allowed
from harness.grpc_client import Connection, frame
from harness.minter import Minter
from harness.proto import text

COUNT = requests.path("CountWorkflowExecutions").encode()
OWN = text(1, "payroll")
NASTY = [b"\x80", b"\xff\xfe", b"a\xc3\x28b", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", bytes(range(0x80, 0x100)), "ünï".encode()]


@pytest.fixture
def token(corp: Minter) -> str:
    return corp.token(permissions=["payroll:read"])


def _send(gate: Gate, headers: list[tuple[bytes, bytes]]) -> grpc_client.Reply:
    with Connection(gate.port) as connection:
        stream = connection.open(headers)
        connection.data(stream, frame(OWN), end_stream=True)
        return connection.reply(stream, 10)


def _headers(token: str, **replace: bytes) -> list[tuple[bytes, bytes]]:
    plain = {
        b":method": b"POST",
        b":scheme": b"http",
        b":authority": b"temporal.test",
        b":path": COUNT,
        b"te": b"trailers",
        b"content-type": b"application/grpc",
        b"authorization": b"Bearer " + token.encode(),
    }
    plain |= {(name if name[0] != "_" else ":" + name[1:]).replace("_", "-").encode(): value for name, value in replace.items()}
    return list(plain.items())


def _still_serves(gate: Gate, token: str) -> None:
    allowed(gate.call("CountWorkflowExecutions", OWN, token=token))
    assert gate.call("CountWorkflowExecutions", text(1, "finance-reports"), token=token).grpc_status == 7


@pytest.mark.parametrize("nasty", NASTY, ids=repr)
@pytest.mark.parametrize("name", ["authorization", "bearer", "_path", "_authority", "content_type", "grpc_encoding", "te",
                                  "x_custom", "temporal_namespace", "grpc_timeout", "user_agent", "grpcgateway_cookie"])
def test_any_byte_anywhere(gate: Gate, echo_gate: Gate, token: str, name: str, nasty: bytes) -> None:
    if name == "bearer":
        headers = _headers(token, authorization=b"Bearer " + token.encode() + nasty)
    elif name == "_path":
        headers = _headers(token, _path=COUNT + nasty)
    elif name == "content_type":
        headers = _headers(token, content_type=b"application/grpc" + nasty)
    else:
        headers = _headers(token, **{name: nasty})
    for target in (gate, echo_gate):
        reply = _send(target, headers)
        assert not reply.timed_out
        assert reply.grpc_status != 14, f"a trap: {reply}"
        if name in ("authorization", "bearer"):
            assert reply.grpc_status == 16, str(reply)
        if name == "_path" and not reply.closed and reply.reset is None and reply.grpc_status is not None:
            assert reply.grpc_status in (12, 13), str(reply)
        if name == "grpc_encoding" and reply.grpc_status is not None:
            assert reply.grpc_status in (12, 13), str(reply)
        if name in ("x_custom", "temporal_namespace") and target is echo_gate:
            allowed(reply)
        _still_serves(target, token)


def test_custom_bytes_are_passed_on(echo_gate: Gate, echo: Echo, token: str) -> None:
    marked = grpc_client.test_id()
    value = bytes(range(0x80, 0x100))
    allowed(_send(echo_gate, _headers(token, x_custom=value, x_test_id=marked.encode())))
    assert echo.find(marked).get("x-custom") == value


def test_many_headers(echo_gate: Gate, token: str) -> None:
    headers = _headers(token) + [(f"x-h{i}".encode(), b"\xff" * 100) for i in range(80)]
    allowed(_send(echo_gate, headers))


def test_nothing_trapped(gate: Gate, echo_gate: Gate, token: str) -> None:
    for target in (gate, echo_gate):
        _still_serves(target, token)
        log = target.envoy.log_text()
        assert "Function: proxy_" not in log and "panicked" not in log
        assert not target.envoy.stats("wasm.").get("wasm.temporal_auth.vm_reload_backoff")

"""A call has exactly one complete message, and does not end with its headers."""

from __future__ import annotations

import pytest

from harness import requests
from harness.gate import Gate, allowed, refused
from harness.grpc_client import Connection, frame, gzipped, request_headers
from harness.minter import Minter
from harness.proto import text
from harness.temporal import Temporal

COUNT = requests.path("CountWorkflowExecutions")
OWN, FOREIGN = text(1, "payroll"), text(1, "finance-reports")


@pytest.fixture
def token(corp: Minter) -> str:
    return corp.token(permissions=["payroll:read"])


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("cut", [0, 1], ids=["together", "apart"])
def test_two_messages(gate: Gate, token: str, gzip: bool, cut: int) -> None:
    """Temporal would run the first and ignore the rest; another server might run the one that the filter did not judge."""
    pack = gzipped if gzip else frame
    for first, second in ((OWN, OWN), (OWN, FOREIGN), (FOREIGN, OWN)):
        body = pack(first) + pack(second)
        with Connection(gate.port) as connection:
            stream = connection.open(request_headers(COUNT, token=token, gzip=gzip))
            # In separate frames, the second message follows the last byte of the first: until then nothing was forwarded.
            parts = [body[: len(pack(first)) - 1], body[len(pack(first)) - 1 :]] if cut else [body]
            for part in parts[:-1]:
                connection.data(stream, part)
            connection.data(stream, parts[-1], end_stream=True)
            reply = connection.reply(stream)
        # A first message for another namespace may be denied before the second arrives.
        assert reply.grpc_status == 3 or (first is FOREIGN and reply.grpc_status == 7), str(reply)


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_a_second_message_after_the_verdict(gate: Gate, token: str, gzip: bool) -> None:
    """The first message is complete, judged and forwarded: if its answer is faster than the second message, it is the only answer."""
    pack = gzipped if gzip else frame
    for first, second in ((OWN, OWN), (OWN, FOREIGN), (FOREIGN, OWN)):
        with Connection(gate.port) as connection:
            stream = connection.open(request_headers(COUNT, token=token, gzip=gzip))
            connection.data(stream, pack(first))
            connection.data(stream, pack(second), end_stream=True)
            reply = connection.reply(stream)
        # Half an answer may have been sent already; then the stream can only be reset.
        assert reply.grpc_status in ((3, 7) if first is FOREIGN else (0, 3)) or reply.reset, str(reply)


@pytest.mark.parametrize("junk", [b"\0", b"\0\0\0\0", b"\0\0\0\0\0", b"junk after it", b"\xff" * 100], ids=repr)
def test_junk_after_the_message(gate: Gate, token: str, junk: bytes) -> None:
    refused(gate.call(COUNT, token=token, body=frame(OWN) + junk), 3)


@pytest.mark.parametrize(
    "body",
    [b"", b"\0", b"\0\0\0\0", b"\0\0\0\0\x09", frame(OWN)[:-1], b"\0\0\0\0\x0a" + OWN],
    ids=["nothing", "flag", "header cut", "header only", "one byte short", "longer promised"],
)
def test_incomplete_messages_are_refused(gate: Gate, token: str, body: bytes) -> None:
    refused(gate.call(COUNT, token=token, body=body), 3)


@pytest.mark.parametrize("flag", [2, 3, 0x80, 0xFF])
def test_unknown_flags(gate: Gate, token: str, flag: int) -> None:
    refused(gate.call(COUNT, token=token, body=frame(OWN, flag=flag)), 3)
    refused(gate.call(COUNT, token=token, body=gzipped(OWN)[:0] + bytes([flag]) + gzipped(OWN)[1:], gzip=True), 3)


@pytest.mark.parametrize("method", [COUNT, requests.GET_SYSTEM_INFO, requests.HEALTH_CHECK])
@pytest.mark.parametrize("credentials", ["none", "good"])
def test_ended_by_its_headers(gate: Gate, token: str, method: str, credentials: str) -> None:
    """The server would never answer such a call, so it is refused at once, exempt method or not."""
    with Connection(gate.port) as connection:
        headers = request_headers(method, token=token if credentials == "good" else None)
        stream = connection.open(headers, end_stream=True)
        reply = connection.reply(stream, 5)
    assert not reply.timed_out
    # For a method that needs a token, a call without one may be answered 16 before 3.
    if method == COUNT and credentials == "none":
        assert reply.grpc_status in (3, 16)
    else:
        refused(reply, 3)


def test_temporal_leaves_such_a_call_hanging(temporal: Temporal) -> None:
    """Temporal itself leaves such a call hanging."""
    with Connection(temporal.port) as connection:
        stream = connection.open(request_headers(requests.GET_SYSTEM_INFO), end_stream=True)
        assert connection.reply(stream, 1.0).timed_out


def test_empty_message(gate: Gate, corp: Minter) -> None:
    """Five bytes are a complete message: without a namespace, it needs a system grant."""
    refused(gate.call(COUNT, b"", token=corp.token(permissions=["payroll:admin"])), 7)
    reply = gate.call(COUNT, b"", token=corp.token(permissions=["temporal-system:read"]))
    assert reply.grpc_status not in (7, 16), str(reply)


def test_reset_in_the_middle(gate: Gate, token: str) -> None:
    """The client resets the stream at every point: the next call on the same connection works."""
    body = gzipped(OWN + text(1000, bytes(range(256)) * 100))
    with Connection(gate.port) as connection:
        for cut in (0, 1, 4, 5, 6, len(body) // 2, len(body) - 1, len(body)):
            stream = connection.open(request_headers(COUNT, token=token, gzip=True))
            if cut:
                connection.data(stream, body[:cut])
            connection.reset(stream)
        stream = connection.open(request_headers(COUNT, token=token))
        connection.data(stream, frame(OWN), end_stream=True)
        allowed(connection.reply(stream))

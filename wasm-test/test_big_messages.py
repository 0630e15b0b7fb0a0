"""Messages of megabytes, in pieces of any size, are decided and forwarded; messages that Temporal would refuse are not."""

from __future__ import annotations

import gzip as gzip_module
import random
import zlib

import pytest

from harness import grpc_client, requests
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Connection, Reply, frame, gzipped, request_headers
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import prompt
from harness.proto import number, tag, text, varint
from harness.temporal import Temporal

COUNT = requests.path("CountWorkflowExecutions")
LIMIT = 4 << 20
OWN, FOREIGN = text(1, "payroll"), text(1, "finance-reports")
# Incompressible, in a field that no server knows: Temporal accepts it in any request.
PADDING = text(1000, random.Random(1).randbytes(3_000_000))


@pytest.fixture
def token(corp: Minter) -> str:
    return corp.token(permissions=["payroll:read"])


def _dribble(port: int, token: str, body: bytes, size: int, gzip: bool, last: str = "with data") -> Reply:
    """If this takes long on a busy machine, the server may close the connection that it shares with others: then try once more."""
    for _ in range(2):
        reply = _dribble_once(port, token, body, size, gzip, last)
        if "upstream connect error" not in reply.grpc_message:
            return reply
    return _dribble_once(port, token, body, size, gzip, last)


def _dribble_once(port: int, token: str, body: bytes, size: int, gzip: bool, last: str) -> Reply:
    with Connection(port) as connection:
        stream = connection.open(request_headers(COUNT, token=token, gzip=gzip))
        if last == "with data":
            connection.data(stream, body, size=size, end_stream=True)
        else:
            connection.data(stream, body, size=size)
            connection.data(stream, b"", end_stream=True)
        return connection.reply(stream, 60)


dribbles = pytest.mark.parametrize("size", [61, 1000, 16_000])
encodings = pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])


@dribbles
@encodings
@pytest.mark.parametrize("where", ["first", "last"])
def test_three_megabytes_in_small_frames(gate: Gate, token: str, size: int, gzip: bool, where: str) -> None:
    def message(namespace: bytes) -> bytes:
        raw = namespace + PADDING if where == "first" else PADDING + namespace
        return gzipped(raw) if gzip else frame(raw)

    allowed(_dribble(gate.port, token, message(OWN), size, gzip))
    refused(_dribble(gate.port, token, message(FOREIGN), size, gzip), 7)


@encodings
def test_one_byte_frames(gate: Gate, token: str, gzip: bool) -> None:
    """Every boundary in a small message: header, tag, length, gzip header and trailer."""
    pack = gzipped if gzip else frame
    allowed(_dribble(gate.port, token, pack(OWN + text(2, "")), 1, gzip))
    refused(_dribble(gate.port, token, pack(FOREIGN + text(2, "")), 1, gzip), 7)


@encodings
def test_end_in_an_empty_frame(gate: Gate, token: str, gzip: bool) -> None:
    pack = gzipped if gzip else frame
    for padding in (b"", PADDING):
        allowed(_dribble(gate.port, token, pack(OWN + padding), 16_000, gzip, "empty"))
        refused(_dribble(gate.port, token, pack(FOREIGN + padding), 16_000, gzip, "empty"), 7)
        refused(_dribble(gate.port, token, pack(OWN + padding + OWN), 16_000, gzip, "empty"), 3)


@pytest.fixture(scope="module")
def small_windows(open_shared_gate: OpenGate, temporal: Temporal, corp: Minter) -> Gate:
    """The stream window of Istio's EDGE profile: a filter that buffers cannot pass more than this."""
    return open_shared_gate(plugin(corp.config()), temporal.port, stream_window=65_536)


@encodings
def test_through_small_stream_windows(small_windows: Gate, token: str, gzip: bool) -> None:
    allowed(small_windows.call(COUNT, OWN + PADDING, token=token, gzip=gzip, timeout=30))
    allowed(small_windows.call(COUNT, PADDING + OWN, token=token, gzip=gzip, timeout=30))
    refused(small_windows.call(COUNT, PADDING + FOREIGN, token=token, gzip=gzip, timeout=30), 7)


def test_just_under_the_limit(gate: Gate, token: str) -> None:
    message = OWN + text(1000, bytes(LIMIT - 1100))
    allowed(gate.call(COUNT, message, token=token))
    allowed(gate.call(COUNT, message, token=token, gzip=True))
    refused(gate.call(COUNT, message + FOREIGN, token=token), 3)


def test_over_the_limit_declared(gate: Gate, token: str) -> None:
    """The five-byte prefix declares the size: the call is answered without waiting for the rest."""
    gate.refused_by_us(COUNT, OWN + text(1000, bytes(LIMIT)), token=token, status=8)
    for length in (LIMIT + 1, 1 << 31, (1 << 32) - 1):
        with Connection(gate.port) as connection:
            stream = connection.open(request_headers(COUNT, token=token))
            connection.data(stream, b"\0" + length.to_bytes(4, "big") + OWN)
            refused(connection.reply(stream), 8)
    gate.refused_by_us(COUNT, FOREIGN, token=token, status=7)


def test_over_the_limit_inflated(gate: Gate, token: str) -> None:
    gate.refused_by_us(COUNT, OWN + text(1000, bytes(LIMIT)), token=token, gzip=True, status=8)


def test_gzip_bombs_are_refused(gate: Gate, token: str) -> None:
    """A few hundred KB that would inflate to 300 MB, as one long field or many short fields: refused at 4 MiB, or before."""
    size = 300 << 20
    long_field = tag(1000, 2) + varint(size), bytes(1 << 20)
    short_fields = b"", number(1000, 1) * (1 << 18)
    for start, repeated in (long_field, short_fields):
        compressor = zlib.compressobj(6, wbits=31)
        packed = compressor.compress(OWN + start)
        packed += b"".join(compressor.compress(repeated) for _ in range(size // len(repeated))) + compressor.flush()
        for body in (frame(packed, flag=1), frame(gzip_module.compress(b"") + packed, flag=1)):
            reply = prompt(lambda: gate.call(COUNT, token=token, gzip=True, body=body), 3)
            # A field longer than any message is malformed as well as too large, and so are more fields than a message may have.
            assert reply.grpc_status in (3, 8), str(reply)
    allowed(gate.call(COUNT, OWN, token=token))


def test_many_calls_at_once_on_one_connection(gate: Gate, corp: Minter) -> None:
    """Interleaved frames of calls with different tokens and namespaces: no call gets another call's verdict."""
    payroll = corp.token("p", permissions=["payroll:read"])
    finance = corp.token("f", permissions=["finance-reports:read"])
    cases = [(payroll, OWN, 0), (payroll, FOREIGN, 7), (finance, OWN, 7), (finance, FOREIGN, 0)] * 5
    with Connection(gate.port) as connection:
        opened: list[tuple[int, int, bytes, bool]] = []
        for index, (token, namespace, status) in enumerate(cases):
            gzip = index % 2 == 0
            raw = text(1000, random.Random(index).randbytes(40_000)) + namespace
            body = gzipped(raw) if gzip else frame(raw)
            opened.append((connection.open(request_headers(COUNT, token=token, gzip=gzip)), status, body, gzip))
        for offset in range(0, 45_000, 3_000):
            for stream, _, body, _ in opened:
                piece = body[offset : offset + 3_000]
                if piece:
                    connection.data(stream, piece, end_stream=offset + 3_000 >= len(body))
        for stream, status, _, gzip in opened:
            reply = connection.reply(stream)
            assert reply.grpc_status == status, f"stream {stream} gzip {gzip}: {reply}"


def test_bodies_are_forwarded_unchanged(echo_gate: Gate, echo: Echo, token: str) -> None:
    for gzip in (False, True):
        for message in (OWN, OWN + PADDING, PADDING + OWN):
            body = gzipped(message) if gzip else frame(message)
            marked = grpc_client.test_id()
            allowed(echo_gate.call(COUNT, token=token, body=body, gzip=gzip, test_id=marked, timeout=30))
            assert echo.find(marked).body == body


def test_no_message_is_complete_upstream_before_the_verdict(echo_gate: Gate, echo: Echo, token: str) -> None:
    """A unary handler runs on a complete message, even without END_STREAM, so the last byte waits for the verdict."""
    body = frame(OWN + PADDING + FOREIGN)
    marked = grpc_client.test_id()
    refused(echo_gate.call(COUNT, token=token, body=body, test_id=marked, timeout=30), 3)
    seen = echo.seen(marked)
    assert seen is None or (len(seen.body) < len(body) and not seen.ended)

    body = frame(PADDING + FOREIGN)
    with Connection(echo_gate.port) as connection:
        marked = grpc_client.test_id()
        stream = connection.open(request_headers(COUNT, token=token, test_id=marked))
        connection.data(stream, body)  # and the stream does not end: the verdict is due all the same
        refused(connection.reply(stream), 7)
    seen = echo.seen(marked)
    assert seen is None or (len(seen.body) < len(body) and not seen.ended)


@encodings
def test_complete_message_without_end_is_answered(gate: Gate, token: str, gzip: bool) -> None:
    """Temporal runs the call when the message is complete."""
    with Connection(gate.port) as connection:
        stream = connection.open(request_headers(COUNT, token=token, gzip=gzip))
        connection.data(stream, gzipped(OWN) if gzip else frame(OWN))
        reply = connection.peek(stream, 1.0)
        # Either the server answers already, or the filter waits for the end, to be sure that no second message follows.
        if not reply.ended:
            connection.data(stream, b"", end_stream=True)
        allowed(connection.reply(stream))


def test_memory_stays_bounded(open_gate: OpenGate, echo: Echo, corp: Minter, token: str) -> None:
    """Forty 3 MB calls half sent: the proxy does not hold them in the module's memory."""
    gate = open_gate(plugin(corp.config()), echo.port, fresh=True)
    before = gate.envoy.process.resident
    body = gzipped(PADDING + OWN)
    connections = [Connection(gate.port) for _ in range(40)]
    streams = [c.open(request_headers(COUNT, token=token, gzip=True)) for c in connections]
    for connection, stream in zip(connections, streams):
        connection.data(stream, body[: len(body) // 2])
    allowed(gate.call(COUNT, OWN, token=token))
    grown = gate.envoy.process.resident - before
    for connection in connections:
        connection.close()
    assert grown < 60 << 20, f"{grown >> 20} MiB for 60 MB in flight"

"""Answers that list namespaces, as a server, or somebody in its place, may send them: in pieces, compressed, broken, or far
too large. Of what cannot be read, nothing reaches the caller."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterator

import pytest

from harness import requests
from harness.echo import Echo, Pairs
from harness.gate import Gate, OpenGate, allowed
from harness.grpc_client import Reply, frame, gzipped
from harness.minter import Minter
from harness.policy import plugin

w = requests.workflow

HEADERS: Pairs = [(b":status", b"200"), (b"content-type", b"application/grpc")]
GZIP: Pairs = [*HEADERS, (b"grpc-encoding", b"gzip")]
GOOD: Pairs = [(b"grpc-status", b"0"), (b"x-server", b"kept")]
SECRET = "secret-merger"


def page(*names: str, token: bytes = b"next") -> bytes:
    answer = w.ListNamespacesResponse(next_page_token=token)
    for name in names:
        entry = answer.namespaces.add()
        entry.namespace_info.name, entry.namespace_info.description = name, f"{name} of {SECRET}" if name == SECRET else "ours"
    return answer.SerializeToString()


WHOLE, MINE = page("payroll", SECRET), page("payroll")


@pytest.fixture(scope="module")
def server() -> Iterator[Echo]:
    with Echo() as running:
        yield running


@pytest.fixture(scope="module", params=[(False, False), (True, False), (False, True), (True, True)], ids=["A", "B", "A-EDGE", "B-EDGE"])
def gate(request: pytest.FixtureRequest, open_shared_gate: OpenGate, server: Echo, corp: Minter) -> Gate:
    """In both header modes, and with the small buffers of Istio's profile EDGE."""
    header_stop, edge = request.param
    return open_shared_gate(
        plugin(corp.config(), authenticated=["ListNamespaces"]),
        server.port,
        header_stop=header_stop,
        stream_window=65_536 if edge else None,
        buffer_limit=32_768 if edge else None,
    )


def ask(gate: Gate, server: Echo, corp: Minter, *answer: Pairs | bytes) -> Reply:
    server.answer = answer
    return gate.call("ListNamespaces", token=corp.token(permissions=["payroll:read"]), timeout=20)


def pieces(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


@pytest.mark.parametrize(
    "headers, body",
    {
        "plain": (HEADERS, [frame(WHOLE)]),
        "byte by byte": (HEADERS, pieces(frame(WHOLE), 1)),
        "gzip": (GZIP, [gzipped(WHOLE)]),
        "gzip in pieces": (GZIP, pieces(gzipped(WHOLE), 3)),
        "gzip announced, not used": (GZIP, [frame(WHOLE)]),
        "two members": (GZIP, [frame(gzip.compress(WHOLE[:9]) + gzip.compress(WHOLE[9:]), flag=1)]),
        "with a length": ([*HEADERS, (b"content-length", str(len(frame(WHOLE))).encode())], [frame(WHOLE)]),
    }.values(),
    ids=["plain", "byte by byte", "gzip", "gzip in pieces", "gzip announced", "two members", "with a length"],
)
def test_read_and_reduced(gate: Gate, server: Echo, corp: Minter, headers: Pairs, body: list[bytes]) -> None:
    reply = allowed(ask(gate, server, corp, headers, *body, GOOD))
    assert reply.messages() == [MINE] and reply.get("x-server") == "kept" and reply.get("content-length") is None


BROKEN: dict[str, tuple[Pairs, list[bytes]]] = {
    "no message": (HEADERS, [b"{}"]),
    "half": (HEADERS, [frame(WHOLE)[:-1]]),
    "garbage": (HEADERS, [frame(b"\xff" * 40 + SECRET.encode())]),
    "two messages": (HEADERS, [frame(WHOLE) + frame(WHOLE)]),
    "corrupt": (GZIP, [frame(gzip.compress(WHOLE)[:-5] + b"12345", flag=1)]),
    "compressed, not announced": (HEADERS, [gzipped(WHOLE)]),
    "snappy": ([*HEADERS, (b"grpc-encoding", b"snappy")], [frame(WHOLE)]),
    "content-encoding": ([*HEADERS, (b"content-encoding", b"gzip")], [frame(WHOLE)]),
    "JSON": ([(b":status", b"200"), (b"content-type", b"application/json")], [b'{"namespaces": [{"name": "secret-merger"}]}']),
    "an error page": ([(b":status", b"500"), (b"content-type", b"application/grpc")], [frame(WHOLE)]),
    "over 4 MiB": (HEADERS, [b"\0" + (4 << 20 | 1).to_bytes(4, "big"), *pieces(b"\x1a" * 100_000, 10_000)]),
    "a bomb": (GZIP, [gzipped(b"\0" * (5 << 20))]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_of_an_answer_that_cannot_be_read_nothing_arrives(gate: Gate, server: Echo, corp: Minter, case: str) -> None:
    headers, body = BROKEN[case]
    reply = ask(gate, server, corp, headers, *body, GOOD)
    assert reply.ended and SECRET.encode() not in reply.body and not reply.messages(), reply
    assert "the server's answer cannot be read and is withheld" in gate.envoy.log_text()
    if reply.status == 200:
        assert reply.all("grpc-status") == ["14"] and "try again" in reply.grpc_message and reply.get("x-server") is None


def test_what_follows_the_message_costs_its_status(gate: Gate, server: Echo, corp: Minter) -> None:
    """The message was sent before the second came."""
    reply = ask(gate, server, corp, HEADERS, frame(WHOLE), frame(WHOLE), GOOD)
    assert reply.messages() == [MINE] and reply.grpc_status == 14


def test_an_error_of_the_server_arrives_as_it_is(gate: Gate, server: Echo, corp: Minter) -> None:
    trailers: Pairs = [(b"grpc-status", b"8"), (b"grpc-message", b"slow down"), (b"grpc-status-details-bin", b"CAgSA2Fi")]
    for answer in ([HEADERS, trailers], [[*HEADERS, *trailers]], [[*HEADERS, (b"grpc-encoding", b"zstd")], trailers]):
        reply = ask(gate, server, corp, *answer)
        assert (reply.grpc_status, reply.grpc_message, reply.details) == (8, "slow down", b"\x08\x08\x12\x03ab")


def test_an_answer_that_breaks_off_shows_nothing(gate: Gate, server: Echo, corp: Minter) -> None:
    reply = ask(gate, server, corp, HEADERS, frame(WHOLE)[:-1])
    assert not reply.body


@pytest.mark.parametrize("pack", [frame, gzipped], ids=["plain", "gzip"])
def test_a_page_of_a_thousand_namespaces(gate: Gate, server: Echo, corp: Minter, pack: object) -> None:
    names = [name for number in range(500) for name in (f"{SECRET}-{number}", f"other-{number}")]
    whole = page(*names, "payroll")
    assert callable(pack)
    body, headers = pack(whole), HEADERS if pack is frame else GZIP
    for _ in range(3):
        assert allowed(ask(gate, server, corp, headers, *pieces(body, 9_000), GOOD)).messages() == [MINE]
    token = corp.token(permissions=["temporal-system:read"])
    server.answer = [headers, *pieces(body, 9_000), GOOD]
    assert allowed(gate.call("ListNamespaces", token=token, timeout=20)).body == body


def test_other_answers_are_not_read(gate: Gate, server: Echo, corp: Minter) -> None:
    """Broken or not, with whatever it holds."""
    token = corp.token(permissions=["payroll:read"])
    for (headers, body), method in itertools.product(list(BROKEN.values())[:4], ["CountWorkflowExecutions"]):
        server.answer = [headers, *body, GOOD]
        reply = gate.call(method, w.CountWorkflowExecutionsRequest(namespace="payroll"), token=token)
        assert reply.body == b"".join(body)

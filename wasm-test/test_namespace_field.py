"""The filter reads the namespace that protobuf-go would read, and refuses a message that could be read in two ways."""

from __future__ import annotations

import pytest

from harness.gate import Gate, allowed, refused
from harness.minter import Minter
from harness.poll import prompt
from harness.proto import group, number, tag, text, varint
from harness.temporal import Temporal

COUNT = "CountWorkflowExecutions"
OWN, FOREIGN = text(1, "payroll"), text(1, "finance-reports")


@pytest.fixture
def token(corp: Minter) -> str:
    return corp.token(permissions=["payroll:read"])


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_own_and_foreign(gate: Gate, token: str, gzip: bool) -> None:
    allowed(gate.call(COUNT, OWN, token=token, gzip=gzip))
    gate.refused_by_us(COUNT, FOREIGN, token=token, gzip=gzip, status=7)
    gate.refused_by_us(COUNT, b"", token=token, gzip=gzip, status=7)


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "message",
    [OWN + FOREIGN, FOREIGN + OWN, OWN + OWN, OWN + text(1, ""), text(1, "") + OWN, OWN + text(2, "") + FOREIGN],
    ids=["own foreign", "foreign own", "own own", "own empty", "empty own", "apart"],
)
def test_a_namespace_given_twice_is_refused(gate: Gate, token: str, message: bytes, gzip: bool) -> None:
    """Servers use the last value. A filter that used the first could be deceived; no honest encoder writes two."""
    gate.refused_by_us(COUNT, message, token=token, gzip=gzip, status=3)


@pytest.mark.parametrize(
    "spelling",
    [
        varint(0x0A, 2) + varint(7) + b"payroll",
        varint(0x0A, 5) + varint(7, 4) + b"payroll",
        varint(0x0A, 10) + varint(7, 10) + b"payroll",
    ],
    ids=["padded tag", "padded tag and length", "ten bytes each"],
)
def test_padded_varints(gate: Gate, token: str, corp: Minter, spelling: bytes) -> None:
    allowed(gate.call(COUNT, spelling, token=token))
    gate.refused_by_us(COUNT, spelling, token=corp.token(permissions=["finance-reports:read"]), status=7)
    # Two values are two values, however they are encoded.
    gate.refused_by_us(COUNT, OWN + spelling, token=token, status=3)


@pytest.mark.parametrize(
    "noise",
    [
        text(1000, b"x" * 5000),
        number(1001, 1 << 63),
        tag(1002, 1) + bytes(8),
        tag(1003, 5) + bytes(4),
        group(1004, text(1, "finance-reports") + number(2, 1)),
        group(1005, group(1006, group(1007, b""))),
        text(1008, OWN + FOREIGN),
    ],
    ids=["bytes", "varint", "fixed64", "fixed32", "group", "nested groups", "sub-message"],
)
def test_unknown_fields_are_passed_over(gate: Gate, token: str, noise: bytes) -> None:
    for message in (noise + OWN, OWN + noise, noise + OWN + noise):
        allowed(gate.call(COUNT, message, token=token))
    for message in (noise + FOREIGN, FOREIGN + noise):
        gate.refused_by_us(COUNT, message, token=token, status=7)


@pytest.mark.parametrize(
    "wrong",
    [number(1, 7), tag(1, 5) + bytes(4), tag(1, 1) + bytes(8), group(1, OWN)],
    ids=["varint", "fixed32", "fixed64", "group"],
)
def test_a_wrong_wire_type_is_not_a_namespace(gate: Gate, token: str, wrong: bytes) -> None:
    """protobuf-go skips it as unknown: the namespace is the value of the other occurrence, or empty."""
    for message in (wrong, wrong + FOREIGN, FOREIGN + wrong):
        reply = gate.call(COUNT, message, token=token)
        assert reply.grpc_status in (3, 7), str(reply)


@pytest.mark.parametrize(
    "broken",
    [
        b"\x0a",
        b"\x0a\x08payroll",
        OWN + b"\x12",
        OWN + b"\x12\xff",
        OWN + b"\x80",
        OWN + varint(2 << 3 | 2, 10)[:-1] + b"\x80\x00",
        OWN + b"\xff" * 10 + b"\x01",
        OWN + b"\x02\x00",
        OWN + varint((1 << 29) << 3 | 2) + b"\x00",
        OWN + tag(1000, 6) + b"\x00",
        OWN + tag(1000, 7) + b"\x00",
        OWN + tag(1000, 3),
        OWN + tag(1000, 4),
        OWN + tag(1000, 3) + tag(1001, 4),
        OWN + tag(1000, 5) + b"\x00",
        OWN + text(2, b"")[:-1] + varint(1 << 40),
        OWN + text(2, b"")[:-1] + varint((1 << 64) - 1),
        text(1, b"pay\xffroll"),
        text(1, b"\xc0\xaf"),
        text(1, b"\xed\xa0\x80"),
    ],
    ids=["only a tag", "short", "tag at the end", "length cut", "varint cut", "11-byte tag", "11-byte varint", "field 0",
         "field too high", "wire type 6", "wire type 7", "open group", "closed group", "crossed groups", "fixed32 cut",
         "length beyond the end", "length of 2^64-1", "bad utf-8", "overlong utf-8", "surrogate"],
)
@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_what_temporal_would_not_decode(gate: Gate, token: str, broken: bytes, gzip: bool) -> None:
    gate.refused_by_us(COUNT, broken, token=token, gzip=gzip, status=3)


def test_bad_utf8_in_another_field(gate: Gate, token: str) -> None:
    """No decision depends on it, so the filter may leave it to the server, which refuses it."""
    reply = gate.call(COUNT, OWN + text(2, b"\xff\xfe"), token=token)
    assert reply.grpc_status in (3, 13), str(reply)


def test_temporal_reads_and_refuses_the_same(temporal: Temporal, token: str) -> None:
    """The control: without the filter, the server uses the last of two namespaces, and answers 13 if it cannot decode a request."""
    from harness import grpc_client, requests

    path = requests.path(COUNT)
    assert grpc_client.call(temporal.port, path, text(1, "nowhere") + OWN).grpc_status == 0
    assert grpc_client.call(temporal.port, path, OWN + text(1, "nowhere")).grpc_status == 5
    assert grpc_client.call(temporal.port, path, OWN + b"\x12").grpc_status == 13


@pytest.mark.parametrize("name", ["Payroll", "payroll ", " payroll", "payrol", "payroll2", "pay\u200broll", "payroll\0", "*"])
def test_names_are_compared_exactly(gate: Gate, token: str, name: str) -> None:
    gate.refused_by_us(COUNT, text(1, name), token=token, status=7)


@pytest.mark.parametrize("length", [1000, 1001, 70_000, 1_000_000])
def test_namespaces_of_great_length(gate: Gate, token: str, length: int) -> None:
    """Temporal's limit is 1000 bytes: beyond it, "malformed" is as correct as "denied"."""
    reply = gate.call(COUNT, text(1, "p" * length), token=token)
    assert reply.grpc_status in ((7,) if length <= 1000 else (3, 7)), str(reply)


def test_deeply_nested_groups(gate: Gate, token: str) -> None:
    """Temporal accepts 9,000 levels and refuses 11,000. The filter may refuse earlier, but must never trap."""
    for depth in (50, 9_000, 200_000):
        deep = tag(1000, 3) * depth + tag(1000, 4) * depth
        reply = gate.call(COUNT, OWN + deep, token=token)
        assert reply.grpc_status in (0, 3), f"{depth}: {reply}"
        reply = gate.call(COUNT, FOREIGN + deep, token=token)
        assert reply.grpc_status in (7, 3), f"{depth}: {reply}"
    allowed(gate.call(COUNT, OWN, token=token))


def test_many_tiny_fields(gate: Gate, token: str) -> None:
    """Four megabytes of tiny fields are refused, although Temporal would read them; a message of ordinary fields is not."""
    refused(prompt(lambda: gate.call(COUNT, OWN + number(100, 1) * 1_300_000, token=token), 5), 3, "more fields than")
    dense = OWN + text(100, bytes(13)) * 250_000
    allowed(prompt(lambda: gate.call(COUNT, dense, token=token), 5))

"""The filter reads gzip as Go does: every member counts, and data that Go refuses is refused."""

from __future__ import annotations

import gzip
import struct
import zlib
from typing import Any

import pytest

from harness import grpc_client, requests
from harness.gate import Gate, allowed, refused
from harness.grpc_client import Reply, frame
from harness.minter import Minter
from harness.proto import text
from harness.temporal import Temporal

COUNT = requests.path("CountWorkflowExecutions")
OWN, FOREIGN, NOISE = text(1, "payroll"), text(1, "finance-reports"), text(1000, b"noise" * 50)


@pytest.fixture
def token(corp: Minter) -> str:
    return corp.token(permissions=["payroll:read"])


def member(data: bytes, flags: int = 0, extra: bytes = b"", level: int = 6) -> bytes:
    """One gzip member with header fields of our choice."""
    compressor = zlib.compressobj(level, wbits=-15)
    header = b"\x1f\x8b\x08" + bytes([flags]) + bytes(4) + b"\0\xff" + extra
    if flags & 2:
        header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    return header + compressor.compress(data) + compressor.flush() + struct.pack("<II", zlib.crc32(data), len(data))


def send(gate: Gate, token: str, packed: bytes, **options: Any) -> Reply:
    return gate.call(COUNT, token=token, gzip=True, body=frame(packed, flag=1), **options)


@pytest.mark.parametrize(
    "parts",
    [[NOISE, "ns"], ["ns", NOISE], ["", "ns"], ["ns", ""], ["", "", "ns", "", NOISE], ["ns[:1]", "ns[1:]"], [""] * 40 + ["ns"]],
    ids=["second", "first", "after empty", "before empty", "between", "cut through", "40 empty"],
)
def test_members_are_one_message(gate: Gate, token: str, parts: list[object]) -> None:
    def pack(namespace: bytes) -> bytes:
        named = {"ns": namespace, "ns[:1]": namespace[:1], "ns[1:]": namespace[1:], "": b""}
        return b"".join(member(part if isinstance(part, bytes) else named[str(part)]) for part in parts)

    allowed(send(gate, token, pack(OWN)))
    refused(send(gate, token, pack(FOREIGN)), 7)


def test_very_many_members(gate: Gate, token: str) -> None:
    """Go accepts any number. No honest encoder writes many, so the filter may refuse them, but must never misread them."""
    for count in (1_000, 100_000):
        reply = send(gate, token, member(b"") * count + member(FOREIGN))
        assert reply.grpc_status in (3, 7), str(reply)
    allowed(send(gate, token, member(OWN)))


def test_a_namespace_in_each_member(gate: Gate, token: str) -> None:
    refused(send(gate, token, member(OWN) + member(FOREIGN)), 3)
    refused(send(gate, token, member(FOREIGN) + member(OWN)), 3)


FEXTRA, FNAME, FCOMMENT, FHCRC = 4, 8, 16, 2
HEADERS = {
    "FEXTRA": (FEXTRA, b"\x05\x00hello"),
    "empty FEXTRA": (FEXTRA, b"\x00\x00"),
    "FNAME": (FNAME, b"file.bin\0"),
    "FCOMMENT": (FCOMMENT, b"a comment\0"),
    "FHCRC": (FHCRC, b""),
    "all": (FEXTRA | FNAME | FCOMMENT | FHCRC, b"\x02\x00xy" + b"n\0" + b"c\0"),
    "FTEXT": (1, b""),
    "reserved": (0xE0, b""),
}


@pytest.mark.parametrize("case", HEADERS)
def test_header_fields(gate: Gate, token: str, case: str) -> None:
    flags, extra = HEADERS[case]
    allowed(send(gate, token, member(OWN, flags, extra)))
    refused(send(gate, token, member(FOREIGN, flags, extra)), 7)


@pytest.mark.parametrize("level", [0, 1, 9])
def test_block_types(gate: Gate, token: str, level: int) -> None:
    """Stored, fixed and dynamic blocks."""
    for size in (0, 10, 70_000):
        allowed(send(gate, token, member(OWN + text(1000, b"ab" * size), level=level)))
        refused(send(gate, token, member(text(1000, b"ab" * size) + FOREIGN, level=level)), 7)


GOOD = member(OWN)
BROKEN = {
    "nothing": b"",
    "zero behind": GOOD + b"\0",
    "zeros behind": GOOD + bytes(16),
    "junk behind": GOOD + b"junk",
    "member cut": GOOD + GOOD[:-1],
    "crc": GOOD[:-8] + bytes([GOOD[-8] ^ 1]) + GOOD[-7:],
    "size": GOOD[:-4] + bytes([GOOD[-4] ^ 1]) + GOOD[-3:],
    "no trailer": GOOD[:-8],
    "half a trailer": GOOD[:-4],
    "no block": GOOD[:10],
    "header cut": GOOD[:9],
    "magic": b"\x1f\x8c" + GOOD[2:],
    "method": b"\x1f\x8b\x07" + GOOD[3:],
    "header crc": member(OWN, FHCRC)[:10] + b"\0\0" + member(OWN, FHCRC)[12:],
    "name without end": member(OWN, FNAME, b"x" * 30),
    "reserved block type": GOOD[:10] + b"\x07" + GOOD[11:],
    "zlib instead": zlib.compress(OWN),
    "not compressed": OWN,
    "distance too far": b"\x1f\x8b\x08" + bytes(6) + b"\xff" + b"\x63\x00\x42\x00\x00" + bytes(8),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_gzip_is_refused(gate: Gate, token: str, case: str) -> None:
    refused(send(gate, token, BROKEN[case]), 3)


def test_temporal_reads_and_refuses_the_same(temporal: Temporal) -> None:
    """The control: the server refuses the same data, and joins members."""
    for case, packed in BROKEN.items():
        reply = grpc_client.call(temporal.port, COUNT, gzip=True, body=frame(packed, flag=1))
        assert reply.grpc_status == 13, f"{case}: {reply}"
    for flags, extra in HEADERS.values():
        assert grpc_client.call(temporal.port, COUNT, gzip=True, body=frame(member(OWN, flags, extra), flag=1)).grpc_status == 0
    last_wins = member(text(1, "nowhere")) + member(OWN)
    assert grpc_client.call(temporal.port, COUNT, gzip=True, body=frame(last_wins, flag=1)).grpc_status == 0


def test_uncompressed_message_under_gzip(gate: Gate, token: str) -> None:
    """Flag 0 is legal whatever the encoding says."""
    allowed(gate.call(COUNT, token=token, gzip=True, body=frame(OWN)))
    refused(gate.call(COUNT, token=token, gzip=True, body=frame(FOREIGN)), 7)


@pytest.mark.parametrize("encoding", [None, "identity"])
def test_compressed_message_without_an_encoding(gate: Gate, token: str, encoding: str | None) -> None:
    headers = [("grpc-encoding", encoding)] if encoding else []
    refused(gate.call(COUNT, token=token, headers=headers, body=frame(gzip.compress(OWN), flag=1)), 3)


@pytest.mark.parametrize("encoding", ["deflate", "zstd", "snappy", "GZIP", "gzip, identity", "x-gzip", "br"])
@pytest.mark.parametrize("flag", [0, 1])
def test_unknown_encoding(gate: Gate, token: str, encoding: str, flag: int) -> None:
    """The text names the header, as a server's does that does not support the encoding."""
    body = frame(gzip.compress(OWN) if flag else OWN, flag=flag)
    marked = grpc_client.test_id()
    reply = gate.call(COUNT, token=token, headers=[("grpc-encoding", encoding)], body=body, test_id=marked)
    refused(reply, 12, "grpc-encoding")
    assert gate.details(marked) == "temporal_auth_encoding"


def test_identity(gate: Gate, token: str) -> None:
    allowed(gate.call(COUNT, OWN, token=token, headers=[("grpc-encoding", "identity")]))
    refused(gate.call(COUNT, FOREIGN, token=token, headers=[("grpc-encoding", "identity")]), 7)


@pytest.mark.parametrize("encodings", [("gzip", "identity"), ("identity", "gzip"), ("gzip", "gzip"), ("zstd", "gzip")])
def test_two_encodings_never_hide_a_namespace(gate: Gate, token: str, encodings: tuple[str, str]) -> None:
    for body in (frame(FOREIGN), frame(gzip.compress(FOREIGN), flag=1)):
        reply = gate.call(COUNT, token=token, headers=[("grpc-encoding", e) for e in encodings], body=body)
        assert reply.grpc_status in (3, 7, 12), str(reply)

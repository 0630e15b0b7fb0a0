"""gRPC frames and gzip: one message, read as grpc-go and Go's gzip reader read it."""

import gzip
import struct

from harness.grpc_client import frame
from harness.proto import text

from .case import PERMISSIONS, Case

CONFIGURATION = PERMISSIONS
COUNT = "CountWorkflowExecutions"
OWN, FOREIGN = text(1, "payroll"), text(1, "finance")


def pack(content: bytes) -> bytes:
    """A gzip member without a modification time."""
    return gzip.compress(content, 6, mtime=0)


PACKED = pack(OWN)


def member(content: bytes, flags: int = 0, extra: bytes = b"") -> bytes:
    """A gzip member with these header flags."""
    plain = pack(content)
    return plain[:3] + bytes([flags]) + plain[4:10] + extra + plain[10:]


# name, body, grpc-encoding, status
BODIES: list[tuple[str, bytes, str | None, int]] = [
    ("plain", frame(OWN), None, 0), ("plain, another namespace", frame(FOREIGN), None, 7),
    ("gzip", frame(PACKED, flag=1), "gzip", 0), ("gzip, another namespace", frame(pack(FOREIGN), flag=1), "gzip", 7),
    ("plain under gzip", frame(OWN), "gzip", 0), ("identity named", frame(OWN), "identity", 0),
    ("compressed without an encoding", frame(PACKED, flag=1), None, 3), ("compressed under identity", frame(PACKED, flag=1), "identity", 3),
    ("flag 2", frame(OWN, flag=2), None, 3), ("unknown encoding", frame(OWN), "zstd", 12), ("GZIP", frame(OWN), "GZIP", 12),
    ("two members", frame(pack(OWN[:4]) + pack(OWN[4:]), flag=1), "gzip", 0),
    ("two members, the second names another", frame(PACKED + pack(FOREIGN), flag=1), "gzip", 3),
    ("an empty member before", frame(pack(b"") + pack(FOREIGN), flag=1), "gzip", 7),
    ("file name", frame(member(OWN, 8, b"name\0"), flag=1), "gzip", 0),
    ("file name, another namespace", frame(member(FOREIGN, 8, b"name\0"), flag=1), "gzip", 7),
    ("extra field", frame(member(OWN, 4, b"\x04\0abcd"), flag=1), "gzip", 0),
    ("wrong header checksum", frame(member(OWN, 2, b"\0\0"), flag=1), "gzip", 3),
    ("junk after gzip", frame(PACKED + b"\0", flag=1), "gzip", 3), ("gzip cut off", frame(PACKED[:-1], flag=1), "gzip", 3),
    ("wrong checksum", frame(PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], flag=1), "gzip", 3),
    ("wrong length in gzip", frame(PACKED[:-4] + b"\x01\0\0\0", flag=1), "gzip", 3), ("nothing compressed", frame(b"", flag=1), "gzip", 3),
    ("not gzip", frame(OWN, flag=1), "gzip", 3),
    ("two messages", frame(OWN) * 2, None, 3), ("two messages, the second names another", frame(OWN) + frame(FOREIGN), None, 3),
    ("junk after the message", frame(OWN) + b"\0", None, 3), ("cut off", frame(OWN)[:-1], None, 3), ("prefix cut off", frame(OWN)[:4], None, 3),
    ("nothing", b"", None, 3), ("declared too large", b"\0" + struct.pack(">I", (4 << 20) + 1) + OWN, None, 8),
    ("inflated too large", frame(pack(OWN + text(2, b"a" * (4 << 20))), flag=1), "gzip", 8),
]

CASES = [Case(name, COUNT, status, body=body, encoding=encoding) for name, body, encoding, status in BODIES]

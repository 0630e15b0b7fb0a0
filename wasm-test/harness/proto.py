"""Protobuf fields by hand, for messages no encoder emits."""

from __future__ import annotations


def varint(value: int, length: int = 0) -> bytes:
    """`length` above the minimum makes a padded (non-minimal) one."""
    out = bytearray()
    while value > 0x7F or len(out) + 1 < length:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


def text(number: int, value: str | bytes) -> bytes:
    """A length-delimited field: string, bytes or sub-message."""
    raw = value.encode() if isinstance(value, str) else value
    return tag(number, 2) + varint(len(raw)) + raw


def number(field: int, value: int) -> bytes:
    return tag(field, 0) + varint(value)


def group(field: int, inside: bytes) -> bytes:
    return tag(field, 3) + inside + tag(field, 4)

#!/usr/bin/env python3
"""Drops what the finished module does not need: unused exports, debug sections, mangled names.

    strip_exports.py IN.wasm -o OUT.wasm [--keep NAME …] [--max-size BYTES]

The Rust SDK exports every callback of proxy-wasm, and Envoy enters the VM for each one that it finds exported: about
1.2 µs of proxy CPU per callback and request, whether the callback does anything or not. The linker cannot drop
exports that a dependency marked, so it is done here, on the finished file. Functions are not removed (their indices
would shift); an unreferenced one costs size only.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Iterator

# What Envoy calls in this filter. A callback that the code implements must stand here, or it is never called and nobody
# says so; one that it does not implement only costs time.
KEEP = frozenset(
    {
        "memory",
        "_initialize",
        "_start",
        "malloc",
        "proxy_on_memory_allocate",
        "proxy_abi_version_*",
        "proxy_on_context_create",
        "proxy_on_vm_start",
        "proxy_on_configure",
        "proxy_on_tick",
        "proxy_on_http_call_response",
        "proxy_on_request_headers",
        "proxy_on_request_body",
        "proxy_on_request_trailers",
        "proxy_on_delete",
    }
)

# Function names stay, nearly as a person would write them: Envoy prints them in the backtrace when a module fails.
# Mangled they are up to a seventh of the file, and how long depends on the compiler's version.
NAMES = "name"
FUNCTION_NAMES = 1
LONGEST_NAME = 100
# Back references, disambiguators, binders, lifetimes and constants: numbers that are no identifier's length.
V0_NUMBERS = re.compile("[BsGL][0-9A-Za-z]*?_|K[a-z]n?[0-9a-f]*_")
ESCAPES = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}

MAGIC = b"\0asm\x01\0\0\0"
CUSTOM, EXPORT = 0, 7


class Malformed(Exception):
    """Not a WebAssembly module that we understand."""


def read_uint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number and the position after it."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Malformed("truncated number")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def write_uint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_name(data: bytes, at: int) -> tuple[str, int]:
    length, at = read_uint(data, at)
    end = at + length
    if end > len(data):
        raise Malformed("truncated name")
    return data[at:end].decode(), end


def write_name(name: str) -> bytes:
    raw = name.encode()
    return write_uint(len(raw)) + raw


def sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    if not module.startswith(MAGIC):
        raise Malformed("not a WebAssembly module")
    at = len(MAGIC)
    while at < len(module):
        kind = module[at]
        length, start = read_uint(module, at + 1)
        at = start + length
        if at > len(module):
            raise Malformed("truncated section")
        yield kind, module[start:at]


def exports(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Each export's name and its bytes as they stand in the file."""
    count, at = read_uint(body, 0)
    for _ in range(count):
        start = at
        name, at = read_name(body, at)
        _, at = read_uint(body, at + 1)  # kind, index
        yield name, body[start:at]


def readable(symbol: str) -> str:
    """The path in a mangled Rust name; any other name as it is."""
    try:
        if symbol.startswith("_ZN"):
            name = legacy_path(symbol)
        elif symbol.startswith("_R"):
            name = v0_path(symbol)
        else:
            name = symbol
    except (ValueError, IndexError):
        return symbol
    return name[:LONGEST_NAME]


def legacy_path(symbol: str) -> str:
    """`_ZN3std2io5Write5flush17h0123456789abcdefE` to `std::io::Write::flush`."""
    parts, at = [], len("_ZN")
    while symbol[at] != "E":
        part, at = identifier(symbol, at)
        # An identifier that would begin with an escape has a _ before it.
        parts.append(part.removeprefix("_") if part.startswith("_$") else part)
    if re.fullmatch("h[0-9a-f]{16}", parts[-1]):
        parts.pop()
    return re.sub(r"\$(\w+?)\$", lambda escape: unescape(escape[1]), "::".join(parts).replace("..", "::"))


def unescape(code: str) -> str:
    return chr(int(code[1:], 16)) if re.fullmatch("u[0-9a-f]+", code) else ESCAPES.get(code, code)


def v0_path(symbol: str) -> str:
    """Rust's newer mangling, read for its identifiers only: types in it are named, not written out."""
    parts, at = [], len("_R")
    while at < len(symbol):
        skipped = V0_NUMBERS.match(symbol, at)
        if skipped:
            at = skipped.end()
        elif symbol[at].isdigit():
            part, at = identifier(symbol, at)
            parts.append(part or "{closure}")
        else:
            at += 1
    return "::".join(parts)


def identifier(symbol: str, at: int) -> tuple[str, int]:
    """`4name` or `4_1abc`, and the position after it."""
    length = re.compile("0|[1-9][0-9]*").match(symbol, at)
    if length is None:
        raise ValueError(symbol)
    start = length.end()
    # Only the newer mangling separates so, and only where it must.
    if symbol.startswith("_R") and symbol[start : start + 1] == "_":
        start += 1
    end = start + int(length[0])
    if end > len(symbol):
        raise ValueError(symbol)
    return symbol[start:end], end


def shorten_names(body: bytes) -> bytes:
    """The `name` section with its function names readable, and nothing else in it."""
    _, at = read_name(body, 0)
    while at < len(body):
        kind = body[at]
        length, start = read_uint(body, at + 1)
        at = start + length
        if kind != FUNCTION_NAMES:
            continue
        count, position = read_uint(body, start)
        names = bytearray(write_uint(count))
        for _ in range(count):
            index, position = read_uint(body, position)
            name, position = read_name(body, position)
            names += write_uint(index) + write_name(readable(name))
        return write_name(NAMES) + bytes([FUNCTION_NAMES]) + write_uint(len(names)) + bytes(names)
    return write_name(NAMES)


def is_kept(name: str, keep: frozenset[str]) -> bool:
    return name in keep or any(k.endswith("*") and name.startswith(k[:-1]) for k in keep)


def strip(module: bytes, keep: frozenset[str] = KEEP) -> tuple[bytes, list[str], list[str]]:
    """The smaller module, the names of the exports it keeps and of those it lost."""
    out = bytearray(MAGIC)
    kept: list[str] = []
    lost: list[str] = []
    for kind, body in sections(module):
        if kind == CUSTOM:
            if read_name(body, 0)[0] != NAMES:
                continue
            body = shorten_names(body)
        if kind == EXPORT:
            entries = []
            for name, raw in exports(body):
                if is_kept(name, keep):
                    kept.append(name)
                    entries.append(raw)
                else:
                    lost.append(name)
            body = write_uint(len(entries)) + b"".join(entries)
        out += bytes([kind]) + write_uint(len(body)) + body
    return bytes(out), kept, lost


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--keep", action="append", default=[], metavar="NAME", help="one more export to keep")
    parser.add_argument("--max-size", type=int, metavar="BYTES", help="fail when the result is larger")
    parser.add_argument("-v", "--verbose", action="store_true", help="list what was kept and what was dropped")
    args = parser.parse_args()

    before = args.module.read_bytes()
    try:
        after, kept, lost = strip(before, KEEP | frozenset(args.keep))
    except (Malformed, UnicodeDecodeError) as error:
        sys.exit(f"{args.module}: {error}")
    # Without these two Envoy loads the module and never calls it.
    if "proxy_on_request_headers" not in kept or not any(n.startswith("proxy_abi_version_") for n in kept):
        sys.exit(f"{args.module}: not a proxy-wasm filter, it exports {', '.join(kept + lost) or 'nothing'}")
    if args.max_size is not None and len(after) > args.max_size:
        sys.exit(f"{args.output}: {len(after)} bytes, more than the {args.max_size} that are allowed")

    # Renamed into place, so that an Envoy that starts at this moment sees the old file or the new one.
    args.output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = args.output.with_suffix(".new")
    unfinished.write_bytes(after)
    unfinished.replace(args.output)
    if args.verbose:
        print("kept:", *sorted(kept), file=sys.stderr)
        print("dropped:", *sorted(lost), file=sys.stderr)
    print(f"{args.output}: {len(after)} bytes ({len(lost)} unused exports dropped, was {len(before)} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())

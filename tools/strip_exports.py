#!/usr/bin/env python3
"""Drops the parts that the finished module does not need: unused exports and custom sections (names, producers, debug).

    strip_exports.py IN.wasm -o OUT.wasm [--keep NAME …] [--lean] [--max-size BYTES]

The Rust SDK exports every callback of proxy-wasm, and Envoy enters the VM for each one that it finds exported: about
1.2 µs of proxy CPU per callback and request, whether the callback does anything or not. The linker cannot drop
exports that a dependency marked, so this tool does it on the finished file. Functions are not removed (their indices would shift);
an unreferenced function only costs space.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

# The callbacks that Envoy calls in this filter. A callback that the code implements must be listed here, or it is silently
# never called; a listed callback that the code does not implement only costs time.
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
        "proxy_on_response_headers",
        "proxy_on_response_body",
        "proxy_on_response_trailers",
        "proxy_on_delete",
    }
)

# The callbacks for answers, which only lists of namespaces need.
ANSWERS = frozenset({"proxy_on_response_headers", "proxy_on_response_body", "proxy_on_response_trailers"})
# The module has this text once, and knows by its end whether it is called for answers (module/src/hostcalls.rs).
MARKER = b"temporal-auth reads answers: "

MAGIC = b"\0asm\x01\0\0\0"
CUSTOM, EXPORT = 0, 7


class Malformed(Exception):
    """The file is not a WebAssembly module that this tool understands."""


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
    """Each export's name and its bytes in the file."""
    count, at = read_uint(body, 0)
    for _ in range(count):
        start = at
        name, at = read_name(body, at)
        _, at = read_uint(body, at + 1)  # kind, index
        yield name, body[start:at]


def is_kept(name: str, keep: frozenset[str]) -> bool:
    return name in keep or any(k.endswith("*") and name.startswith(k[:-1]) for k in keep)


def strip(module: bytes, keep: frozenset[str] = KEEP) -> tuple[bytes, list[str], list[str]]:
    """The smaller module, and the names of the exports that were kept and dropped."""
    out = bytearray(MAGIC)
    kept: list[str] = []
    lost: list[str] = []
    for kind, body in sections(module):
        if kind == CUSTOM:
            continue
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


def without_answers(module: bytes) -> bytes:
    """The module with its marker changed."""
    if module.count(MARKER + b"+") != 1:
        raise Malformed("the marker of the callbacks for answers is not there once")
    return module.replace(MARKER + b"+", MARKER + b"-")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--keep", action="append", default=[], metavar="NAME", help="one more export to keep")
    parser.add_argument("--lean", action="store_true", help="drop the callbacks for answers too")
    parser.add_argument("--max-size", type=int, metavar="BYTES", help="fail when the result is larger")
    parser.add_argument("-v", "--verbose", action="store_true", help="list what was kept and what was dropped")
    args = parser.parse_args()

    before = args.module.read_bytes()
    try:
        keep = KEEP | frozenset(args.keep)
        after, kept, lost = strip(without_answers(before), keep - ANSWERS) if args.lean else strip(before, keep)
    except (Malformed, UnicodeDecodeError) as error:
        sys.exit(f"{args.module}: {error}")
    # Without these two Envoy loads the module and never calls it.
    if "proxy_on_request_headers" not in kept or not any(n.startswith("proxy_abi_version_") for n in kept):
        sys.exit(f"{args.module}: not a proxy-wasm filter, it exports {', '.join(kept + lost) or 'nothing'}")
    if args.max_size is not None and len(after) > args.max_size:
        sys.exit(f"{args.output}: {len(after)} bytes, more than the {args.max_size} that are allowed")

    # Renamed into place, so that an Envoy that starts at this moment sees the old file or the new file, never a part.
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

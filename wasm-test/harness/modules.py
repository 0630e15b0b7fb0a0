"""Other builds of the module, made from the finished file: a build with other bytes, and a build that traps."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from . import paths
from .envoy import run_directory

TYPES, IMPORTS, FUNCTIONS, EXPORTS, CODE = 1, 2, 3, 7, 10
I32 = b"\x7f"


def _tool() -> ModuleType:
    """The tool that already knows the file format."""
    spec = importlib.util.spec_from_file_location("strip_exports", paths.ROOT / "tools" / "strip_exports.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_wasm = _tool()


def another(module: Path = paths.MODULE) -> Path:
    """The same code in other bytes: to the host it is another module, with VMs of its own."""
    section = _name("test") + b"another"
    return _write("another.wasm", module.read_bytes() + b"\0" + _wasm.write_uint(len(section)) + section)


def that_traps(module: Path = paths.LEAN_MODULE) -> Path:
    """A module that traps on each response that ends with its headers, so whenever the filter refuses a call.

    A function of three numbers that returns a number is added and exported as `proxy_on_response_headers`, which the lean
    module does not export.
    """
    sections = list(_wasm.sections(module.read_bytes()))
    types = _count(sections, TYPES)
    index = _imported_functions(sections) + _count(sections, FUNCTIONS)
    #      no locals; local.get 2; if; unreachable; end; i32.const 0 (continue); end
    body = b"\0" + b"\x20\x02" + b"\x04\x40" + b"\0" + b"\x0b" + b"\x41\0" + b"\x0b"
    added = {
        TYPES: b"\x60\x03" + 3 * I32 + b"\x01" + I32,
        FUNCTIONS: _wasm.write_uint(types),
        EXPORTS: _name("proxy_on_response_headers") + b"\0" + _wasm.write_uint(index),
        CODE: _wasm.write_uint(len(body)) + body,
    }
    out = _wasm.MAGIC
    for kind, content in sections:
        if kind in added:
            count, at = _wasm.read_uint(content, 0)
            content = _wasm.write_uint(count + 1) + content[at:] + added[kind]
        out += bytes([kind]) + _wasm.write_uint(len(content)) + content
    return _write("traps.wasm", out)


def _name(text: str) -> bytes:
    return bytes(_wasm.write_uint(len(text))) + text.encode()


def _count(sections: list[tuple[int, bytes]], wanted: int) -> int:
    count: int = next(_wasm.read_uint(content, 0)[0] for kind, content in sections if kind == wanted)
    return count


def _imported_functions(sections: list[tuple[int, bytes]]) -> int:
    content = next(content for kind, content in sections if kind == IMPORTS)
    count, at = _wasm.read_uint(content, 0)
    for _ in range(count):
        for _ in range(2):
            _, at = _wasm.read_name(content, at)
        assert content[at] == 0, "an import that is no function"
        _, at = _wasm.read_uint(content, at + 1)
    return int(count)


def _write(name: str, content: bytes) -> Path:
    path = run_directory("module") / name
    path.write_bytes(content)
    return path

#!/usr/bin/env python3
"""Checks that strip_exports.py keeps the export of every callback that the module implements: Envoy never calls a callback
that is not exported, and does not report it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from strip_exports import KEEP

MODULE = Path(__file__).resolve().parents[1] / "module" / "src"
CALLBACK = re.compile(r"^    fn (on_\w+)\(&(?:mut )?self", re.MULTILINE)


def export_of(callback: str) -> str:
    """The ABI's name for a callback of the SDK's traits, which say `http` where the ABI does not."""
    return "proxy_" + re.sub(r"^on_http_(request|response)_", r"on_\1_", callback)


def main() -> int:
    found = {(path.name, name) for path in MODULE.glob("*.rs") for name in CALLBACK.findall(path.read_text())}
    lost = sorted((file, name) for file, name in found if export_of(name) not in KEEP)
    for file, name in lost:
        print(f"module/src/{file}: {name} is never called: add {export_of(name)} to KEEP in tools/strip_exports.py")
    if not found:
        print("module/src: no callbacks found")
    return 1 if lost or not found else 0


if __name__ == "__main__":
    sys.exit(main())

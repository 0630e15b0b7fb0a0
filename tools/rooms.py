#!/usr/bin/env python3
"""Checks that every room of src/ imports only rooms below it in the table of ARCHITECTURE.md, and that all are listed.

It also checks that cargo compiles every file: cargo ignores a file that no module declares, and the tests in it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
CRATES = [SOURCE, *(ROOT / name for name in ("module/src", "cli/src", "fuzz/src"))]


def order() -> list[str]:
    """The rooms, from top to bottom."""
    page = (ROOT / "ARCHITECTURE.md").read_text()
    table = page.split("| room |", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `(\w+)/?` \|", table, re.MULTILINE)


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".rs")


def code_of(path: Path) -> str:
    """The file without its tests, which may use any room."""
    return path.read_text().split("#[cfg(test)]\nmod tests {", 1)[0]


def is_declared(path: Path) -> bool:
    """Whether the surrounding module, or the file with the directory's name, declares this file."""
    module, around = path.stem, path.parent
    if module in ("main", "lib"):
        return True
    if module == "mod":
        module, around = around.name, around.parent
    parents = [*(around / f"{name}.rs" for name in ("mod", "main", "lib")), around.with_suffix(".rs")]
    declaration = re.compile(rf"^\s*(pub(\(.*\))? )?mod {module}\b", re.MULTILINE)
    return any(parent.exists() and declaration.search(parent.read_text()) for parent in parents)


def main() -> int:
    rooms = order()
    files = sorted(path for crate in CRATES for path in crate.rglob("*.rs"))
    problems = [f"{path.relative_to(ROOT)}: no module declares it" for path in files if not is_declared(path)]
    for path in sorted(SOURCE.rglob("*.rs")):
        room = room_of(path)
        if room == "lib" or "tests" in path.parts or path.stem == "tests":
            continue
        if room not in rooms:
            problems.append(f"ARCHITECTURE.md: the table of rooms lacks `{room}`")
            continue
        for other in sorted(set(re.findall(r"\bcrate::(\w+)", code_of(path)))):
            if other != room and other in rooms and rooms.index(other) < rooms.index(room):
                problems.append(f"{path.relative_to(ROOT)}: `{room}` imports `{other}`, which is above it")
    print("\n".join(dict.fromkeys(problems)), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

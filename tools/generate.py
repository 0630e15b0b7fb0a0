"""Rewrites everything that is generated; with --check it names stale files instead.

    python3 tools/generate.py [--check]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A generator exits with this status if it cannot run: helm is built with Go.
CANNOT_RUN = 3

# The generated files and their generators, in the order of their dependencies. Each generator accepts --check.
STEPS = {
    "the table of methods, docs/effects.md, docs/parity.md and the tables of roles": "tools/methods.py",
    "docs/config.schema.json and the tables of docs/configuration.md": "cargo",
    "istio/chart/values.schema.json": "tools/chart_schema.py",
    "istio/manifests": "tools/manifests.py",
    "istio/chart/README.md": "tools/chart_readme.py",
    "docs/sdks": "tools/sdks.py",
}


def run(tool: str, check: bool) -> int:
    """Runs a generator and returns its status. For generators in Rust, a test compares or writes the files."""
    if tool != "cargo":
        return subprocess.run([sys.executable, ROOT / tool, *(["--check"] if check else [])], cwd=ROOT).returncode
    environment = os.environ | ({} if check else {"GENERATE": "1"})
    # With the same packages as `make test`, or cargo would build dependencies again with other features.
    packages = os.environ.get("TESTED", "--package temporal-auth-cli").split()
    test = ["cargo", "test", "--quiet", *packages, "--bin", "temporal-auth", "generated_files_are_current"]
    return subprocess.run(test, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL if not check else None).returncode


def main() -> None:
    check = sys.argv[1:] == ["--check"]
    failed = []
    for what, tool in STEPS.items():
        status = run(tool, check)
        if status == CANNOT_RUN:
            print(f"generate: skipped {what}: {tool} cannot run here", file=sys.stderr)
        elif status:
            failed.append(what)
    if failed:
        sys.exit(f"generate: {'stale' if check else 'failed'}: {'; '.join(failed)}" + (": make generate" if check else ""))


if __name__ == "__main__":
    main()

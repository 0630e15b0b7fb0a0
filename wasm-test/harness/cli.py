"""The command line `temporal-auth`."""

from __future__ import annotations

import os
import subprocess

from . import paths


def temporal_auth(*arguments: str | os.PathLike[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the command. `make test-native` has built it; otherwise it is built now."""
    command = ["cargo", "run", "--quiet", "--package", "temporal-auth-cli", "--", *arguments]
    return subprocess.run(command, cwd=paths.ROOT, input=stdin, capture_output=True, text=True, timeout=900)

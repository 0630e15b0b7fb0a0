"""The programs that scripts/mesh-build.sh has built, and addresses for them."""

from __future__ import annotations

import random
from pathlib import Path

from harness import paths

MESH = paths.ROOT / ".cache" / "mesh"
# Istio's agent keeps downloaded modules here; it has no setting for the path.
ISTIO_DATA = Path("/var/lib/istio/data")

_random = random.SystemRandom()


def binary(name: str) -> Path:
    path = MESH / "bin" / name
    if not path.exists():
        raise FileNotFoundError(f"{path}: scripts/mesh-build.sh builds it")
    return path


def istio(path: str) -> Path:
    """A file or directory of Istio's sources: its charts, its bootstrap of Envoy."""
    return MESH / "istio" / path


def loopback_address() -> str:
    """A loopback address that nobody else uses, so that a port such as 7233 is free on it."""
    return f"127.{_random.randrange(1, 255)}.{_random.randrange(256)}.{_random.randrange(2, 255)}"

"""The workers and clients of this directory, one pair for each SDK, as `scripts/sdks.sh` builds them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness import paths

HERE = Path(__file__).parent
BUILT = paths.ROOT / ".cache" / "sdks"
GO = paths.ROOT / ".cache" / "go" / "sdk-go"
JAVA = ("java", "-Xmx256m", "-cp", f"{BUILT}/java/classes:{BUILT}/java/lib/*")


@dataclass(frozen=True)
class Sdk:
    name: str
    client: tuple[str, ...]
    worker: tuple[str, ...] = ()
    # What the script leaves when it has built both.
    built: Path = field(default=HERE)

    def __str__(self) -> str:
        return self.name

    def require(self) -> None:
        if not self.built.exists():
            pytest.skip(f"{self.name} is not built: see what scripts/sdks.sh says")


def _python(name: str) -> tuple[str, ...]:
    return sys.executable, "-u", str(HERE / "python" / name)


def _node(name: str) -> tuple[str, ...]:
    return "node", str(BUILT / "typescript" / "lib" / name)


PYTHON = Sdk("python", _python("client.py"), _python("worker.py"))
SDKS = [
    Sdk("go", (str(GO / "client"),), (str(GO / "worker"),), GO.with_suffix(".stamp")),
    Sdk("java", (*JAVA, "Start"), (*JAVA, "Work"), BUILT / "java.stamp"),
    Sdk("typescript", _node("client.js"), _node("worker.js"), BUILT / "typescript.stamp"),
    PYTHON,
    Sdk("rust", (str(BUILT / "rust" / "debug" / "client"),), (str(BUILT / "rust" / "debug" / "worker"),), BUILT / "rust" / "debug" / "worker"),
]
# Workers that do nothing about hanging.
UNGUARDED = [
    Sdk("typescript-unguarded", (), _node("unguarded.js"), BUILT / "typescript.stamp"),
    Sdk("python-unguarded", (), _python("unguarded.py")),
]
CLI = Sdk("cli", (str(HERE / "cli" / "client.sh"),))

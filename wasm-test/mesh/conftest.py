"""What the tests of the mesh share. `make test-mesh` runs them: the parts take a quarter of an hour to build."""

from __future__ import annotations

from typing import Iterator

import pytest

from harness import paths
from harness.temporal import Temporal
from lab import parts
from lab.mesh import Mesh


def pytest_configure(config: pytest.Config) -> None:
    missing = [str(path) for path in (parts.MESH / "bin", paths.ROOT / "target" / "image") if not path.exists()]
    if missing:
        raise pytest.UsageError(f"not there: {', '.join(missing)}: make test-mesh")


@pytest.fixture(scope="session")
def mesh(temporal: Temporal) -> Iterator[Mesh]:
    """Suite A: istiod's code without an API server. A test that changes resources puts them back."""
    with Mesh(temporal) as running:
        yield running

"""Shared fixtures of the mesh tests. `make test-mesh` runs them; its parts take a quarter of an hour to build."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo_stage import NAMESPACES
from harness import paths
from harness.temporal import Temporal
from lab import parts
from lab.kube import machine_address
from lab.kube_mesh import KubeMesh
from lab.mesh import Mesh


def pytest_configure(config: pytest.Config) -> None:
    missing = [str(path) for path in (parts.MESH / "bin", paths.ROOT / "target" / "image") if not path.exists()]
    if missing:
        raise pytest.UsageError(f"not there: {', '.join(missing)}: make test-mesh")


@pytest.fixture(scope="session")
def mesh(temporal: Temporal) -> Iterator[Mesh]:
    """Suite A: istiod's code without an API server. A test that changes resources restores them."""
    with Mesh(temporal) as running:
        yield running


@pytest.fixture(scope="session")
def kube_mesh() -> Iterator[KubeMesh]:
    """Suite B: a real API server, Istio's charts, stock istiod with its webhooks."""
    address = machine_address()
    if address is None:
        pytest.skip("this machine has no address but loopback, which endpoints of Services must not have")
    # It gets a server of its own, because the demo's workflows and endpoints can exist only once.
    with Temporal(NAMESPACES) as temporal, KubeMesh(temporal, address) as running:
        yield running

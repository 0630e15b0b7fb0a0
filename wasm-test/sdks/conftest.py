"""Fixtures of `make test-sdks`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.temporal import Temporal
from scene import Scene, temporal_with_short_polls


@pytest.fixture(scope="session")
def temporal() -> Iterator[Temporal]:
    with temporal_with_short_polls() as running:
        yield running


@pytest.fixture
def scene(temporal: Temporal) -> Iterator[Scene]:
    with Scene(temporal) as scene:
        yield scene

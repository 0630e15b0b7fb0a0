"""Shared fixtures."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from api_server import NEEDED, PARTS, ApiServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    missing = [name for name in NEEDED if not (PARTS / "bin" / name).exists()]
    if missing:
        pytest.skip(f"{', '.join(missing)} not built: scripts/mesh-build.sh builds them")
    server = ApiServer(tmp_path_factory.mktemp("api-server"))
    try:
        server.start()
        yield server
    finally:
        server.stop()

"""What the tests here share."""

import sys
from pathlib import Path
from typing import Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from api_server import NEEDED, PARTS, ApiServer  # noqa: E402


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

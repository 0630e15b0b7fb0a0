"""`make push`, to a registry that requires credentials."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

from harness import paths
from lab.registry import Registry


def _login(directory: Path, host: str, password: str) -> dict[str, str]:
    """Writes the file that `docker login` writes."""
    directory.mkdir()
    auth = base64.b64encode(f"ci:{password}".encode()).decode()
    (directory / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    return {"DOCKER_CONFIG": str(directory)}


def test_a_push_needs_credentials(tmp_path: Path) -> None:
    with Registry("ci", "secret") as registry:
        good = registry.try_to_push("1", _login(tmp_path / "good", registry.host, "secret"))
        assert good.returncode == 0, good.stderr
        index = json.loads((paths.ROOT / "target" / "image" / "index.json").read_text())
        assert good.stdout.strip() == f"{registry.name}@{index['manifests'][0]['digest']}"
        for bad in (_login(tmp_path / "bad", registry.host, "wrong"), _login(tmp_path / "other", "example.com", "secret")):
            refused = registry.try_to_push("2", bad)
            assert refused.returncode != 0 and "401" in refused.stderr, refused.stderr
            assert "secret" not in refused.stderr + good.stderr


def test_a_push_needs_the_name_of_the_image() -> None:
    done = subprocess.run([paths.ROOT / "scripts" / "push.sh"], capture_output=True, text=True)
    assert done.returncode == 1 and "make push IMAGE=" in done.stderr

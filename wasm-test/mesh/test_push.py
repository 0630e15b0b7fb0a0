"""`make push`, and the chart, to a registry that requires credentials."""

from __future__ import annotations

import base64
import json
import os
import re
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


def test_a_chart_is_pushed_with_the_same_credentials(tmp_path: Path) -> None:
    image = "registry.example.com/temporal-auth@sha256:" + "7" * 64
    chart = subprocess.run([paths.ROOT / "scripts" / "chart.sh", image], capture_output=True, text=True)
    assert chart.returncode == 0, chart.stderr
    script = [str(paths.ROOT / "scripts" / "push-chart.sh"), chart.stdout.strip()]
    with Registry("ci", "secret") as registry:

        def push(login: dict[str, str]) -> subprocess.CompletedProcess[str]:
            argv = [*script, f"{registry.host}/charts", "--plain-http"]
            return subprocess.run(argv, capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": str(tmp_path), **login})

        good = push(_login(tmp_path / "good", registry.host, "secret"))
        assert good.returncode == 0, good.stderr
        assert re.fullmatch(rf"{registry.host}/charts/temporal-auth@sha256:[0-9a-f]{{64}}\n", good.stdout), good.stdout
        bad = push(_login(tmp_path / "bad", registry.host, "wrong"))
        assert bad.returncode != 0 and "401" in bad.stderr and "secret" not in bad.stderr + good.stderr, bad.stderr

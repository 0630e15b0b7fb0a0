"""A real Prometheus, with the rules of monitoring/ on the clock of a test: minutes are seconds."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from . import http_client, paths
from .envoy import run_directory
from .poll import until
from .ports import free_port
from .procs import Process, Server

# How long the times of the rules are here. A range must hold some samples, of which there is one a second.
SPANS = {"5m": "10s", "10m": "10s", "15m": "30s", "1h": "30s", "6h:10m": "60s:1s"}


def tool(name: str) -> Path | None:
    """`prometheus` or `promtool`: from the directory PROMETHEUS, or what scripts/monitoring.sh has fetched, or from the PATH."""
    directory = Path(os.environ.get("PROMETHEUS", paths.MONITORING / "prometheus" / "usr" / "bin"))
    found = str(directory / name) if (directory / name).exists() else shutil.which(name)
    return Path(found) if found else None


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    found = tool("promtool")
    assert found
    return subprocess.run([found, *arguments], capture_output=True, text=True, timeout=120)


def quickened(rules: str) -> str:
    """The rules with short times. A time that is not in SPANS is the caller's mistake: KeyError."""
    rules = re.sub(r"\[([0-9a-z:]+)\]", lambda found: f"[{SPANS[found[1]]}]", rules)
    return re.sub(r"^(    for: )\w+$", r"\g<1>1s", rules, flags=re.MULTILINE)


class Prometheus(Server):
    """Scrapes ports of this machine every second, each under the name that it is given as its `instance`."""

    def __init__(self, targets: Mapping[str, int]) -> None:
        self.port = free_port()
        directory = run_directory("prometheus")
        (directory / "rules.yaml").write_text(quickened((paths.ROOT / "monitoring" / "rules.yaml").read_text()))
        text = (paths.ROOT / "monitoring" / "prometheus.yaml").read_text()
        text, intervals = re.subn(r"_interval: 15s", "_interval: 1s", text)
        text, places = re.subn(
            r"  - targets: \[127\.0\.0\.1:9902\]\n",
            "".join(f"  - {{targets: ['127.0.0.1:{port}'], labels: {{instance: {name}}}}}\n" for name, port in targets.items()),
            text,
        )
        assert (intervals, places) == (2, 1), "prometheus.yaml does not look as it did"
        config = directory / "prometheus.yaml"
        config.write_text(text)
        program = tool("prometheus")
        assert program
        argv: list[str | Path] = [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        self.process = Process("prometheus", argv, directory / "prometheus.log", cwd=directory)

    def start(self) -> Self:
        self.process.start().wait_ready(lambda: http_client.send(self.port, "GET", "/-/ready").status == 200)
        return self

    def stop(self) -> None:
        self.process.stop()

    def api(self, path: str, **parameters: str) -> Any:
        """`data` of the answer; AssertionError if Prometheus refuses."""
        reply = http_client.send(self.port, "GET", f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(reply.body)
        assert answer["status"] == "success", f"{path} {parameters}: {answer}"
        return answer["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """An instant vector: each sample with its labels (`metric`) and `value`."""
        return list(self.api("query", query=expression)["result"])

    def names(self) -> set[str]:
        """Of all metrics."""
        return set(self.api("label/__name__/values"))

    def rules(self) -> dict[str, dict[str, Any]]:
        """The alerts by their names."""
        return {rule["name"]: rule for group in self.api("rules")["groups"] for rule in group["rules"]}

    def firing(self, alert: str, instance: str | None = None, timeout: float = 20) -> dict[str, Any]:
        """Waits for the alert to fire; returns its labels and annotations."""

        def found() -> dict[str, Any] | None:
            alerts = self.rules()[alert]["alerts"]
            fires = (one for one in alerts if one["state"] == "firing")
            return next((one for one in fires if instance is None or one["labels"].get("instance") == instance), None)

        return until(found, timeout, f"{alert} to fire")

"""The demo's stage with a mesh instead of Envoy: the same people, provider, worker and calls."""

from __future__ import annotations

import json
import secrets
import sys
from contextlib import ExitStack

from harness import paths
from harness.envoy import Envoy, run_directory
from harness.procs import tcp_answers

sys.path.insert(0, str(paths.ROOT / "demo"))

from stage import HERE as DEMO
from stage import NAMESPACES, Ports, Stage

__all__ = ["NAMESPACES", "MeshStage"]


class MeshStage(Stage):
    """`address` is the gateway's; `envoy` is the proxy whose decision log is read."""

    def __init__(self, gateway_port: int, idp_port: int, envoy: Envoy) -> None:
        self.ports = Ports(listener=gateway_port, idp=idp_port)
        self.issuer = f"http://127.0.0.1:{idp_port}"
        self.address = f"127.0.0.1:{gateway_port}"
        self.directory = run_directory("mesh-demo")
        people: dict[str, dict[str, object]] = json.loads((DEMO / "people.json").read_text())
        self.clients = {name: {**person, "secret": secrets.token_urlsafe(16)} for name, person in people.items()}
        self.envoy = envoy  # type: ignore[assignment]
        self.idp = self._idp(600)
        self.worker = self._worker()
        self._running = ExitStack()

    def __enter__(self) -> MeshStage:
        with ExitStack() as starting:
            starting.enter_context(self.idp).wait_ready(tcp_answers(self.ports.idp))
            starting.enter_context(self.worker).wait_ready(lambda: "working" in self.worker.log_text(), 60)
            self._running = starting.pop_all()
        return self

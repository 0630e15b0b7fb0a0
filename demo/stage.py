"""The stage of the demo: a real Temporal, the identity provider, Envoy with the repository's envoy.yaml, a worker.

`make demo` uses free ports, so that it disturbs nothing; `make run` uses the ports of envoy.yaml.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness import paths
from harness.envoy import Envoy, envoy_argv, render_envoy_yaml, run_directory
from harness.ports import free_ports
from harness.procs import Process, tcp_answers
from harness.temporal import Temporal
from harness.web_ui import Login, WebUi, callback
from tokens import mint

HERE = Path(__file__).resolve().parent
ENVOY_YAML = paths.ROOT / "envoy.yaml"

NAMESPACES = ["payroll", "finance-reports", "bitovi-project"]
WORKER = "payroll-worker"


@dataclass(frozen=True)
class Ports:
    """As in envoy.yaml."""

    listener: int = 7533
    admin: int = 9901
    temporal: int = 7233
    temporal_http: int = 7243
    idp: int = 7535

    @classmethod
    def free(cls) -> Ports:
        return cls(*free_ports(5))

    def taken(self, *others: int) -> list[int]:
        """Those of these ports, and of `others`, on which other programs listen."""
        return [port for port in (*vars(self).values(), *others) if _answers(port)]


def _answers(port: int) -> bool:
    try:
        return tcp_answers(port)()
    except OSError:
        return False


class Stage:
    """`with Stage(ports) as stage:` everything is up; at the end of the block, everything is stopped."""

    def __init__(self, ports: Ports, *, token_lifetime: int, web_ui: int | None = None) -> None:
        """`web_ui` is the port of a Web UI, for people who log in."""
        self.ports = ports
        self.issuer = f"http://127.0.0.1:{ports.idp}"
        self.address = f"127.0.0.1:{ports.listener}"
        self.directory = run_directory("demo")
        # Fresh secrets each time: none is worth stealing, and none has to be in a file of the repository.
        people: dict[str, dict[str, object]] = json.loads((HERE / "people.json").read_text())
        self.clients = {name: {**person, "secret": secrets.token_urlsafe(16)} for name, person in people.items()}
        self.passwords: dict[str, str] = {}
        self.web_ui: WebUi | None = None
        self.idp = self._idp(token_lifetime, self._with_logins(web_ui) if web_ui else {})
        # If an option is given twice, the last value counts.
        self.temporal = Temporal(NAMESPACES, extra=("--port", str(ports.temporal), "--http-port", str(ports.temporal_http)))
        self.temporal.port = ports.temporal
        self.envoy = RenderedEnvoy(ports, self.directory)
        self.worker = self._worker()
        self._running = ExitStack()

    def token(self, who: str) -> str:
        return mint(self.issuer, who, str(self.clients[who]["secret"]))[0]

    def __enter__(self) -> Stage:
        with ExitStack() as starting:
            # Temporal takes longest to start and depends on nothing.
            starting.enter_context(self.temporal.process)
            starting.enter_context(self.idp).wait_ready(tcp_answers(self.ports.idp))
            self.temporal.process.wait_ready(self.temporal.ready, 60)
            starting.enter_context(self.envoy)
            starting.enter_context(self.worker).wait_ready(lambda: "working" in self.worker.log_text())
            if self.web_ui:
                starting.enter_context(self.web_ui)
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _with_logins(self, port: int) -> dict[str, object]:
        """A Web UI, and what the identity provider must know for it: everybody who is not a service has a password."""
        login = Login(self.issuer, secrets.token_urlsafe(16))
        self.web_ui = WebUi(login, self.ports.listener, port=port, default_namespace=NAMESPACES[0])
        humans = {name: client for name, client in self.clients.items() if not client.get("service")}
        self.passwords = {name: secrets.token_urlsafe(6) for name in humans}
        return {
            "web_ui": {"secret": login.secret, "callbacks": [callback(port)]},
            "people": {name: {"password": self.passwords[name], "groups": humans[name]["groups"]} for name in humans},
        }

    def _idp(self, token_lifetime: int, logins: Mapping[str, object] | None = None) -> Process:
        settings = {"port": self.ports.idp, "ttl": token_lifetime, "clients": self.clients, **(logins or {})}
        file = self.directory / "idp.json"
        file.touch(0o600)
        file.write_text(json.dumps(settings))
        return Process("idp", ["node", str(HERE / "idp" / "idp.mjs"), str(file)], self.directory / "idp.log")

    def _worker(self) -> Process:
        return Process(
            "worker",
            [sys.executable, str(HERE / "worker.py")],
            self.directory / "worker.log",
            env={
                "ADDRESS": self.address,
                "ISSUER": self.issuer,
                "CLIENT_ID": WORKER,
                "CLIENT_SECRET": str(self.clients[WORKER]["secret"]),
            },
        )


class RenderedEnvoy(Envoy):
    """Envoy on envoy.yaml itself: only ports, the module's path and the logging of allowed calls differ."""

    def __init__(self, ports: Ports, directory: Path) -> None:
        self.port, self.admin_port, self.directory = ports.listener, ports.admin, directory
        text = ENVOY_YAML.read_text()
        quiet = "log: {allowed: false}"
        assert quiet in text, f"{ENVOY_YAML} has no `{quiet}`"
        if ports != Ports():
            # The table also shows why a call was allowed.
            text = text.replace(quiet, "log: {allowed: true}")
        replaced = {getattr(Ports(), name): getattr(ports, name) for name in vars(ports)}
        config = directory / "envoy.yaml"
        config.write_text(render_envoy_yaml(text, replaced, paths.MODULE))
        self.process = Process("envoy", envoy_argv(config), directory / "envoy.log")


def clean_environment() -> dict[str, str]:
    """The environment of the command line tool: the profile of this machine's user must not matter."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    return {**kept, "HOME": str(paths.RUNS), "XDG_CONFIG_HOME": str(paths.RUNS)}

"""A real Envoy: started, watched, updated, stopped.

    with Envoy(Settings(clusters={"temporal": Cluster(port)}, plugin={...})) as envoy:
        call(envoy.port, ...)
        envoy.counter("temporal_auth.allowed")
        envoy.decisions()
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from . import paths
from .envoy_config import Cluster, Json, Settings, bootstrap, cds, lds
from .poll import until
from .ports import free_ports
from .procs import Process, Server

__all__ = ["Cluster", "ConfigurationRejected", "Envoy", "Settings", "render_envoy_yaml", "run_directory"]

DECISION = "temporal-auth {"
CONFIGURATION_ERROR = "temporal-auth: configuration: "
# A port that nobody listens on.
NO_SERVER = 9

_count = itertools.count(1)


class ConfigurationRejected(RuntimeError):
    """A pushed listener was refused; the old listener stays in effect."""


class Envoy(Server):
    """One Envoy process. Attributes: `port` (listener), `admin_port`, `directory` (its files)."""

    # Where the log of the test that uses it begins, and the counters of the tests before.
    _log_start = 0
    _base: Mapping[str, int] = {}

    def __init__(self, settings: Settings, name: str = "envoy") -> None:
        self.settings = settings
        self.port, self.admin_port = free_ports(2)
        self.directory = run_directory(name)
        self._version = 0
        self.process = self._process(name, self._write_bootstrap())

    # -- life

    def start(self, timeout: float = 30.0) -> Self:
        self.process.start().wait_ready(self.ready, timeout)
        return self

    def ready(self) -> bool:
        """Initialised, and (with a dynamic listener) the listener is there."""
        if self.admin("/ready", check=False).strip() != "LIVE":
            return False
        listeners = self.stats("listener_manager.")
        if listeners.get("listener_manager.lds.update_rejected"):
            raise ConfigurationRejected(self.process.log_tail())
        return listeners.get("listener_manager.total_listeners_active", 0) > 0

    def stop(self) -> None:
        self.process.stop()

    # -- configuration updates

    def push(self, *, timeout: float = 20.0, **changes: Any) -> None:
        """Replaces fields of the settings on the running listener; ConfigurationRejected when Envoy refuses."""
        before, self.settings = self.settings, replace(self.settings, **changes)
        # A listener may need new clusters.
        if self.settings.clusters != before.clusters:
            self._update("cluster_manager.cds", "cluster_manager.warming_clusters", self._write_cds, timeout)
        self._update("listener_manager.lds", "listener_manager.total_listeners_warming", self._write_lds, timeout)

    def _update(self, kind: str, warming: str, write: Callable[[], None], timeout: float) -> None:
        success, rejected = f"{kind}.update_success", f"{kind}.update_rejected"
        before = self.stats(kind)
        write()

        def outcome() -> str:
            after = self.stats(kind.partition(".")[0])
            if after.get(rejected, 0) > before.get(rejected, 0):
                return rejected
            # Accepted, and nothing new is warming any more.
            if after.get(success, 0) > before.get(success, 0) and not after.get(warming):
                return success
            return ""

        if until(outcome, timeout, f"the outcome of the update of {kind}") == rejected:
            raise ConfigurationRejected("\n".join(self.configuration_errors()))

    def rest(self, configuration: Json) -> None:
        """Ends the work for one test: this Envoy reaches no server, and its old listener goes away in the background.

        The plugin stays, with this configuration, because its VM would go with it.
        """
        self.push(**_all(Settings({"temporal": Cluster(NO_SERVER)}, plugin=configuration)))

    def reuse(self, settings: Settings) -> None:
        """Hands a resting Envoy to another test: with other settings, and with counters and both logs starting here.

        The number of worker threads and the module's VM stay as they are.
        """
        draining = "listener_manager.total_listeners_draining"
        until(lambda: not self.stats(draining).get(draining), 20, "the old listener to be gone")
        self._base = self._numbers("/stats?type=Counters&usedonly")
        self._log_start = self.log_mark()
        self._access_log.forget()
        self.push(**_all(settings))

    # -- observations

    def stats(self, prefix: str = "") -> dict[str, int]:
        """Gauges and counters whose name starts with `prefix`; counters since the test began."""
        found = self._numbers("/stats?usedonly&filter=" + ("^" + re.escape(prefix) if prefix else ""))
        return {name: value - self._base.get(name, 0) for name, value in found.items() if value != self._base.get(name)}

    def _numbers(self, path: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for line in self.admin(path).splitlines():
            name, _, value = line.partition(": ")
            if value.isdigit():
                found[name] = int(value)
        return found

    def counter(self, name: str) -> int:
        """One counter of the module, without Envoy's prefix."""
        return self.stats("wasmcustom." + name).get("wasmcustom." + name, 0)

    def gauge(self, name: str) -> int:
        """One gauge of the module, without Envoy's prefix."""
        return self._numbers(f"/stats?usedonly&filter=^wasmcustom.{re.escape(name)}$").get("wasmcustom." + name, 0)

    def counters(self) -> dict[str, int]:
        return {name.removeprefix("wasmcustom."): value for name, value in self.stats("wasmcustom.").items()}

    def wait_counter(self, name: str, at_least: int, timeout: float = 5.0) -> int:
        return until(
            lambda: (value := self.counter(name)) >= at_least and value, timeout, f"{name} >= {at_least}: {self.counters()}"
        )

    def settled_counters(self) -> dict[str, int]:
        """The counters once they no longer change: the module reports them about once a second, on a busy machine later."""
        now, same = self.counters(), 0
        while same < 3:
            time.sleep(1)
            before, now = now, self.counters()
            same = same + 1 if now == before else 0
        return now

    def log_text(self) -> str:
        return self.log_since(0)

    def log_mark(self) -> int:
        """A position in the log, for `decisions(since=...)`."""
        return self.process.log.stat().st_size if self.process.log.exists() else 0

    def log_since(self, mark: int) -> str:
        with open(self.process.log, "rb") as log:
            log.seek(max(mark, self._log_start))
            return log.read().decode(errors="replace")

    def decisions(self, since: int = 0) -> list[Json]:
        """The decision log, parsed."""
        return decisions_in(self.log_since(since))

    def decision(
        self, since: int = 0, where: Callable[[Json], bool] = lambda _: True, timeout: float = 5.0
    ) -> Json:
        """The first decision after `since` for which `where` holds; waits for it."""
        return until(
            lambda: next((d for d in self.decisions(since) if where(d)), None), timeout, "a line in the decision log"
        )

    def configuration_errors(self, since: int = 0) -> list[str]:
        """The module's problems with its configuration, without the prefix; each text once."""
        found = [
            line.split(CONFIGURATION_ERROR, 1)[1]
            for line in self.log_since(since).splitlines()
            if CONFIGURATION_ERROR in line
        ]
        return list(dict.fromkeys(found))  # the canary and each worker log it again

    @cached_property
    def _access_log(self) -> _AccessLog:
        return _AccessLog(self.directory / "access.log")

    def access_log(self) -> list[Json]:
        return list(self._access_log.lines())

    def access(self, test_id: str, timeout: float = 5.0) -> Json:
        """The access-log line of the request that carried `x-test-id: <test_id>`; waits for it."""
        return until(
            lambda: next((line for line in reversed(self._access_log.lines()) if line["id"] == test_id), None),
            timeout,
            f"an access-log line of {test_id}",
            every=0.01,
        )

    @property
    def version(self) -> tuple[int, ...]:
        """As in (1, 40, 0)."""
        return tuple(map(int, json.loads(self.admin("/server_info"))["version"].split("/")[1].partition("-")[0].split(".")))

    def admin(self, path: str, check: bool = True) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=30)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        if check and response.status != 200:
            raise RuntimeError(f"admin {path}: {response.status} {text}")
        return text

    # -- files

    def _write_bootstrap(self) -> Path:
        config = bootstrap(self.settings, port=self.port, admin_port=self.admin_port, directory=self.directory)
        path = self.directory / "envoy.json"
        path.write_text(json.dumps(config, indent=1))
        if self.settings.dynamic:
            self._write_cds()
            self._write_lds()
        return path

    def _write_cds(self) -> None:
        self._version += 1
        self._write("cds.json", cds(self.settings, version=self._version))

    def _write_lds(self) -> None:
        self._version += 1
        self._write("lds.json", lds(self.settings, port=self.port, directory=self.directory, version=self._version))

    def _write(self, name: str, resources: Json) -> None:
        fresh = self.directory / f"{name}.new"
        fresh.write_text(json.dumps(resources, indent=1))
        # Envoy watches for the move; a file written in place could be read half-written.
        os.replace(fresh, self.directory / name)

    def _process(self, name: str, config: Path) -> Process:
        return Process(name, envoy_argv(config, self.settings.concurrency), self.directory / "envoy.log")


class _AccessLog:
    """A growing file of JSON lines; each line is parsed once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._lines: list[Json] = []

    def forget(self) -> None:
        """Drops all lines up to now."""
        self.lines()
        self._lines = []

    def lines(self) -> list[Json]:
        if self._path.exists():
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                whole, newline, _ = file.read().rpartition(b"\n")
            self._offset += len(whole + newline)
            self._lines += [json.loads(line) for line in whole.decode(errors="replace").split("\n") if line]
        return self._lines


def envoy_argv(config: Path, concurrency: int = 1, extra: Sequence[str] = ()) -> list[str]:
    """The command line: it flushes the access log and drains quickly, and shows the module's log."""
    return [
        str(paths.envoy_binary()),
        *("-c", str(config)),
        *("--concurrency", str(concurrency)),
        *("--file-flush-interval-msec", "20"),
        *("--drain-time-s", "2"),
        "--disable-hot-restart",
        *("--log-level", "warning"),
        *("--component-log-level", "wasm:info,config:info"),
        *("--log-format", "[%T.%e][%l][%n] %v"),
        *extra,
    ]


def run_directory(name: str) -> Path:
    """A fresh directory for one process's files, kept after the run for reading."""
    base = Path(os.environ.get("TEMPORAL_AUTH_RUNS", paths.RUNS))
    base.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{name}-{os.getpid()}-{next(_count)}-", dir=base))


def render_envoy_yaml(text: str, ports: dict[int, int], module: Path | None = None) -> str:
    """The repository's envoy.yaml with other ports (old -> new) and, if given, another module file.

    Works on the text, so that what is tested is the file itself, comments and all. A port that does not occur
    is the caller's mistake: KeyError.
    """
    pattern = re.compile(r"(port_value:\s*|127\.0\.0\.1:|localhost:)(\d+)\b")
    seen: set[int] = set()

    def swap(match: re.Match[str]) -> str:
        old = int(match.group(2))
        seen.add(old)
        return match.group(1) + str(ports.get(old, old))

    text = pattern.sub(swap, text)
    missing = set(ports) - seen
    if missing:
        raise KeyError(f"ports not in the file: {sorted(missing)}")
    if module is not None:
        text, count = re.subn(r"(filename:\s*)\S*temporal-auth\.wasm\S*", lambda m: f"{m.group(1)}{module}", text)
        if not count:
            raise KeyError("no module file name in the file")
    return text


def decisions_in(log: str) -> list[Json]:
    """The decision log within Envoy's, parsed."""
    return [decision for line in log.splitlines() if (decision := _decision(line))]


def _all(settings: Settings) -> dict[str, Any]:
    return {field.name: getattr(settings, field.name) for field in fields(settings)}


def _decision(line: str) -> Json | None:
    start = line.find(DECISION)
    if start < 0:
        return None
    try:
        decision, _ = json.JSONDecoder().raw_decode(line[start + len(DECISION) - 1 :])
    except ValueError:
        return None
    return decision if isinstance(decision, dict) else None

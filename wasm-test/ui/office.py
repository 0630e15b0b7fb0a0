"""An office: Temporal with work in it, and five people whose browsers reach it through the filter.

browser ── Web UI ── Envoy [notes headers, filter] ── Envoy [notes headers] ── Temporal
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from typing import Any, Self

import parts
from harness import paths
from harness.envoy import Cluster, Envoy, Settings, run_directory
from harness.ports import free_port
from harness.procs import Process, Server
from harness.temporal import EVERYTHING_ON, Temporal, configured
from harness.web_ui import CLIENT, Login, WebUi
from servers import Person, Provider

Json = dict[str, Any]

NAMESPACES = ["payroll", "bitovi-project", "secret-merger"]
FOREIGN, MISSING = "secret-merger", "no-such-team"
WORKER = "payroll-worker"

# What each may do is in `policy`.
PEOPLE: dict[str, Person] = {
    "alice": Person(["finance"]),
    "bob": Person(["auditors"]),
    "dev": Person(["developers"]),
    "ops": Person(["platform-admins"]),
    "carol": Person([]),
}
# The namespaces that each may read, as the Web UI sorts them.
READABLE = {
    "alice": ["payroll"],
    "bob": ["bitovi-project", "payroll"],
    "dev": ["payroll"],
    "ops": ["bitovi-project", "default", "payroll", "secret-merger"],
    "carol": [],
}
# The namespace that people see first.
FIRST = "payroll"

# What the Web UI needs beside the grants of its users.
OPEN_TO_ALL = ["GetClusterInfo", "ListNamespaces", "ListNexusEndpoints"]

# Writes the name and value of each header of a request to Envoy's log.
NOTE = """
function envoy_on_request(handle)
  for name, value in pairs(handle:headers()) do
    handle:logWarn("note " .. name .. ": " .. value)
  end
end
"""


def policy(issuer: str, **members: Any) -> Json:
    def who(group: str) -> Json:
        return {"issuer": "idp", "kind": "human", "claims": {"groups": group}}

    return {
        "version": 1,
        "issuers": {
            "idp": {
                "issuer": issuer,
                "audiences": ["temporal"],
                "keys": {"discovery": True, "cluster": "idp"},
                "service_when": [{"gty": "client-credentials"}],
            }
        },
        "roles": {"developer": {"from": "client", "minus": ["terminate", "delete", "reset"]}},
        "grants": [
            {"name": "platform", "who": who("platform-admins"), "role": "admin", "system": True},
            {"name": "finance", "who": who("finance"), "role": "writer", "namespaces": ["payroll"]},
            {"name": "auditors", "who": who("auditors"), "role": "reader", "namespaces": ["payroll", "bitovi-project"]},
            {"name": "developers", "who": who("developers"), "role": "developer", "namespaces": ["payroll"]},
            {
                "name": "workers",
                "who": {"issuer": "idp", "kind": "service", "subject": "{team}-worker"},
                "role": "worker",
                "namespaces": ["{team}"],
            },
        ],
        "authenticated": OPEN_TO_ALL,
        "log": {"allowed": True},
    } | members


class Door(Server):
    """A Web UI with the Envoy that its calls go through."""

    def __init__(self, upstream: int, login: Login, configuration: Json, name: str, **web_ui: Any) -> None:
        idp = int(login.issuer.rsplit(":", 1)[1].split("/")[0])
        clusters = {"temporal": Cluster(upstream), "idp": Cluster(idp, http2=False)}
        self.envoy = Envoy(Settings(clusters, plugin=configuration, filters=[NOTES_HEADERS]), f"ui-{name}")
        self.web_ui = WebUi(login, self.envoy.port, **web_ui)

    def start(self) -> Self:
        self.envoy.start()
        self.web_ui.start()
        return self

    def stop(self) -> None:
        self.web_ui.stop()
        self.envoy.stop()

    def decisions(self, person: str, since: int) -> list[Json]:
        """What was decided about this person's calls; calls that need no token are left out."""
        return [decision for decision in self.envoy.decisions(since) if decision["subject"] == person]


class Office(Server):
    """`with Office() as office:` everything is up, with work in each namespace."""

    def __init__(self) -> None:
        ports = [free_port() for _ in range(3)]
        self.provider = Provider(PEOPLE, ports, services={WORKER: {"groups": [], "service": True}})
        # Everything that the Web UI has a page for.
        self.temporal = Temporal(NAMESPACES, extra=configured(*EVERYTHING_ON))
        self.hop = Envoy(Settings({"temporal": Cluster(self.temporal.port)}, filters=[NOTES_HEADERS]), "ui-hop")
        login, issuer = self.provider.login, self.provider.issuer
        # Set up as docs/web-ui.md says.
        configuration = policy(issuer, hide_namespaces=True)
        self.door = Door(self.hop.port, login, configuration, "door", port=ports[0], default_namespace=FIRST)
        # Without `hide_namespaces`, and without a namespace for everybody.
        self.plain_door = Door(self.hop.port, login, policy(issuer), "plain", port=ports[1])
        # Its Web UI sends the ID token, whose audience is the Web UI.
        by_id_token = policy(issuer)
        by_id_token["issuers"]["idp"]["audiences"] = [CLIENT]
        self.id_token_door = Door(
            self.hop.port, login, by_id_token, "id-token", port=ports[2], default_namespace=FIRST, sends_id_token=True
        )
        self.worker = self._worker()
        self._running = ExitStack()

    def start(self) -> Self:
        with ExitStack() as starting:
            # Temporal takes longest, and nothing waits for it before the worker does.
            starting.enter_context(self.temporal.process)
            for part in (self.provider, self.hop, self.door, self.plain_door, self.id_token_door):
                starting.enter_context(part)
            self.temporal.process.wait_ready(self.temporal.ready, 60)
            starting.enter_context(self.worker).wait_ready(lambda: "working" in self.worker.log_text(), 60)
            self._fill()
            self._running = starting.pop_all()
        return self

    def stop(self) -> None:
        self._running.close()

    def start_workflow(self, namespace: str, workflow: str, *, approval: bool = True) -> None:
        payroll = json.dumps({"employees": ["ann"], "needs_approval": approval})
        self.temporal_cli(
            *("workflow", "start", "-n", namespace, "-t", "payroll", "--type", "PayrollRun", "-w", workflow, "-i", payroll)
        )

    def temporal_cli(self, *arguments: str) -> str:
        """The command line, without the filter."""
        argv = [str(paths.temporal_binary()), *arguments, "--address", self.temporal.address, "--disable-config-file"]
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, f"{arguments}: {ran.stdout}{ran.stderr}"
        return ran.stdout

    def create_schedule(self, namespace: str, schedule: str) -> None:
        self.temporal_cli(
            *("schedule", "create", "-n", namespace, "--schedule-id", schedule, "--interval", "24h"),
            *("-t", "payroll", "--type", "PrintSlip", "-w", f"{schedule}-run", "-i", '"a line"'),
        )

    def is_paused(self, schedule: str) -> bool:
        described = json.loads(self.temporal_cli("schedule", "describe", "-n", "payroll", "-s", schedule, "-o", "json"))
        return bool(described["schedule"]["state"].get("paused"))

    def has_schedule(self, schedule: str) -> bool:
        return self._is_there("schedule", "describe", "-n", "payroll", "-s", schedule)

    def has_workflow(self, workflow: str, namespace: str = "payroll") -> bool:
        return self._is_there("workflow", "describe", "-n", namespace, "-w", workflow)

    def _is_there(self, *describe: str) -> bool:
        try:
            self.temporal_cli(*describe)
        except AssertionError:
            return False
        return True

    def run_of(self, namespace: str, workflow: str) -> str:
        """The id of the workflow's run."""
        described = json.loads(self.temporal_cli("workflow", "describe", "-n", namespace, "-w", workflow, "-o", "json"))
        return str(described["workflowExecutionInfo"]["execution"]["runId"])

    def status_of(self, workflow: str, namespace: str = "payroll") -> str:
        described = json.loads(self.temporal_cli("workflow", "describe", "-n", namespace, "-w", workflow, "-o", "json"))
        return str(described["workflowExecutionInfo"]["status"]).removeprefix("WORKFLOW_EXECUTION_STATUS_")

    def _fill(self) -> None:
        """Work for people to look at."""
        for namespace in NAMESPACES:
            self.start_workflow(namespace, f"{namespace}-run")
            self.create_schedule(namespace, f"{namespace}-schedule")
        self.start_workflow("payroll", "payroll-done", approval=False)
        for name, target in {
            "tax-office": ("--target-namespace", "payroll", "--target-task-queue", "payroll"),
            "merger-desk": ("--target-namespace", FOREIGN, "--target-task-queue", "payroll"),
            "outside": ("--target-url", "http://127.0.0.1:1/"),
        }.items():
            self.temporal_cli("operator", "nexus", "endpoint", "create", "--name", name, *target)

    def _worker(self) -> Process:
        directory = run_directory("ui-worker")
        return Process(
            "worker",
            [sys.executable, str(parts.DEMO_WORKER)],
            directory / "worker.log",
            env={
                "ADDRESS": f"127.0.0.1:{self.door.envoy.port}",
                "ISSUER": self.provider.issuer,
                "CLIENT_ID": WORKER,
                "CLIENT_SECRET": self.provider.services[WORKER]["secret"],
            },
        )


# Envoy's filter that notes headers.
NOTES_HEADERS: Json = {
    "name": "note",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "default_source_code": {"inline_string": NOTE},
    },
}

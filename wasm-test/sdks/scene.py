"""An identity provider, Envoy with the filter, Temporal, and a file with the token that a program under test reads."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

from harness import jws, paths, requests
from harness.envoy import Cluster, Envoy, Json, Settings, run_directory
from harness.frontend import Frontend
from harness.issuer import Issuer
from harness.policy import plugin
from harness.poll import until
from harness.procs import Process, Server
from harness.temporal import Temporal
from programs import Sdk

NAMESPACE = "payroll"
# Each subject has one role; `stranger` has none. The programs have the first two of these tokens, unless a test says otherwise.
ROLES = {"worker": "worker", "client": "client", "auditor": "reader"}
# Polls and starts become methods that the filter does not know, as if the SDK were newer than the filter.
RENAMED = """
local renamed = {}
for name in ("PollWorkflowTaskQueue PollActivityTaskQueue StartWorkflowExecution"):gmatch("%a+") do
  renamed["/temporal.api.workflowservice.v1.WorkflowService/" .. name] = true
end
function envoy_on_request(request)
  local path = request:headers():get(":path")
  if renamed[path] then request:headers():replace(":path", path .. "V2") end
end
"""
NEWER_SDK: Json = {
    "name": "envoy.filters.http.lua",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "default_source_code": {"inline_string": RENAMED},
    },
}


class Scene(Server):
    def __init__(self, temporal: Temporal) -> None:
        self.temporal = temporal
        self.issuer = Issuer(keys=[jws.Key.new()])
        grants = [
            {"name": role, "who": {"issuer": "corp", "subject": subject}, "role": role, "namespaces": [NAMESPACE]}
            for subject, role in ROLES.items()
        ]
        config = self.issuer.fetched_config() | {"token": {"leeway": "1s"}}
        clusters = {"temporal": Cluster(temporal.port), "idp": Cluster(self.issuer.port, http2=False)}
        self.envoy = Envoy(Settings(clusters, plugin=plugin(config, grants)), "sdks")
        self.straight = Frontend(temporal.port, NAMESPACE)
        self.queue = f"hello-{uuid.uuid4()}"
        self.directory = run_directory("sdk")

    def start(self) -> Scene:
        self.issuer.start()
        self.envoy.start()
        return self

    def stop(self) -> None:
        self.envoy.stop()
        self.issuer.stop()

    # -- tokens

    def hand_out(self, program: str, subject: str = "", lifetime: int = 3600) -> str:
        """Puts a new token into the file that the worker or the client reads: its own, or another subject's."""
        token = self.issuer.token(subject or program, exp=jws.now() + lifetime)
        fresh = self.directory / "token.new"
        fresh.write_text(token + "\n")
        os.replace(fresh, self.token_file(program))
        return token

    def token_file(self, program: str) -> Path:
        return self.directory / f"{program}.token"

    # -- what goes wrong, and how it is put right again

    def upset(self, status: str, program: str) -> None:
        """Brings about that calls of the worker or the client are answered with the status. A 7 may be for polls alone."""
        if status == "12":
            self.hand_out(program)
            self.envoy.push(filters=[NEWER_SDK])
        elif status == "14":
            self.issuer.stop()
            self.issuer.rotate()
            self.hand_out(program)
        elif status == "16":
            self.hand_out(program, lifetime=-600)
        else:
            self.hand_out(program, {"7": "stranger", "7 for polls": "auditor"}[status])

    def mend(self, status: str, program: str) -> None:
        if status == "12":
            self.envoy.push(filters=[])
        elif status == "14":
            self.issuer.start()
        self.hand_out(program)

    # -- programs

    def worker(self, sdk: Sdk) -> Process:
        return self._program("worker", sdk, sdk.worker)

    def client(self, sdk: Sdk, namespace: str = NAMESPACE) -> Process:
        return self._program("client", sdk, (*sdk.client, f"hello-{uuid.uuid4()}"), namespace)

    def _program(self, name: str, sdk: Sdk, argv: tuple[str, ...], namespace: str = NAMESPACE) -> Process:
        environment = {
            "TEMPORAL_ADDRESS": f"127.0.0.1:{self.envoy.port}",
            "TEMPORAL_NAMESPACE": namespace,
            "TASK_QUEUE": self.queue,
            "TOKEN_FILE": str(self.token_file(name)),
            # The command line is not on the path, and the profile of this machine's user must not matter.
            "PATH": f"{paths.temporal_binary().parent}:{os.environ['PATH']}",
            "XDG_CONFIG_HOME": str(self.directory),
        }
        return Process(f"{sdk}-{name}", argv, run_directory(f"{sdk}-{name}") / f"{name}.log", env=environment)

    # -- observations

    def begin(self) -> str:
        """Starts a workflow at Temporal itself, and returns its id."""
        workflow_id = f"hello-{uuid.uuid4()}"
        request = requests.start_workflow(NAMESPACE, workflow_id)
        request.task_queue.name, request.workflow_type.name = self.queue, "Hello"
        request.input.payloads.add(metadata={"encoding": b"json/plain"}, data=b'"World"')
        self.straight.ask("StartWorkflowExecution", request)
        return workflow_id

    def is_done(self, workflow_id: str) -> bool:
        return self.straight.status(workflow_id) == "COMPLETED"

    def round(self, patience: float = 30) -> float:
        """One workflow; returns the seconds that it took."""
        began, workflow_id = time.monotonic(), self.begin()
        until(lambda: self.is_done(workflow_id), patience, "the workflow to complete", every=0.2)
        return time.monotonic() - began

    def refusals(self) -> list[int]:
        """The statuses that the filter itself has answered with, in order."""
        return [line["grpc"] for line in self.envoy.access_log() if str(line["details"]).startswith("temporal_auth_")]

    def await_call(self) -> None:
        """The program has started: all of them ask for the server's capabilities first, which nobody is refused."""
        until(self.envoy.access_log, 60, "the first call")

    def await_refusal(self, status: int) -> None:
        until(lambda: status in self.refusals(), 60, f"a {status}: {self.refusals()}")


def seconds_until_end(process: Process, patience: float) -> float | None:
    """When the process ended by itself; `None` if it did not."""
    began = time.monotonic()
    while process.alive():
        if time.monotonic() - began > patience:
            return None
        time.sleep(0.1)
    return time.monotonic() - began


def temporal_with_short_polls() -> Temporal:
    """Polls without a task end after five seconds instead of a minute, so that a worker soon learns what is wrong."""
    return Temporal([NAMESPACE], extra=("--dynamic-config-value", 'matching.longPollExpirationInterval="5s"'))


"""The worker and the starter of the articles: they use the Go SDK, send the token in a header that a HeadersProvider adds,
and use the namespace `bitovi-project`. They are built from go-worker/ and run through Envoy to the real Temporal.
"""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.protobuf.message import Message

from harness import grpc_client, jws, paths, requests
from harness.envoy import Cluster, Envoy, Json, Settings, run_directory
from harness.gate import Gate, OpenGate, allowed
from harness.grpc_client import Reply
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.procs import Process
from harness.temporal import Temporal

NAMESPACE = "bitovi-project"
POLLS = {"PollWorkflowTaskQueue", "PollActivityTaskQueue"}
# The calls that a workflow with one activity needs in order to complete.
WORK = POLLS | {"DescribeNamespace", "RespondWorkflowTaskCompleted", "RespondActivityTaskCompleted"}

DENIED = "PermissionDenied: Request unauthorized."
UNAUTHENTICATED = "Unauthenticated: Request unauthenticated."

# The first test waits for the build, which takes a minute or two if nothing is cached.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def programs() -> Path:
    """Where the programs are."""
    return built("wasm-test/go-worker", "go-worker")


def built(source: str, name: str) -> Path:
    """The directory of the programs of a Go module. Skips the test if there is no Go, which no other test here needs."""
    built = subprocess.run([paths.ROOT / "scripts" / "go-build.sh", source], capture_output=True, text=True, timeout=580)
    if built.returncode == 3:
        pytest.skip(built.stderr.strip())
    assert built.returncode == 0, built.stderr
    return paths.ROOT / ".cache" / "go" / name


@pytest.fixture
def own_gate(temporal: Temporal, corp: Minter) -> Iterator[Gate]:
    """An Envoy for one test: every line of its access log belongs to that test."""
    with Envoy(Settings({"temporal": Cluster(temporal.port)}, plugin=plugin(corp.config())), "go-gate") as envoy:
        yield Gate(envoy)


def program(programs: Path, gate: Gate, name: str, token: str, *arguments: str) -> Process:
    environment = {"TEMPORAL_ADDRESS": f"127.0.0.1:{gate.port}", "TEMPORAL_AUTH_TOKEN": token}
    log = run_directory(f"go-{name}") / f"{name}.log"
    return Process(name, [str(programs / name), *arguments], log, env=environment)


def start(programs: Path, gate: Gate, token: str) -> tuple[int, str]:
    """The exit code of the starter, and the last line that it printed."""
    with program(programs, gate, "starter", token, f"hello-{uuid.uuid4()}") as starter:
        code = starter.wait(45)
        return code, starter.log_text().splitlines()[-1]


def token(corp: Minter, role: str, namespace: str = NAMESPACE) -> str:
    return corp.token(f"a-{role}", permissions=[f"{namespace}:{role}"])


def calls(gate: Gate, passed: bool) -> set[str]:
    """The names of the methods that were allowed, or of the methods that the filter refused."""
    lines: list[Json] = gate.envoy.access_log()
    refused = [line for line in lines if str(line["details"]).startswith("temporal_auth_")]
    return {line["path"].rsplit("/", 1)[1] for line in lines if (line not in refused) is passed}


def test_a_workflow_completes(programs: Path, own_gate: Gate, corp: Minter) -> None:
    with program(programs, own_gate, "worker", token(corp, "worker")) as worker:
        assert start(programs, own_gate, token(corp, "write")) == (0, "Hello World!"), worker.log_tail()
        assert worker.alive()
    until(lambda: not WORK - calls(own_gate, passed=True), 10, f"all of {WORK} in the access log")
    assert not calls(own_gate, passed=False)
    # Nothing that the SDK sends is newer than the method table.
    assert not own_gate.envoy.settled_counters().get("temporal_auth.unknown_fields")


NOT_GRANTED: dict[str, Callable[[Minter], str]] = {
    "no permissions": lambda corp: corp.token(permissions=[]),
    "writer elsewhere": lambda corp: token(corp, "write", "payroll"),
    "worker": lambda corp: token(corp, "worker"),
    "reader": lambda corp: token(corp, "read"),
}
NOT_ACCEPTED: dict[str, Callable[[Minter], str]] = {
    "expired": lambda corp: corp.token(permissions=[f"{NAMESPACE}:write"], exp=jws.now() - 600),
    "garbage": lambda _: "x.y.z",
    "none": lambda _: "",
    "of a stranger": lambda corp: corp.token(permissions=[f"{NAMESPACE}:write"], key=jws.stranger_key()),
}


@pytest.mark.parametrize("who", NOT_GRANTED)
def test_starter_is_denied(programs: Path, gate: Gate, corp: Minter, who: str) -> None:
    assert start(programs, gate, NOT_GRANTED[who](corp)) == (1, DENIED)


@pytest.mark.parametrize("who", NOT_ACCEPTED)
def test_starter_is_not_accepted(programs: Path, gate: Gate, corp: Minter, who: str) -> None:
    assert start(programs, gate, NOT_ACCEPTED[who](corp)) == (1, UNAUTHENTICATED)


WORKERS_THAT_END: dict[str, tuple[Callable[[Minter], str], str]] = {
    "worker elsewhere": (lambda corp: token(corp, "worker", "payroll"), "Request unauthorized."),
    "expired": (NOT_ACCEPTED["expired"], "Request unauthenticated."),
    "garbage": (NOT_ACCEPTED["garbage"], "Request unauthenticated."),
}


@pytest.mark.parametrize("who", WORKERS_THAT_END)
def test_worker_ends(programs: Path, own_gate: Gate, corp: Minter, who: str) -> None:
    """It describes its namespace before it polls."""
    mint, text = WORKERS_THAT_END[who]
    with program(programs, own_gate, "worker", mint(corp)) as worker:
        assert worker.wait(45) == 1
        assert text in worker.log_text()
    until(lambda: "DescribeNamespace" in calls(own_gate, passed=False), 10, "the refusal in the access log")
    assert calls(own_gate, passed=True) <= {"GetSystemInfo"}


def test_a_worker_outlives_the_loss_of_its_grants(programs: Path, temporal: Temporal, corp: Minter) -> None:
    """Where namespaces are hidden as well: this SDK's workers end for good when a poll is answered NAMESPACE_NOT_FOUND."""
    good = plugin(corp.config(), hide_namespaces=True)
    nobody = {"name": "nobody", "who": {"issuer": "corp", "claims": {"groups": "nobody"}}, "role": "worker", "namespaces": [NAMESPACE]}
    settings = Settings({"temporal": Cluster(temporal.port)}, plugin=good)
    with Envoy(settings, "go-gate") as envoy, program(programs, Gate(envoy), "worker", token(corp, "worker")) as worker:
        gate = Gate(envoy)
        assert start(programs, gate, token(corp, "write")) == (0, "Hello World!"), worker.log_tail()
        envoy.push(plugin=plugin(corp.config(), [nobody], hide_namespaces=True))
        until(lambda: calls(gate, passed=False) >= POLLS, 30, "both polls refused")
        assert {line["grpc"] for line in envoy.access_log() if str(line["details"]).startswith("temporal_auth_")} == {7}
        assert worker.alive()
        envoy.push(plugin=good)
        assert start(programs, gate, token(corp, "write")) == (0, "Hello World!"), worker.log_tail()
        assert worker.alive()


def test_reader_cannot_poll(programs: Path, own_gate: Gate, temporal: Temporal, corp: Minter) -> None:
    """It may describe its namespace, so it starts, and then asks for tasks forever in vain."""
    waiting = requests.start_workflow(NAMESPACE, f"waiting-{uuid.uuid4()}")
    waiting.workflow_type.name, waiting.task_queue.name = "World", "hello-world"
    straight(temporal, "StartWorkflowExecution", waiting)
    with program(programs, own_gate, "worker", token(corp, "read")) as worker:
        until(lambda: calls(own_gate, passed=False) >= POLLS, 20, "both polls refused")
        assert worker.alive()
    history = requests.workflow.GetWorkflowExecutionHistoryRequest(namespace=NAMESPACE)
    history.execution.workflow_id = waiting.workflow_id
    answer = straight(temporal, "GetWorkflowExecutionHistory", history).message
    events = requests.workflow.GetWorkflowExecutionHistoryResponse.FromString(answer).history.events
    assert len(events) == 2, "started, its first task scheduled, and nobody got that"


def straight(temporal: Temporal, name: str, message: Message) -> Reply:
    """Without Envoy."""
    return allowed(grpc_client.call(temporal.port, requests.path(name), message.SerializeToString()))


# -- sessions, by the policy of docs/configuration.md


GOPHER = {"issuer": "corp", "subject": "{team}-gopher"}
LIMITED = {
    "name": "session-workers",
    "who": GOPHER,
    "role": "worker",
    "namespaces": [NAMESPACE],
    "task_queues": ["{team}-*", "*-*-*-*-*@*"],
}
SIGNALS = {"name": "session-signals", "who": GOPHER, "role": "session", "namespaces": [NAMESPACE], "signals": ["*-*-*-*-*"]}
ROLES = {"session": {"plus": ["SignalWorkflowExecution"]}}


def in_session(temporal: Temporal, queue: str) -> None:
    """Starts a workflow that needs a session."""
    start = requests.start_workflow(NAMESPACE, queue)
    start.workflow_type.name, start.task_queue.name = "InSession", queue
    straight(temporal, "StartWorkflowExecution", start)


def is_completed(temporal: Temporal, workflow_id: str) -> bool:
    describe = requests.workflow.DescribeWorkflowExecutionRequest(namespace=NAMESPACE)
    describe.execution.workflow_id = workflow_id
    answer = straight(temporal, "DescribeWorkflowExecution", describe).message
    return requests.workflow.DescribeWorkflowExecutionResponse.FromString(answer).workflow_execution_info.status == 2


def test_a_session(programs: Path, open_gate: OpenGate, temporal: Temporal, corp: Minter) -> None:
    gate = open_gate(plugin(corp.config(), [LIMITED, SIGNALS], roles=ROLES), temporal.port, fresh=True)
    queue = f"red-{uuid.uuid4()}"
    in_session(temporal, queue)
    with program(programs, gate, "sessions", corp.token("red-gopher"), queue) as worker:
        until(lambda: is_completed(temporal, queue), 60, f"the workflow to complete: {worker.log_tail()}")
        worker.stop()
    assert "SignalWorkflowExecution" in calls(gate, passed=True)
    assert not calls(gate, passed=False), gate.envoy.decisions()


@pytest.mark.parametrize("grant", ["signals", "queue"])
def test_a_session_without_half_of_its_policy(programs: Path, open_gate: OpenGate, temporal: Temporal, corp: Minter, grant: str) -> None:
    """No session is created: the worker may not signal, or may not poll the queue that it has generated."""
    narrow = LIMITED | {"task_queues": ["{team}-*"]}
    grants = [LIMITED] if grant == "signals" else [narrow, SIGNALS]
    gate = open_gate(plugin(corp.config(), grants, roles=ROLES), temporal.port, fresh=True)
    queue = f"red-{uuid.uuid4()}"
    in_session(temporal, queue)
    denied = "SignalWorkflowExecution" if grant == "signals" else "PollActivityTaskQueue"
    with program(programs, gate, "sessions", corp.token("red-gopher"), queue):
        until(lambda: denied in calls(gate, passed=False), 30, f"{denied} to be refused")
        assert not is_completed(temporal, queue)


def test_what_else_that_policy_opens(open_gate: OpenGate, temporal: Temporal, corp: Minter) -> None:
    """Queues with an `@` and four hyphens before it, and signals named like a session; no others."""
    gate = open_gate(plugin(corp.config(), [LIMITED, SIGNALS], roles=ROLES), temporal.port, fresh=True)
    gopher, w = corp.token("red-gopher"), requests.workflow
    poll = w.PollActivityTaskQueueRequest(namespace=NAMESPACE)
    for queue in ("blue-main", "blue-main@host", f"{uuid.uuid4()}", "@host"):
        poll.task_queue.name = queue
        gate.refused_by_us("PollActivityTaskQueue", poll, token=gopher, status=7)
    poll.task_queue.name = f"{uuid.uuid4()}@host"
    assert gate.call("PollActivityTaskQueue", poll, token=gopher, grpc_timeout=0.5).grpc_status not in (7, 16)
    signal = w.SignalWorkflowExecutionRequest(namespace=NAMESPACE, signal_name="approve")
    signal.workflow_execution.workflow_id = "w"
    gate.refused_by_us("SignalWorkflowExecution", signal, token=gopher, status=7)
    signal.signal_name = str(uuid.uuid4())
    assert gate.call("SignalWorkflowExecution", signal, token=gopher).grpc_status == 5, "no such workflow, says the server"
    start = requests.start_workflow(NAMESPACE)
    gate.refused_by_us("StartWorkflowExecution", start, token=gopher, status=7)


# -- a token that is renewed, by the worker of docs/sdks/go.md

LIFETIME = 6


def test_a_worker_that_renews_its_token(temporal: Temporal, corp: Minter, tmp_path: Path) -> None:
    """Its tokens live for seconds. It works as long as the file has a good one, and the twin shows that it needs that."""
    worker_program = built("wasm-test/sdks/go", "sdk-go") / "worker"
    queue, file = f"renews-{uuid.uuid4()}", tmp_path / "token"

    def renew() -> None:
        token = corp.token("a-worker", permissions=[f"{NAMESPACE}:worker"], exp=jws.now() + LIFETIME)
        (tmp_path / "new").write_text(token)
        (tmp_path / "new").rename(file)

    def begin() -> str:
        start = requests.start_workflow(NAMESPACE, f"{queue}-{uuid.uuid4()}")
        start.workflow_type.name, start.task_queue.name = "Hello", queue
        start.input.payloads.add(metadata={"encoding": b"json/plain"}, data=b'"World"')
        straight(temporal, "StartWorkflowExecution", start)
        return start.workflow_id

    renew()
    settings = Settings({"temporal": Cluster(temporal.port)}, plugin=plugin(corp.config(token={"leeway": "1s"})))
    with Envoy(settings, "go-gate") as envoy:
        gate, log = Gate(envoy), run_directory("go-renews") / "worker.log"
        environment = {"TEMPORAL_ADDRESS": f"127.0.0.1:{gate.port}", "TEMPORAL_NAMESPACE": NAMESPACE, "TASK_QUEUE": queue, "TOKEN_FILE": str(file)}
        with Process("go-renews", [worker_program], log, env=environment) as worker:
            began = time.monotonic()
            while time.monotonic() < began + 3 * LIFETIME:
                renew()
                workflow_id = begin()
                until(lambda: is_completed(temporal, workflow_id), 30, f"the workflow to complete: {worker.log_tail()}")
                time.sleep(LIFETIME / 4)
            assert not calls(gate, passed=False)
            time.sleep(LIFETIME + 2)
            workflow_id = begin()
            until(lambda: calls(gate, passed=False), 30, "a refusal")
            assert {line["grpc"] for line in envoy.access_log() if str(line["details"]).startswith("temporal_auth_")} == {16}
            assert not is_completed(temporal, workflow_id)

"""The policies that operators write most, each with a caller who tries to bypass it and an honest caller.

The tests use a real Temporal, which shows at the end whether the workflow still runs.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message
from temporalio.api.command.v1 import Command

from harness import commands, requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal

w = requests.workflow
CI = "repo:acme/app:ref:refs/heads/main"
SERVICE = "system:serviceaccount:payroll:w"

ROLES = {"developer": {"from": "client", "minus": ["terminate", "delete", "reset"]}}


def _grant(name: str, role: str, who: dict[str, Any], namespaces: list[str]) -> dict[str, Any]:
    return {"name": name, "who": {"issuer": "corp"} | who, "role": role, "namespaces": namespaces}


GRANTS = [
    _grant("developers", "developer", {"claims": {"role": "developer"}}, ["payroll"]),
    _grant("workers", "worker", {"claims": {"role": "worker"}}, ["payroll"]),
    _grant("readers", "reader", {"claims": {"role": "reader"}}, ["payroll"]),
    _grant("writers", "writer", {"claims": {"role": "writer"}}, ["payroll"]),
    _grant("admins", "admin", {"claims": {"role": "admin"}}, ["payroll"]),
    _grant("people", "client", {"kind": "human", "claims": {"role": "person"}}, ["payroll"]),
    _grant("services", "client", {"kind": "service", "claims": {"role": "service"}}, ["payroll"]),
    _grant("everywhere", "reader", {"claims": {"role": "watcher"}}, ["*"]),
]
DENIALS = [
    {"name": "ci-never-terminates", "effects": ["terminate"], "who": {"subject": "repo:acme/app:*"}, "commands": False},
    {"name": "contractors-never", "effects": ["terminate"], "who": {"claims": {"email": "*@contractor.com"}}, "commands": False},
    {"name": "groups-never", "effects": ["terminate"], "who": {"claims": {"groups": "contractors"}}, "commands": False},
    {"name": "not-there", "who": {"claims": {"muted": True}}, "namespaces": ["payroll-*"]},
]


@pytest.fixture(scope="module")
def office(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    config = corp.config(service_when=[{"sub": "system:serviceaccount:*"}])
    return open_shared_gate(plugin(config, GRANTS, roles=ROLES, denials=DENIALS), rich_temporal.port)


@pytest.fixture
def victim(straight: Frontend) -> str:
    """A running workflow; its queue has the same name, and its first task waits there."""
    name = f"victim-{uuid.uuid4()}"
    straight.start(name, name)
    return name


def _terminate(workflow_id: str) -> Message:
    request = w.TerminateWorkflowExecutionRequest(namespace="payroll")
    request.workflow_execution.workflow_id = workflow_id
    return request


def _signal(workflow_id: str) -> Message:
    request = w.SignalWorkflowExecutionRequest(namespace="payroll", signal_name="hello")
    request.workflow_execution.workflow_id = workflow_id
    return request


# -- developers cannot terminate


ENDS: dict[str, Callable[[str], Command]] = {
    "fail": lambda _: commands.fail(),
    "complete": lambda _: commands.complete(),
    "cancel": lambda _: commands.cancel(),
    "continue as new": lambda queue: commands.continue_as_new(queue),
}


def test_a_developer_gets_no_task(office: Gate, straight: Frontend, corp: Minter, victim: str) -> None:
    poll = w.PollWorkflowTaskQueueRequest(namespace="payroll", identity="developer")
    poll.task_queue.name = victim
    office.refused_by_us("PollWorkflowTaskQueue", poll, token=corp.token(role="developer"), status=7)
    # No task was taken: it is still there for a caller who may have it.
    worker = Frontend(office.port, token=corp.token(role="worker"))
    assert worker.workflow_task(victim).workflow_execution.workflow_id == victim
    assert straight.status(victim) == "RUNNING"


@pytest.mark.parametrize("end", ENDS)
def test_a_developer_with_somebodys_task_ends_nothing(office: Gate, straight: Frontend, corp: Minter, victim: str, end: str) -> None:
    """The token is real, and a worker received it; the same answer by that worker does end the run."""
    worker = Frontend(office.port, token=corp.token(role="worker"))
    task = worker.workflow_task(victim)
    run = task.workflow_execution.run_id
    answer = commands.answer(task.task_token, ENDS[end](victim))
    developer = corp.token(role="developer")
    office.refused_by_us("RespondWorkflowTaskCompleted", answer, token=developer, status=7)
    failed = w.RespondWorkflowTaskFailedRequest(namespace="payroll", task_token=task.task_token)
    office.refused_by_us("RespondWorkflowTaskFailed", failed, token=developer, status=7)
    assert straight.status(victim, run) == "RUNNING"
    allowed(worker.call("RespondWorkflowTaskCompleted", answer))
    assert straight.status(victim, run) != "RUNNING"


def test_a_developer_is_a_client(office: Gate, straight: Frontend, corp: Minter) -> None:
    """A developer starts, signals, queries and cancels, and cannot terminate, delete or reset."""
    developer, name = corp.token(role="developer"), f"own-{uuid.uuid4()}"
    allowed(office.call("StartWorkflowExecution", requests.start_workflow("payroll", name), token=developer))
    allowed(office.call("SignalWorkflowExecution", _signal(name), token=developer))
    query = w.QueryWorkflowRequest(namespace="payroll")
    query.execution.workflow_id, query.query.query_type = name, "x"
    # There is no worker that could answer it.
    assert office.call("QueryWorkflow", query, token=developer, grpc_timeout=1).grpc_status not in (7, 16)
    delete = w.DeleteWorkflowExecutionRequest(namespace="payroll")
    delete.workflow_execution.workflow_id = name
    reset = w.ResetWorkflowExecutionRequest(namespace="payroll", workflow_task_finish_event_id=3)
    reset.workflow_execution.workflow_id = name
    for method, request in (
        ("TerminateWorkflowExecution", _terminate(name)),
        ("DeleteWorkflowExecution", delete),
        ("ResetWorkflowExecution", reset),
    ):
        office.refused_by_us(method, request, token=developer, status=7)
    assert straight.status(name) == "RUNNING"
    cancel = w.RequestCancelWorkflowExecutionRequest(namespace="payroll")
    cancel.workflow_execution.workflow_id = name
    allowed(office.call("RequestCancelWorkflowExecution", cancel, token=developer))


# -- denials match the callers they name


# name -> the claims of a denied caller, the denial, the claims of an allowed caller
DENIED: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "a subject with colons": ({"sub": CI}, "ci-never-terminates", {"sub": "repo:acme/tool:ref:refs/heads/main"}),
    "a subject that ends at the pattern": ({"sub": "repo:acme/app:"}, "ci-never-terminates", {"sub": "repo:acme/app"}),
    "an e-mail that nobody verified": ({"email": "eve@contractor.com"}, "contractors-never", {"email": "ada@corp.com"}),
    "groups in one text": ({"groups": "dev,contractors"}, "groups-never", {"groups": "dev,contractors-of-old"}),
}


@pytest.mark.parametrize("case", DENIED)
def test_a_denial_of_terminate(office: Gate, straight: Frontend, corp: Minter, victim: str, case: str) -> None:
    claims, denial, others = DENIED[case]
    mark = office.envoy.log_mark()
    office.refused_by_us("TerminateWorkflowExecution", _terminate(victim), token=corp.token(**{"role": "writer"} | claims), status=7)
    assert office.envoy.decision(mark)["rule"] == denial
    assert straight.status(victim) == "RUNNING"
    allowed(office.call("TerminateWorkflowExecution", _terminate(victim), token=corp.token(**{"role": "writer"} | others)))
    assert straight.status(victim) == "TERMINATED"


def test_a_service_is_not_human(office: Gate, corp: Minter, victim: str) -> None:
    """`service_when: [{sub: "system:serviceaccount:*"}]` also matches subjects with more colons."""
    mark = office.envoy.log_mark()
    robot = corp.token(SERVICE, role="person")
    office.refused_by_us("SignalWorkflowExecution", _signal(victim), token=robot, status=7)
    assert office.envoy.decision(mark)["kind"] == "service"
    allowed(office.call("SignalWorkflowExecution", _signal(victim), token=corp.token("ada", role="person")))
    allowed(office.call("SignalWorkflowExecution", _signal(victim), token=corp.token(SERVICE, role="service")))
    office.refused_by_us("SignalWorkflowExecution", _signal(victim), token=corp.token("ada", role="service"), status=7)


# -- a reader only reads


def test_a_reader_hands_over_no_compute_configuration(office: Gate, corp: Minter) -> None:
    validate = w.ValidateWorkerDeploymentVersionComputeConfigRequest(namespace="payroll")
    method = "ValidateWorkerDeploymentVersionComputeConfig"
    for role in ("reader", "writer"):
        office.refused_by_us(method, validate, token=corp.token(role=role), status=7)
    admin = office.call(method, validate, token=corp.token(role="admin"))
    assert admin.grpc_status not in (7, 16), f"the server's answer: {admin}"
    allowed(office.count(token=corp.token(role="reader")))


# -- every namespace includes names with colons


def test_namespaces_with_colons(office: Gate, straight: Frontend, corp: Minter) -> None:
    """A grant for `*` matches them, and so does a denial for `payroll-*`."""
    names = [f"v1:data-{uuid.uuid4().hex[:8]}", f"payroll-x:{uuid.uuid4().hex[:8]}"]
    for name in names:
        register = w.RegisterNamespaceRequest(namespace=name)
        register.workflow_execution_retention_period.FromSeconds(86400)
        straight.ask("RegisterNamespace", register)
    for name in names:
        allowed(office.count(name, token=corp.token(role="watcher")))
        # Watchers may read there as well.
        office.refused_by_us("StartWorkflowExecution", requests.start_workflow(name), token=corp.token(role="watcher"), status=7)
    muted = corp.token(role="watcher", muted=True)
    allowed(office.count(names[0], token=muted))
    count = w.CountWorkflowExecutionsRequest(namespace=names[1])
    office.refused_by_us("CountWorkflowExecutions", count, token=muted, status=7)

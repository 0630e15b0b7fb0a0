"""The role `client`: the calls of Temporal's clients that workers do not make. `writer` is `client`, `worker` and `deploy`."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from harness import commands, requests
from harness.echo import Echo
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin
from harness.requests import Method
from harness.temporal import Temporal
from test_method_matrix import STRICTER, SYSTEM_ONLY, WORKER

w = requests.workflow

# Methods that a worker may call and a client may not.
TASKS = WORKER - {"DescribeNamespace", "GetWorkflowExecutionHistory", "GetWorkflowExecutionHistoryReverse"}
DEPLOY = {
    "UpdateWorkerBuildIdCompatibility",
    "UpdateWorkerVersioningRules",
    "SetCurrentDeployment",
    "SetWorkerDeploymentCurrentVersion",
    "SetWorkerDeploymentRampingVersion",
    "SetWorkerDeploymentManager",
    "CreateWorkerDeployment",
    "DeleteWorkerDeployment",
    "CreateWorkerDeploymentVersion",
    "DeleteWorkerDeploymentVersion",
    "UpdateWorkerDeploymentVersionMetadata",
    "CreateWorkflowRule",
    "DeleteWorkflowRule",
    "TriggerWorkflowRule",
    "UpdateTaskQueueConfig",
    "UpdateWorkerConfig",
}
BY_ID = {f"RespondActivityTask{what}ById" for what in ("Completed", "Failed", "Canceled")} | {"RecordActivityTaskHeartbeatById"}
COMPLETER = {"from": "client", "plus": sorted(BY_ID)}

GRANTS = [
    {"name": role, "who": {"issuer": "corp", "claims": {"role": role}}, "role": role, "namespaces": ["payroll"]}
    for role in ("client", "worker", "writer", "completer")
]
CONFIG: dict[str, Any] = {"grants": GRANTS, "roles": {"completer": COMPLETER}}


@pytest.fixture(scope="module")
def rows(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), **CONFIG), echo.port)


@pytest.fixture(scope="module")
def real(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), **CONFIG), rich_temporal.port)


def _may(role: str, method: Method) -> bool:
    name = method.name
    if method.scope == "cluster" or method.access == "admin" or name in STRICTER | SYSTEM_ONLY:
        return False
    if role == "worker":
        return name in WORKER
    client = name not in TASKS | DEPLOY
    return client if role == "client" else client or name in BY_ID if role == "completer" else True


def _request(method: Method) -> Any:
    request: Any = requests.build(method, "payroll")
    if method.name == "StartBatchOperation":
        # Without a known operation, it could be an operation of a newer server, which could do anything.
        request.termination_operation.SetInParent()
    return request


@pytest.mark.parametrize("role", ["client", "worker", "writer", "completer"])
def test_every_method(rows: Gate, corp: Minter, role: str) -> None:
    token, wrong = corp.token(role=role), []
    for method in (method for method in requests.methods() if method.name != "GetSystemInfo"):
        status = rows.call(method.path, _request(method), token=token).grpc_status
        if status != (0 if _may(role, method) else 7):
            wrong.append(f"{method}: {status}")
    assert not wrong


def test_the_lists_are_of_this_api() -> None:
    names = {method.name for method in requests.methods()}
    assert names >= TASKS | DEPLOY | BY_ID and BY_ID <= TASKS


# -- a poll within a start


def _eager(build: str, name: str) -> tuple[str, Any]:
    start = requests.start_workflow("payroll", name, request_eager_execution=True)
    if build == "start":
        return "StartWorkflowExecution", start
    multi = w.ExecuteMultiOperationRequest(namespace="payroll")
    multi.operations.add().start_workflow.CopyFrom(start)
    multi.operations.add().update_workflow.namespace = "payroll"
    return "ExecuteMultiOperation", multi


@pytest.mark.parametrize("build", ["start", "update with start"])
def test_a_start_gives_a_client_no_task(real: Gate, straight: Frontend, corp: Minter, build: str) -> None:
    name = f"eager-{uuid.uuid4()}"
    method, request = _eager(build, name)
    mark = real.envoy.log_mark()
    real.refused_by_us(method, request, token=corp.token(role="client"), status=7)
    assert real.envoy.decision(mark)["reason"] == 'no grant covers poll in namespace "payroll"'
    assert not straight.exists(name)
    # Without the option it is an ordinary start.
    allowed(real.call("StartWorkflowExecution", requests.start_workflow("payroll", name), token=corp.token(role="client")))


def test_who_may_poll_gets_the_task(real: Gate, straight: Frontend, corp: Minter) -> None:
    name = f"eager-{uuid.uuid4()}"
    method, request = _eager("start", name)
    writer = Frontend(real.port, token=corp.token(role="writer"))
    task = writer.ask(method, request).eager_workflow_task.task_token
    assert task
    allowed(writer.call("RespondWorkflowTaskCompleted", commands.answer(task, commands.complete())))
    assert straight.status(name) == "COMPLETED"


# -- activities that somebody else completes


def _activity(straight: Frontend) -> str:
    """A workflow whose activity `a` a worker has polled, to be completed from outside."""
    name = f"by-id-{uuid.uuid4()}"
    straight.start(name, name)
    task = straight.workflow_task(name)
    straight.ask("RespondWorkflowTaskCompleted", commands.answer(task.task_token, commands.activity("a", name)))
    assert straight.activity_task(name).activity_id == "a"
    return name


# method, the event that follows
OUTCOMES: dict[str, Any] = {
    "RespondActivityTaskCompletedById": "activity_task_completed_event_attributes",
    "RespondActivityTaskFailedById": "activity_task_failed_event_attributes",
}


@pytest.mark.parametrize("method", OUTCOMES)
def test_an_activity_is_completed_from_outside(real: Gate, straight: Frontend, corp: Minter, method: str) -> None:
    name = _activity(straight)
    by_id: dict[str, Any] = {"namespace": "payroll", "workflow_id": name, "activity_id": "a"}
    request = getattr(w, method + "Request")(**by_id)
    if method == "RespondActivityTaskFailedById":
        request.failure.application_failure_info.non_retryable = True
    beat = w.RecordActivityTaskHeartbeatByIdRequest(**by_id)
    for denied, message in ((method, request), ("RecordActivityTaskHeartbeatById", beat)):
        real.refused_by_us(denied, message, token=corp.token(role="client"), status=7)
    assert not any(event.HasField(OUTCOMES[method]) for event in straight.events(name))

    completer = corp.token(role="completer")
    allowed(real.call("RecordActivityTaskHeartbeatById", beat, token=completer))
    allowed(real.call(method, request, token=completer))
    assert any(event.HasField(OUTCOMES[method]) for event in straight.events(name))
    # And it still gets no tasks, and cannot answer tasks by token.
    poll = w.PollActivityTaskQueueRequest(namespace="payroll")
    refused(real.call("PollActivityTaskQueue", poll, token=completer), 7)
    by_token = w.RespondActivityTaskCompletedRequest(namespace="payroll", task_token=b"\x12\x01x")
    refused(real.call("RespondActivityTaskCompleted", by_token, token=completer), 7)

"""Clients of two teams in one namespace, separated by `workflow_ids: ["{team}-*"]`: every method, with a real Temporal."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message

from harness import requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import plugin
from harness.requests import ACCEPTED
from harness.temporal import Temporal
from test_method_matrix import UNLISTED

w = requests.workflow
GRANTS = [
    {
        "name": "teams",
        "who": {"issuer": "corp", "claims": {"groups": "team-{team}"}},
        "role": "admin",
        "namespaces": ["payroll"],
        "workflow_ids": ["{team}-*"],
    },
]
DENIALS = [
    {
        "name": "only-its-own",
        "effects": ["terminate"],
        "who": {"issuer": "corp", "claims": {"careful": True}},
        "outside": {"workflow_ids": ["red-mine-*"]},
        "commands": False,
    }
]


@pytest.fixture(scope="module")
def shared(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS, denials=DENIALS), rich_temporal.port)


@pytest.fixture
def red(corp: Minter) -> str:
    return corp.token(groups=["team-red"])


def _start(workflow_id: str) -> Any:
    return requests.start_workflow("payroll", workflow_id)


def _signal_with_start(workflow_id: str) -> Any:
    request = w.SignalWithStartWorkflowExecutionRequest(namespace="payroll", workflow_id=workflow_id, signal_name="x")
    request.workflow_type.name, request.task_queue.name = "Some", "nobody-polls-here"
    return request


def _update(workflow_id: str) -> Any:
    request = w.UpdateWorkflowExecutionRequest(namespace="payroll")
    request.workflow_execution.workflow_id = workflow_id
    request.request.meta.update_id, request.request.input.name = str(uuid.uuid4()), "u"
    request.wait_policy.lifecycle_stage = ACCEPTED
    return request


def _multi(start: str, update: str) -> Any:
    request = w.ExecuteMultiOperationRequest(namespace="payroll")
    request.operations.add().start_workflow.CopyFrom(_start(start))
    request.operations.add().update_workflow.CopyFrom(_update(update))
    return request


def _by_execution(method: str, field: str = "workflow_execution", **more: Any) -> tuple[str, Callable[[str], Message]]:
    def build(workflow_id: str) -> Message:
        request = getattr(w, method + "Request")(namespace="payroll", **more)
        getattr(request, field).workflow_id = workflow_id
        if method == "QueryWorkflow":
            request.query.query_type = "x"
        return request

    return method, build


def _by_id(method: str, **more: Any) -> tuple[str, Callable[[str], Message]]:
    return method, lambda workflow_id: getattr(w, method + "Request")(namespace="payroll", workflow_id=workflow_id, **more)


def _poll_update(workflow_id: str) -> Any:
    request = w.PollWorkflowExecutionUpdateRequest(namespace="payroll")
    request.update_ref.workflow_execution.workflow_id, request.update_ref.update_id = workflow_id, "u"
    return request


NAMED: list[tuple[str, Callable[[str], Message]]] = [
    ("StartWorkflowExecution", _start),
    ("SignalWithStartWorkflowExecution", _signal_with_start),
    ("ExecuteMultiOperation", lambda workflow_id: _multi(workflow_id, workflow_id)),
    ("UpdateWorkflowExecution", _update),
    ("PollWorkflowExecutionUpdate", _poll_update),
    _by_execution("SignalWorkflowExecution", signal_name="x"),
    _by_execution("QueryWorkflow", "execution"),
    _by_execution("DescribeWorkflowExecution", "execution"),
    _by_execution("GetWorkflowExecutionHistory", "execution"),
    _by_execution("GetWorkflowExecutionHistoryReverse", "execution"),
    _by_execution("UpdateWorkflowExecutionOptions"),
    _by_execution("PollWorkflowExecutionTimeSkipping"),
    _by_execution("PauseActivity", "execution", id="a"),
    _by_execution("UnpauseActivity", "execution", id="a"),
    _by_execution("ResetActivity", "execution", id="a"),
    _by_execution("UpdateActivityOptions", "execution", id="a"),
    _by_execution("ResetStickyTaskQueue", "execution"),
    _by_execution("TriggerWorkflowRule", "execution", id="r"),
    _by_id("PauseWorkflowExecution"),
    _by_id("UnpauseWorkflowExecution"),
    _by_id("PauseActivityExecution", activity_id="a"),
    _by_id("UnpauseActivityExecution", activity_id="a"),
    _by_id("ResetActivityExecution", activity_id="a"),
    _by_id("UpdateActivityExecutionOptions", activity_id="a"),
    _by_id("RecordActivityTaskHeartbeatById", activity_id="a"),
    _by_id("RespondActivityTaskCompletedById", activity_id="a"),
    _by_id("RespondActivityTaskFailedById", activity_id="a"),
    _by_id("RespondActivityTaskCanceledById", activity_id="a"),
    _by_execution("RequestCancelWorkflowExecution"),
    _by_execution("ResetWorkflowExecution", workflow_task_finish_event_id=3),
    _by_execution("TerminateWorkflowExecution"),
    _by_execution("DeleteWorkflowExecution"),
]


@pytest.mark.parametrize(("method", "build"), NAMED, ids=[method for method, _ in NAMED])
def test_calls_that_name_a_workflow(shared: Gate, straight: Frontend, red: str, method: str, build: Callable[[str], Message]) -> None:
    """A call with the team's own id passes, whatever the server answers; another team's id, or no id, does not."""
    own, foreign = f"red-{uuid.uuid4()}", f"blue-{uuid.uuid4()}"
    starts = method in ("StartWorkflowExecution", "SignalWithStartWorkflowExecution", "ExecuteMultiOperation")
    if not starts:
        straight.start(own)
        straight.start(foreign)
    before = None if starts else len(straight.events(foreign))
    for outside in (foreign, "", "red-", "Red-x", "x-red-1"):
        shared.refused_by_us(method, build(outside), token=red, status=7)
    assert not straight.exists(foreign) if starts else len(straight.events(foreign)) == before
    reply = shared.call(method, build(own), token=red, grpc_timeout=1)
    assert reply.grpc_status not in (7, 16), str(reply)


def test_both_halves_of_an_update_with_start(shared: Gate, straight: Frontend, red: str) -> None:
    own, foreign = f"red-{uuid.uuid4()}", f"blue-{uuid.uuid4()}"
    for start, update in ((own, foreign), (foreign, own)):
        shared.refused_by_us("ExecuteMultiOperation", _multi(start, update), token=red, status=7)
    assert not straight.exists(own) and not straight.exists(foreign)


def test_each_team_controls_its_own_workflows(shared: Gate, straight: Frontend, corp: Minter, red: str) -> None:
    """Each team starts, signals and terminates its own workflows, side by side."""
    tokens = {"red": red, "blue": corp.token(groups=["team-blue"]), "both": corp.token(groups=["team-red", "team-blue"])}
    names = {team: f"{team}-{uuid.uuid4()}" for team in ("red", "blue")}
    for team, name in names.items():
        allowed(shared.call("StartWorkflowExecution", _start(name), token=tokens[team]))
    signal = _by_execution("SignalWorkflowExecution", signal_name="hello")[1]
    terminate = _by_execution("TerminateWorkflowExecution")[1]
    for team, name in names.items():
        for other in ("red", "blue", "both"):
            may = other in (team, "both")
            assert shared.call("SignalWorkflowExecution", signal(name), token=tokens[other]).grpc_status == (0 if may else 7)
    shared.refused_by_us("TerminateWorkflowExecution", terminate(names["blue"]), token=tokens["red"], status=7)
    assert straight.status(names["blue"]) == "RUNNING"
    allowed(shared.call("TerminateWorkflowExecution", terminate(names["blue"]), token=tokens["blue"]))
    assert straight.status(names["blue"]) == "TERMINATED"
    assert straight.signals(names["red"]) == straight.signals(names["blue"]) == ["hello"] * 2


def test_the_log_says_which_id(shared: Gate, red: str) -> None:
    mark = shared.envoy.log_mark()
    shared.refused_by_us("StartWorkflowExecution", _start("blue-x"), token=red, status=7)
    assert shared.envoy.decision(mark)["reason"].endswith('; grant teams is limited: workflow id "blue-x" does not match workflow_ids')


def test_a_denial_outside_of_ids(shared: Gate, straight: Frontend, corp: Minter) -> None:
    careful, build = corp.token(groups=["team-red"], careful=True), _by_execution("TerminateWorkflowExecution")[1]
    mine, other = f"red-mine-{uuid.uuid4()}", f"red-other-{uuid.uuid4()}"
    straight.start(mine)
    straight.start(other)
    mark = shared.envoy.log_mark()
    shared.refused_by_us("TerminateWorkflowExecution", build(other), token=careful, status=7)
    assert shared.envoy.decision(mark)["rule"] == "only-its-own"
    allowed(shared.call("TerminateWorkflowExecution", build(mine), token=careful))
    assert (straight.status(mine), straight.status(other)) == ("TERMINATED", "RUNNING")
    # The denial does not concern anything else.
    signal = _by_execution("SignalWorkflowExecution", signal_name="x")[1]
    allowed(shared.call("SignalWorkflowExecution", signal(other), token=careful))


# -- calls that name no workflow, and calls that no id can describe


OPEN = {
    "DescribeNamespace", "PollWorkflowTaskQueue", "PollActivityTaskQueue", "PollNexusTaskQueue",
    "RespondWorkflowTaskCompleted", "RespondWorkflowTaskFailed", "RecordActivityTaskHeartbeat", "RespondActivityTaskCompleted",
    "RespondActivityTaskFailed", "RespondActivityTaskCanceled", "RespondQueryTaskCompleted", "RespondNexusTaskCompleted",
    "RespondNexusTaskFailed", "ShutdownWorker", "RecordWorkerHeartbeat", "ListSearchAttributes", "AddSearchAttributes",
    "RemoveSearchAttributes",
}
SCHEDULES = {"CreateSchedule", "UpdateSchedule", "PatchSchedule", "DescribeSchedule", "DeleteSchedule", "ListScheduleMatchingTimes"}
# These destroy what the other tests need, or need more than a grant for a namespace.
LEFT_OUT = {"DeleteNamespace", "RegisterNamespace"} | UNLISTED
IDS = {"workflow_id": "red-x", "activity_id": "red-x", "operation_id": "red-x", "job_id": "red-x", "schedule_id": "red-x"}


def _naming_red(method: requests.Method) -> Message:
    """The method's request with every id field set."""
    request = requests.build(method, "payroll")
    for field, value in IDS.items():
        if field in request.DESCRIPTOR.fields_by_name:
            requests.set_field(request, field, value)
    if isinstance(request, w.StartBatchOperationRequest):
        request.signal_operation.signal = "x"
        request.executions.add(workflow_id="red-x")
    return request


def _never() -> list[requests.Method]:
    known = {method for method, _ in NAMED} | OPEN | LEFT_OUT
    return [method for method in requests.methods() if method.scope == "namespace" and method.name not in known]


@pytest.mark.parametrize("method", _never(), ids=str)
def test_calls_that_are_never_covered(shared: Gate, red: str, method: requests.Method) -> None:
    """These are lists, counts, batches, standalone activities and operations, deployments, rules for many workflows, changes of the
    namespace, and schedules without schedule_ids."""
    mark = shared.envoy.log_mark()
    shared.refused_by_us(method.path, _naming_red(method), token=red, status=7)
    reason = shared.envoy.decision(mark)["reason"]
    expected = "the request affects a schedule, which requires schedule_ids" if method.name in SCHEDULES else "the request does not say which workflow ids it affects"
    assert expected in reason, reason


@pytest.mark.parametrize("name", sorted(OPEN))
def test_calls_that_name_no_workflow(shared: Gate, corp: Minter, red: str, name: str) -> None:
    """Polls, answers by token (test_policy_ids_worker has more), and calls about the namespace as a whole."""
    method = next(method for method in requests.methods() if method.name == name)
    request = requests.build(method, "payroll")
    if "task_token" in request.DESCRIPTOR.fields_by_name:
        requests.set_field(request, "task_token", b"\x12\x05red-x")
    reply = shared.call(method.path, request, token=red, grpc_timeout=0.5)
    assert reply.grpc_status not in (7, 16), str(reply)
    shared.refused_by_us(method.path, request, token=corp.token(groups=["other"]), status=7)


def test_every_method_is_in_one_list() -> None:
    names = [method for method, _ in NAMED]
    assert len(set(names)) == len(names) and not set(names) & OPEN
    known = {method.name for method in requests.methods() if method.scope == "namespace"}
    assert set(names) | OPEN | SCHEDULES | LEFT_OUT <= known
    # All other methods are denied. These are examples.
    left = {method.name for method in _never()}
    assert left >= SCHEDULES and {
        "StartActivityExecution", "StartNexusOperationExecution", "ListWorkflowExecutions", "CountWorkflowExecutions",
        "StartBatchOperation", "StopBatchOperation", "CreateWorkflowRule", "CreateWorkerDeployment", "DescribeTaskQueue",
        "UpdateNamespace", "DeprecateNamespace",
    } <= left

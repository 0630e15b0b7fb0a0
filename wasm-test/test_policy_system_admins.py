"""Denials also win over system admins, even if they act through workflows of Temporal's own.

The tests use a real Temporal: the schedule stays as it is, and nothing starts.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.schedule.v1 import SchedulePatch

from harness import commands, requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.task_tokens import Task
from harness.temporal import Temporal

w = requests.workflow
SERVICE = "temporal.api.workflowservice.v1.WorkflowService"
GRANTS = [{"name": "platform", "who": {"issuer": "corp"}, "role": "admin", "system": True}]
DENIALS: list[dict[str, Any]] = [
    {"name": "no-starts", "who": {"claims": {"denied": "starts"}}, "effects": ["start", "schedule"], "namespaces": ["payroll"], "commands": False},
    {"name": "no-commands", "who": {"claims": {"denied": "commands"}}, "effects": ["start"], "namespaces": ["payroll"], "commands": True},
    {"name": "no-deletes", "who": {"claims": {"denied": "deletes"}}, "effects": ["delete"], "namespaces": ["payroll"]},
]


@pytest.fixture(scope="module")
def cluster(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS, denials=DENIALS), rich_temporal.port)


@pytest.fixture
def schedule(straight: Frontend) -> str:
    name = f"payday-{uuid.uuid4()}"
    create = w.CreateScheduleRequest(namespace="payroll", schedule_id=name, request_id=name)
    action = create.schedule.action.start_workflow
    action.workflow_id, action.workflow_type.name, action.task_queue.name = f"run-{name}", "Payday", "nobody-polls-here"
    straight.ask("CreateSchedule", create)
    return name


def _runs(straight: Frontend, schedule: str) -> int:
    describe = w.DescribeScheduleRequest(namespace="payroll", schedule_id=schedule)
    return int(straight.ask("DescribeSchedule", describe).info.action_count)


def _patch(schedule: str) -> tuple[str, Message]:
    request = w.PatchScheduleRequest(namespace="payroll", schedule_id=schedule, request_id=str(uuid.uuid4()))
    request.patch.trigger_immediately.SetInParent()
    return "PatchSchedule", request


def _patch_by_signal(schedule: str) -> tuple[str, Message]:
    """The scheduler is a workflow, and a signal can trigger it."""
    request = w.SignalWorkflowExecutionRequest(namespace="payroll", signal_name="patch", request_id=str(uuid.uuid4()))
    request.workflow_execution.workflow_id = f"temporal-sys-scheduler:{schedule}"
    payload = request.input.payloads.add()
    payload.metadata["encoding"] = b"json/protobuf"
    payload.metadata["messageType"] = SchedulePatch.DESCRIPTOR.full_name.encode()
    payload.data = b'{"triggerImmediately": {}}'
    return "SignalWorkflowExecution", request


@pytest.mark.parametrize("build", [_patch, _patch_by_signal])
def test_a_schedule_is_triggered_by_nobody(
    cluster: Gate, straight: Frontend, corp: Minter, schedule: str, build: Callable[[str], tuple[str, Message]]
) -> None:
    mark = cluster.envoy.log_mark()
    cluster.refused_by_us(*build(schedule), token=corp.token(denied="starts"), status=7)
    assert cluster.envoy.decision(mark)["rule"] == "no-starts"
    assert _runs(straight, schedule) == 0
    allowed(cluster.call(*build(schedule), token=corp.token()))
    until(lambda: _runs(straight, schedule) == 1, 20, "the schedule's workflow")


def test_reading_about_it_is_reading(cluster: Gate, corp: Minter, schedule: str) -> None:
    for execution in (f"temporal-sys-scheduler:{schedule}",):
        request = w.DescribeWorkflowExecutionRequest(namespace="payroll")
        request.execution.workflow_id = execution
        allowed(cluster.call("DescribeWorkflowExecution", request, token=corp.token(denied=["starts", "deletes", "commands"])))


ENCODINGS = {"binary/protobuf": lambda message: message.SerializeToString(), "json/protobuf": lambda message: _json(message).encode()}


def _json(message: Any) -> str:
    return (
        f'{{"workflowId": "{message.workflow_id}", "signalName": "x",'
        ' "workflowType": {"name": "Some"}, "taskQueue": {"name": "nobody-polls-here"}}'
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_operation_of_temporals_own_in_any_words(cluster: Gate, straight: Frontend, corp: Minter, encoding: str) -> None:
    """An operation that is not read could do anything that a command does, so a denial of any such effect matches it."""
    name, new = f"w-{uuid.uuid4()}", f"new-{uuid.uuid4()}"
    straight.start(name, name)
    inner = w.SignalWithStartWorkflowExecutionRequest(namespace="payroll", workflow_id=new, signal_name="x")
    inner.workflow_type.name, inner.task_queue.name = "Some", "nobody-polls-here"
    payload = Payload(metadata={"encoding": encoding.encode()}, data=ENCODINGS[encoding](inner))
    command = commands.nexus("__temporal_system", SERVICE, "SignalWithStartWorkflowExecution", payload)
    answer = commands.answer(straight.workflow_task(name).task_token, command)
    mark = cluster.envoy.log_mark()
    cluster.refused_by_us("RespondWorkflowTaskCompleted", answer, token=corp.token(denied="commands"), status=7)
    assert cluster.envoy.decision(mark)["rule"] == "no-commands"
    assert not straight.exists(new)
    # With `commands: false` it is part of the answer, like every command.
    allowed(cluster.call("RespondWorkflowTaskCompleted", answer, token=corp.token(denied="starts")))
    until(lambda: straight.exists(new), 20, "the workflow")


def test_a_workflow_of_temporals_own_that_deletes(cluster: Gate, straight: Frontend, corp: Minter) -> None:
    """The workflows of Temporal's own namespace act on all other namespaces."""
    start = requests.start_workflow("temporal-system", f"w-{uuid.uuid4()}")
    start.workflow_type.name = "temporal-sys-delete-namespace-workflow"
    mark = cluster.envoy.log_mark()
    cluster.refused_by_us("StartWorkflowExecution", start, token=corp.token(denied="deletes"), status=7)
    assert cluster.envoy.decision(mark)["rule"] == "no-deletes"
    assert not Frontend(straight.port, "temporal-system").exists(start.workflow_id)
    # Nobody polls the queue that it names, so it has no effect.
    allowed(cluster.call("StartWorkflowExecution", start, token=corp.token()))


def test_a_task_of_a_scheduler(cluster: Gate, corp: Minter, straight: Frontend, schedule: str) -> None:
    """An answer to it is a worker's call. Its commands are denied with `commands: true`, and not without."""
    token = Task(straight.namespace_id(), f"temporal-sys-scheduler:{schedule}", str(uuid.uuid4()), 2).encode()
    answer = commands.answer(token, commands.child("x"))
    cluster.refused_by_us("RespondWorkflowTaskCompleted", answer, token=corp.token(denied="commands"), status=7)
    reply = cluster.call("RespondWorkflowTaskCompleted", answer, token=corp.token(denied="starts"))
    assert reply.grpc_status == 5, f"there is no such task, says the server: {reply}"

"""Workflows and task queues of Temporal's own need an admin of the cluster: a signal reaches a schedule as a workflow."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import Message
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.schedule.v1 import SchedulePatch
from temporalio.api.workflow.v1 import NewWorkflowExecutionInfo

from harness import grpc_client, requests, task_tokens
from harness.gate import Gate, allowed
from harness.minter import Minter
from harness.poll import until

w = requests.workflow
SCHEDULE = f"payday-{grpc_client.test_id()}"
SCHEDULER = "temporal-sys-scheduler:" + SCHEDULE


def _signal(workflow_id: str) -> Message:
    """A signal that pauses the schedule, if the workflow is a scheduler's."""
    request = w.SignalWorkflowExecutionRequest(namespace="payroll", signal_name="patch")
    request.workflow_execution.workflow_id = workflow_id
    payload = request.input.payloads.add()
    payload.metadata["encoding"] = b"json/protobuf"
    payload.metadata["messageType"] = SchedulePatch.DESCRIPTOR.full_name.encode()
    payload.data = b'{"pause": "by signal"}'
    return request


def _command(workflow_id: str) -> Message:
    request = w.RespondWorkflowTaskCompletedRequest(namespace="payroll", task_token=task_tokens.SOME)
    command = request.commands.add().signal_external_workflow_execution_command_attributes
    command.execution.workflow_id = workflow_id
    return request


def _poll(method: str, queue: str) -> Message:
    request = getattr(w, f"{method}Request")(namespace="payroll")
    request.task_queue.name = queue
    return request


def _start(queue: str) -> Message:
    request = requests.start_workflow("payroll", grpc_client.test_id())
    request.task_queue.name = queue
    return request


def _batch(query: str) -> Message:
    """A query that names their division finds Temporal's own workflows: this batch would edit every schedule."""
    request = w.StartBatchOperationRequest(namespace="payroll", job_id=grpc_client.test_id(), reason="x", visibility_query=query)
    request.signal_operation.signal = "patch"
    return request


def _stop_batch(job: str) -> Message:
    """The server terminates any workflow that has that id."""
    return w.StopBatchOperationRequest(namespace="payroll", job_id=job, reason="x")


def _named_batch(job: str) -> Message:
    request = w.StartBatchOperationRequest(namespace="payroll", job_id=job, reason="x", visibility_query="WorkflowId = 'x'")
    request.signal_operation.signal = "x"
    return request


@pytest.mark.parametrize(
    ("method", "message", "permission"),
    [
        ("SignalWorkflowExecution", _signal(SCHEDULER), "payroll:admin"),
        ("RespondWorkflowTaskCompleted", _command(SCHEDULER), "payroll:worker"),
        ("PollWorkflowTaskQueue", _poll("PollWorkflowTaskQueue", "temporal-sys-per-ns-tq"), "payroll:worker"),
        ("PollActivityTaskQueue", _poll("PollActivityTaskQueue", "/_sys/payroll/1"), "payroll:worker"),
        ("StartWorkflowExecution", _start("temporal-sys-batcher-taskqueue"), "payroll:write"),
        ("StartWorkflowExecution", requests.start_workflow("temporal-system"), "temporal-system:write"),
        ("StartBatchOperation", _batch("TemporalNamespaceDivision = 'TemporalScheduler'"), "payroll:write"),
        ("SignalWorkflowExecution", _signal(SCHEDULER), "temporal-system:write"),
        ("StopBatchOperation", _stop_batch(SCHEDULER), "payroll:admin"),
        ("StartBatchOperation", _named_batch(SCHEDULER), "payroll:admin"),
    ],
    ids=["signal", "command", "poll", "poll a partition", "start", "namespace", "batch", "signal as a writer everywhere",
         "stop a batch", "name a batch"],
)
def test_calls_to_temporals_own_workflows_are_denied(gate: Gate, corp: Minter, method: str, message: Message, permission: str) -> None:
    gate.refused_by_us(method, message, token=corp.token(permissions=[permission]), status=7)


def test_lookalikes_and_cluster_admins_are_allowed(gate: Gate, corp: Minter) -> None:
    """Names that only look similar are ordinary names, and an admin of the cluster may make all of these calls: the signal really
    edits the schedule."""
    create: Any = w.CreateScheduleRequest(namespace="payroll", schedule_id=SCHEDULE, request_id=SCHEDULE)
    create.schedule.action.start_workflow.CopyFrom(_new_workflow())
    allowed(gate.call("CreateSchedule", create, token=corp.token(permissions=["payroll:write"])))

    own = gate.call("StartBatchOperation", _batch("WorkflowType = 'X'"), token=corp.token(permissions=["payroll:write"]))
    assert own.grpc_status not in (7, 16), str(own)
    look_alike = gate.call("SignalWorkflowExecution", _signal("my-temporal-sys-scheduler"), token=corp.token(permissions=["payroll:write"]))
    assert look_alike.grpc_status == 5, f"not found by the server: {look_alike}"
    assert not _is_paused(gate, corp)
    allowed(gate.call("SignalWorkflowExecution", _signal(SCHEDULER), token=corp.token(permissions=["temporal-system:admin"])))
    # A signal takes effect when the scheduler's workflow gets its task.
    until(lambda: _is_paused(gate, corp), 10, "the schedule to be paused")


def test_reading_about_them_is_reading(gate: Gate, corp: Minter) -> None:
    """The Web UI makes these calls."""
    request = w.DescribeTaskQueueRequest(namespace="payroll", task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
    request.task_queue.name = "temporal-sys-per-ns-tq"
    allowed(gate.call("DescribeTaskQueue", request, token=corp.token(permissions=["payroll:read"])))


def _new_workflow() -> Message:
    info = NewWorkflowExecutionInfo(workflow_id="run-" + SCHEDULE)
    info.workflow_type.name, info.task_queue.name = "Payday", "payday"
    return info


def _is_paused(gate: Gate, corp: Minter) -> bool:
    request = w.DescribeScheduleRequest(namespace="payroll", schedule_id=SCHEDULE)
    reply = allowed(gate.call("DescribeSchedule", request, token=corp.token(permissions=["payroll:read"])))
    return bool(w.DescribeScheduleResponse.FromString(reply.message).schedule.state.paused)

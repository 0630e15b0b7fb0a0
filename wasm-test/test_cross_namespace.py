"""Commands into another namespace, on a real Temporal that accepts them (`system.enableCrossNamespaceCommands`)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from temporalio.api.enums.v1 import CommandType

from harness import requests
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import BY_PERMISSIONS, plugin
from harness.poll import until
from harness.temporal import Temporal

w = requests.workflow
HERE, THERE = "payroll", "finance-reports"
SWITCH = "system.enableCrossNamespaceCommands=true"
DENIAL = {
    "name": "no-signals-there",
    "who": {"issuer": "corp", "claims": {"muted": True}},
    "effects": ["signal"],
    "namespaces": [THERE],
}


@pytest.fixture(scope="module")
def open_temporal() -> Iterator[Temporal]:
    with Temporal([HERE, THERE], extra=("--dynamic-config-value", SWITCH)) as running:
        yield running


@pytest.fixture(scope="module")
def across(open_shared_gate: OpenGate, open_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), BY_PERMISSIONS, denials=[DENIAL]), open_temporal.port)


def test_a_signal_into_another_namespace(across: Gate, corp: Minter) -> None:
    """It is denied to a worker of this namespace, and by a denial there; it arrives if a grant there covers it."""
    platform = corp.token("platform", permissions=["temporal-system:admin"])
    target, queue = f"target-{uuid.uuid4()}", f"queue-{uuid.uuid4()}"
    allowed(across.call("StartWorkflowExecution", requests.start_workflow(THERE, target), token=platform))
    start = requests.start_workflow(HERE, queue)
    start.task_queue.name = queue
    allowed(across.call("StartWorkflowExecution", start, token=platform))

    def worker(*more: str, **claims: Any) -> str:
        return corp.token("worker", permissions=[f"{HERE}:worker", *more], **claims)

    poll = w.PollWorkflowTaskQueueRequest(namespace=HERE, identity="test")
    poll.task_queue.name = queue
    reply = allowed(across.call("PollWorkflowTaskQueue", poll, token=worker(), grpc_timeout=30, timeout=40))
    task = w.PollWorkflowTaskQueueResponse.FromString(reply.message)
    assert task.task_token

    answer = w.RespondWorkflowTaskCompletedRequest(namespace=HERE, task_token=task.task_token, identity="test")
    command = answer.commands.add()
    command.command_type = CommandType.Value("COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION")
    signal = command.signal_external_workflow_execution_command_attributes
    signal.namespace, signal.execution.workflow_id, signal.signal_name = THERE, target, "hello"
    method = "RespondWorkflowTaskCompleted"
    for token in (worker(), worker(f"{THERE}:worker"), worker(f"{THERE}:read"), worker(f"{THERE}:write", muted=True)):
        across.refused_by_us(method, answer, token=token, status=7)
    allowed(across.call(method, answer, token=worker(f"{THERE}:write")))

    history = w.GetWorkflowExecutionHistoryRequest(namespace=THERE)
    history.execution.workflow_id = target

    def signals() -> list[str]:
        reply = allowed(across.call("GetWorkflowExecutionHistory", history, token=platform))
        events = w.GetWorkflowExecutionHistoryResponse.FromString(reply.message).history.events
        field: Any = "workflow_execution_signaled_event_attributes"
        return [getattr(event, field).signal_name for event in events if event.HasField(field)]

    until(signals, 20, "the signal in the other namespace")
    assert signals() == ["hello"]

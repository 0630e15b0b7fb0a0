"""Limits on signals, queries and updates by name: wherever a call sends one, its name must match."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload

from harness import commands, requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.requests import ACCEPTED
from harness.temporal import Temporal

w = requests.workflow
SERVICE = "temporal.api.workflowservice.v1.WorkflowService"
LIMITS: dict[str, dict[str, list[str]]] = {
    "signals": {"signals": ["approve-*", "note"]},
    "queries": {"queries": ["balance"]},
    "updates": {"updates": ["set-{team}"]},
}
GRANTS = [
    {
        "name": name,
        "who": {"issuer": "corp", "claims": {"limit": name, "team": "{team}"}},
        "role": "writer",
        "namespaces": ["payroll"],
        **limits,
    }
    for name, limits in LIMITS.items()
] + [{"name": "free", "who": {"issuer": "corp", "claims": {"free": True}}, "role": "writer", "namespaces": ["payroll"]}]
DENIALS = [
    {
        "name": "only-approvals",
        "effects": ["signal"],
        "who": {"issuer": "corp", "claims": {"free": True}},
        "outside": {"signals": ["approve-*"]},
        "commands": True,
    }
]


@pytest.fixture(scope="module")
def shared(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS, denials=DENIALS), rich_temporal.port)


def _token(corp: Minter, limit: str) -> str:
    return corp.token(limit=limit, team="red")


class Stage:
    """A running workflow that waits, with a task that a worker has polled."""

    def __init__(self, straight: Frontend) -> None:
        self.straight = straight
        self.name, self.new, self.queue = (f"{what}-{uuid.uuid4()}" for what in ("w", "new", "queue"))
        straight.start(self.name)
        straight.start(self.queue, self.queue)
        self.task = straight.workflow_task(self.queue).task_token


def _signal(stage: Stage, name: str) -> tuple[str, Message]:
    request = w.SignalWorkflowExecutionRequest(namespace="payroll", signal_name=name)
    request.workflow_execution.workflow_id = stage.name
    return "SignalWorkflowExecution", request


def _with_start(stage: Stage, name: str) -> Any:
    request = w.SignalWithStartWorkflowExecutionRequest(namespace="payroll", workflow_id=stage.new, signal_name=name)
    request.workflow_type.name, request.task_queue.name = "Some", "nobody-polls-here"
    return request


def _signal_with_start(stage: Stage, name: str) -> tuple[str, Message]:
    return "SignalWithStartWorkflowExecution", _with_start(stage, name)


def _batch(stage: Stage, name: str) -> tuple[str, Message]:
    request = w.StartBatchOperationRequest(namespace="payroll", job_id=str(uuid.uuid4()), reason="x")
    request.executions.add(workflow_id=stage.name)
    request.signal_operation.signal = name
    return "StartBatchOperation", request


def _reset(stage: Stage, name: str) -> tuple[str, Message]:
    request = w.ResetWorkflowExecutionRequest(namespace="payroll", workflow_task_finish_event_id=3, request_id=str(uuid.uuid4()))
    request.workflow_execution.workflow_id = stage.name
    request.post_reset_operations.add().signal_workflow.signal_name = name
    return "ResetWorkflowExecution", request


def _reset_batch(stage: Stage, name: str) -> tuple[str, Message]:
    request = w.StartBatchOperationRequest(namespace="payroll", job_id=str(uuid.uuid4()), reason="x")
    request.executions.add(workflow_id=stage.name)
    request.reset_operation.options.first_workflow_task.SetInParent()
    request.reset_operation.post_reset_operations.add().signal_workflow.signal_name = name
    return "StartBatchOperation", request


def _command(stage: Stage, name: str) -> tuple[str, Message]:
    return "RespondWorkflowTaskCompleted", commands.answer(stage.task, commands.signal(stage.name, name))


def _operation(stage: Stage, name: str) -> tuple[str, Message]:
    payload = Payload(metadata={"encoding": b"binary/protobuf"}, data=_with_start(stage, name).SerializeToString())
    command = commands.nexus("__temporal_system", SERVICE, "SignalWithStartWorkflowExecution", payload)
    return "RespondWorkflowTaskCompleted", commands.answer(stage.task, command)


SIGNALS: list[Callable[[Stage, str], tuple[str, Message]]] = [
    _signal, _signal_with_start, _batch, _reset, _reset_batch, _command, _operation
]


@pytest.mark.parametrize("build", SIGNALS)
def test_signals_must_match(shared: Gate, straight: Frontend, corp: Minter, build: Callable[[Stage, str], tuple[str, Message]]) -> None:
    stage, token = Stage(straight), _token(corp, "signals")
    for name in ("hello", "approve-", "Approve-x", "note ", ""):
        mark = shared.envoy.log_mark()
        method, request = build(stage, name)
        shared.refused_by_us(method, request, token=token, status=7)
        reason = shared.envoy.decision(mark)["reason"]
        assert reason.endswith(f'signal "{name}" does not match signals' if name else "the request names no signal"), reason
    # The same with a denial with `outside`, for a caller whose grants have no limits.
    method, request = build(stage, "note")
    mark = shared.envoy.log_mark()
    shared.refused_by_us(method, request, token=corp.token(free=True), status=7)
    assert shared.envoy.decision(mark)["rule"] == "only-approvals"
    assert straight.signals(stage.name) == [] and not straight.exists(stage.new)

    reply = shared.call(*build(stage, "approve-it"), token=token)
    # A workflow that has had no task cannot be reset; the server refuses that.
    assert reply.grpc_status == (3 if build is _reset else 0), str(reply)
    if build not in (_reset, _reset_batch):
        target = stage.new if build in (_signal_with_start, _operation) else stage.name
        until(lambda: straight.exists(target) and straight.signals(target) == ["approve-it"], 20, "the signal")


def test_a_batch_of_something_else_signals_nobody(shared: Gate, straight: Frontend, corp: Minter) -> None:
    stage = Stage(straight)
    request = w.StartBatchOperationRequest(namespace="payroll", job_id=str(uuid.uuid4()), reason="x")
    request.executions.add(workflow_id=stage.name)
    request.cancellation_operation.SetInParent()
    allowed(shared.call("StartBatchOperation", request, token=_token(corp, "signals")))
    # A batch with an unknown operation could signal.
    request.ClearField("cancellation_operation")
    shared.refused_by_us("StartBatchOperation", request, token=_token(corp, "signals"), status=7)


def test_two_signals_in_one_answer(shared: Gate, straight: Frontend, corp: Minter) -> None:
    """All names in the answer must match."""
    stage, token = Stage(straight), _token(corp, "signals")
    answer = commands.answer(stage.task, commands.signal(stage.name, "approve-it"), commands.signal(stage.name, "hello"))
    shared.refused_by_us("RespondWorkflowTaskCompleted", answer, token=token, status=7)
    answer.commands.pop()
    allowed(shared.call("RespondWorkflowTaskCompleted", answer, token=token))


# -- queries


def _query(stage: Stage, name: str) -> tuple[str, Message]:
    request = w.QueryWorkflowRequest(namespace="payroll")
    request.execution.workflow_id, request.query.query_type = stage.name, name
    return "QueryWorkflow", request


def test_queries_must_match(shared: Gate, straight: Frontend, corp: Minter) -> None:
    """Queries that the SDKs answer by themselves, and that the Web UI sends, are queries like any other."""
    stage, token = Stage(straight), _token(corp, "queries")
    for name in ("__stack_trace", "__temporal_workflow_metadata", "Balance", "balances", ""):
        shared.refused_by_us(*_query(stage, name), token=token, status=7)
    # Nobody answers the query, but it has reached the server.
    assert shared.call(*_query(stage, "balance"), token=token, grpc_timeout=1).grpc_status not in (7, 16)
    assert shared.call(*_query(stage, "__stack_trace"), token=_token(corp, "updates"), grpc_timeout=1).grpc_status not in (7, 16)


# -- updates


def _update(stage: Stage, name: str) -> tuple[str, Any]:
    request = w.UpdateWorkflowExecutionRequest(namespace="payroll")
    request.workflow_execution.workflow_id = stage.name
    request.request.meta.update_id, request.request.input.name = str(uuid.uuid4()), name
    request.wait_policy.lifecycle_stage = ACCEPTED
    return "UpdateWorkflowExecution", request


def _update_with_start(stage: Stage, name: str) -> tuple[str, Any]:
    request = w.ExecuteMultiOperationRequest(namespace="payroll")
    request.operations.add().start_workflow.CopyFrom(requests.start_workflow("payroll", stage.new))
    update = _update(stage, name)[1]
    update.workflow_execution.workflow_id = stage.new
    request.operations.add().update_workflow.CopyFrom(update)
    return "ExecuteMultiOperation", request


@pytest.mark.parametrize("build", [_update, _update_with_start])
def test_updates_must_match(shared: Gate, straight: Frontend, corp: Minter, build: Callable[[Stage, str], tuple[str, Message]]) -> None:
    """The limit has a capture: each team has updates of its own."""
    stage = Stage(straight)
    for name, team in (("set-blue", "red"), ("set-red", "blue"), ("set-", "red"), ("", "red"), ("set-*", "red")):
        token = corp.token(limit="updates", team=team)
        shared.refused_by_us(*build(stage, name), token=token, status=7)
    assert not straight.exists(stage.new)
    reply = shared.call(*build(stage, "set-red"), token=_token(corp, "updates"), grpc_timeout=1)
    assert reply.grpc_status not in (7, 16), str(reply)


# -- each limit compares its own names


def test_limits_say_nothing_of_the_rest(shared: Gate, straight: Frontend, corp: Minter) -> None:
    stage = Stage(straight)
    for limit in LIMITS:
        token = _token(corp, limit)
        allowed(shared.count(token=token))
        allowed(shared.start(token=token))
        if limit != "signals":
            allowed(shared.call(*_signal(stage, "hello"), token=token))
        if limit != "queries":
            assert shared.call(*_query(stage, "x"), token=token, grpc_timeout=1).grpc_status not in (7, 16)
        if limit != "updates":
            assert shared.call(*_update(stage, "x"), token=token, grpc_timeout=1).grpc_status not in (7, 16)

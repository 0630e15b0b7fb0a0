"""A request with parts that the method table does not have, as a newer SDK sends them: counted and logged, or refused."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload

from harness import commands, proto, requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import plugin
from harness.task_tokens import Task
from harness.temporal import Temporal

w = requests.workflow
COUNTER = "temporal_auth.unknown_fields"
NEWER = " is newer than API "
GRANTS = [
    {"name": "writers", "who": {"issuer": "corp", "claims": {"role": "writer"}}, "role": "writer", "namespaces": ["payroll"]},
    {"name": "readers", "who": {"issuer": "corp", "claims": {"role": "reader"}}, "role": "reader", "namespaces": ["payroll"]},
    {
        "name": "limited",
        "who": {"issuer": "corp", "claims": {"role": "limited"}},
        "role": "worker",
        "namespaces": ["payroll"],
        "task_queues": ["red-*"],
    },
]


@pytest.fixture(scope="module")
def counts(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    """The default."""
    return open_shared_gate(plugin(corp.config(), GRANTS), rich_temporal.port, fresh=True)


@pytest.fixture(scope="module")
def refuses(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS, newer_fields="refuse"), rich_temporal.port)


def _raw(message: Any) -> bytes:
    raw: bytes = message.SerializeToString()
    return raw


def _start(more: bytes = b"") -> tuple[str, bytes]:
    return "StartWorkflowExecution", _raw(requests.start_workflow("payroll", f"w-{uuid.uuid4()}")) + more


def _in_a_queue() -> tuple[str, bytes]:
    start = requests.start_workflow("payroll", f"w-{uuid.uuid4()}")
    start.ClearField("task_queue")
    return "StartWorkflowExecution", _raw(start) + proto.text(4, proto.text(1, "nobody-polls-here") + proto.number(98, 1))


def _answer(inside: bytes) -> tuple[str, bytes]:
    answer = commands.answer(Task("n", "w", "r", 2).encode())
    return "RespondWorkflowTaskCompleted", _raw(answer) + proto.text(2, inside)


def _in_an_operation() -> tuple[str, bytes]:
    inner = w.SignalWithStartWorkflowExecutionRequest(namespace="payroll", workflow_id="w", signal_name="x")
    payload = Payload(metadata={"encoding": b"binary/protobuf"}, data=_raw(inner) + proto.number(97, 1))
    service = "temporal.api.workflowservice.v1.WorkflowService"
    command = commands.nexus("__temporal_system", service, "SignalWithStartWorkflowExecution", payload)
    return "RespondWorkflowTaskCompleted", _raw(commands.answer(Task("n", "w", "r", 2).encode(), command))


# the request that is sent, and the part that the log reports as newer
PARTS: dict[str, tuple[Callable[[], tuple[str, bytes]], str]] = {
    "a field": (lambda: _start(proto.number(900, 1)), "field 900 of StartWorkflowExecutionRequest"),
    "a message": (lambda: _start(proto.text(901, b"x")), "field 901 of StartWorkflowExecutionRequest"),
    "inside": (_in_a_queue, "field 98 of TaskQueue"),
    "a value of an enum": (lambda: _start(proto.number(22, 77)), "value 77 of field 22 of StartWorkflowExecutionRequest"),
    "a command": (lambda: _answer(proto.number(1, 1) + proto.text(96, b"")), "field 96 of Command"),
    "inside of an operation": (_in_an_operation, "field 97 of SignalWithStartWorkflowExecutionRequest"),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_newer_field_is_counted_each_time_and_logged_once(counts: Gate, corp: Minter, part: str) -> None:
    build, told = PARTS[part]
    token, before, mark = corp.token(role="writer"), counts.envoy.counter(COUNTER), counts.envoy.log_mark()
    for _ in range(3):
        method, message = build()
        assert counts.call(method, message, token=token).grpc_status not in (7, 16)
    counts.envoy.wait_counter(COUNTER, before + 3)
    assert counts.envoy.counter(COUNTER) == before + 3
    lines = [line for line in counts.envoy.log_since(mark).splitlines() if NEWER in line]
    assert len(lines) == 1 and f"temporal-auth: {method}: {told}{NEWER}1." in lines[0], lines


def test_a_counted_call_is_forwarded(counts: Gate, straight: Frontend, corp: Minter) -> None:
    name, before = f"w-{uuid.uuid4()}", counts.envoy.counter(COUNTER)
    message = _raw(requests.start_workflow("payroll", name)) + proto.number(900, 1)
    allowed(counts.call("StartWorkflowExecution", message, token=corp.token(role="writer")))
    assert straight.status(name) == "RUNNING"
    counts.envoy.wait_counter(COUNTER, before + 1)


def test_requests_and_fields_that_are_not_counted(counts: Gate, corp: Minter) -> None:
    """Requests of callers without a good token, parts of messages that the filter does not read, and fields that old clients still
    send."""
    before = counts.envoy.counter(COUNTER)
    method, message = _start(proto.number(900, 1))
    for token in (None, "a.b.c"):
        assert counts.call(method, message, token=token).grpc_status == 16
    method, message = _start(proto.text(15, proto.number(99, 1)))  # in `memo`
    allowed(counts.call(method, message, token=corp.token(role="writer")))
    allowed(counts.start(token=corp.token(role="writer")))
    # Counters are reported together: when this one arrives, all earlier counts have arrived.
    allowed(counts.call(*_start(proto.number(900, 1)), token=corp.token(role="writer")))
    assert counts.envoy.wait_counter(COUNTER, before + 1) == before + 1


def test_a_denied_call_is_counted_too(counts: Gate, corp: Minter) -> None:
    before = counts.envoy.counter(COUNTER)
    message = _raw(w.CountWorkflowExecutionsRequest(namespace="finance-reports")) + proto.number(900, 1)
    counts.refused_by_us("CountWorkflowExecutions", message, token=corp.token(role="writer"), status=7)
    counts.envoy.wait_counter(COUNTER, before + 1)


def test_a_caller_cannot_fill_the_log(open_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> None:
    """A caller has 2²⁹ numbers to choose from. The log has 64 lines in all, for at most four parts of a request; counting continues."""
    gate = open_gate(plugin(corp.config(), GRANTS), rich_temporal.port, fresh=True)
    token = corp.token(role="writer")
    for first in range(1000, 1100, 5):
        method, message = _start(b"".join(proto.number(number, 1) for number in range(first, first + 5)))
        allowed(gate.call(method, message, token=token))
    gate.envoy.wait_counter(COUNTER, 100)
    lines = [line for line in gate.envoy.log_text().splitlines() if NEWER in line]
    assert len(lines) == 64 == len(set(lines))


# -- newer_fields: refuse


def _poll(queue: str, what: str = "Workflow") -> tuple[str, bytes]:
    request = getattr(w, f"Poll{what}TaskQueueRequest")(namespace="payroll")
    request.task_queue.name = queue
    return f"Poll{what}TaskQueue", _raw(request) + proto.text(95, b"x")


@pytest.mark.parametrize("part", PARTS)
def test_newer_fields_are_refused_if_configured(refuses: Gate, straight: Frontend, corp: Minter, part: str) -> None:
    build, told = PARTS[part]
    method, message = build()
    mark = refuses.envoy.log_mark()
    refuses.refused_by_us(method, message, token=corp.token(role="writer"), status=7)
    reason = refuses.envoy.decision(mark)["reason"]
    assert reason.startswith(f"{told}{NEWER}1.") and reason.endswith(", and newer_fields: refuse")
    if method == "StartWorkflowExecution":
        assert not straight.exists(w.StartWorkflowExecutionRequest.FromString(message).workflow_id)


def test_the_same_request_without_the_field_is_allowed(refuses: Gate, corp: Minter) -> None:
    allowed(refuses.start(token=corp.token(role="writer")))
    assert refuses.call(*_answer(proto.number(1, 1)), token=corp.token(role="writer")).grpc_status not in (7, 16)


EXEMPT: dict[str, tuple[str, tuple[str, bytes]]] = {
    "a read": ("reader", ("CountWorkflowExecutions", _raw(w.CountWorkflowExecutionsRequest(namespace="payroll")) + proto.number(95, 1))),
    "a query": ("reader", ("QueryWorkflow", _raw(w.QueryWorkflowRequest(namespace="payroll")) + proto.number(95, 1))),
    "a poll for workflow tasks": ("writer", _poll("any")),
    "a poll for activity tasks": ("writer", _poll("any", "Activity")),
    "a worker's heartbeat": (
        "writer", ("RecordWorkerHeartbeat", _raw(w.RecordWorkerHeartbeatRequest(namespace="payroll")) + proto.number(95, 1))
    ),
    "an activity's heartbeat": (
        "limited",
        (
            "RecordActivityTaskHeartbeat",
            _raw(w.RecordActivityTaskHeartbeatRequest(namespace="payroll", task_token=b"\x12\x01w")) + proto.number(95, 1),
        ),
    ),
}


@pytest.mark.parametrize("case", EXEMPT)
def test_where_a_new_field_only_adds_to_what_is_read(refuses: Gate, corp: Minter, case: str) -> None:
    role, (method, message) = EXEMPT[case]
    reply = refuses.call(method, message, token=corp.token(role=role), grpc_timeout=0.5)
    assert reply.grpc_status not in (7, 16), str(reply)


@pytest.mark.parametrize("what", ["Workflow", "Activity"])
def test_a_poll_under_limits(refuses: Gate, corp: Minter, what: str) -> None:
    """The new field could name another queue."""
    refuses.refused_by_us(*_poll("red-q", what), token=corp.token(role="limited"), status=7)
    method, message = _poll("red-q", what)
    reply = refuses.call(method, message[: -len(proto.text(95, b"x"))], token=corp.token(role="limited"), grpc_timeout=0.5)
    assert reply.grpc_status not in (7, 16), str(reply)


def test_a_batch_of_a_newer_operation(counts: Gate, refuses: Gate, corp: Minter) -> None:
    """It could do anything that a batch may do: only writers may start it, if it is allowed at all."""
    batch = w.StartBatchOperationRequest(namespace="payroll", job_id=str(uuid.uuid4()), reason="x", visibility_query="WorkflowId = 'x'")
    message = _raw(batch) + proto.text(94, b"")
    counts.refused_by_us("StartBatchOperation", message, token=corp.token(role="reader"), status=7)
    assert counts.call("StartBatchOperation", message, token=corp.token(role="writer")).grpc_status not in (7, 16)
    refuses.refused_by_us("StartBatchOperation", message, token=corp.token(role="writer"), status=7)

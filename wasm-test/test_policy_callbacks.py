"""Callbacks, wherever a request may have them: into Temporal itself, or as a Nexus task onto a queue of the namespace."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import Callback

from harness import requests
from harness.gate import Gate, OpenGate
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal

w = requests.workflow
GRANTS: list[dict[str, Any]] = [
    {"name": "writers", "who": {"issuer": "corp", "claims": {"role": "writer"}}, "role": "writer", "namespaces": ["payroll"]},
    {"name": "callers", "who": {"issuer": "corp", "claims": {"role": "caller"}}, "role": "writer", "namespaces": ["payroll"], "may_call_back": True},
    {"name": "starters", "who": {"issuer": "corp", "claims": {"role": "starter"}}, "role": "starter", "namespaces": ["payroll"], "may_call_back": True},
    {"name": "limited", "who": {"issuer": "corp", "claims": {"role": "limited"}}, "role": "writer", "namespaces": ["payroll"], "task_queues": ["red-*"]},
]
ROLES = {"starter": {"from": "reader", "plus": ["start", "update"]}}


@pytest.fixture(scope="module")
def shop(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS, roles=ROLES), rich_temporal.port)


def _start(callback: Callback) -> tuple[str, Any]:
    request = requests.start_workflow("payroll", f"w-{uuid.uuid4()}")
    request.task_queue.name = "red-q"
    request.completion_callbacks.append(callback)
    return "StartWorkflowExecution", request


def _activity(callback: Callback) -> tuple[str, Any]:
    request = w.StartActivityExecutionRequest(namespace="payroll", activity_id=str(uuid.uuid4()), request_id=str(uuid.uuid4()))
    request.activity_type.name, request.task_queue.name = "some", "red-q"
    request.start_to_close_timeout.FromSeconds(60)
    request.schedule_to_close_timeout.FromSeconds(60)
    request.completion_callbacks.append(callback)
    return "StartActivityExecution", request


def _operation(callback: Callback) -> tuple[str, Any]:
    number = str(uuid.uuid4())
    request = w.StartNexusOperationExecutionRequest(
        namespace="payroll", operation_id=number, request_id=number, endpoint="no-such-endpoint", service="s", operation="o"
    )
    request.completion_callbacks.append(callback)
    return "StartNexusOperationExecution", request


def _update(callback: Callback) -> tuple[str, Any]:
    request = w.UpdateWorkflowExecutionRequest(namespace="payroll")
    request.workflow_execution.workflow_id, request.request.input.name = "no-such-workflow", "u"
    request.request.completion_callbacks.append(callback)
    return "UpdateWorkflowExecution", request


def _multi(callback: Callback) -> tuple[str, Any]:
    request = w.ExecuteMultiOperationRequest(namespace="payroll")
    request.operations.add().start_workflow.CopyFrom(_start(callback)[1])
    request.operations.add().update_workflow.namespace = "payroll"
    return "ExecuteMultiOperation", request


PLACES: list[Callable[[Callback], tuple[str, Message]]] = [_start, _activity, _operation, _update, _multi]


def _nexus(url: str) -> Callback:
    callback = Callback()
    callback.nexus.url = url
    return callback


def _internal() -> Callback:
    callback = Callback()
    callback.internal.data = b"x"
    return callback


def _onto(queue: str) -> Callback:
    callback = Callback()
    callback.nexus_handler.task_queue_name, callback.nexus_handler.service, callback.nexus_handler.operation = queue, "s", "o"
    return callback


INTO_TEMPORAL = {"system": _nexus("temporal://system"), "internal": _nexus("Temporal://internal"), "of the server's own": _internal()}


@pytest.mark.parametrize("callback", INTO_TEMPORAL)
@pytest.mark.parametrize("build", PLACES)
def test_a_callback_into_temporal_itself_needs_may_call_back(shop: Gate, corp: Minter, build: Callable[[Callback], tuple[str, Message]], callback: str) -> None:
    method, request = build(INTO_TEMPORAL[callback])
    mark = shop.envoy.log_mark()
    shop.refused_by_us(method, request, token=corp.token(role="writer"), status=7)
    assert "the request registers a completion callback into Temporal itself" in shop.envoy.decision(mark)["reason"]
    reply = shop.call(method, request, token=corp.token(role="caller"), grpc_timeout=2)
    assert reply.grpc_status not in (7, 16), str(reply)


@pytest.mark.parametrize("build", PLACES)
def test_any_callback_is_nexus(shop: Gate, corp: Minter, build: Callable[[Callback], tuple[str, Message]]) -> None:
    """A caller who may start a workflow may not automatically add a callback to its end. The operation is `nexus` even without one."""
    for callback in (_nexus("https://hooks.example.com/x"), _onto("red-q")):
        method, request = build(callback)
        shop.refused_by_us(method, request, token=corp.token(role="starter"), status=7)
        assert shop.call(method, request, token=corp.token(role="writer"), grpc_timeout=2).grpc_status not in (7, 16)


@pytest.mark.parametrize("build", [_start, _activity, _operation])
def test_a_callback_onto_a_queue(shop: Gate, corp: Minter, build: Callable[[Callback], tuple[str, Message]]) -> None:
    """At the end, a Nexus task is put onto the queue, so limits and the check for Temporal's own names apply to it."""
    limited = corp.token(role="limited")
    mark = shop.envoy.log_mark()
    shop.refused_by_us(*build(_onto("blue-q")), token=limited, status=7)
    assert 'task queue "blue-q" does not match task_queues' in shop.envoy.decision(mark)["reason"]
    assert shop.call(*build(_onto("red-q2")), token=limited, grpc_timeout=2).grpc_status not in (7, 16)
    shop.refused_by_us(*build(_onto("temporal-sys-per-ns-tq")), token=corp.token(role="caller"), status=7)


@pytest.mark.parametrize("build", [_start, _activity, _operation])
def test_a_start_that_attaches_to_a_running_workflow(shop: Gate, corp: Minter, build: Callable[[Callback], tuple[str, Message]]) -> None:
    """The request does not show on which queue the running workflow is."""
    method, request = build(_onto("red-q"))
    request.ClearField("completion_callbacks")
    assert shop.call(method, request, token=corp.token(role="limited"), grpc_timeout=2).grpc_status not in (7, 16)
    request.on_conflict_options.attach_request_id = True  # type: ignore[attr-defined]
    shop.refused_by_us(method, request, token=corp.token(role="limited"), status=7)
    assert shop.call(method, request, token=corp.token(role="writer"), grpc_timeout=2).grpc_status not in (7, 16)

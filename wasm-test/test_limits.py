"""Limits in front of a real Temporal: the names in a request decide, whatever else the caller claims."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.message import Message
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from harness import requests, task_tokens
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import BY_PERMISSIONS, plugin
from harness.temporal import Temporal

w = requests.workflow
GRANTS = [
    *BY_PERMISSIONS,
    {
        "name": "runners",
        "who": {"issuer": "corp", "subject": "{team}-runner"},
        "role": "worker",
        "namespaces": ["payroll"],
        "task_queues": ["{team}-*"],
    },
    {
        "name": "starters",
        "who": {"issuer": "corp", "claims": {"role": "starter"}},
        "role": "writer",
        "namespaces": ["payroll"],
        "task_queues": ["red-*"],
        "workflow_types": ["Pay*"],
    },
]
STICKY = "7@host-0f8fad5bd9cb469fa16570867728950e"
NORMAL_KIND, STICKY_KIND = 1, 2


@pytest.fixture(scope="module")
def limited(open_shared_gate: OpenGate, temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS), temporal.port)


@pytest.fixture
def runner(corp: Minter) -> str:
    return corp.token("red-runner")


@pytest.fixture
def starter(corp: Minter) -> str:
    return corp.token(role="starter")


def _poll(what: str, name: str, kind: int, normal: str = "") -> tuple[str, Message]:
    method = f"Poll{what}TaskQueue"
    request: Any = requests.message_class("temporal.api.workflowservice.v1.WorkflowService", method)(namespace="payroll")
    request.task_queue.name, request.task_queue.kind, request.task_queue.normal_name = name, kind, normal
    return method, request


@activity.defn
async def secret() -> str:
    return "done"


@workflow.defn(sandboxed=False)
class Foreign:
    @workflow.run
    async def run(self, queue: str) -> str:
        return await workflow.execute_activity(secret, task_queue=queue, start_to_close_timeout=timedelta(minutes=2))


@pytest.mark.parametrize("what", ["Workflow", "Activity"])
def test_another_teams_queue_claimed_to_be_sticky(limited: Gate, temporal: Temporal, corp: Minter, runner: str, what: str) -> None:
    """Temporal looks only at the name and would hand out, or consume, the other queue's task."""
    queue = f"blue-{uuid.uuid4()}"

    async def run() -> None:
        client = await Client.connect(temporal.address, namespace="payroll")
        # The thief polls first: a waiting poll gets the task before any other.
        for name, kind, normal in ((queue, STICKY_KIND, "red-main"), (queue, NORMAL_KIND, "red-main"), (queue, 3, "")):
            method, request = _poll(what, name, kind, normal)
            await asyncio.to_thread(limited.refused_by_us, method, request, token=runner, status=7)
        handle = await client.start_workflow(Foreign.run, queue, id=f"w-{queue}", task_queue=queue)
        async with Worker(client, task_queue=queue, workflows=[Foreign], activities=[secret]):
            assert await asyncio.wait_for(handle.result(), 60) == "done"

    asyncio.run(run())


@pytest.mark.parametrize("what", ["Workflow", "Activity", "Nexus"])
def test_its_own_queue(limited: Gate, runner: str, what: str) -> None:
    method, request = _poll(what, f"red-{uuid.uuid4()}", NORMAL_KIND)
    reply = limited.call(method, request, token=runner, grpc_timeout=0.5, timeout=5)
    assert reply.grpc_status not in (7, 16), str(reply)


def test_sticky_where_sticky_is(limited: Gate, runner: str) -> None:
    method, request = _poll("Workflow", STICKY, STICKY_KIND, "red-main")
    assert limited.call(method, request, token=runner, grpc_timeout=0.5, timeout=5).grpc_status not in (7, 16)
    for what, normal in (("Workflow", "blue-main"), ("Workflow", ""), ("Activity", "red-main"), ("Nexus", "red-main")):
        method, request = _poll(what, STICKY, STICKY_KIND, normal)
        limited.refused_by_us(method, request, token=runner, status=7)


def test_calls_by_id_are_not_covered(limited: Gate, runner: str, starter: str) -> None:
    """The request does not show which queue is concerned. With a task token, the names in the request decide."""
    by_id: dict[str, Any] = {"namespace": "payroll", "workflow_id": "w", "activity_id": "a"}
    for request in (
        w.RespondActivityTaskCompletedByIdRequest(**by_id),
        w.RespondActivityTaskFailedByIdRequest(**by_id),
        w.RespondActivityTaskCanceledByIdRequest(**by_id),
        w.RecordActivityTaskHeartbeatByIdRequest(**by_id),
    ):
        limited.refused_by_us(type(request).__name__.removesuffix("Request"), request, token=runner, status=7)
    by_token = w.RespondActivityTaskCompletedRequest(namespace="payroll", task_token=task_tokens.SOME)
    assert limited.call("RespondActivityTaskCompleted", by_token, token=runner).grpc_status not in (7, 16)
    limited.refused_by_us("CountWorkflowExecutions", w.CountWorkflowExecutionsRequest(namespace="payroll"), token=starter, status=7)


def _start(queue: str, type_: str = "PayDay", **fields: Any) -> Message:
    request = requests.start_workflow("payroll", str(uuid.uuid4()), **fields)
    request.task_queue.name, request.workflow_type.name = queue, type_
    return request


def test_a_start_must_name_a_matching_queue_and_type(limited: Gate, starter: str) -> None:
    start = "StartWorkflowExecution"
    allowed(limited.call(start, _start("red-main"), token=starter))
    for request in (
        _start("blue-main"),
        _start("red-main", "Fire"),
        _start(""),
        _start("red-main", workflow_id_conflict_policy=3),  # terminates the running workflow with that id, on any queue
    ):
        limited.refused_by_us(start, request, token=starter, status=7)


def test_queues_in_commands_must_match(limited: Gate, runner: str) -> None:
    """The filter refuses the answer, or Temporal refuses its task token."""

    def completed(queue: str, intermediate: bool = False) -> Message:
        request = w.RespondWorkflowTaskCompletedRequest(namespace="payroll", task_token=task_tokens.SOME)
        for name in ("red-other", queue):
            command = request.commands.add().start_child_workflow_execution_command_attributes
            command.task_queue.name, command.namespace = name, "payroll"
        if intermediate:
            # Commands may be spread over several calls: each call is judged by itself.
            request.page_number, request.intermediate_page = 1, True
        return request

    method = "RespondWorkflowTaskCompleted"
    for intermediate in (False, True):
        limited.refused_by_us(method, completed("blue-main", intermediate), token=runner, status=7)
        for own in ("red-main", ""):
            assert limited.call(method, completed(own, intermediate), token=runner).grpc_status not in (0, 7, 16)


# -- callbacks into Temporal itself


def _forged(url: str) -> Message:
    """A start that completes somebody else's Nexus operation at its end, if the server trusts its token."""
    request = requests.start_workflow("payroll", str(uuid.uuid4()))
    callback = request.completion_callbacks.add()
    callback.nexus.url = url
    token = json.dumps({"v": 1, "d": base64.urlsafe_b64encode(b"\x0a\x04uuid").decode()})
    callback.nexus.header["temporal-callback-token"] = token
    return request


@pytest.mark.parametrize("url", ["temporal://system", "temporal://internal", "TEMPORAL://system"])
@pytest.mark.parametrize("role", ["write", "admin"])
def test_a_callback_into_temporal(limited: Gate, corp: Minter, url: str, role: str) -> None:
    """Its token names the namespace where it arrives, and anybody can write such a token."""
    method = "StartWorkflowExecution"
    limited.refused_by_us(method, _forged(url), token=corp.token(permissions=[f"payroll:{role}"]), status=7)
    system = limited.call(method, _forged(url), token=corp.token(permissions=[f"temporal-system:{role}"]))
    assert system.grpc_status not in (7, 16), str(system)

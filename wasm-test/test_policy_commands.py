"""Denials with `commands: true` reach the effects of a worker's answers on other workflows; no denial reaches their effects on
their own workflow.

The tests play the worker, so that each command is sent by itself; at the end, a worker of the Python SDK sends all commands that
concern its own workflow.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.worker import Worker

from harness import commands, requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.temporal import Temporal

w, o = requests.workflow, requests.operator
EFFECTS = ("start", "signal", "cancel", "nexus")
SERVICE = "temporal.api.workflowservice.v1.WorkflowService"

GRANTS = [{"name": "workers", "who": {"issuer": "corp"}, "role": "worker", "namespaces": ["payroll"]}]
DENIALS = [
    {"name": f"{word}-{effect}", "effects": [effect], "who": {"claims": {word: effect}}, "commands": word == "strict"}
    for effect in EFFECTS
    for word in ("strict", "mild")
]


@pytest.fixture(scope="module")
def shop(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS, denials=DENIALS), rich_temporal.port)


@pytest.fixture(scope="module")
def endpoint(straight: Frontend) -> str:
    """An endpoint that leads to a queue of payroll."""
    request = o.CreateNexusEndpointRequest()
    request.spec.name = f"e-{uuid.uuid4().hex}"
    request.spec.target.worker.namespace, request.spec.target.worker.task_queue = "payroll", request.spec.name
    straight.ask("CreateNexusEndpoint", request)
    return request.spec.name


class Stage:
    """A workflow whose task was given to a worker, and another workflow that runs."""

    def __init__(self, straight: Frontend, endpoint: str) -> None:
        self.straight, self.endpoint = straight, endpoint
        self.name, self.other, self.new = (f"{what}-{uuid.uuid4()}" for what in ("w", "other", "new"))
        straight.start(self.other)
        straight.start(self.name, self.name)
        self.task = straight.workflow_task(self.name)

    def answer(self, *sent: Command) -> Any:
        return commands.answer(self.task.task_token, *sent)

    def has(self, workflow_id: str, field: str) -> bool:
        return any(event.HasField(field) for event in self.straight.events(workflow_id))  # type: ignore[arg-type]


def _signal_with_start(stage: Stage) -> Command:
    inner = w.SignalWithStartWorkflowExecutionRequest(namespace="payroll", workflow_id=stage.new, signal_name="hello")
    inner.workflow_type.name, inner.task_queue.name = "Some", "nobody-polls-here"
    payload = Payload(metadata={"encoding": b"binary/protobuf"}, data=inner.SerializeToString())
    return commands.nexus("__temporal_system", SERVICE, "SignalWithStartWorkflowExecution", payload)


# command -> how it is built, the effects that a denial may name, how to see that it was carried out
REACHED: dict[str, tuple[Callable[[Stage], Command], set[str], Callable[[Stage], bool]]] = {
    "child": (lambda s: commands.child(s.new), {"start"}, lambda s: s.straight.exists(s.new)),
    "signal": (lambda s: commands.signal(s.other), {"signal"}, lambda s: s.straight.signals(s.other) == ["hello"]),
    "cancel": (
        lambda s: commands.cancel_other(s.other), {"cancel"},
        lambda s: s.has(s.other, "workflow_execution_cancel_requested_event_attributes"),
    ),
    "nexus": (
        lambda s: commands.nexus(s.endpoint), {"nexus"},
        lambda s: s.has(s.name, "nexus_operation_scheduled_event_attributes"),
    ),
    "signal with start": (_signal_with_start, {"start", "signal"}, lambda s: s.straight.exists(s.new)),
}


@pytest.mark.parametrize("command", REACHED)
def test_commands_to_others_are_denied(shop: Gate, straight: Frontend, corp: Minter, endpoint: str, command: str) -> None:
    build, effects, done = REACHED[command]
    stage = Stage(straight, endpoint)
    # After a command about its own workflow, as a worker might send it.
    answer = stage.answer(commands.timer(), build(stage))
    for effect in effects:
        mark = shop.envoy.log_mark()
        shop.refused_by_us("RespondWorkflowTaskCompleted", answer, token=corp.token(strict=effect), status=7)
        line = shop.envoy.decision(mark)
        assert (line["rule"], line["reason"]) == (f"strict-{effect}", f'{effect} in namespace "payroll" is denied')
    assert not done(stage)
    # Denials of all other effects, and all denials without `commands: true`, do not affect it.
    others = [effect for effect in EFFECTS if effect not in effects]
    allowed(shop.call("RespondWorkflowTaskCompleted", answer, token=corp.token(strict=others, mild=list(EFFECTS))))
    until(lambda: done(stage), 20, f"{command} to be done")


def test_a_signal_to_a_child_is_a_signal(shop: Gate, straight: Frontend, corp: Minter, endpoint: str) -> None:
    stage = Stage(straight, endpoint)
    answer = stage.answer(commands.signal(stage.other, child_only=True))
    shop.refused_by_us("RespondWorkflowTaskCompleted", answer, token=corp.token(strict="signal"), status=7)


OWN: dict[str, Callable[[Stage], Command]] = {
    "complete": lambda _: commands.complete(),
    "fail": lambda _: commands.fail(),
    "cancel itself": lambda _: commands.cancel(),
    "continue as new": lambda s: commands.continue_as_new(s.name),
    "timer": lambda _: commands.timer(),
    "activity": lambda s: commands.activity("a", s.name),
    "cancel a child": lambda s: commands.cancel_other(s.other, child_only=True),
}


@pytest.mark.parametrize("command", OWN)
def test_commands_to_its_own_workflow_are_allowed(shop: Gate, straight: Frontend, corp: Minter, endpoint: str, command: str) -> None:
    """This holds under every denial."""
    stage = Stage(straight, endpoint)
    before = len(straight.events(stage.name, stage.task.workflow_execution.run_id))
    answer = stage.answer(OWN[command](stage))
    allowed(shop.call("RespondWorkflowTaskCompleted", answer, token=corp.token(strict=list(EFFECTS))))
    events = straight.events(stage.name, stage.task.workflow_execution.run_id)
    assert len(events) >= before + 2, "the answer and what it says"
    if command == "cancel a child":
        until(lambda: stage.has(stage.name, "request_cancel_external_workflow_execution_failed_event_attributes"), 20, "the refusal")
        assert not stage.has(stage.other, "workflow_execution_cancel_requested_event_attributes"), "it is no child of this workflow"


def test_the_task_of_a_refused_answer_is_retried(shop: Gate, straight: Frontend, corp: Minter) -> None:
    """That is why `commands` is false by default."""
    name = f"w-{uuid.uuid4()}"
    request = requests.start_workflow("payroll", name)
    request.task_queue.name = name
    request.workflow_task_timeout.FromSeconds(1)
    straight.ask("StartWorkflowExecution", request)
    worker = Frontend(shop.port, token=corp.token(strict="start"))
    for attempt in (1, 2):
        task = worker.workflow_task(name)
        assert task.attempt == attempt
        answer = commands.answer(task.task_token, commands.child(f"new-{name}"))
        shop.refused_by_us("RespondWorkflowTaskCompleted", answer, token=worker.token, status=7)
    assert straight.status(name) == "RUNNING" and not straight.exists(f"new-{name}")


# -- an honest worker under all of them


@activity.defn(name="twice")
async def twice(number: int) -> int:
    return 2 * number


@activity.defn(name="slow")
async def slow() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(0.2)


@workflow.defn(sandboxed=False)
class OwnThings:
    """Activities, timers, a cancelled activity, markers, memo, an update and a query; then the same again as a new run."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    @workflow.run
    async def run(self, again: bool) -> int:
        assert workflow.patched("a-patch")
        workflow.upsert_memo({"step": 1})
        result = await workflow.execute_activity(twice, 2, start_to_close_timeout=timedelta(seconds=30))
        result += await workflow.execute_local_activity(twice, 3, start_to_close_timeout=timedelta(seconds=30))
        cancelled = workflow.start_activity(
            slow, start_to_close_timeout=timedelta(seconds=30), heartbeat_timeout=timedelta(seconds=5),
            cancellation_type=workflow.ActivityCancellationType.TRY_CANCEL,
        )
        await workflow.sleep(0.5)
        cancelled.cancel()
        await workflow.wait_condition(lambda: bool(self.noted))
        if again:
            workflow.continue_as_new(False)
        return result

    @workflow.update
    async def note(self, text: str) -> int:
        self.noted.append(text)
        return len(self.noted)

    @workflow.query
    def notes(self) -> list[str]:
        return self.noted


def test_an_honest_worker(shop: Gate, rich_temporal: Temporal, corp: Minter) -> None:
    async def run() -> None:
        queue = f"own-things-{uuid.uuid4()}"
        boss = await Client.connect(rich_temporal.address, namespace="payroll")
        token = corp.token("own-things", strict=list(EFFECTS))
        client = await Client.connect(f"127.0.0.1:{shop.port}", namespace="payroll", api_key=token, tls=False)
        async with Worker(client, task_queue=queue, workflows=[OwnThings], activities=[twice, slow]):
            first = await boss.start_workflow(OwnThings.run, True, id=queue, task_queue=queue)
            assert await first.execute_update(OwnThings.note, "x") == 1
            second = boss.get_workflow_handle(queue)
            while (await second.describe()).run_id == first.first_execution_run_id:
                await asyncio.sleep(0.2)
            assert await second.execute_update(OwnThings.note, "y") == 1
            assert await second.query(OwnThings.notes) == ["y"]
            assert await first.result() == 10

    mark = shop.envoy.log_mark()
    asyncio.run(asyncio.wait_for(run(), 100))
    assert not [line for line in shop.envoy.decisions(mark) if line["subject"] == "own-things"]

"""A worker under `workflow_ids`: the ids of its children, of the workflows in its commands and in its task tokens must match."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.client import Client
from temporalio.worker import Worker

from harness import commands, requests, task_tokens
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.grpc_client import Connection, frame, request_headers
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.task_tokens import Task
from harness.temporal import Temporal

w = requests.workflow
METHOD = "RespondWorkflowTaskCompleted"
WHO = {"issuer": "corp", "subject": "{team}-worker"}
GRANTS = [
    {
        "name": "teams",
        "who": WHO,
        "role": "worker",
        "namespaces": ["payroll"],
        "task_queues": ["{team}-*"],
        "workflow_ids": ["{team}-*"],
    },
    {
        "name": "queues",
        "who": {"issuer": "corp", "subject": "{team}-queues"},
        "role": "worker",
        "namespaces": ["payroll"],
        "task_queues": ["{team}-*"],
    },
    {"name": "unlimited", "who": {"issuer": "corp", "subject": "anybody"}, "role": "worker", "namespaces": ["payroll"]},
]


@pytest.fixture(scope="module")
def shared(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS), rich_temporal.port)


@pytest.fixture
def red(corp: Minter) -> str:
    return corp.token("red-worker")


# -- with the Python SDK


@activity.defn(name="work")
async def work() -> str:
    activity.heartbeat()
    return "worked"


@workflow.defn(sandboxed=False)
class Child:
    @workflow.run
    async def run(self) -> str:
        return "child"


@workflow.defn(sandboxed=False)
class Waiting:
    def __init__(self) -> None:
        self.done = False

    @workflow.run
    async def run(self) -> str:
        await workflow.wait_condition(lambda: self.done)
        return "signalled"

    @workflow.signal
    def finish(self) -> None:
        self.done = True


@workflow.defn(sandboxed=False)
class Parent:
    """A parent that starts a child with or without an id, and can signal another workflow."""

    @workflow.run
    async def run(self, child: str, target: str) -> list[str]:
        results = [await workflow.execute_activity(work, start_to_close_timeout=timedelta(seconds=30))]
        more: dict[str, Any] = {"id": child} if child else {}
        results.append(await workflow.execute_child_workflow(Child.run, **more))
        if target:
            await workflow.get_external_workflow_handle_for(Waiting.run, target).signal(Waiting.finish)
        return results


WORKFLOWS, ACTIVITIES = [Parent, Child, Waiting], [work]


def _denied(gate: Gate, mark: int, subject: str) -> list[dict[str, Any]]:
    return [line for line in gate.envoy.decisions(mark) if line["subject"] == subject]


def _run(gate: Gate, temporal: Temporal, token: str, child: str, target: str, works: bool) -> None:
    """Runs a parent on the worker's queue: it completes, or is left with a task that nobody may answer."""

    async def run() -> None:
        queue = f"red-{uuid.uuid4()}"
        boss = await Client.connect(temporal.address, namespace="payroll")
        client = await Client.connect(f"127.0.0.1:{gate.port}", namespace="payroll", api_key=token, tls=False)
        mark = gate.envoy.log_mark()
        async with Worker(client, task_queue=queue, workflows=WORKFLOWS, activities=ACTIVITIES):
            handle = await boss.start_workflow(
                Parent.run, args=[child, target], id=queue, task_queue=queue, task_timeout=timedelta(seconds=2)
            )
            if target.startswith("red-"):
                await boss.start_workflow(Waiting.run, id=target, task_queue=queue)
            if works:
                assert await handle.result() == ["worked", "child"]
            else:
                await asyncio.to_thread(until, lambda: _denied(gate, mark, "red-worker"), 30, "the answer to be denied")
                await handle.terminate()
        if target.startswith("red-"):
            assert await boss.get_workflow_handle(target).result() == "signalled"
        denied = {(line["method"].rsplit("/", 1)[1], line["reason"].rsplit(": ", 1)[1]) for line in _denied(gate, mark, "red-worker")}
        assert bool(denied) is not works and {method for method, _ in denied} <= {METHOD}, denied
        assert all(reason.startswith('workflow id "') and reason.endswith('" does not match workflow_ids') for _, reason in denied), denied

    asyncio.run(asyncio.wait_for(run(), 100))


def test_a_child_with_an_id_of_the_team(shared: Gate, rich_temporal: Temporal, red: str) -> None:
    _run(shared, rich_temporal, red, f"red-{uuid.uuid4()}", f"red-{uuid.uuid4()}", works=True)


def test_a_child_with_another_teams_id(shared: Gate, straight: Frontend, rich_temporal: Temporal, red: str) -> None:
    child = f"blue-{uuid.uuid4()}"
    _run(shared, rich_temporal, red, child, "", works=False)
    assert not straight.exists(child)


def test_a_child_without_an_id(shared: Gate, rich_temporal: Temporal, red: str) -> None:
    """The SDK gives it a UUID, which no pattern of a team matches."""
    _run(shared, rich_temporal, red, "", "", works=False)


def test_a_signal_to_another_team(shared: Gate, straight: Frontend, rich_temporal: Temporal, red: str) -> None:
    target = f"blue-{uuid.uuid4()}"
    straight.start(target)
    _run(shared, rich_temporal, red, f"red-{uuid.uuid4()}", target, works=False)
    assert straight.signals(target) == []


# -- by hand


def test_the_token_of_another_teams_task(shared: Gate, straight: Frontend, corp: Minter, red: str) -> None:
    """The token is real; anybody who polls without a limit on queues may get such a token."""
    name = f"blue-{uuid.uuid4()}"
    straight.start(name, name)
    task = straight.workflow_task(name).task_token
    answer = commands.answer(task, commands.complete())
    failed = w.RespondWorkflowTaskFailedRequest(namespace="payroll", task_token=task)
    for method, request in ((METHOD, answer), ("RespondWorkflowTaskFailed", failed)):
        mark = shared.envoy.log_mark()
        shared.refused_by_us(method, request, token=red, status=7)
        assert shared.envoy.decision(mark)["reason"].endswith(f'workflow id "{name}" does not match workflow_ids')
    assert straight.status(name) == "RUNNING"
    allowed(shared.call(METHOD, answer, token=corp.token("blue-worker")))
    assert straight.status(name) == "COMPLETED"


@pytest.mark.parametrize(
    "method", ["RecordActivityTaskHeartbeat", "RespondActivityTaskCompleted", "RespondActivityTaskFailed", "RespondActivityTaskCanceled"]
)
def test_the_token_of_another_teams_activity(shared: Gate, straight: Frontend, corp: Minter, red: str, method: str) -> None:
    name = f"blue-{uuid.uuid4()}"
    straight.start(name, name)
    straight.ask(METHOD, commands.answer(straight.workflow_task(name).task_token, commands.activity("a", name)))
    request = getattr(w, method + "Request")(namespace="payroll", task_token=straight.activity_task(name).task_token)
    before = len(straight.events(name))
    shared.refused_by_us(method, request, token=red, status=7)
    assert len(straight.events(name)) == before
    # The activity was cancelled although nobody requested it: the server says so.
    status = 3 if method == "RespondActivityTaskCanceled" else 0
    assert shared.call(method, request, token=corp.token("blue-worker")).grpc_status == status


def test_a_token_without_a_workflow(shared: Gate, red: str) -> None:
    for token in (b"\x0a\x01n", Task("n", "", "r", 2).encode(), Task("n", "red-", "r", 2).encode()):
        request = w.RespondActivityTaskCompletedRequest(namespace="payroll", task_token=token)
        shared.refused_by_us("RespondActivityTaskCompleted", request, token=red, status=7)


def _standalone(straight: Frontend, queue: str) -> bytes:
    """The token of an activity that no workflow has scheduled."""
    request = w.StartActivityExecutionRequest(namespace="payroll", activity_id=queue, request_id=queue, identity="test")
    request.activity_type.name, request.task_queue.name = "some", queue
    request.start_to_close_timeout.FromSeconds(60)
    request.schedule_to_close_timeout.FromSeconds(60)
    straight.ask("StartActivityExecution", request)
    return bytes(straight.activity_task(queue).task_token)


def test_a_standalone_activity_has_no_workflow(shared: Gate, straight: Frontend, corp: Minter, red: str) -> None:
    """The server acts on the component in its token, whatever workflow the token claims."""
    token = _standalone(straight, f"red-{uuid.uuid4()}")
    component = task_tokens.texts(token)[14]
    assert component and 2 not in task_tokens.texts(token)
    forged = Task(straight.namespace_id(), "red-mine", "", 0, component_ref=component).encode()
    for claimed in (token, forged):
        mark = shared.envoy.log_mark()
        request = w.RespondActivityTaskCompletedRequest(namespace="payroll", task_token=claimed)
        shared.refused_by_us("RespondActivityTaskCompleted", request, token=red, status=7)
        assert "belongs to a standalone activity, which has no workflow" in shared.envoy.decision(mark)["reason"]
        beat = w.RecordActivityTaskHeartbeatRequest(namespace="payroll", task_token=claimed)
        shared.refused_by_us("RecordActivityTaskHeartbeat", beat, token=red, status=7)
    request = w.RespondActivityTaskCompletedRequest(namespace="payroll", task_token=token)
    allowed(shared.call("RespondActivityTaskCompleted", request, token=corp.token("anybody")))


def test_commands_to_others(shared: Gate, straight: Frontend, red: str) -> None:
    """Each workflow that an answer names must match, in addition to the workflow in its token."""
    name, own, foreign = (f"{team}-{uuid.uuid4()}" for team in ("red", "red", "blue"))
    for workflow_id in (own, foreign):
        straight.start(workflow_id)
    straight.start(name, name)
    task = straight.workflow_task(name).task_token
    queue = f"red-{uuid.uuid4()}"
    for command in (
        commands.signal(foreign), commands.cancel_other(foreign), commands.cancel_other(foreign, child_only=True),
        commands.child(f"{foreign}-2", queue),
    ):
        shared.refused_by_us(METHOD, commands.answer(task, commands.signal(own), command), token=red, status=7)
    inside = (commands.signal(own), commands.cancel_other(own), commands.child(f"{own}-2", queue))
    allowed(shared.call(METHOD, commands.answer(task, *inside), token=red))
    until(lambda: straight.exists(f"{own}-2") and straight.signals(own) == ["hello"], 20, "the commands to be done")
    assert straight.signals(foreign) == []


def test_another_workers_sticky_queue(shared: Gate, straight: Frontend, corp: Minter) -> None:
    """The policy ends here: a caller who knows the queue's name, which histories show, gets the tasks that wait there. Under
    `workflow_ids`, it cannot answer them."""
    name, sticky = f"blue-{uuid.uuid4()}", f"7@host-{uuid.uuid4().hex}"
    straight.start(name, name)
    answer = commands.answer(straight.workflow_task(name).task_token, commands.timer())
    answer.sticky_attributes.worker_task_queue.name = sticky
    answer.sticky_attributes.worker_task_queue.kind = 2
    answer.sticky_attributes.worker_task_queue.normal_name = name
    answer.sticky_attributes.schedule_to_start_timeout.FromSeconds(60)
    straight.ask(METHOD, answer)
    # A poll must wait there, or the server would assume that the worker is gone.
    poll: Any = w.PollWorkflowTaskQueueRequest(namespace="payroll", identity="thief")
    poll.task_queue.name, poll.task_queue.kind, poll.task_queue.normal_name = sticky, 2, "red-anything"
    thief = corp.token("red-worker")
    with Connection(shared.port) as connection:
        polling = connection.open(request_headers(requests.path("PollWorkflowTaskQueue"), token=thief, grpc_timeout=30))
        connection.data(polling, frame(poll.SerializeToString()), end_stream=True)
        connection.peek(polling, 0.5)
        straight.ask("SignalWorkflowExecution", w.SignalWorkflowExecutionRequest(
            namespace="payroll", signal_name="go on", workflow_execution=WorkflowExecution(workflow_id=name)
        ))
        task = w.PollWorkflowTaskQueueResponse.FromString(allowed(connection.reply(polling, 30)).message)
    assert task.workflow_execution.workflow_id == name
    shared.refused_by_us(METHOD, commands.answer(task.task_token, commands.fail()), token=thief, status=7)
    assert straight.status(name) == "RUNNING"


def test_an_answer_with_many_children(shared: Gate, straight: Frontend, corp: Minter) -> None:
    """A limit that does not compare ids does not count them; a limit on ids works with up to two thousand."""
    for subject, count, status in (("red-queues", 3000, 0), ("red-worker", 1500, 0), ("red-worker", 3000, 7)):
        name = f"red-{uuid.uuid4()}"
        straight.start(name, name)
        # Each command names a signal's receiver: three thousand children would take the server a while.
        answer = commands.answer(straight.workflow_task(name).task_token)
        answer.commands.extend(commands.cancel_other(f"red-{number}-{uuid.uuid4()}", child_only=True) for number in range(count))
        reply = shared.call(METHOD, answer, token=corp.token(subject), timeout=60)
        assert (reply.grpc_status == 7) is (status == 7), f"{subject}, {count}: {reply}"


def test_a_child_whose_id_is_not_there_at_all(shared: Gate, straight: Frontend, red: str) -> None:
    """There is no name to compare: the server refuses the answer, and fails the task."""
    name = f"red-{uuid.uuid4()}"
    straight.start(name, name)
    answer = commands.answer(straight.workflow_task(name).task_token, commands.child("", name))
    reply = shared.call(METHOD, answer, token=red)
    assert reply.grpc_status == 3 and "WorkflowId is not set" in reply.grpc_message, str(reply)

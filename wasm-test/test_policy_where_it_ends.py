"""Where "developers cannot terminate" ends: what a client without `terminate`, `delete` and `reset` can still do.

Each test states what really happens on a real Temporal, whether the workflow continues or ends. docs/policies.md says the same in words;
if they disagree, trust the test.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.api.schedule.v1 import SchedulePatch
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from harness import commands, requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.grpc_client import Connection
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.schedules import ALLOW_ALL, TERMINATE_OTHER, Schedule, backfill, trigger
from harness.temporal import Temporal

w = requests.workflow
LEAST = ["terminate", "delete", "reset", "cancel", "schedule", "options", "pause", "batch"]
ROLES: dict[str, dict[str, Any]] = {
    "developer": {"from": "client", "minus": LEAST[:3]},
    "harmless": {"from": "client", "minus": LEAST},
}
GRANTS = [
    {"name": role, "who": {"issuer": "corp", "claims": {"role": role}}, "role": role, "namespaces": ["payroll"]}
    for role in (*ROLES, "client", "worker")
]


@pytest.fixture(scope="module")
def office(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS, roles=ROLES), rich_temporal.port)


@pytest.fixture
def developer(office: Gate, corp: Minter) -> Frontend:
    return Frontend(office.port, token=corp.token(role="developer"))


def _named(method: str, workflow_id: str, field: str = "workflow_execution", **more: Any) -> tuple[str, Any]:
    request = getattr(w, method + "Request")(namespace="payroll", **more)
    getattr(request, field).workflow_id = workflow_id
    return method, request


def _denied(office: Gate, corp: Minter, call: tuple[str, Any], role: str = "developer") -> None:
    office.refused_by_us(*call, token=corp.token(role=role), status=7)


# -- schedules of other callers, who have decided what happens when two workflows overlap


ENDS: dict[str, SchedulePatch] = {"trigger": trigger(), "backfill": backfill(), "unpause": SchedulePatch(unpause="because")}


@pytest.mark.parametrize("patch", ENDS)
def test_a_schedule_that_terminates_by_itself(office: Gate, straight: Frontend, developer: Frontend, corp: Minter, patch: str) -> None:
    """ENDS IT: the request does not mention an end; the schedule's own policy does."""
    schedule = Schedule(straight, spec=1 if patch == "unpause" else 60)
    call = schedule.patch(ENDS[patch])
    _denied(office, corp, call, "harmless")
    schedule.first_is("RUNNING")
    allowed(developer.call(*call))
    schedule.first_is("TERMINATED")


@pytest.mark.parametrize("build", [trigger, backfill])
def test_an_overlap_policy_of_the_callers(office: Gate, straight: Frontend, developer: Frontend, corp: Minter, build: Callable[[int], SchedulePatch]) -> None:
    """HELD: a request for termination needs `terminate`. Another policy does not touch the first workflow."""
    schedule = Schedule(straight, spec=60)
    _denied(office, corp, schedule.patch(build(TERMINATE_OTHER)))
    # The id of a triggered workflow contains the second, so there can be only one per second.
    time.sleep(1)
    allowed(developer.call(*schedule.patch(build(ALLOW_ALL))))
    until(lambda: len(schedule.runs()) > 1, 20, "another workflow")
    schedule.first_is("RUNNING")


def test_a_schedule_rewritten(office: Gate, straight: Frontend, developer: Frontend, corp: Minter) -> None:
    """HELD: an update contains the whole schedule, including its policy; an update that keeps the policy is denied as well."""
    schedule = Schedule(straight)
    described = schedule.describe().schedule
    described.spec.interval.add().interval.FromSeconds(1)
    described.state.paused = False
    update = w.UpdateScheduleRequest(namespace="payroll", schedule_id=schedule.name, schedule=described, request_id=str(uuid.uuid4()))
    _denied(office, corp, ("UpdateSchedule", update))
    schedule.first_is("RUNNING")
    described.policies.overlap_policy = ALLOW_ALL
    update.schedule.CopyFrom(described)
    allowed(developer.call("UpdateSchedule", update))
    until(lambda: len(schedule.runs()) > 2, 20, "more workflows")
    schedule.first_is("RUNNING")
    allowed(developer.call("DeleteSchedule", w.DeleteScheduleRequest(namespace="payroll", schedule_id=schedule.name)))
    schedule.first_is("RUNNING")


# -- options


def _skip(workflow_id: str) -> tuple[str, Any]:
    method, request = _named("UpdateWorkflowExecutionOptions", workflow_id)
    request.workflow_execution_options.time_skipping_config.enabled = True
    request.update_mask.paths.append("time_skipping_config")
    return method, request


def _skip_many(workflow_id: str) -> tuple[str, Any]:
    request = w.StartBatchOperationRequest(namespace="payroll", job_id=str(uuid.uuid4()), reason="x")
    request.executions.add(workflow_id=workflow_id)
    operation = request.update_workflow_options_operation
    operation.workflow_execution_options.time_skipping_config.enabled = True
    operation.update_mask.paths.append("time_skipping_config")
    return "StartBatchOperation", request


@pytest.mark.parametrize("build", [_skip, _skip_many])
def test_time_skipping_needs_terminate(office: Gate, straight: Frontend, corp: Minter, build: Callable[[str], tuple[str, Any]]) -> None:
    """HELD: the clock of a workflow that only waits would advance to its timeout, an hour from now. That needs `terminate`."""
    name = f"w-{uuid.uuid4()}"
    start = requests.start_workflow("payroll", name)
    start.task_queue.name = name
    start.workflow_run_timeout.FromSeconds(3600)
    straight.ask("StartWorkflowExecution", start)
    task = straight.workflow_task(name)
    straight.ask("RespondWorkflowTaskCompleted", commands.answer(task.task_token, commands.timer(seconds=86400)))
    _denied(office, corp, build(name))
    assert straight.status(name) == "RUNNING"
    allowed(office.call(*build(name), token=corp.token(role="client")))
    straight.wait_status(name, "TIMED_OUT")


@activity.defn(name="never")
async def never() -> None:
    await asyncio.Event().wait()


@workflow.defn(sandboxed=False)
class Patient:
    """Waits for a signal, or for an activity on a queue that nobody polls."""

    def __init__(self) -> None:
        self.done = False

    @workflow.run
    async def run(self, by_activity: bool) -> str:
        if by_activity:
            await workflow.execute_activity(
                never, task_queue="nobody-polls-here", activity_id="a", schedule_to_close_timeout=timedelta(hours=1)
            )
        await workflow.wait_condition(lambda: self.done)
        return "done"

    @workflow.signal
    def finish(self) -> None:
        self.done = True


@asynccontextmanager
async def _patient(temporal: Temporal, by_activity: bool = False, **options: Any) -> AsyncIterator[WorkflowHandle[Patient, str]]:
    """A running workflow, whose worker calls Temporal directly."""
    name = f"patient-{uuid.uuid4()}"
    client = await Client.connect(temporal.address, namespace="payroll")
    async with Worker(client, task_queue=name, workflows=[Patient]):
        handle = await client.start_workflow(Patient.run, by_activity, id=name, task_queue=name, **options)
        # Its first task is done.
        while (await handle.describe()).history_length < (5 if by_activity else 4):
            await asyncio.sleep(0.1)
        yield handle


def _play(act: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(act(), 60))


def test_an_activity_timeout_ends_the_workflow(office: Gate, straight: Frontend, developer: Frontend, rich_temporal: Temporal, corp: Minter) -> None:
    """ENDS IT: an activity that has no time left fails, and so does its workflow, unless its code catches the failure."""

    async def act() -> None:
        async with _patient(rich_temporal, by_activity=True) as patient:
            call = _named("UpdateActivityOptions", patient.id, "execution", id="a")
            call[1].activity_options.schedule_to_close_timeout.FromMilliseconds(100)
            call[1].update_mask.paths.append("schedule_to_close_timeout")
            await asyncio.to_thread(_denied, office, corp, call, "harmless")
            assert straight.status(patient.id) == "RUNNING"
            allowed(await asyncio.to_thread(developer.call, *call))
            await asyncio.to_thread(straight.wait_status, patient.id, "FAILED")

    _play(act)


# -- cancel, signal, pause, batch


def test_a_cancellation_ends_the_workflow(office: Gate, straight: Frontend, developer: Frontend, rich_temporal: Temporal, corp: Minter) -> None:
    """ENDS IT, unless its code ignores the request."""

    async def act() -> None:
        async with _patient(rich_temporal) as patient:
            call = _named("RequestCancelWorkflowExecution", patient.id)
            await asyncio.to_thread(_denied, office, corp, call, "harmless")
            assert straight.status(patient.id) == "RUNNING"
            allowed(await asyncio.to_thread(developer.call, *call))
            await asyncio.to_thread(straight.wait_status, patient.id, "CANCELED")

    _play(act)


def _batch(workflow_id: str, operation: str) -> tuple[str, Any]:
    request = w.StartBatchOperationRequest(namespace="payroll", job_id=str(uuid.uuid4()), reason="x")
    request.executions.add(workflow_id=workflow_id)
    getattr(request, operation).SetInParent()
    return "StartBatchOperation", request


def test_a_batch_may_cancel_but_not_terminate(office: Gate, straight: Frontend, developer: Frontend, rich_temporal: Temporal, corp: Minter) -> None:
    """HELD for termination, deletion and reset; a batch that cancels ends the workflow as a single cancellation does."""

    async def act() -> None:
        async with _patient(rich_temporal) as patient:
            for operation in ("termination_operation", "deletion_operation", "reset_operation"):
                await asyncio.to_thread(_denied, office, corp, _batch(patient.id, operation))
            # The server ends any workflow that has the id of the job.
            stop = w.StopBatchOperationRequest(namespace="payroll", job_id=patient.id, reason="x")
            await asyncio.to_thread(_denied, office, corp, ("StopBatchOperation", stop))
            call = _batch(patient.id, "cancellation_operation")
            await asyncio.to_thread(_denied, office, corp, call, "harmless")
            assert straight.status(patient.id) == "RUNNING"
            allowed(await asyncio.to_thread(developer.call, *call))
            await asyncio.to_thread(straight.wait_status, patient.id, "CANCELED")

    _play(act)


def test_signals_fill_a_history(office: Gate, straight: Frontend, corp: Minter) -> None:
    """ENDS IT: Temporal terminates a workflow whose history is full. Here the limit is 600 events; the default is 51,200 or 50 MiB."""
    name = f"w-{uuid.uuid4()}"
    straight.start(name)
    method, request = _named("SignalWorkflowExecution", name, signal_name="x")
    raw, token = request.SerializeToString(), corp.token(role="harmless")
    with Connection(office.port) as connection:
        for _ in range(700):
            if connection.call(requests.path(method), raw, token=token).grpc_status != 0:
                break
    assert straight.status(name) == "TERMINATED"


def test_a_pause_ends_the_workflow(office: Gate, straight: Frontend, developer: Frontend, rich_temporal: Temporal, corp: Minter) -> None:
    """ENDS IT: while it is paused, the workflow runs into its timeout; without the pause, the same workflow completes."""

    async def act() -> None:
        timeout = timedelta(seconds=5)
        async with _patient(rich_temporal, run_timeout=timeout) as held, _patient(rich_temporal, run_timeout=timeout) as free:
            pause = w.PauseWorkflowExecutionRequest(namespace="payroll", workflow_id=held.id, request_id=str(uuid.uuid4()))
            await asyncio.to_thread(_denied, office, corp, ("PauseWorkflowExecution", pause), "harmless")
            allowed(await asyncio.to_thread(developer.call, "PauseWorkflowExecution", pause))
            await held.signal(Patient.finish)
            await free.signal(Patient.finish)
            assert await free.result() == "done"
            await asyncio.to_thread(straight.wait_status, held.id, "TIMED_OUT")

    _play(act)


# -- calls that may look like an end


def test_a_start_that_meets_a_running_workflow(office: Gate, straight: Frontend, developer: Frontend, corp: Minter) -> None:
    """HELD: a start that ends the running workflow needs `terminate`; a start that attaches to it, or fails, does not affect it."""
    name = f"w-{uuid.uuid4()}"
    run = straight.start(name)
    for policy in ({"workflow_id_conflict_policy": 3}, {"workflow_id_reuse_policy": 4}):
        _denied(office, corp, ("StartWorkflowExecution", requests.start_workflow("payroll", name, **policy)))
    again: Any = requests.start_workflow("payroll", name, workflow_id_conflict_policy=2)
    again.request_id = str(uuid.uuid4())
    assert developer.ask("StartWorkflowExecution", again).run_id == run
    again.workflow_id_conflict_policy = 1
    assert developer.call("StartWorkflowExecution", again).grpc_status == 6
    assert straight.status(name, run) == "RUNNING"


def test_a_workers_token_ends_the_workflow(office: Gate, straight: Frontend, corp: Minter) -> None:
    """ENDS IT: the same person with a worker's token is a worker."""
    name = f"w-{uuid.uuid4()}"
    straight.start(name, name)
    worker = Frontend(office.port, token=corp.token("dora", role="worker"))
    answer = commands.answer(worker.workflow_task(name).task_token, commands.fail())
    _denied(office, corp, ("RespondWorkflowTaskCompleted", answer))
    assert straight.status(name) == "RUNNING"
    allowed(worker.call("RespondWorkflowTaskCompleted", answer))
    assert straight.status(name) == "FAILED"

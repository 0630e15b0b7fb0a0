"""Calls that terminate a run, with a real Temporal and a real SDK: by the options of a start, a child, a batch, a schedule. A
caller without `terminate` is denied and the run continues; a caller who has it ends the same run.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    WorkflowExecutionStatus,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from harness import requests
from harness.gate import Gate, OpenGate
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.temporal import Temporal

w = requests.workflow
NAMESPACE = "payroll"
MILD, STRONG = "developer", "writer"
GRANTS = [
    {"name": role, "who": {"issuer": "corp", "claims": {"role": role}}, "role": role, "namespaces": [NAMESPACE]}
    for role in (MILD, STRONG, "worker")
]


@pytest.fixture(scope="module")
def own_gate(open_shared_gate: OpenGate, temporal: Temporal, corp: Minter) -> Gate:
    developer = {"from": "client", "minus": ["terminate"]}
    return open_shared_gate(plugin(corp.config(), GRANTS, roles={MILD: developer}), temporal.port)


@workflow.defn(sandboxed=False)
class Victim:
    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)


@workflow.defn(sandboxed=False)
class Parent:
    """Its child takes the id of the running workflow."""

    @workflow.run
    async def run(self, victim: str) -> None:
        await workflow.start_child_workflow(
            Victim.run,
            id=victim,
            id_reuse_policy=WorkflowIDReusePolicy.TERMINATE_IF_RUNNING,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
        )


class Stage:
    """A running workflow that was started directly at Temporal, and clients through the filter."""

    def __init__(self, gate: Gate, corp: Minter, boss: Client) -> None:
        self.gate, self.corp, self.boss = gate, corp, boss
        self.victim, self.queue, self.first = f"victim-{uuid.uuid4()}", f"queue-{uuid.uuid4()}", ""
        self.deleted = False  # the run is not kept when it has ended

    async def set(self) -> None:
        handle = await self.boss.start_workflow(Victim.run, id=self.victim, task_queue=self.queue)
        assert handle.first_execution_run_id
        self.first = handle.first_execution_run_id

    async def client(self, role: str) -> Client:
        token = self.corp.token(f"{role}-{self.victim}", role=role)
        return await Client.connect(f"127.0.0.1:{self.gate.port}", namespace=NAMESPACE, api_key=token, tls=False)

    async def status(self) -> WorkflowExecutionStatus | None:
        return (await self.boss.get_workflow_handle(self.victim, run_id=self.first).describe()).status

    async def ended(self) -> None:
        for _ in range(600):
            try:
                if await self.status() == WorkflowExecutionStatus.TERMINATED:
                    return
            except RPCError as error:
                assert self.deleted and error.status == RPCStatusCode.NOT_FOUND, error
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{self.victim} still runs")


async def _start(stage: Stage, client: Client) -> None:
    await client.start_workflow(
        Victim.run, id=stage.victim, task_queue=stage.queue, id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING
    )


async def _batch(stage: Stage, client: Client) -> None:
    request = w.StartBatchOperationRequest(namespace=NAMESPACE, job_id=str(uuid.uuid4()), reason="test")
    request.executions.add(workflow_id=stage.victim, run_id=stage.first)
    request.termination_operation.SetInParent()
    await client.workflow_service.start_batch_operation(request)


async def _stop_batch(stage: Stage, client: Client) -> None:
    """The server terminates the workflow with that id, whether or not it is a batch's."""
    request = w.StopBatchOperationRequest(namespace=NAMESPACE, job_id=stage.victim, reason="test")
    await client.workflow_service.stop_batch_operation(request)


async def _delete(stage: Stage, client: Client) -> None:
    """The server ends the run first."""
    request = w.DeleteWorkflowExecutionRequest(namespace=NAMESPACE)
    request.workflow_execution.workflow_id = stage.victim
    await client.workflow_service.delete_workflow_execution(request)
    stage.deleted = True


async def _schedule(stage: Stage, client: Client) -> None:
    """Two runs of a schedule, of which the second ends the first: the first is the victim from now on."""
    action = ScheduleActionStartWorkflow(Victim.run, id=f"run-{stage.victim}", task_queue=stage.queue)
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.TERMINATE_OTHER)
    handle = await client.create_schedule(stage.victim, Schedule(action=action, spec=ScheduleSpec(), policy=policy))
    for runs in (1, 2):
        await handle.trigger()
        while (await handle.describe()).info.num_actions < runs:
            await asyncio.sleep(0.1)
        if runs == 1:
            first: Any = (await handle.describe()).info.recent_actions[0].action
            stage.victim, stage.first = first.workflow_id, first.first_execution_run_id


ACTS: dict[str, Callable[[Stage, Client], Awaitable[Any]]] = {
    "start": _start,
    "batch": _batch,
    "stop a batch": _stop_batch,
    "delete": _delete,
    "schedule": _schedule,
}


@pytest.mark.parametrize("act", ACTS)
def test_an_option_ends_a_run(own_gate: Gate, temporal: Temporal, corp: Minter, act: str) -> None:
    async def run() -> None:
        stage = Stage(own_gate, corp, await Client.connect(temporal.address, namespace=NAMESPACE))
        await stage.set()
        with pytest.raises(RPCError, match="Request unauthorized"):
            await ACTS[act](stage, await stage.client(MILD))
        assert await stage.status() == WorkflowExecutionStatus.RUNNING
        await ACTS[act](stage, await stage.client(STRONG))
        await stage.ended()

    asyncio.run(asyncio.wait_for(run(), 100))


def test_a_workers_child_ends_a_run(own_gate: Gate, temporal: Temporal, corp: Minter) -> None:
    """The parent's worker requests it in the answer to a task."""

    async def run() -> None:
        stage = Stage(own_gate, corp, await Client.connect(temporal.address, namespace=NAMESPACE))
        await stage.set()
        parents = f"parents-{uuid.uuid4()}"
        await stage.boss.start_workflow(
            Parent.run, stage.victim, id=parents, task_queue=parents, task_timeout=timedelta(seconds=2)
        )
        mark = own_gate.envoy.log_mark()

        def denied() -> bool:
            lines = own_gate.envoy.decisions(mark)
            methods = {line["method"].rsplit("/", 1)[1] for line in lines if line["subject"] == f"worker-{stage.victim}"}
            assert methods <= {"RespondWorkflowTaskCompleted"}, methods
            return bool(methods)

        async with Worker(await stage.client("worker"), task_queue=parents, workflows=[Parent]):
            await asyncio.to_thread(until, denied, 60, "the worker's answer to be denied")
        assert await stage.status() == WorkflowExecutionStatus.RUNNING
        async with Worker(await stage.client(STRONG), task_queue=parents, workflows=[Parent]):
            await stage.ended()

    asyncio.run(asyncio.wait_for(run(), 200))

"""A real worker of the Python SDK runs for minutes with a token that has the role `worker` and nothing else.

It runs for more than three minutes, because a long poll lasts one minute and a denied poll ends a worker only after another
minute: a shorter run would not show it. Another client gives it work, directly at Temporal: workflows with activities, children, queries,
updates, histories of many pages replayed from the start because the cache holds one workflow.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from datetime import timedelta

import pytest
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from harness import grpc_client, requests
from harness.gate import Gate, OpenGate, refused
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.temporal import Temporal
from worker_load import STEPS, Child, Everything, beat, fail_once, produce

SECONDS = float(os.environ.get("WORKER_SECONDS", "185"))
QUEUE = "the-workers-queue"

# Without these calls the run proves nothing: each must have passed the filter.
EXPECTED = {
    "GetSystemInfo",
    "DescribeNamespace",
    "PollWorkflowTaskQueue",
    "PollActivityTaskQueue",
    "RespondWorkflowTaskCompleted",
    "RespondQueryTaskCompleted",
    "RespondActivityTaskCompleted",
    "RespondActivityTaskFailed",
    "RecordActivityTaskHeartbeat",
    "GetWorkflowExecutionHistory",
    "ShutdownWorker",
    *(["RecordWorkerHeartbeat"] if SECONDS > 100 else []),  # one a minute
}


async def _work(boss: Client, until: float) -> int:
    """Rounds of everything, until the time is over; returns the number of rounds."""
    rounds = 0
    while not rounds or time.monotonic() < until:
        # The second evicts the first from the cache, so that the first is replayed from its first page.
        handles = [await _start(boss, STEPS, again=True), await _start(boss, 2, again=False)]
        for handle in handles:
            await _finish(handle)
        rounds += 1
        # In between, the worker idles through whole long polls.
        if until - time.monotonic() > 70:
            await asyncio.sleep(62)
    return rounds


async def _start(boss: Client, steps: int, again: bool) -> WorkflowHandle[Everything, int]:
    """A workflow that has done its steps, and waits until it is released."""
    handle = await boss.start_workflow(
        Everything.run, args=[steps, True, again], id=f"everything-{uuid.uuid4()}", task_queue=QUEUE,
        # A task that timed out on a busy machine would be replayed, which takes still longer.
        execution_timeout=timedelta(minutes=15), task_timeout=timedelta(minutes=2),
    )
    while await handle.query(Everything.progress) < steps:
        await asyncio.sleep(1)
    return handle


async def _finish(handle: WorkflowHandle[Everything, int]) -> None:
    for number in range(3):
        assert await handle.execute_update(Everything.note, f"note {number}") == number + 1
    await handle.signal(Everything.release)
    assert await handle.result() >= 1


async def _run(gate: Gate, temporal: Temporal, token: str) -> int:
    boss = await Client.connect(temporal.address, namespace="payroll")
    behind = await Client.connect(f"127.0.0.1:{gate.port}", namespace="payroll", api_key=token, tls=False)
    worker = Worker(
        behind,
        task_queue=QUEUE,
        workflows=[Everything, Child],
        activities=[produce, beat, fail_once],
        max_cached_workflows=1,
        max_concurrent_workflow_task_polls=2,
        graceful_shutdown_timeout=timedelta(seconds=5),
    )
    async with worker:
        return await _work(boss, time.monotonic() + SECONDS)


@pytest.fixture(scope="module")
def own_gate(open_shared_gate: OpenGate, temporal: Temporal, corp: Minter) -> Gate:
    """An Envoy that only the worker uses: all its counters are about the worker."""
    return open_shared_gate(plugin(corp.config()), temporal.port, fresh=True)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 600)
def test_a_worker_needs_the_worker_role_and_no_more(own_gate: Gate, temporal: Temporal, corp: Minter) -> None:
    token = corp.token("payroll-worker", permissions=["payroll:worker"])
    began = time.monotonic()
    rounds = asyncio.run(_run(own_gate, temporal, token))
    assert rounds >= 1 and time.monotonic() - began >= SECONDS

    denied = {k: v for k, v in own_gate.envoy.counters().items() if ".denied." in k and v}
    assert not denied, f"{denied}: {own_gate.envoy.decisions()[:5]}"
    assert own_gate.envoy.counter("temporal_auth.allowed") > 500
    until(lambda: not EXPECTED - _called(own_gate), 10, f"all expected calls (of {EXPECTED})")
    lines = own_gate.envoy.access_log()
    assert not [line for line in lines if str(line["details"]).startswith(("temporal_auth_", "wasm"))]

    _may_not_do_more(own_gate, token)


def _called(gate: Gate) -> set[str]:
    return {line["path"].rsplit("/", 1)[1] for line in gate.envoy.access_log()}


def _may_not_do_more(gate: Gate, token: str) -> None:
    """Uses the same token as a client."""
    w = requests.workflow
    for name in (
        "StartWorkflowExecution", "TerminateWorkflowExecution", "SignalWorkflowExecution", "ListWorkflowExecutions",
        "CountWorkflowExecutions", "RequestCancelWorkflowExecution", "DeleteWorkflowExecution", "QueryWorkflow",
        "SignalWithStartWorkflowExecution", "ResetWorkflowExecution", "CreateSchedule", "UpdateNamespace",
        "DescribeWorkflowExecution", "UpdateWorkflowExecution", "StartBatchOperation",
    ):
        request = getattr(w, name + "Request")(namespace="payroll")
        refused(gate.call(name, request, token=token), 7)
    for name in ("PollWorkflowTaskQueue", "PollActivityTaskQueue", "DescribeNamespace"):
        request = getattr(w, name + "Request")(namespace="finance-reports")
        refused(gate.call(name, request, token=token), 7)
    history = GetWorkflowExecutionHistoryRequest(namespace="payroll")
    reply = gate.call("GetWorkflowExecutionHistory", history, token=token, test_id=grpc_client.test_id())
    assert reply.grpc_status not in (7, 16)

"""Work for a worker whose grant is limited to task queues: everything a worker does, on the given queues.

Two workers in one namespace, on two queues: workflows, activities and children on their own queue and on each
other's, continue-as-new on both, local activities, updates, queries, signals, heartbeats, cancellation, and histories of
several pages that are replayed from the start because the cache holds one workflow. This file names no queue:
a test runs it under a grant that covers its queues, for as long as it likes, and looks for denials.

    rounds = asyncio.run(queue_load.run(temporal.address, through, "payroll", token, Queues("a-main", "a-other"), 180))
"""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from temporalio.common import RetryPolicy
    from temporalio.exceptions import ActivityError, ChildWorkflowError, is_cancelled_exception

    from worker_load import beat, fail_once, produce

# Three activities at once make twelve events: together more than two pages of 256.
BATCHES = 48
PAYLOAD = 4_000
# This test does not look for workers that a slow machine keeps waiting. In particular, a task that timed out would be
# replayed, which takes still longer.
PATIENCE = timedelta(minutes=2)
# The longest that a poll waits, plus a margin.
LONG_POLL = 62


@dataclass(frozen=True)
class Queues:
    """Workflows are started on `main`; work is also sent to `other`, by its name."""

    main: str
    other: str


@activity.defn
async def until_cancelled() -> None:
    """Heartbeats until the answer to a heartbeat says that the activity is cancelled."""
    while True:
        activity.heartbeat()
        await asyncio.sleep(0.2)


@workflow.defn
class Helper:
    """A child workflow; with `wait`, it ends when it is told to or is cancelled."""

    def __init__(self) -> None:
        self.told = False

    @workflow.signal
    def tell(self) -> None:
        self.told = True

    @workflow.run
    async def run(self, queue: str, wait: bool) -> int:
        if wait:
            await workflow.wait_condition(lambda: self.told)
        return len(await workflow.execute_activity(produce, 100, task_queue=queue, start_to_close_timeout=PATIENCE))


@workflow.defn
class OnQueues:
    def __init__(self) -> None:
        self.done = 0
        self.notes = 0
        self.released = False

    @workflow.query
    def progress(self) -> int:
        return self.done

    @workflow.signal
    def release(self) -> None:
        self.released = True

    @workflow.update
    async def note(self, queue: str) -> int:
        await workflow.execute_activity(produce, 10, task_queue=queue, start_to_close_timeout=PATIENCE)
        self.notes += 1
        return self.notes

    @note.validator
    def named(self, queue: str) -> None:
        if not queue:
            raise ValueError("a queue must be named")

    @workflow.run
    async def run(self, queues: Queues, batches: int, first: bool) -> int:
        await self._activities(queues, batches)
        await self._children(queues, first)
        if first:
            await workflow.wait_condition(lambda: self.released)
            # A new run on the other queue, which ends in a run that names no queue.
            workflow.continue_as_new(args=[queues, 2, False], task_queue=queues.other)
        if batches > 1:
            workflow.continue_as_new(args=[queues, 1, False])
        return self.done

    async def _activities(self, queues: Queues, batches: int) -> None:
        for _ in range(batches):
            await asyncio.gather(
                workflow.execute_activity(produce, PAYLOAD, start_to_close_timeout=PATIENCE),
                workflow.execute_activity(produce, PAYLOAD, task_queue=queues.main, start_to_close_timeout=PATIENCE),
                workflow.execute_activity(produce, PAYLOAD, task_queue=queues.other, start_to_close_timeout=PATIENCE),
            )
            await workflow.execute_local_activity(produce, 10, start_to_close_timeout=PATIENCE)
            self.done += 1
        await workflow.execute_activity(
            beat, 1.0, task_queue=queues.other, start_to_close_timeout=PATIENCE, heartbeat_timeout=PATIENCE
        )
        await workflow.execute_activity(
            fail_once, 1, start_to_close_timeout=PATIENCE, retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100))
        )
        await self._cancelled_activity(queues.other)

    async def _cancelled_activity(self, queue: str) -> None:
        running = workflow.start_activity(
            until_cancelled,
            task_queue=queue,
            start_to_close_timeout=PATIENCE,
            heartbeat_timeout=PATIENCE,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        await workflow.sleep(0.5)
        running.cancel()
        try:
            await running
        except ActivityError as error:
            if not is_cancelled_exception(error):
                raise

    async def _children(self, queues: Queues, first: bool) -> None:
        me = f"{workflow.info().workflow_id}-{first}"
        await workflow.execute_child_workflow(Helper.run, args=[queues.other, False], id=f"{me}-inherits")
        await workflow.execute_child_workflow(
            Helper.run, args=[queues.main, False], id=f"{me}-named", task_queue=queues.other
        )
        told = await workflow.start_child_workflow(Helper.run, args=[queues.main, True], id=f"{me}-told", task_queue=queues.other)
        await told.signal(Helper.tell)
        await told
        over = await workflow.start_child_workflow(Helper.run, args=[queues.main, True], id=f"{me}-over")
        over.cancel()
        try:
            await over
        except ChildWorkflowError as error:
            if not is_cancelled_exception(error):
                raise


async def run(temporal: str, through: str, namespace: str, token: str, queues: Queues, seconds: float) -> int:
    """Runs the two workers through the address `through` with `token`, and gives them work directly at `temporal`; returns the
    number of rounds."""
    boss = await Client.connect(temporal, namespace=namespace)
    # So that heartbeats of the worker itself, by default one a minute, also occur in a short run.
    runtime = Runtime(telemetry=TelemetryConfig(), worker_heartbeat_interval=timedelta(seconds=5))
    behind = await Client.connect(through, namespace=namespace, api_key=token, tls=False, runtime=runtime)
    async with worker(behind, queues.main), worker(behind, queues.other):
        return await work(boss, queues, time.monotonic() + seconds)


def worker(client: Client, queue: str) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[OnQueues, Helper],
        activities=[produce, beat, fail_once, until_cancelled],
        max_cached_workflows=1,
        max_concurrent_workflow_task_polls=2,
        # A cancellation arrives with the answer to a heartbeat, so heartbeats must not be held back for most of their timeout.
        max_heartbeat_throttle_interval=timedelta(milliseconds=500),
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


async def work(boss: Client, queues: Queues, until: float) -> int:
    """Rounds of a long and a short workflow until the time is over."""
    rounds = 0
    while not rounds or time.monotonic() < until:
        long = await start(boss, queues, BATCHES)
        assert (await long.describe()).history_length > 2 * 256
        # It evicts the long one from the cache of one workflow, so that the long one is replayed from its first page.
        short = await start(boss, queues, 2)
        # One after the other, so that none is evicted after an update: SDKs fail to replay some of these histories (TMPRL1100).
        for handle in (long, short):
            await finish(handle, queues)
        rounds += 1
        # Now and then the workers idle through whole long polls.
        if rounds % 2 == 0 and until - time.monotonic() > LONG_POLL + 10:
            await asyncio.sleep(LONG_POLL)
    return rounds


async def start(boss: Client, queues: Queues, batches: int) -> WorkflowHandle[OnQueues, int]:
    """A workflow that has done its batches, and waits until it is released."""
    handle = await boss.start_workflow(
        OnQueues.run, args=[queues, batches, True], id=f"on-queues-{uuid.uuid4()}", task_queue=queues.main,
        execution_timeout=timedelta(minutes=15), task_timeout=PATIENCE,
    )
    while await handle.query(OnQueues.progress) < batches:
        await asyncio.sleep(1)
    return handle


async def finish(handle: WorkflowHandle[OnQueues, int], queues: Queues) -> None:
    assert await handle.execute_update(OnQueues.note, queues.main) == 1
    assert await handle.execute_update(OnQueues.note, queues.other) == 2
    await handle.signal(OnQueues.release)
    assert await handle.result() == 1

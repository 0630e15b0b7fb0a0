"""The workflows and activities that the long worker test runs: everything that a worker's token must allow."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from temporalio.common import RetryPolicy

# Six events each: together more than the 256 events that a page of history holds.
STEPS = 46
PAYLOAD = 30_000


@activity.defn
async def produce(size: int) -> str:
    return os.urandom(size // 2).hex()


@activity.defn
async def beat(seconds: float) -> int:
    """Heartbeats all the time."""
    beats = 0
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        activity.heartbeat(beats)
        beats += 1
        await asyncio.sleep(0.2)
    return beats


@activity.defn
async def fail_once(attempts: int) -> int:
    if activity.info().attempt <= attempts:
        raise RuntimeError("not yet")
    return activity.info().attempt


@workflow.defn
class Child:
    @workflow.run
    async def run(self, number: int) -> int:
        text: str = await workflow.execute_activity(produce, 100, start_to_close_timeout=timedelta(seconds=30))
        return number + len(text)


@workflow.defn
class Everything:
    def __init__(self) -> None:
        self.done = 0
        self.noted: list[str] = []
        self.released = False

    @workflow.query
    def progress(self) -> int:
        return self.done

    @workflow.signal
    def release(self) -> None:
        self.released = True

    @workflow.update
    async def note(self, text: str) -> int:
        await workflow.execute_activity(produce, 10, start_to_close_timeout=timedelta(seconds=30))
        self.noted.append(text)
        return len(self.noted)

    @workflow.run
    async def run(self, steps: int, first: bool, again: bool) -> int:
        for _ in range(steps):
            await workflow.execute_activity(produce, PAYLOAD, start_to_close_timeout=timedelta(seconds=30))
            self.done += 1
        await workflow.execute_activity(
            beat, 1.5, start_to_close_timeout=timedelta(seconds=30), heartbeat_timeout=timedelta(seconds=5)
        )
        await workflow.execute_activity(
            fail_once,
            1,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100)),
        )
        await workflow.execute_child_workflow(Child.run, 1, id=f"{workflow.info().workflow_id}-child-{first}")
        await workflow.sleep(0.1)
        if first:
            await workflow.wait_condition(lambda: self.released)
        if again:
            workflow.continue_as_new(args=[1, False, False])
        return self.done

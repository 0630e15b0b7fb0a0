"""An honest worker of current SDKs under a limit on queues: in addition to its own queue, it has a queue on which Temporal sends
it commands (`frontend.WorkerCommandsEnabled`), which it polls as a Nexus queue and names when it shuts down.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from harness import requests
from harness.gate import Gate, OpenGate
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.temporal import Temporal

w = requests.workflow
GRANTS = [
    {
        "name": "runners",
        "who": {"issuer": "corp", "subject": "{team}-runner"},
        "role": "worker",
        "namespaces": ["payroll"],
        "task_queues": ["{team}-*"],
    }
]
WORKER_COMMANDS = 3


@pytest.fixture(scope="module")
def shop(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    """An Envoy that only this file uses: every line of its access log belongs to a worker here."""
    return open_shared_gate(plugin(corp.config(), GRANTS), rich_temporal.port)


@activity.defn(name="greet")
async def greet() -> str:
    return "hello"


@workflow.defn(sandboxed=False)
class Greeting:
    @workflow.run
    async def run(self) -> str:
        return await workflow.execute_activity(greet, start_to_close_timeout=timedelta(seconds=30))


def test_a_core_worker_with_commands(shop: Gate, rich_temporal: Temporal, corp: Minter) -> None:
    async def run() -> None:
        queue = f"red-{uuid.uuid4()}"
        boss = await Client.connect(rich_temporal.address, namespace="payroll")
        token = corp.token("red-runner")
        client = await Client.connect(f"127.0.0.1:{shop.port}", namespace="payroll", api_key=token, tls=False)
        async with Worker(client, task_queue=queue, workflows=[Greeting], activities=[greet]):
            assert await boss.execute_workflow(Greeting.run, id=queue, task_queue=queue) == "hello"
            # It polls for commands on another queue than for tasks.
            await asyncio.to_thread(until, lambda: called()["PollWorkflowTaskQueue"], 20, "polls")

    def called() -> Counter[str]:
        return Counter(line["path"].rsplit("/", 1)[1] for line in shop.envoy.access_log())

    mark = shop.envoy.log_mark()
    asyncio.run(asyncio.wait_for(run(), 60))
    # The worker shuts down, and then the worker that all workers of a process and namespace share, by its queue of commands.
    until(lambda: called()["ShutdownWorker"] >= 2 and called()["PollNexusTaskQueue"], 20, f"both shutdowns ({called()})")
    assert not shop.envoy.decisions(mark), "nothing is denied"


def _shutdown(queue: str) -> Any:
    return w.ShutdownWorkerRequest(namespace="payroll", task_queue=queue, identity="test", reason="x")


def _poll(queue: str, kind: int) -> Any:
    request: Any = w.PollNexusTaskQueueRequest(namespace="payroll")
    request.task_queue.name, request.task_queue.kind = queue, kind
    return request


def test_the_queue_of_commands_by_hand(shop: Gate, corp: Minter) -> None:
    token, key = corp.token("red-runner"), str(uuid.uuid4())
    for queue in (f"temporal-sys/worker-commands/payroll/{key}", f"/temporal-sys/worker-commands/payroll/{key}", f"red-{key}", ""):
        assert shop.call("ShutdownWorker", _shutdown(queue), token=token).grpc_status not in (7, 16), queue
    for queue in (f"blue-{key}", "temporal-sys/worker-command/payroll/x", "x/temporal-sys/worker-commands/payroll/x"):
        shop.refused_by_us("ShutdownWorker", _shutdown(queue), token=token, status=7)

    commands = f"temporal-sys/worker-commands/payroll/{key}"
    polled = shop.call("PollNexusTaskQueue", _poll(commands, WORKER_COMMANDS), token=token, grpc_timeout=0.5)
    assert polled.grpc_status not in (7, 16), str(polled)
    # The kind does not give access to other Nexus tasks, and the name does not give access to tasks of another sort.
    for queue, kind in ((f"blue-{key}", WORKER_COMMANDS), (commands, 1), (commands, 2)):
        shop.refused_by_us("PollNexusTaskQueue", _poll(queue, kind), token=token, status=7)
    for what in ("Workflow", "Activity"):
        request = getattr(w, f"Poll{what}TaskQueueRequest")(namespace="payroll")
        request.task_queue.name, request.task_queue.kind = commands, WORKER_COMMANDS
        shop.refused_by_us(f"Poll{what}TaskQueue", request, token=token, status=7)

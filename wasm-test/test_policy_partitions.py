"""Queues with several partitions: an honest token of a query or a Nexus task names the partition from which it came, such as
`/_sys/payroll-q/2`.

Many polls wait at once, because a single poll is forwarded to the root partition of its queue, which has the queue's own name.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from temporalio.api.enums.v1 import QueryResultType

from harness import commands, requests, task_tokens
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal

w, o = requests.workflow, requests.operator
POLLS = 12

LIMITS: dict[str, dict[str, list[str]]] = {
    "none": {},
    "queues": {"task_queues": ["team-a-*"]},
    "workflow ids": {"workflow_ids": ["team-a-*"]},
    "all": {"task_queues": ["team-a-*"], "workflow_ids": ["team-a-*"], "workflow_types": ["Some"], "queries": ["balance"]},
}
GRANTS = [
    {"name": name, "who": {"issuer": "corp", "claims": {"limit": name}}, "role": "worker", "namespaces": ["payroll"], **limits}
    for name, limits in LIMITS.items()
]


@pytest.fixture(scope="module")
def shop(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS), rich_temporal.port)


class Crowd:
    """Polls that wait at the same time, each of which is answered at once. `names` are the queues that their tokens named."""

    def __init__(self, worker: Frontend, poll: tuple[str, Any], answer: Callable[[Any], tuple[str, Any]]) -> None:
        self.worker, self.poll, self.answer = worker, poll, answer
        self.names: list[str] = []
        self.failures: list[str] = []
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(POLLS)]

    def _run(self) -> None:
        try:
            while not self._done.is_set():
                task = self.worker.ask(*self.poll, grpc_timeout=3, timeout=20)
                if task.task_token:
                    self.names.append(task_tokens.texts(task.task_token)[2].decode())
                    self.worker.ask(*self.answer(task), timeout=20)
        except AssertionError as error:
            self.failures.append(str(error))

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def saw_partitions_of(self, queue: str) -> bool:
        partitions = {f"/_sys/{queue}/{number}" for number in (1, 2, 3)}
        assert set(self.names) <= {queue, *partitions}, self.names
        return bool(partitions & set(self.names))


def _until_partitions(crowd: Crowd, queue: str, ask: Callable[[], object]) -> None:
    for _ in range(60):
        ask()
        if crowd.failures or (len(crowd.names) >= 5 and crowd.saw_partitions_of(queue)):
            break
    assert not crowd.failures, crowd.failures[:3]
    assert crowd.saw_partitions_of(queue), crowd.names


@pytest.mark.parametrize("limit", LIMITS)
def test_tokens_of_queries_name_partitions(shop: Gate, straight: Frontend, corp: Minter, limit: str) -> None:
    name = f"team-a-{uuid.uuid4()}"
    straight.start(name, name)
    task = straight.workflow_task(name)
    straight.ask("RespondWorkflowTaskCompleted", commands.answer(task.task_token, commands.timer()))

    poll = w.PollWorkflowTaskQueueRequest(namespace="payroll", identity="by hand")
    poll.task_queue.name = name
    query = w.QueryWorkflowRequest(namespace="payroll")
    query.execution.workflow_id, query.query.query_type = name, "balance"

    def answer(task: Any) -> tuple[str, Any]:
        return "RespondQueryTaskCompleted", w.RespondQueryTaskCompletedRequest(
            namespace="payroll", task_token=task.task_token, completed_type=QueryResultType.QUERY_RESULT_TYPE_ANSWERED
        )

    worker = Frontend(shop.port, token=corp.token(limit=limit))
    with Crowd(worker, ("PollWorkflowTaskQueue", poll), answer) as crowd:
        _until_partitions(crowd, name, lambda: straight.ask("QueryWorkflow", query, timeout=20))


@pytest.fixture(scope="module")
def operations(straight: Frontend) -> Iterator[tuple[str, Callable[[], object]]]:
    """A queue, and a function that sends an operation to it."""
    name = f"team-a-{uuid.uuid4().hex}"
    create = o.CreateNexusEndpointRequest()
    create.spec.name = name
    create.spec.target.worker.namespace, create.spec.target.worker.task_queue = "payroll", name
    straight.ask("CreateNexusEndpoint", create)

    def start() -> object:
        number = str(uuid.uuid4())
        return straight.ask("StartNexusOperationExecution", w.StartNexusOperationExecutionRequest(
            namespace="payroll", operation_id=number, request_id=number, identity="test", endpoint=name, service="S", operation="o"
        ))

    yield name, start


@pytest.mark.parametrize("limit", LIMITS)
def test_tokens_of_nexus_tasks_name_partitions(shop: Gate, corp: Minter, operations: tuple[str, Callable[[], object]], limit: str) -> None:
    queue, start = operations
    poll = w.PollNexusTaskQueueRequest(namespace="payroll", identity="by hand")
    poll.task_queue.name = queue

    def answer(task: Any) -> tuple[str, Any]:
        request = w.RespondNexusTaskCompletedRequest(namespace="payroll", task_token=task.task_token)
        request.response.start_operation.sync_success.payload.data = b"1"
        return "RespondNexusTaskCompleted", request

    worker = Frontend(shop.port, token=corp.token(limit=limit))
    with Crowd(worker, ("PollNexusTaskQueue", poll), answer) as crowd:
        _until_partitions(crowd, queue, start)

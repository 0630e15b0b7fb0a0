"""Update-with-start in front of a real Temporal: the operations of one request have namespaces of their own."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from temporalio import workflow
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError
from temporalio.worker import Worker

from harness import requests
from harness.gate import Gate
from harness.minter import Minter

OWN, OTHER = "payroll", "finance-reports"


@workflow.defn(sandboxed=False)
class Basket:
    def __init__(self) -> None:
        self.items: list[str] = []

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: "end" in self.items)
        return self.items

    @workflow.update
    async def put(self, item: str) -> int:
        self.items.append(item)
        return len(self.items)


def test_an_update_with_start_in_its_own_namespace(gate: Gate, corp: Minter) -> None:
    """With an SDK: a caller who may start and update may do both at once; a reader may not."""

    async def run() -> None:
        async def client(word: str) -> Client:
            token = corp.token(word, permissions=[f"{OWN}:{word}"])
            return await Client.connect(f"127.0.0.1:{gate.port}", namespace=OWN, api_key=token, tls=False)

        queue = f"baskets-{uuid.uuid4()}"

        async def put(by: Client, item: str) -> int:
            start = WithStartWorkflowOperation(
                Basket.run, id=queue, task_queue=queue, id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING
            )
            try:
                return await by.execute_update_with_start_workflow(Basket.put, item, start_workflow_operation=start)
            finally:  # the start has a result of its own, which must be awaited
                await asyncio.gather(start.workflow_handle(), return_exceptions=True)

        writer = await client("write")
        async with Worker(writer, task_queue=queue, workflows=[Basket]):
            assert await put(writer, "apple") == 1
            with pytest.raises(RPCError, match="Request unauthorized"):
                await put(await client("read"), "pear")
            assert await put(writer, "end") == 2
            assert await writer.get_workflow_handle(queue).result() == ["apple", "end"]

    asyncio.run(asyncio.wait_for(run(), 100))


@pytest.mark.parametrize("inner", ["start", "update"])
def test_a_foreign_namespace_inside(gate: Gate, corp: Minter, inner: str) -> None:
    """The filter denies it without a grant there; with a grant, the server refuses such a request from anybody."""
    request = requests.workflow.ExecuteMultiOperationRequest(namespace=OWN)
    start, update = request.operations.add().start_workflow, request.operations.add().update_workflow
    start.CopyFrom(requests.start_workflow(OTHER if inner == "start" else OWN, f"basket-{uuid.uuid4()}"))
    update.namespace = OTHER if inner == "update" else OWN
    update.workflow_execution.workflow_id = start.workflow_id
    gate.refused_by_us("ExecuteMultiOperation", request, token=corp.token(permissions=[f"{OWN}:admin"]), status=7)
    both = corp.token(permissions=[f"{OWN}:admin", f"{OTHER}:admin"])
    reply = gate.call("ExecuteMultiOperation", request, token=both)
    assert reply.grpc_status == 3, str(reply)
    assert b"did not match request's namespace" in reply.details, str(reply)

"""Limits on the Nexus endpoints that a namespace's callers may use, for operations that a workflow schedules and for
standalone operations. The refused calls would have worked: both endpoints lead to the same handler.
"""

from __future__ import annotations

import asyncio
import uuid

import pytest

from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import BY_PERMISSIONS, plugin
from harness.temporal import Temporal
from test_nexus import CALLER, HANDLER, Stage, nexus, of, outcome, own_temporal, standalone

__all__ = ["own_temporal"]

LIMITED = [
    {
        "name": f"limited-{role}",
        "who": {"issuer": "corp", "claims": {"limited": role}},
        "role": role,
        "namespaces": [CALLER],
        "nexus_endpoints": ["office-*"],
    }
    for role in ("worker", "writer")
]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def stage(open_gate: OpenGate, own_temporal: Temporal, corp: Minter) -> Stage:
    return Stage(open_gate(plugin(corp.config(), [*BY_PERMISSIONS, *LIMITED]), own_temporal.port), corp)


@pytest.fixture
def bank(stage: Stage) -> str:
    """Another endpoint, which the limit does not list."""
    name = f"bank-{uuid.uuid4()}"
    request = nexus.endpoint_to(HANDLER, stage.queue, name)
    allowed(stage.gate.call("CreateNexusEndpoint", request, token=of("temporal-system:admin")(stage.corp)))
    return name


def test_scheduled_by_a_workflow(stage: Stage, bank: str) -> None:
    """The worker's answer to the task names the endpoint. A worker without the limit takes over, and the operation completes."""

    async def run() -> None:
        async with stage.handling():
            async with stage.calling(limited="worker"):
                assert await outcome(await stage.ask(nexus.NetSalary.run)) == 600
                assert not stage.denied(stage.caller)
                handle = await stage.ask(nexus.NetSalary.run, endpoint=bank)
                await asyncio.to_thread(stage.wait_denied, stage.caller, "RespondWorkflowTaskCompleted")
            assert stage.denied(stage.caller) == {"RespondWorkflowTaskCompleted"}
            async with stage.calling():
                assert await outcome(handle) == 600

    asyncio.run(run())
    assert not stage.denied(stage.handler, stage.boss)


def test_scheduled_by_nobody(stage: Stage, bank: str) -> None:
    gate: Gate = stage.gate
    method, limited, free = "StartNexusOperationExecution", stage.corp.token(limited="writer"), of(f"{CALLER}:write")(stage.corp)
    gate.refused_by_us(method, standalone(bank), token=limited, status=7)
    allowed(gate.call(method, standalone(stage.endpoint), token=limited))
    allowed(gate.call(method, standalone(bank), token=free))

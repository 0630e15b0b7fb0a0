"""The demo's people make the demo's calls, through gateway and sidecar, and get the demo's answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from demo_stage import MeshStage
from lab.mesh import Mesh
from rows import ROWS, Cast, Row, outcome


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(scope="module")
def cast(mesh: Mesh) -> Iterator[Cast]:
    with MeshStage(mesh.gate.port, mesh.idp_port, mesh.frontend) as stage:
        yield Cast(stage)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.who}: {row.call}, {row.namespace or 'cluster'}")
def test_row(cast: Cast, loop: asyncio.AbstractEventLoop, row: Row) -> None:
    """The rows run in the demo's order: a later row uses workflows that an earlier row has started."""
    try:
        loop.run_until_complete(row.run(cast))
        got = outcome(None)
    except Exception as error:
        got = outcome(error)
    assert got == row.expected


def test_both_proxies_decided(mesh: Mesh, cast: Cast) -> None:
    """An allowed call was allowed twice; a call that the gateway denies does not reach the sidecar."""

    def verdicts(decisions: list[dict[str, object]], subject: str, method: str) -> set[object]:
        return {d["verdict"] for d in decisions if d["subject"] == subject and str(d["method"]).endswith("/" + method)}

    at_gateway, at_sidecar = mesh.gateway.decisions(), mesh.frontend.decisions()
    assert verdicts(at_gateway, "alice", "ListWorkflowExecutions") == {"allow", "deny"}
    assert verdicts(at_sidecar, "alice", "ListWorkflowExecutions") == {"allow"}
    assert verdicts(at_sidecar, "stranger", "ListWorkflowExecutions") == set()

"""Two real workers on queues of one team: `queue_load`, for half a minute, under a grant that is limited to these queues.

A worker names queues in almost everything that it sends, including its own sticky queues. No call of it may be denied.
"""

from __future__ import annotations

import asyncio
import os
import time

import pytest

import queue_load
from harness.gate import Gate, OpenGate
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.temporal import Temporal
from queue_load import Queues

pytestmark = pytest.mark.waits

SECONDS = float(os.environ.get("QUEUES_SECONDS", "20"))
QUEUES = Queues("team-a-main", "team-a-other")

GRANTS = [
    {
        "name": "runners",
        "who": {"issuer": "corp", "subject": "{team}-worker"},
        "role": "worker",
        "namespaces": ["payroll"],
        "task_queues": ["{team}-*"],
    }
]

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
    "RespondActivityTaskCanceled",
    "RecordActivityTaskHeartbeat",
    "GetWorkflowExecutionHistory",
    "RecordWorkerHeartbeat",
    "ShutdownWorker",
}


@pytest.fixture(scope="module")
def own_gate(open_shared_gate: OpenGate, temporal: Temporal, corp: Minter) -> Gate:
    """An Envoy that only these workers use: all its counters are about them."""
    return open_shared_gate(plugin(corp.config(), GRANTS), temporal.port, fresh=True)


@pytest.mark.timeout(SECONDS + 600)
def test_worker_on_queues(own_gate: Gate, temporal: Temporal, corp: Minter) -> None:
    token = corp.token("team-a-worker")
    began = time.monotonic()
    rounds = asyncio.run(
        queue_load.run(temporal.address, f"127.0.0.1:{own_gate.port}", "payroll", token, QUEUES, SECONDS)
    )
    assert rounds >= 1 and time.monotonic() - began >= SECONDS

    until(lambda: not EXPECTED - _called(own_gate), 10, f"all expected calls (of {EXPECTED})")
    counters = own_gate.envoy.settled_counters()
    denied = {name: count for name, count in counters.items() if ".denied." in name and count}
    assert not denied, f"{denied}: {own_gate.envoy.decisions()[:5]}"
    assert counters["temporal_auth.allowed"] > 500
    assert not counters.get("temporal_auth.unknown_fields"), "the SDK sends what the method table does not know"
    lines = own_gate.envoy.access_log()
    assert not [line for line in lines if str(line["details"]).startswith(("temporal_auth_", "wasm"))]


def _called(gate: Gate) -> set[str]:
    return {line["path"].rsplit("/", 1)[1] for line in gate.envoy.access_log()}

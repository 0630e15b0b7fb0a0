"""docs/upgrading.md: a new module looks on, in `mode: shadow`, behind the one that decides."""

from __future__ import annotations

import json

import pytest

from harness import grpc_client, paths
from harness.envoy_config import Json, wasm_filter
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.temporal import Temporal

pytestmark = pytest.mark.waits

SEEN = "temporal_auth.shadow.denied.permission"
NOBODY = "temporal_auth.shadow.denied.unauthenticated"


def grants(role: str) -> list[Json]:
    return [{"name": f"{role}s", "who": {"issuer": "corp"}, "role": role, "namespaces": ["payroll"]}]


def decides(corp: Minter, **members: object) -> Json:
    """The first filter. Of `Settings`, `filters` come before the one that `plugin` configures."""
    configuration = plugin(corp.config(), grants("client"), **members)
    return wasm_filter("temporal_auth", paths.MODULE, json.dumps(configuration), failure_policy="FAIL_CLOSED")


@pytest.fixture(scope="module")
def pair(open_shared_gate: OpenGate, temporal: Temporal, corp: Minter) -> Gate:
    """The first one lets clients in; the second would let them read only."""
    looks_on = plugin(corp.config(), grants("reader"), mode="shadow")
    return open_shared_gate(looks_on, temporal.port, filters=[decides(corp, forward_token=True)], fresh=True)


def test_it_counts_what_it_would_deny_and_denies_nothing(pair: Gate, corp: Minter) -> None:
    subject, before = grpc_client.test_id(), pair.envoy.settled_counters()
    allowed(pair.count(token=corp.token(subject)))
    allowed(pair.start(token=corp.token(subject)))
    pair.envoy.wait_counter(SEEN, before.get(SEEN, 0) + 1)
    after = pair.envoy.settled_counters()
    # Both filters count both calls as allowed: the second one lets go on what it would deny.
    assert [after[name] - before.get(name, 0) for name in (SEEN, "temporal_auth.allowed")] == [1, 4]
    [line] = [line for line in pair.envoy.decisions() if line["subject"] == subject]
    assert line["method"].endswith("/StartWorkflowExecution") and line["rule"] == "default-deny", line
    assert line["verdict"] == "allow" and line["shadow"] == "mode: shadow lets it go on", line


def test_the_first_still_decides(pair: Gate, corp: Minter) -> None:
    before = pair.envoy.settled_counters().get(SEEN, 0)
    refused(pair.count("finance-reports", token=corp.token()), 7)
    refused(pair.start(), 16)
    assert pair.envoy.settled_counters().get(SEEN, 0) == before
    # The second one gets the headers of a call that the first one denies only by its body, and a reader starts nothing anywhere.
    refused(pair.start("finance-reports", token=corp.token()), 7)
    pair.envoy.wait_counter(SEEN, before + 1)


def test_without_the_token_it_sees_nobody(pair: Gate, corp: Minter) -> None:
    """Why the first one needs `forward_token`. The last test: it takes that away."""
    assert pair.envoy.settled_counters().get(NOBODY, 0) == 0
    pair.envoy.push(filters=[decides(corp)])
    until(lambda: allowed(pair.count(token=corp.token())) and pair.envoy.counter(NOBODY), 20, "a caller without a token")

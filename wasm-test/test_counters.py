"""Counters: each outcome increments its own counter and no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness import requests
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed
from harness.issuer import Issuer
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.proto import text

COUNT = requests.path("CountWorkflowExecutions")
DENIED = "temporal_auth.denied."


@pytest.fixture(scope="module")
def counted(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config()), echo.port, fresh=True)


def _verdicts(gate: Gate) -> dict[str, int]:
    return {k: v for k, v in gate.envoy.counters().items() if k.startswith((DENIED, "temporal_auth.allowed"))}


OUTCOMES: dict[str, Callable[[Gate, str], object]] = {
    "temporal_auth.allowed": lambda g, t: g.count(token=t),
    DENIED + "unauthenticated": lambda g, t: g.count(),
    DENIED + "permission": lambda g, t: g.count("finance-reports", token=t),
    DENIED + "encoding": lambda g, t: g.count(token=t, headers={"grpc-encoding": "zstd"}),
    DENIED + "malformed": lambda g, t: g.call(COUNT, text(1, "payroll") * 2, token=t),
    DENIED + "too_large": lambda g, t: g.call(COUNT, bytes(5 << 20), token=t),
    DENIED + "unknown_method": lambda g, t: g.call("/a.B/C", token=t),
    DENIED + "closed": lambda g, t: g.call(requests.HEALTH_WATCH),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_each_outcome_counts_once(counted: Gate, corp: Minter, name: str) -> None:
    token = corp.token(permissions=["payroll:read"])
    before = _verdicts(counted)
    for _ in range(3):
        OUTCOMES[name](counted, token)
    counted.envoy.wait_counter(name, before.get(name, 0) + 3)
    after = _verdicts(counted)
    assert {k: v - before.get(k, 0) for k, v in after.items() if v != before.get(k, 0)} == {name: 3}


def test_anonymous_calls_count_as_allowed(counted: Gate) -> None:
    before = counted.envoy.counter("temporal_auth.allowed")
    allowed(counted.call("GetSystemInfo"))
    counted.envoy.wait_counter("temporal_auth.allowed", before + 1)


def test_token_cache(counted: Gate, corp: Minter) -> None:
    hit, miss = "temporal_auth.tokens.cache_hit", "temporal_auth.tokens.cache_miss"
    token = corp.token("somebody-new", permissions=["payroll:read"])
    counters = counted.envoy.settled_counters()
    hits, misses = counters.get(hit, 0), counters.get(miss, 0)
    for _ in range(5):
        allowed(counted.count(token=token))
    counted.envoy.wait_counter(hit, hits + 4)
    counted.envoy.wait_counter(miss, misses + 1)
    assert (counted.envoy.counter(hit), counted.envoy.counter(miss)) == (hits + 4, misses + 1)


def test_key_fetches(open_gate: OpenGate, echo: Echo) -> None:
    issuer = Issuer()
    config = issuer.fetched_config(wait="10s", timeout="1s", retry="1s")
    gate = open_gate(plugin(config), echo.port, clusters={"idp": Cluster(issuer.port, http2=False)})
    gate.envoy.wait_counter("temporal_auth.keys.fetch_failed", 1, timeout=10)
    assert gate.envoy.counter("temporal_auth.keys.fetch_ok") == 0
    with issuer:
        until(lambda: gate.count(token=issuer.token(permissions=["payroll:read"]), timeout=15).grpc_status == 0, 20, "keys")
        gate.envoy.wait_counter("temporal_auth.keys.fetch_ok", 1)


def test_unavailable(open_gate: OpenGate, echo: Echo) -> None:
    issuer = Issuer()  # never started
    config = issuer.fetched_config(wait="1s")
    gate = open_gate(plugin(config), echo.port, clusters={"idp": Cluster(issuer.port, http2=False)})
    assert gate.count(token=issuer.token()).grpc_status == 14
    gate.envoy.wait_counter(DENIED + "unavailable", 1)


def test_names_are_bounded(counted: Gate, corp: Minter) -> None:
    """Nothing that a caller chooses (method, namespace, subject) becomes a counter's name: counters are never freed."""
    for i in range(20):
        counted.call(f"/x.Y/Z{i}")
        counted.count(f"ns-{i}", token=corp.token(f"subject-{i}", permissions=["payroll:read"]))
    names = set(counted.envoy.counters())
    assert all(name.startswith("temporal_auth.") for name in names)
    assert len(names) <= 20, names

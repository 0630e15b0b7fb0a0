"""Compares our authorization with Temporal's own: the same call to both must get the same answer, except where `differences` lists a
difference.

`make parity` runs it. Complete answers are compared (status, message, details), so handlers must agree as well if authorization
allows a call.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from answers import Answer, ask
from calls import COUNT, Call, all_calls
from comparison import Comparison
from differences import DIFFERENCES
from harness.envoy import Cluster, Envoy, Settings
from harness.grpc_client import Connection
from harness.policy import plugin
from harness.poll import until
from harness.temporal import Temporal
from tokens import OTHER, OWN, issuer
from upstream import BINARY, Upstream

# All 135 methods that servers have, by 12 callers in up to four namespaces, and more.
AT_LEAST = 6000


@pytest.fixture(scope="module")
def compared() -> Iterator[Comparison[Answer]]:
    if not BINARY.exists():
        pytest.fail(f"{BINARY} is not there: make parity")
    with issuer() as keys, Temporal([OWN, OTHER]) as stock, Upstream(keys, [OWN, OTHER]) as upstream:
        policy = plugin(keys.config(keys={"inline": keys.key_set()}, algorithms=None))
        with Envoy(Settings({"temporal": Cluster(stock.port)}, plugin=policy), "parity") as envoy:
            calls = list(all_calls(keys))
            _wait_for_both(calls, upstream.port, envoy.port)
            comparison: Comparison[Answer] = Comparison(DIFFERENCES)
            for call, theirs, ours in _ask_both(calls, upstream.port, envoy.port):
                comparison.add(call, theirs, ours)
            print(f"\n{comparison.summary()}")
            yield comparison


def _wait_for_both(calls: list[Call], *ports: int) -> None:
    """Waits until both serve every namespace: the stock server has them when it is ready; upstream reads them from time to time."""
    for call in calls:
        if call.path == COUNT and call.caller.name == "system read" and call.label in ("own", "other"):
            for port in ports:
                until(lambda: _once(port, call).status == 0, 60, f"{call} at {port}", every=0.5)


def _once(port: int, call: Call) -> Answer:
    with Connection(port) as connection:
        return ask(connection, call)


def _ask_both(calls: list[Call], upstream: int, ours: int) -> Iterator[tuple[Call, Answer, Answer]]:
    # Each method gets a connection of its own, so that none exceeds the maximum age of a connection.
    for _, group in itertools.groupby(calls, lambda call: call.path):
        with Connection(upstream) as theirs, Connection(ours) as filtered:
            for call in group:
                yield call, ask(theirs, call), ask(filtered, call)


@pytest.mark.timeout(600)
def test_every_difference_is_listed(compared: Comparison[Answer]) -> None:
    assert not compared.unlisted, "\n".join(["not listed:", *compared.unlisted[:40]])


def test_every_listed_difference_occurs(compared: Comparison[Answer]) -> None:
    assert not [unused for d in DIFFERENCES for unused in d.unused(compared.listed[d.name])]


def test_both_sides_allow_and_deny(compared: Comparison[Answer]) -> None:
    """Two servers that denied everything, or nothing, would also agree."""
    assert compared.total >= AT_LEAST
    may_read = {"read", "write", "admin", "system read", "system write", "system admin"}
    assert compared.agreed("passed", COUNT) >= may_read
    assert not compared.agreed("passed", COUNT) & {"nobody", "garbage", "expired", "no permissions", "worker", "system worker"}
    # Upstream denies nothing to a system admin.
    assert compared.agreed("denied") >= (may_read | {"no permissions", "worker", "system worker"}) - {"system admin"}


def test_the_names_are_unique() -> None:
    names = [d.name for d in DIFFERENCES]
    assert len(set(names)) == len(names)

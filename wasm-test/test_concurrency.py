"""Two worker threads: each has its own copy of the filter, and both decide correctly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from harness import jws, requests
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate
from harness.grpc_client import Connection, Reply, frame, request_headers
from harness.issuer import Issuer
from harness.policy import plugin
from harness.poll import until
from harness.proto import text

COUNT = requests.path("CountWorkflowExecutions")
READ = ["payroll:read"]


@pytest.fixture(scope="module")
def two(open_shared_gate: OpenGate, echo: Echo) -> Iterator[tuple[Gate, Issuer]]:
    with Issuer() as issuer:
        config = issuer.fetched_config(refetch="1s")
        clusters = {"idp": Cluster(issuer.port, http2=False)}
        yield open_shared_gate(plugin(config), echo.port, clusters=clusters, concurrency=2), issuer


def _connections(gate: Gate) -> list[int]:
    """The number of connections of each worker so far."""
    stats = gate.envoy.stats("listener.")
    return [v for k, v in stats.items() if ".worker_" in k and k.endswith("downstream_cx_total")]


def _decided(gate: Gate, namespace: str, token: str | None) -> Reply | None:
    """The call is made on a connection of its own: the budget for bad tokens is measured in time, and a busy machine would use up
    that of a shared connection."""
    reply = gate.count(namespace, token=token)
    return None if reply.grpc_status == 14 else reply


def test_both_workers_decide_alike(two: tuple[Gate, Issuer]) -> None:
    gate, issuer = two
    token = issuer.token(permissions=READ)
    forged = jws.flip_signature(token)

    def client(_: int) -> list[tuple[int, int | None]]:
        outcomes: list[tuple[int, int | None]] = []
        with Connection(gate.port) as connection:
            for namespace, bearer, status in (
                ("payroll", token, 0),
                ("finance-reports", token, 7),
                ("payroll", forged, 16),
                ("payroll", None, 16),
            ) * 5:
                stream = connection.open(request_headers(COUNT, token=bearer))
                connection.data(stream, frame(text(1, namespace)), end_stream=True)
                reply = connection.reply(stream)
                # A forged token waits for keys that were fetched later.
                if reply.grpc_status == 14:
                    reply = until(partial(_decided, gate, namespace, bearer), 20, "a verdict")
                outcomes.append((status, reply.grpc_status))
        return outcomes

    with ThreadPoolExecutor(16) as pool:
        for outcomes in pool.map(client, range(48)):
            for expected, got in outcomes:
                assert got == expected
    served = _connections(gate)
    assert len(served) == 2 and min(served) > 0, f"connections of each worker: {served}"


def test_rotation_reaches_both(two: tuple[Gate, Issuer]) -> None:
    gate, issuer = two
    issuer.rotate("ES256")
    token = issuer.token(permissions=READ)
    before = _connections(gate)
    barrier = threading.Barrier(16)

    def client(_: int) -> int | None:
        barrier.wait()
        return gate.count(token=token, timeout=15).grpc_status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(client, range(16))) == {0}
    assert all(now > then for now, then in zip(_connections(gate), before))


def test_counters_add_up(two: tuple[Gate, Issuer]) -> None:
    gate, issuer = two
    token = issuer.token(permissions=READ)
    names = ["temporal_auth.allowed", "temporal_auth.denied.permission", "temporal_auth.denied.unauthenticated"]
    counters = gate.envoy.settled_counters()
    before = [counters.get(name, 0) for name in names]
    for _ in range(12):
        gate.count(token=token)
        gate.count("finance-reports", token=token)
        gate.count()
    for name, start in zip(names, before):
        assert gate.envoy.wait_counter(name, start + 12) == start + 12, name

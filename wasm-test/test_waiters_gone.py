"""Thousands of requests that wait for keys and end in another way, because the client goes away or the time is up, in both
header modes: nothing is left of them, and the requests that stay get the answers that they would have got.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import flood, requests
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Connection, frame, request_headers
from harness.issuer import Issuer
from harness.policy import plugin
from harness.poll import until
from harness.proto import text

pytestmark = pytest.mark.waits

READ = ["payroll:read"]
COUNT = requests.path("CountWorkflowExecutions")
OWN = frame(text(1, "payroll"))
FITS, CONNECTIONS = 1000, 20  # the number that may wait at a time, and a few more
# At least this many of them wait. On a busy machine the budget for unknown tokens, which is measured in time, is spent
# before all have been looked at, and the others are told to come again.
SOME = 100
ACTIVE, WAITING = "http.ingress.downstream_rq_active", "temporal_auth.waiting"
ARRIVED = "http.ingress.downstream_rq_total"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Not listening yet."""
    issuer = Issuer()
    yield issuer
    issuer.stop()


def _open(open_gate: OpenGate, echo: Echo, issuer: Issuer, header_stop: bool, wait: str) -> Gate:
    config = issuer.fetched_config(wait=wait, timeout="2s", retry="1s")
    clusters = {"idp": Cluster(issuer.port, http2=False)}
    return open_gate(plugin(config), echo.port, clusters=clusters, header_stop=header_stop, fresh=True)


def _active(gate: Gate) -> int:
    return gate.envoy.stats(ACTIVE).get(ACTIVE, 0)


def _arrived(gate: Gate) -> int:
    """The number of requests so far, however they ended."""
    return gate.envoy.stats(ARRIVED).get(ARRIVED, 0)


def _all_arrived(gate: Gate, total: int) -> None:
    until(lambda: _arrived(gate) >= total, 20, f"{total} requests to arrive")


def _some_wait(gate: Gate, send: Callable[[], None]) -> None:
    """Sends a thousand requests at a time until some of them wait."""
    for _ in range(30):
        before = _arrived(gate)
        send()
        _all_arrived(gate, before + FITS)
        if _active(gate) >= SOME:
            return
    raise AssertionError("nobody waits")


def _all_gone(gate: Gate) -> None:
    until(lambda: _active(gate) == 0, 20, "every request to be gone")
    until(lambda: gate.envoy.counter(WAITING) == 0, 10, "nobody to wait any more")


def _resident_kb(gate: Gate) -> int:
    status = Path(f"/proc/{gate.envoy.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def _call(gate: Gate, token: str) -> tuple[list[Connection], list[tuple[Connection, int]]]:
    """As many calls as may wait, on connections of which none exceeds its share."""
    connections = [Connection(gate.port) for _ in range(CONNECTIONS)]
    streams = []
    for number in range(FITS):
        connection = connections[number % CONNECTIONS]
        stream = connection.open(request_headers(COUNT, token=token))
        connection.data(stream, OWN, end_stream=True)
        streams.append((connection, stream))
    return connections, streams


def test_clients_that_go_away_leave_nothing(open_gate: OpenGate, echo: Echo, issuer: Issuer, header_stop: bool) -> None:
    """Eight thousand requests or more, with tokens of 2 KB, end by RST_STREAM or with their connection. Then there is room for all of them again."""
    gate = _open(open_gate, echo, issuer, header_stop, wait="60s")
    token = issuer.token(permissions=READ)
    call = flood.request(COUNT, issuer.token(permissions=READ, pad="x" * 1500), OWN)
    after: list[int] = []
    for number in range(8):
        crowds = [flood.Crowd(gate.port) for _ in range(CONNECTIONS)]

        def send(crowds: list[flood.Crowd] = crowds) -> None:
            for crowd in crowds:
                crowd.send([call] * (FITS // CONNECTIONS))

        _some_wait(gate, send)
        for crowd in crowds:
            if number % 2:
                crowd.cancel()
            else:
                crowd.close()
        _all_gone(gate)
        for crowd in crowds:
            crowd.close()
        after.append(_resident_kb(gate))
    # Four rounds would leave four thousand tokens. How much the first rounds take depends on how many of them wait.
    assert after[-1] - after[3] < 3_000, f"resident KB after each round: {after}"
    assert gate.envoy.counter("temporal_auth.allowed") == 0

    rounds: list[tuple[list[Connection], list[tuple[Connection, int]]]] = []
    _some_wait(gate, lambda: rounds.append(_call(gate, token)))
    issuer.start()
    replies = [connection.reply(stream) for _, streams in rounds for connection, stream in streams]
    for connections, _ in rounds:
        for connection in connections:
            connection.close()
    served = sum(1 for reply in replies if reply.grpc_status == 0)
    assert served >= SOME, f"{served} served: places of the departed were still taken"
    for reply in replies:
        if reply.grpc_status:
            refused(reply, 14)
    _all_gone(gate)


def test_waiting_requests_time_out(open_gate: OpenGate, echo: Echo, issuer: Issuer, header_stop: bool) -> None:
    """A thousand time out at the same moment; the next thousand find room, and wait for their full time."""
    gate = _open(open_gate, echo, issuer, header_stop, wait="3s")
    token = issuer.token(permissions=READ)
    crowds = [flood.Crowd(gate.port) for _ in range(CONNECTIONS)]
    for crowd in crowds:
        crowd.send([flood.request(COUNT, token, OWN)] * (FITS // CONNECTIONS))
    _all_arrived(gate, FITS)
    _all_gone(gate)  # all of them due at the same moment
    for crowd in crowds:
        crowd.close()
    began = time.monotonic()
    connections, streams = _call(gate, token)
    for connection, stream in streams:
        refused(connection.reply(stream), 14)
    assert time.monotonic() - began > 2, "nobody waited"
    for connection in connections:
        connection.close()
    _all_gone(gate)
    assert "failed: Uncaught" not in gate.envoy.log_text()
    issuer.start()
    until(lambda: gate.count(token=token).grpc_status == 0, 20, "the keys")
    refused(gate.count("finance-reports", token=token), 7)


def test_a_clients_own_deadline_affects_no_other(open_gate: OpenGate, echo: Echo, issuer: Issuer, header_stop: bool) -> None:
    """A gRPC client whose own deadline is earlier resets its stream: the others are served as if nothing had happened."""
    gate = _open(open_gate, echo, issuer, header_stop, wait="30s")
    token = issuer.token(permissions=READ)
    with Connection(gate.port) as hasty, Connection(gate.port) as patient:
        both = [(c, c.open(request_headers(COUNT, token=token, grpc_timeout=t))) for _ in range(40) for c, t in ((hasty, 0.2), (patient, 30))]
        for connection, stream in both:
            connection.data(stream, OWN, end_stream=True)
        _all_arrived(gate, len(both))
        for connection, stream in both:
            if connection is hasty:
                hasty.reset(stream)
        until(lambda: _active(gate) == 40, 10, "those in haste to be gone")
        issuer.start()
        for connection, stream in both:
            if connection is patient:
                allowed(patient.reply(stream))
    _all_gone(gate)

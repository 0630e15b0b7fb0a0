"""Many requests wait for keys at once, each with a different token: every stream gets its own verdict, never another stream's.

This also holds while some of them go away, and while their configuration is replaced, in both header modes.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import h2.exceptions
import pytest

from harness import grpc_client, jws, requests
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Connection, frame, request_headers
from harness.issuer import Issuer
from harness.policy import plugin
from harness.poll import until
from harness.proto import text

COUNT = requests.path("CountWorkflowExecutions")
CONNECTIONS, EACH = 6, 70
ACTIVE, WAITING = "http.ingress.downstream_rq_active", "temporal_auth.waiting"
ARRIVED = "http.ingress.downstream_rq_total"


@dataclass
class Waiter:
    """One call: its request, its expected outcome, and (`cancelled`) whether its client goes away first."""

    connection: Connection
    stream: int
    test_id: str
    body: bytes
    status: int
    cancelled: bool = False


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Not listening yet."""
    issuer = Issuer(keys=[jws.shared_key("EdDSA")])
    yield issuer
    issuer.stop()


@pytest.fixture
def waiting(header_stop: bool, open_gate: OpenGate, echo: Echo, issuer: Issuer) -> Gate:
    config = issuer.fetched_config(wait="30s", timeout="2s", retry="1s")
    clusters = {"idp": Cluster(issuer.port, http2=False)}
    return open_gate(plugin(config), echo.port, clusters=clusters, header_stop=header_stop)


def _ask(gate: Gate, issuer: Issuer) -> list[Waiter]:
    """The kinds of calls alternate, so that calls that are adjacent on a connection and in time have different verdicts."""
    before = _arrived(gate)
    connections = [Connection(gate.port) for _ in range(CONNECTIONS)]
    waiters: list[Waiter] = []
    for number, connection in itertools.product(range(EACH), connections):
        subject = f"caller-{number}-{id(connection)}"
        namespace = f"team-{number}"
        permissions = [f"{namespace}:read"]
        kind = len(waiters) % 7
        token = issuer.token(subject, permissions=permissions)
        asked, status = namespace, 0
        if kind in (1, 5):
            asked, status = f"team-{number + 1}", 7
        elif kind in (2, 4):
            key = jws.Key("EdDSA", issuer.keys[0].private, f"nobody-{number}")
            token, status = issuer.token(subject, permissions=[f"team-{number}:admin"], key=key), 16
        elif kind == 6:
            token, status = issuer.token(subject, permissions=permissions, exp=jws.now() - 1000), 16
        test_id = grpc_client.test_id()
        body = frame(text(1, asked))
        stream = connection.open(request_headers(COUNT, token=token, test_id=test_id))
        connection.data(stream, body, end_stream=True)
        waiters.append(Waiter(connection, stream, test_id, body, status))
    # The number of waiting requests is not known: the budget for unknown tokens is measured in time, which a busy machine wastes.
    until(lambda: _arrived(gate) >= before + len(waiters), 20, "all to arrive")
    return waiters


def _arrived(gate: Gate) -> int:
    return gate.envoy.stats(ARRIVED).get(ARRIVED, 0)


def _nothing_else_went_on(waiters: list[Waiter], echo: Echo) -> None:
    """The server received no complete request of a denied call, and exactly the request of each allowed call."""
    arrived = {(received.get("x-test-id") or b"").decode(): received for received in list(echo.received)}
    for waiter in waiters:
        received = arrived.get(waiter.test_id)
        if waiter.status:
            assert received is None or not received.ended, waiter
        elif received is not None and received.ended:
            assert received.body == waiter.body


def _none_left(gate: Gate) -> None:
    until(lambda: gate.envoy.stats(ACTIVE).get(ACTIVE, 0) == 0, 20, "every request to be gone")
    until(lambda: gate.envoy.counter(WAITING) == 0, 10, "nobody to wait any more")


def test_each_request_gets_its_own_verdict(waiting: Gate, echo: Echo, issuer: Issuer) -> None:
    waiters = _ask(waiting, issuer)
    for number, waiter in enumerate(waiters):
        if number % 5 == 0 and number % 7 != 6:
            waiter.cancelled = True
            # On a busy machine it may have been told already to retry.
            with contextlib.suppress(h2.exceptions.StreamClosedError):
                waiter.connection.reset(waiter.stream)
    issuer.start()
    later = 0
    for waiter in waiters:
        if not waiter.cancelled:
            reply = waiter.connection.reply(waiter.stream)
            # On a busy machine the budget for unknown tokens may be used up: then the call is told to retry.
            if reply.grpc_status == 14:
                refused(reply, 14)
                later += 1
            else:
                assert reply.grpc_status == waiter.status, f"{waiter}: {reply}"
    assert later < len(waiters) * 0.9, f"{later} of {len(waiters)} were not decided"
    _nothing_else_went_on(waiters, echo)
    for connection in {id(waiter.connection): waiter.connection for waiter in waiters}.values():
        connection.close()
    _none_left(waiting)


def test_configuration_replaced_meanwhile(waiting: Gate, echo: Echo, issuer: Issuer) -> None:
    """It is replaced twice. A request that waits in the old configuration is decided, told to retry, or cut off with its listener:
    nothing else."""
    waiters = _ask(waiting, issuer)
    settings = waiting.envoy.settings.plugin
    assert isinstance(settings, dict)
    waiting.envoy.push(plugin=settings | {"log": {"allowed": True}})
    waiters += _ask(waiting, issuer)
    waiting.envoy.push(plugin=settings | {"access_log_state": True})
    issuer.start()
    for waiter in waiters:
        reply = waiter.connection.reply(waiter.stream)
        assert not reply.timed_out, f"{waiter}: {reply}"
        assert reply.grpc_status in (waiter.status, 14, None), f"{waiter}: {reply}"
    _nothing_else_went_on(waiters, echo)
    token = issuer.token(permissions=["payroll:read"])
    until(lambda: waiting.count(token=token).grpc_status == 0, 20, "the keys")
    refused(waiting.count("finance-reports", token=token), 7)
    for connection in {id(waiter.connection): waiter.connection for waiter in waiters}.values():
        connection.close()
    _none_left(waiting)
    allowed(waiting.count(token=token))


def test_all_refused_at_once(waiting: Gate, issuer: Issuer) -> None:
    """One callback from the host causes a thousand answers: each destroys its stream, and the host nests those calls."""
    token = issuer.token(permissions=["payroll:read"])
    # Not a bad signature, because the budget would apply to that.
    forged = issuer.token(permissions=["payroll:read"], key=jws.Key("EdDSA", issuer.keys[0].private, "nobody"))
    connections = [Connection(waiting.port) for _ in range(20)]
    asked = [(c, c.open(request_headers(COUNT, token=forged))) for _ in range(50) for c in connections]
    for connection, stream in asked:
        connection.data(stream, frame(text(1, "payroll")), end_stream=True)
    until(lambda: _arrived(waiting) >= len(asked), 20, "all to arrive")
    issuer.start()
    replies = [connection.reply(stream) for connection, stream in asked]
    # The budget may have turned some away; every request that waited is told that there is no such key.
    for reply in replies:
        refused(reply, 14 if reply.grpc_status == 14 else 16)
    assert sum(1 for reply in replies if reply.grpc_status == 16) >= 100
    for connection in connections:
        connection.close()
    _none_left(waiting)
    allowed(waiting.count(token=token))
    assert "failed: Uncaught" not in waiting.envoy.log_text()

"""Events while a request waits for a key: it ends with trailers, it is too big, the configuration changes, hundreds of other
requests wait. Each request gets an answer, in both header modes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from harness import grpc_client, requests
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Connection, Reply, frame, request_headers
from harness.issuer import Issuer
from harness.policy import plugin
from harness.poll import until
from harness.proto import text

READ = ["payroll:read"]
COUNT = requests.path("CountWorkflowExecutions")
OWN, FOREIGN = text(1, "payroll"), text(1, "finance-reports")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Not listening yet."""
    issuer = Issuer()
    yield issuer
    issuer.stop()


@pytest.fixture(params=[False, True], ids=["A", "B"])
def waiting(request: pytest.FixtureRequest, open_gate: OpenGate, echo: Echo, issuer: Issuer) -> Gate:
    config = issuer.fetched_config(wait="20s", timeout="2s", retry="1s")
    clusters = {"idp": Cluster(issuer.port, http2=False)}
    return open_gate(plugin(config), echo.port, clusters=clusters, header_stop=request.param)


ARRIVED = "http.ingress.downstream_rq_total"


class Asked:
    """A request in flight; `answer` waits for its reply."""

    def __init__(self, gate: Gate, token: str, send: Callable[[Connection, int], None]) -> None:
        self.connection = Connection(gate.port)
        self.marked = grpc_client.test_id()
        self.stream = self.connection.open(request_headers(COUNT, token=token, test_id=self.marked))
        send(self.connection, self.stream)

    def answer(self) -> Reply:
        with self.connection:
            return self.connection.reply(self.stream, 30)


def _with_trailers(body: bytes) -> Callable[[Connection, int], None]:
    def send(connection: Connection, stream: int) -> None:
        connection.data(stream, body)
        connection.trailers(stream, {"x-after": "the end"})

    return send


def _whole(body: bytes) -> Callable[[Connection, int], None]:
    def send(connection: Connection, stream: int) -> None:
        connection.data(stream, body, end_stream=True)

    return send


def _active(gate: Gate, count: int) -> None:
    name = "http.ingress.downstream_rq_active"
    until(lambda: gate.envoy.stats(name).get(name, 0) >= count, 10, f"{count} requests under way")


def test_each_end_is_decided_when_the_key_comes(waiting: Gate, echo: Echo, issuer: Issuer) -> None:
    token = issuer.token(permissions=READ)
    asked = {
        "trailers": (0, Asked(waiting, token, _with_trailers(frame(OWN)))),
        "trailers, foreign": (7, Asked(waiting, token, _with_trailers(frame(FOREIGN)))),
        "trailers, cut": (3, Asked(waiting, token, _with_trailers(frame(OWN)[:-1]))),
        "trailers, nothing": (3, Asked(waiting, token, _with_trailers(b""))),
        "two messages": (3, Asked(waiting, token, _whole(frame(OWN) + frame(OWN)))),
        "too large": (8, Asked(waiting, token, _whole(b"\0\xff\0\0\0" + OWN))),
        "empty": (3, Asked(waiting, token, _whole(b""))),
    }
    issuer.start()
    for case, (status, one) in asked.items():
        reply = one.answer()
        assert reply.grpc_status == status, f"{case}: {reply}"
    seen = echo.find(asked["trailers"][1].marked)
    assert seen.ended and not seen.trailers and "authorization" not in seen.names
    for case in ("trailers, foreign", "trailers, cut", "two messages"):
        arrived = echo.seen(asked[case][1].marked)
        assert arrived is None or not arrived.ended, case
    allowed(waiting.count(token=token))


def test_body_that_comes_after_the_key(waiting: Gate, issuer: Issuer) -> None:
    """The headers wait and continue; the body is judged when it arrives."""
    token = issuer.token(permissions=READ)

    def nothing(connection: Connection, stream: int) -> None:
        pass

    own, foreign, half = (Asked(waiting, token, nothing) for _ in range(3))
    half.connection.data(half.stream, frame(FOREIGN)[:9])
    _active(waiting, 3)
    issuer.start()
    until(lambda: waiting.count(token=token).grpc_status == 0, 20, "the key")
    own.connection.data(own.stream, frame(OWN), end_stream=True)
    foreign.connection.data(foreign.stream, frame(FOREIGN), end_stream=True)
    half.connection.data(half.stream, frame(FOREIGN)[9:], end_stream=True)
    allowed(own.answer())
    refused(foreign.answer(), 7)
    refused(half.answer(), 7)


def test_new_configuration_meanwhile(waiting: Gate, issuer: Issuer) -> None:
    """The filter in which a request waits is replaced: the request is answered all the same."""
    token = issuer.token(permissions=READ)
    asked = [Asked(waiting, token, _whole(frame(namespace))) for namespace in (OWN, FOREIGN)]
    _active(waiting, 2)
    settings = waiting.envoy.settings.plugin
    assert isinstance(settings, dict)
    waiting.envoy.push(plugin=settings | {"log": {"allowed": True}})
    issuer.start()
    replies = [one.answer() for one in asked]
    assert [reply.timed_out for reply in replies] == [False, False]
    # Decided, told that the keys are missing, or cut off with the drained listener; but never allowed by default.
    assert replies[0].grpc_status in (0, 14, None), str(replies[0])
    assert replies[1].grpc_status in (7, 14, None), str(replies[1])
    until(lambda: waiting.count(token=token).grpc_status == 0, 20, "the key")


def test_more_requests_than_may_wait(waiting: Gate, issuer: Issuer) -> None:
    """The requests beyond the limit are told at once to retry; the waiting requests are served."""
    token = issuer.token(permissions=READ)
    replies: list[Reply] = []
    lock = threading.Lock()

    def client() -> None:
        with Connection(waiting.port) as connection:
            streams = [connection.open(request_headers(COUNT, token=token)) for _ in range(300)]
            for stream in streams:
                connection.data(stream, frame(OWN), end_stream=True)
            mine = [connection.reply(stream) for stream in streams]
        with lock:
            replies.extend(mine)

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: waiting.envoy.stats(ARRIVED).get(ARRIVED, 0) >= 1200, 20, "all to arrive")
    issuer.start()
    for thread in threads:
        thread.join()
    statuses = {status: sum(1 for r in replies if r.grpc_status == status) for status in {r.grpc_status for r in replies}}
    assert set(statuses) <= {0, 14} and statuses.get(0, 0) >= 100, statuses
    allowed(waiting.count(token=token))

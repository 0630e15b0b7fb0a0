"""A request may end with trailers: such a request is decided too, and the trailers never reach Temporal.

grpc-go closes the whole connection when a request ends with trailers, and Envoy shares that connection between all
callers: one such request would end everybody's long polls.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest

from harness import grpc_client, requests
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Connection, Reply, frame, gzipped, request_headers
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.proto import text
from harness.temporal import Temporal

COUNT = requests.path("CountWorkflowExecutions")
OWN, FOREIGN = text(1, "payroll"), text(1, "finance-reports")
TRAILERS = {"x-after": "the end"}


@pytest.fixture
def token(corp: Minter) -> str:
    return corp.token(permissions=["payroll:read"])


@pytest.fixture(scope="module", params=[False, True], ids=["A", "B"])
def watched(request: pytest.FixtureRequest, open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    """The echo behind the filter, in both header modes."""
    return open_shared_gate(plugin(corp.config()), echo.port, header_stop=request.param)


def with_trailers(port: int, method: str, body: bytes, *, token: str | None = None, gzip: bool = False,
                  marked: str | None = None, trailers: dict[str, str] = TRAILERS) -> Reply:
    with Connection(port) as connection:
        stream = connection.open(request_headers(method, token=token, gzip=gzip, test_id=marked))
        if body:
            connection.data(stream, body)
        connection.trailers(stream, trailers)
        return connection.reply(stream)


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_a_call_with_trailers_is_decided_and_they_are_dropped(watched: Gate, echo: Echo, token: str, gzip: bool) -> None:
    pack = gzipped if gzip else frame
    marked = grpc_client.test_id()
    allowed(with_trailers(watched.port, COUNT, pack(OWN), token=token, gzip=gzip, marked=marked))
    seen = echo.find(marked)
    assert seen.ended and not seen.trailers and seen.body == pack(OWN)

    marked = grpc_client.test_id()
    refused(with_trailers(watched.port, COUNT, pack(FOREIGN), token=token, gzip=gzip, marked=marked), 7)
    leaked = echo.seen(marked)
    assert not leaked or not (leaked.ended or leaked.body)


def test_without_a_token(watched: Gate) -> None:
    refused(with_trailers(watched.port, COUNT, frame(OWN)), 16)


@pytest.mark.parametrize("method", [requests.GET_SYSTEM_INFO, requests.HEALTH_CHECK])
def test_exempt_methods(watched: Gate, echo: Echo, method: str) -> None:
    """These methods need no token, so anybody could do it."""
    marked = grpc_client.test_id()
    allowed(with_trailers(watched.port, method, frame(b""), marked=marked))
    seen = echo.find(marked)
    assert seen.ended and not seen.trailers


@pytest.mark.parametrize("body", [b"", b"\0", frame(OWN)[:-1]], ids=["nothing", "flag", "cut"])
def test_message_that_is_not_complete(watched: Gate, token: str, body: bytes) -> None:
    refused(with_trailers(watched.port, COUNT, body, token=token), 3)


def test_second_message_before_trailers(watched: Gate, token: str) -> None:
    refused(with_trailers(watched.port, COUNT, frame(OWN) + frame(FOREIGN), token=token), 3)


def test_trailers_that_look_like_headers(watched: Gate, echo: Echo, token: str) -> None:
    """Values after the body do not count."""
    marked = grpc_client.test_id()
    late = {"authorization": f"Bearer {token}", "grpc-encoding": "gzip"}
    refused(with_trailers(watched.port, COUNT, frame(OWN), marked=marked, trailers=late), 16)
    marked = grpc_client.test_id()
    allowed(with_trailers(watched.port, COUNT, frame(OWN), token=token, marked=marked, trailers=late))
    assert not echo.find(marked).trailers


class Poller:
    """A worker's long poll, on a connection of its own, in a thread."""

    def __init__(self, port: int, queue: str, token: str | None) -> None:
        request = requests.workflow.PollWorkflowTaskQueueRequest(namespace="payroll", identity="poller")
        request.task_queue.name = queue
        self.connection = Connection(port)
        self.marked = grpc_client.test_id()
        path = requests.path("PollWorkflowTaskQueue")
        self.stream = self.connection.open(request_headers(path, token=token, test_id=self.marked, grpc_timeout=65))
        self.connection.data(self.stream, frame(request.SerializeToString()), end_stream=True)
        self.reply: Reply | None = None
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()

    def _wait(self) -> None:
        self.reply = self.connection.reply(self.stream, 70)

    def join(self, timeout: float) -> Reply | None:
        self._thread.join(timeout)
        return self.reply


def _one_connection(open_gate: OpenGate, temporal: Temporal, configuration: dict[str, Any] | None) -> Gate:
    upstream = Cluster(temporal.port, max_connections=1)
    return open_gate(configuration, temporal.port, clusters={"temporal": upstream})


def _polls(gate: Gate) -> None:
    until(lambda: gate.envoy.stats("cluster.temporal.upstream_rq_active").get("cluster.temporal.upstream_rq_active"), 10, "a poll upstream")


def test_other_callers_survive(open_gate: OpenGate, temporal: Temporal, corp: Minter, token: str) -> None:
    """A long poll and the attack share the one upstream connection; the poll continues and gets its task."""
    gate = _one_connection(open_gate, temporal, plugin(corp.config()))
    poller = Poller(gate.port, "trailers-survive", corp.token("worker", permissions=["payroll:worker"]))
    _polls(gate)
    attacks = []
    ways = [
        (COUNT, frame(OWN), token),
        (COUNT, frame(FOREIGN), token),
        (COUNT, gzipped(OWN), token),
        (requests.GET_SYSTEM_INFO, frame(b""), None),
        (requests.HEALTH_CHECK, frame(b""), None),
    ]
    for method, body, bearer in ways * 10:
        marked = grpc_client.test_id()
        with_trailers(gate.port, method, body, token=bearer, gzip=body[:1] == b"\1", marked=marked)
        attacks.append(marked)
    # The connection would be closed within about a second.
    assert poller.join(3.0) is None, f"the poll ended: {poller.reply}"

    start = requests.start_workflow("payroll", "trailers-survive")
    start.task_queue.name = "trailers-survive"
    allowed(gate.call("StartWorkflowExecution", start, token=corp.token("boss", permissions=["payroll:write"])))
    reply = poller.join(15)
    assert reply is not None
    task = requests.workflow.PollWorkflowTaskQueueResponse.FromString(allowed(reply).message)
    assert task.workflow_execution.workflow_id == "trailers-survive"

    # All of it went over the same upstream connection.
    used = {gate.envoy.access(marked)["upstream"] for marked in (poller.marked, attacks[0], attacks[3])}
    assert len(used) == 1 and None not in used
    assert gate.envoy.stats("cluster.temporal.upstream_cx_total")["cluster.temporal.upstream_cx_total"] == 1


def test_without_the_filter_other_callers_do_not_survive(open_gate: OpenGate, temporal: Temporal) -> None:
    """Without the filter the same attack ends the poll: the test above can fail. (One try may lose its race: when the
    server has answered before the trailers come, Envoy no longer passes them on.)
    """
    gate = _one_connection(open_gate, temporal, None)
    poller = Poller(gate.port, "trailers-die", None)
    _polls(gate)
    for _ in range(10):
        with_trailers(gate.port, requests.GET_SYSTEM_INFO, frame(b""))
        if poller.join(2.0):
            break
    reply = poller.join(1.0)
    assert reply is not None and reply.grpc_status == 14, f"the poll survived: {reply}"

"""Grants that end give nothing from that instant on, whatever was cached before and however long a request takes."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from harness import grpc_client, requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Connection
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal

pytestmark = pytest.mark.waits

w = requests.workflow

# Enough time for a new configuration to take effect on a slow machine, and for calls before the end.
LIFE = 8.0


class Ending:
    """A gate with a grant that ends, and a grant that does not."""

    def __init__(self, gate: Gate, until: str, end: float) -> None:
        self.gate, self.until, self.end = gate, until, end

    def wait(self) -> None:
        time.sleep(max(0.0, self.end - time.time()) + 0.05)

    def left(self) -> float:
        return self.end - time.time()


def _issuer(corp: Minter) -> dict[str, Any]:
    return corp.config(token={"leeway": "1s"})


def _grants(until: str) -> list[dict[str, Any]]:
    return [
        {"name": "break-glass", "who": {"issuer": "corp", "subject": "oncall"}, "role": "client", "namespaces": ["payroll"], "until": until},
        {"name": "break-glass-of-the-cluster", "who": {"issuer": "corp", "subject": "platform"}, "role": "admin", "system": True, "until": until},
        {"name": "readers", "who": {"issuer": "corp"}, "role": "reader", "namespaces": ["payroll"]},
    ]


@pytest.fixture(scope="module")
def glass(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    """A gate to which each test gives grants of its own."""
    return open_shared_gate(plugin(_issuer(corp), _grants("2020-01-01T00:00:00Z")), rich_temporal.port)


@pytest.fixture
def ending(glass: Gate, corp: Minter) -> Ending:
    end = time.time() + LIFE
    until = datetime.fromtimestamp(end, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    glass.envoy.push(plugin=plugin(_issuer(corp), _grants(until)))
    return Ending(glass, until, end)


def test_a_cached_token_does_not_outlive_the_grant(ending: Ending, straight: Frontend, corp: Minter) -> None:
    gate, token = ending.gate, corp.token("oncall")
    for _ in range(3):
        allowed(gate.start(token=token))
    assert ending.left() > 0, "LIFE is too short for this machine"
    refused(gate.start(token=corp.token("somebody")), 7)
    ending.wait()
    name, mark = f"late-{uuid.uuid4()}", gate.envoy.log_mark()
    gate.refused_by_us("StartWorkflowExecution", requests.start_workflow("payroll", name), token=token, status=7)
    line = gate.envoy.decision(mark)
    assert line["reason"].endswith(f"; grant break-glass ended at {ending.until}"), line
    assert not straight.exists(name)
    # Other grants still apply, and the reason does not name a grant that would not have helped.
    allowed(gate.count(token=token))
    mark = gate.envoy.log_mark()
    refused(gate.start(token=corp.token("somebody")), 7)
    assert "ended" not in gate.envoy.decision(mark)["reason"]


def test_a_request_that_straddles_the_end(ending: Ending, straight: Frontend, corp: Minter) -> None:
    """Its headers arrive before the end, the last byte of its body after it."""
    token, name = corp.token("oncall"), f"slow-{uuid.uuid4()}"
    body = grpc_client.frame(requests.start_workflow("payroll", name).SerializeToString())
    early = requests.start_workflow("payroll", f"early-{uuid.uuid4()}").SerializeToString()
    with Connection(ending.gate.port) as connection:
        headers = grpc_client.request_headers(requests.path("StartWorkflowExecution"), token=token)
        slow = connection.open(headers)
        connection.data(slow, body[:-1])
        allowed(connection.call(requests.path("StartWorkflowExecution"), early, token=token))
        assert ending.left() > 0, "LIFE is too short for this machine"
        ending.wait()
        mark = ending.gate.envoy.log_mark()
        connection.data(slow, body[-1:], end_stream=True)
        refused(connection.reply(slow), 7)
    assert "ended at" in ending.gate.envoy.decision(mark)["reason"]
    assert not straight.exists(name)


def test_a_call_to_the_cluster_that_straddles_the_end(ending: Ending, straight: Frontend, corp: Minter) -> None:
    """Its headers say almost everything, but its effects still depend on the body."""
    token, name = corp.token("platform"), f"e-{uuid.uuid4().hex}"

    def create(name: str) -> bytes:
        request = requests.operator.CreateNexusEndpointRequest()
        request.spec.name = name
        request.spec.target.worker.namespace, request.spec.target.worker.task_queue = "payroll", "q"
        return bytes(request.SerializeToString())

    path, body = requests.path("CreateNexusEndpoint"), grpc_client.frame(create(name))
    with Connection(ending.gate.port) as connection:
        slow = connection.open(grpc_client.request_headers(path, token=token))
        connection.data(slow, body[:-1])
        allowed(connection.call(path, create(f"early-{name}"), token=token))
        assert ending.left() > 0, "LIFE is too short for this machine"
        ending.wait()
        connection.data(slow, body[-1:], end_stream=True)
        refused(connection.reply(slow), 7)
    listed = straight.ask("ListNexusEndpoints", requests.operator.ListNexusEndpointsRequest(name=name))
    assert not listed.endpoints


def test_a_call_that_was_allowed_continues(ending: Ending, straight: Frontend, corp: Minter) -> None:
    """The policy ends here: a long poll that already waits gets its task, and a token's expiry is checked only at the headers."""
    queue = f"q-{uuid.uuid4()}"
    poll = w.PollWorkflowTaskQueueRequest(namespace="payroll", identity="test")
    poll.task_queue.name = queue
    brief = corp.token("oncall", exp=int(ending.end))
    count = grpc_client.frame(w.CountWorkflowExecutionsRequest(namespace="payroll").SerializeToString())
    with Connection(ending.gate.port) as connection:
        path, platform = requests.path("PollWorkflowTaskQueue"), corp.token("platform")
        polling = connection.open(grpc_client.request_headers(path, token=platform, grpc_timeout=30))
        connection.data(polling, grpc_client.frame(poll.SerializeToString()), end_stream=True)
        slow = connection.open(grpc_client.request_headers(requests.path("CountWorkflowExecutions"), token=brief))
        connection.data(slow, count[:-1])
        connection.peek(slow, 0.2)
        assert ending.left() > 0, "LIFE is too short for this machine"
        ending.wait()
        time.sleep(1)  # the leeway
        assert ending.gate.count(token=brief).grpc_status == 16
        connection.data(slow, count[-1:], end_stream=True)
        allowed(connection.reply(slow))
        straight.start(queue, queue)
        assert w.PollWorkflowTaskQueueResponse.FromString(allowed(connection.reply(polling, 20)).message).task_token


@pytest.mark.parametrize(
    ("until", "status"),
    [("2020-01-01T00:00:00Z", 7), ("2999-01-01T00:00:00Z", 0), ("2999-01-01T01:00:00+01:00", 0), ("1999-12-31T23:59:59.999-12:00", 7)],
)
def test_other_times(glass: Gate, corp: Minter, until: str, status: int) -> None:
    glass.envoy.push(plugin=plugin(_issuer(corp), _grants(until)))
    assert glass.start(token=corp.token("oncall")).grpc_status == status


def test_an_offset_is_an_offset(glass: Gate, corp: Minter) -> None:
    """The same wall-clock time with offsets an hour apart: one grant ended half an hour ago, the other ends in half an hour."""
    there = timezone(timedelta(hours=1))
    now = datetime.now(UTC)
    past = (now - timedelta(minutes=30)).astimezone(there).isoformat(timespec="seconds")
    future = (now + timedelta(minutes=30)).astimezone(there).isoformat(timespec="seconds")
    for until, status in ((past, 7), (future, 0)):
        glass.envoy.push(plugin=plugin(_issuer(corp), _grants(until)))
        assert glass.start(token=corp.token("oncall")).grpc_status == status, until

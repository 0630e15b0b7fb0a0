"""What callers can take from others is bounded: time and memory with a good token, and room in the log without one."""

from __future__ import annotations

import itertools
import random
import time

import pytest

from harness import flood, grpc_client, requests
from harness.echo import Echo
from harness.envoy import DECISION
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Connection, Reply, frame, gzipped, request_headers
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.proto import number, tag, text, varint

COUNT = requests.path("CountWorkflowExecutions")
COMPLETED = requests.path("RespondWorkflowTaskCompleted")
OWN = text(1, "payroll")
LIMIT = 4 << 20
# As many fields as a message of this size may have: each takes sixteen bytes.
DENSE = OWN + (tag(1000, 2) + varint(13) + bytes(13)) * (LIMIT // 16 - 10)
EXPENSIVE = gzipped(DENSE)
TOO_MUCH_WORK = "temporal_auth.denied.too_much_work"


@pytest.fixture
def fresh(open_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    """A gate whose callers have used up nothing."""
    return open_gate(plugin(corp.config()), echo.port, fresh=True)


def _token(corp: Minter, name: str) -> str:
    return corp.token(name, permissions=["payroll:write"])


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("filling", ["numbers", "groups", "groups in groups"])
def test_messages_with_too_many_fields_are_refused(gate: Gate, corp: Minter, compressed: bool, filling: str) -> None:
    piece = {
        "numbers": number(1000, 1),
        "groups": tag(1000, 3) + tag(1000, 4),
        "groups in groups": tag(1000, 3) * 100 + tag(1000, 4) * 100,
    }[filling]
    token = corp.token(permissions=["payroll:read"])
    fields = len(piece) // len(tag(1000, 0))
    allowed(gate.call(COUNT, OWN + piece * (12_000 // fields), token=token, gzip=compressed))
    many = OWN + piece * (40_000 // fields)
    refused(gate.call(COUNT, many, token=token, gzip=compressed), 3, "more fields than a message of this size may have")


def _expensive(connection: Connection, token: str) -> Reply:
    """A few kilobytes that become four megabytes."""
    return connection.call(COUNT, body=EXPENSIVE, token=token, gzip=True)


def test_expensive_requests_end_for_their_caller_alone(fresh: Gate, corp: Minter) -> None:
    """Whatever the number of connections and of tokens."""
    other = _token(corp, "other")
    tokens = [_token(corp, "greedy"), corp.token("greedy", permissions=["payroll:write", "finance-reports:read"])]
    for token in tokens:
        allowed(fresh.call(COUNT, body=EXPENSIVE, token=token, gzip=True))
    with flood.Crowd(fresh.port) as one, flood.Crowd(fresh.port) as two, Connection(fresh.port) as connection:
        for crowd, token in [(one, tokens[0]), (two, tokens[1])]:
            # More than the account earns while a slow machine reads them.
            crowd.send([flood.request(COUNT, token, EXPENSIVE, gzip=True)] * 100)
        # A request that costs no more than an ordinary request is free, and another caller on the same connection has an account of their own.
        streams = [connection.open(request_headers(COUNT, token=token, gzip=True)) for token in (*tokens, other)]
        for stream, body in zip(streams, (EXPENSIVE, gzipped(OWN), EXPENSIVE)):
            connection.data(stream, body, end_stream=True)
        refused(connection.reply(streams[0]), 8, "too much work")
        allowed(connection.reply(streams[1]))
        allowed(connection.reply(streams[2]))
        until(lambda: fresh.envoy.counter(TOO_MUCH_WORK) > 50, 20, "most of them to be refused")
        until(lambda: _expensive(connection, tokens[0]).grpc_status == 0, 20, "the account to fill up again")
    reasons = {decision["reason"] for decision in fresh.envoy.decisions() if decision["status"] == 8}
    assert reasons == {"the request takes more work than is left for its caller at the moment"}


def test_honest_messages_cost_next_to_nothing(fresh: Gate, corp: Minter) -> None:
    """A thousand commands, and megabytes that hardly compress, several times in a row."""
    token = _token(corp, "worker")
    answer = requests.workflow.RespondWorkflowTaskCompletedRequest(namespace="payroll", identity="1234@worker")
    for index in range(1000):
        command = answer.commands.add(command_type="COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK")
        activity = command.schedule_activity_task_command_attributes
        activity.activity_id, activity.activity_type.name, activity.task_queue.name = str(index), "Charge", "payroll"
        activity.input.payloads.add(metadata={"encoding": b"json/plain"}, data=b'{"employee": %d, "amount": "1234.56"}' % index)
        activity.start_to_close_timeout.seconds = 60
        activity.retry_policy.maximum_attempts = 3
    history = random.Random(1).randbytes(2_200_000).hex().encode()
    messages = [(COMPLETED, answer.SerializeToString(), 25), (COUNT, OWN + text(1000, history[:3_000_000]), 4)]
    with Connection(fresh.port) as connection:
        for path, message, times in messages:
            for compressed in (True, False):
                statuses = {connection.call(path, message, token=token, gzip=compressed).grpc_status for _ in range(times)}
                assert statuses == {0}, (path, compressed)
    assert fresh.envoy.counter(TOO_MUCH_WORK) == 0


# The rest of the compressed message is never sent.
HALF_SENT = gzipped(OWN + text(1000, random.Random(1).randbytes(8000)))[:4000]


def _half_sent(token: str) -> flood.Call:
    return flood.request(COUNT, token, HALF_SENT, gzip=True, is_whole=False)


def test_streams_that_stand_still(fresh: Gate, corp: Minter) -> None:
    greedy, writer = _token(corp, "greedy"), _token(corp, "writer")
    allowed(fresh.call(COUNT, OWN, token=greedy))
    before = fresh.envoy.process.resident
    crowds = [flood.Crowd(fresh.port) for _ in range(5)]
    for crowd in crowds:
        crowd.send([_half_sent(greedy)] * 600)
    unavailable = "temporal_auth.denied.unavailable"
    until(lambda: fresh.envoy.counter(unavailable), 20, "the first streams to be turned away")
    for _ in range(50):
        allowed(fresh.call(COUNT, OWN + text(1000, bytes(2000)), token=writer, gzip=True))
        allowed(fresh.call(COUNT, OWN, token=greedy, gzip=True))
    # Each takes its bytes and about a kilobyte more.
    until(lambda: 1_400 < 3_000 - fresh.envoy.counter(unavailable) < 2_100, 5, "as many as there is room for")
    grown = fresh.envoy.process.resident - before
    # Envoy itself needs tens of kilobytes for a stream.
    assert grown < 3_000 * 40_000, f"{grown >> 20} MiB"
    reasons = {decision["reason"] for decision in fresh.envoy.decisions() if decision["status"] == 14}
    assert reasons == {"unfinished requests hold too much memory"}
    for crowd in crowds:
        crowd.close()
    with Connection(fresh.port) as connection:

        def half_sent() -> Reply:
            stream = connection.open(request_headers(COUNT, token=greedy, gzip=True))
            connection.data(stream, HALF_SENT)
            return connection.peek(stream, 0.2)

        until(lambda: half_sent().grpc_status is None, 20, "the room to be given back")


def test_requests_that_stand_still_are_given_up_for_others(fresh: Gate, corp: Minter) -> None:
    token = _token(corp, "greedy")
    with Connection(fresh.port) as connection:
        first = connection.open(request_headers(COUNT, token=token, gzip=True))
        connection.data(first, HALF_SENT)
        connection.peek(first, 10.5)
        crowds = [flood.Crowd(fresh.port) for _ in range(4)]
        for crowd in crowds:
            crowd.send([_half_sent(token)] * 600)
        until(lambda: fresh.envoy.counter("temporal_auth.denied.unavailable"), 20, "the first streams to be turned away")
        connection.data(first, b"more", end_stream=True)
        refused(connection.reply(first), 14, "Too many requests are held")
        for crowd in crowds:
            crowd.close()
    # Among so many refusals, this one may be summed up rather than logged by itself.
    reason = "the rest of the request did not arrive in time"
    until(lambda: any(decision["reason"] == reason for decision in fresh.envoy.decisions()), 10, "the reason")


def _lines(gate: Gate, mark: int) -> list[str]:
    return [line[line.index(DECISION) :] for line in gate.envoy.log_since(mark).splitlines() if DECISION in line]


@pytest.mark.parametrize("character", ["x", "\x01", "é", '"'])
def test_a_line_is_bounded(fresh: Gate, corp: Minter, character: str) -> None:
    mark = fresh.envoy.log_mark()
    token = corp.token(character * 3000, permissions=["payroll:read"])
    answer = requests.workflow.RespondWorkflowTaskCompletedRequest(namespace=character * 450)
    for index in range(16):
        command = answer.commands.add(command_type="COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION")
        command.signal_external_workflow_execution_command_attributes.namespace = f"{index}{character * 400}"
    full = corp.token(character * 3000, permissions=["other:worker"])
    for each in (token, full):
        refused(fresh.call(COMPLETED, answer, token=each), 7)
    fresh.envoy.decision(mark, lambda decision: decision["status"] == 7)
    lines = until(lambda: found if len(found := _lines(fresh, mark)) >= 2 else None, 5, "two lines")
    assert all(len(line.encode()) <= 2048 + len(DECISION) for line in lines), [len(line) for line in lines]


def test_refusals_without_a_good_token_are_summed_up(fresh: Gate, corp: Minter) -> None:
    mark = fresh.envoy.log_mark()
    denied = "temporal_auth.denied.unauthenticated"
    without_token = itertools.repeat(flood.request(COUNT, "", frame(OWN)))
    with flood.Crowd(fresh.port) as crowd:
        sent = flood.at_rate([crowd], without_token, 1000, 3.0)
        until(lambda: fresh.envoy.counter(denied) == sent, 20, f"{sent} refusals")
        # Callers with a good token are logged one by one all the same.
        stranger = corp.token("stranger", permissions=["payroll:read"])
        for _ in range(100):
            refused(fresh.call(COUNT, text(1, "other"), token=stranger), 7)
    until(lambda: sum(d.get("more", 1) for d in fresh.envoy.decisions(mark) if d["status"] == 16) == sent, 10, "every refusal to be reported")
    decisions = fresh.envoy.decisions(mark)
    assert sum(decision["status"] == 7 for decision in decisions) == 100
    told = [decision for decision in decisions if decision["status"] == 16]
    assert len(told) < 500 and any("more" in decision for decision in told), len(told)
    time.sleep(1.5)
    mark = fresh.envoy.log_mark()
    assert grpc_client.call(fresh.port, COUNT, OWN).grpc_status == 16
    assert "more" not in fresh.envoy.decision(mark, lambda decision: decision["status"] == 16)

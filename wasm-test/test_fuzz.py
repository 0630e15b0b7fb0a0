"""Seeded random input in every part of a request: nothing traps, nothing hangs, and no call for another namespace passes.

A trap shows as an empty UNAVAILABLE, with the default failure policy for every later call too, so each round ends with a
good call.
"""

from __future__ import annotations

import base64
import gzip
import random

import pytest
from google.protobuf.message import DecodeError

from harness import grpc_client, jws, requests, task_tokens
from harness.echo import Echo
from harness.gate import Gate, allowed
from harness.grpc_client import Connection, frame, request_headers
from harness.minter import Minter
from harness.proto import text

COUNT = requests.path("CountWorkflowExecutions")
OWN, FOREIGN = text(1, "payroll"), text(1, "finance-reports")
ROUNDS = 150


def mutated(noise: random.Random, data: bytes) -> bytes:
    """The bytes with some of them changed, removed, doubled or inserted."""
    out = bytearray(data)
    for _ in range(noise.randint(1, 4)):
        at = noise.randrange(len(out) + 1)
        match noise.randrange(4):
            case 0 if at < len(out):
                out[at] ^= 1 << noise.randrange(8)
            case 1:
                del out[at : at + noise.randint(1, 5)]
            case 2:
                out[at:at] = out[at : at + noise.randint(1, 30)]
            case _:
                out[at:at] = noise.randbytes(noise.randint(1, 8))
    return bytes(out)


@pytest.fixture
def token(corp: Minter) -> str:
    return corp.token(permissions=["payroll:worker", "payroll:read"])


def _passed(echo_gate: Gate, headers: grpc_client.HeaderList, body: bytes) -> bool:
    """Sends the request; returns whether the upstream answered. Fails on a hang or a trap."""
    with Connection(echo_gate.port) as connection:
        stream = connection.open(headers)
        connection.data(stream, body, end_stream=True)
        reply = connection.reply(stream, 10)
    assert not reply.timed_out
    assert not (reply.grpc_status == 14 and not reply.grpc_message), f"a trap: {reply}"
    return reply.grpc_status == 0


@pytest.mark.parametrize("seed", range(4))
def test_random_bodies_open_nothing(echo_gate: Gate, token: str, seed: int) -> None:
    noise = random.Random(seed)
    request = requests.workflow.RespondWorkflowTaskCompletedRequest(namespace="finance-reports", task_token=task_tokens.SOME)
    for _ in range(3):
        child = request.commands.add().start_child_workflow_execution_command_attributes
        child.namespace, child.workflow_id = "payroll", "child"
        request.commands.add().signal_external_workflow_execution_command_attributes.namespace = "finance-reports"
    raw = request.SerializeToString()
    path = requests.path("RespondWorkflowTaskCompleted")
    for _ in range(ROUNDS):
        packed = noise.random() < 0.5
        message = mutated(noise, raw) if noise.random() < 0.7 else raw
        body = frame(gzip.compress(message), flag=1) if packed else frame(message)
        if noise.random() < 0.5:
            body = mutated(noise, body)
        if _passed(echo_gate, request_headers(path, token=token, gzip=packed), body):
            _must_be_own(body)
    allowed(echo_gate.call(COUNT, OWN, token=token))


def _must_be_own(body: bytes) -> None:
    """A request that passed must name no namespace except ours, as the real protobuf library reads it."""
    payload = body[5:]
    if body[0] == 1:
        payload = gzip.decompress(payload)
    try:
        request = requests.workflow.RespondWorkflowTaskCompletedRequest.FromString(payload)
    except DecodeError:
        # It is broken within a field that no decision depends on: Temporal refuses it itself.
        return
    assert request.namespace == "payroll", request
    for command in request.commands:
        for attributes in (
            command.start_child_workflow_execution_command_attributes,
            command.signal_external_workflow_execution_command_attributes,
            command.request_cancel_external_workflow_execution_command_attributes,
        ):
            assert attributes.namespace in ("", "payroll"), request


@pytest.mark.parametrize("seed", range(4))
def test_own_requests_with_noise(echo_gate: Gate, token: str, seed: int) -> None:
    """Mutations of a request that would pass: if one still passes, it names only our namespace."""
    noise = random.Random(100 + seed)
    request = requests.workflow.RespondWorkflowTaskCompletedRequest(namespace="payroll", task_token=task_tokens.SOME)
    request.commands.add().start_child_workflow_execution_command_attributes.namespace = "payroll"
    raw = request.SerializeToString()
    path = requests.path("RespondWorkflowTaskCompleted")
    passed = 0
    for _ in range(ROUNDS):
        body = frame(mutated(noise, raw))
        if _passed(echo_gate, request_headers(path, token=token), body):
            passed += 1
            _must_be_own(body)
    assert passed, "the noise left nothing to judge"


@pytest.mark.parametrize("seed", range(4))
def test_random_tokens_open_nothing(echo_gate: Gate, corp: Minter, seed: int) -> None:
    noise = random.Random(seed)
    good = corp.token(key=corp.key("ES256"), permissions=["payroll:read"])
    header, claims, _ = (base64.urlsafe_b64decode(part + "==") for part in good.split("."))
    for _ in range(ROUNDS):
        if noise.random() < 0.5:
            token: bytes = mutated(noise, good.encode())
        else:  # signed, so that the filter reads the claims
            noisy = mutated(noise, claims) if noise.random() < 0.7 else claims
            token = jws.token(corp.key("ES256"), noisy, header=mutated(noise, header)).encode()
        if any(byte in token for byte in b"\0\r\n") or token == good.encode():
            continue
        _passed(echo_gate, request_headers(COUNT, headers=[(b"authorization", b"Bearer " + token)]), frame(OWN))
    allowed(echo_gate.call(COUNT, OWN, token=good))


@pytest.mark.parametrize("seed", range(4))
def test_random_headers_open_nothing(echo_gate: Gate, echo: Echo, token: str, seed: int) -> None:
    noise = random.Random(seed)
    values = [b"application/grpc", COUNT.encode(), b"gzip", b"identity", b"Bearer " + token.encode(), b"10000m", b"trailers"]
    for _ in range(ROUNDS):
        headers = request_headers(COUNT, token=token, gzip=noise.random() < 0.3)
        for _ in range(noise.randint(1, 3)):
            at = noise.randrange(3, len(headers))
            name, value = headers[at]
            headers[at] = (name, mutated(noise, value).translate(None, b"\0\r\n") if noise.random() < 0.6 else noise.choice(values))
        _passed(echo_gate, headers, frame(OWN if noise.random() < 0.5 else FOREIGN))
    allowed(echo_gate.call(COUNT, OWN, token=token))


def test_nothing_trapped(echo_gate: Gate) -> None:
    log = echo_gate.envoy.log_text()
    assert "Function: proxy_" not in log and "panicked" not in log

"""SignalWithStart from a workflow, as raw bytes: orders and repetitions that the server reads and no encoder writes.

test_policy_signal_with_start tests the operation itself.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType

from harness import proto
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal
from test_policy_signal_with_start import ENDPOINT, GRANTS, OPERATION, ROLES, SERVICE, Stage


@pytest.fixture(scope="module")
def shop(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS, roles=ROLES), rich_temporal.port)


@pytest.fixture
def stage(shop: Gate, straight: Frontend, corp: Minter) -> Stage:
    return Stage(shop, straight, corp)


def _raw(stage: Stage, *fields: bytes) -> bytes:
    """An answer whose one command has these fields, in this order."""
    kind = CommandType.Value("COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION")
    attributes = Command.DESCRIPTOR.fields_by_name["schedule_nexus_operation_command_attributes"].number
    body = proto.number(1, kind) + proto.text(attributes, b"".join(fields))
    return proto.text(9, "payroll") + proto.text(1, stage.task) + proto.text(2, body)


def _metadata(key: str, value: bytes) -> bytes:
    return proto.text(1, proto.text(1, key) + proto.text(2, value))


PROTOBUF = _metadata("encoding", b"binary/protobuf")
NAMES = (proto.text(1, ENDPOINT), proto.text(2, SERVICE), proto.text(3, OPERATION))


def _input(*parts: bytes) -> bytes:
    return proto.text(4, b"".join(parts))


@pytest.mark.parametrize("order", ["metadata first", "data first"])
def test_either_order_of_a_payload(stage: Stage, order: str) -> None:
    data = proto.text(2, stage.inner().SerializeToString())
    parts = (PROTOBUF, data) if order == "metadata first" else (data, PROTOBUF)
    stage.works(_raw(stage, *NAMES, _input(*parts)))


@pytest.mark.parametrize("order", ["metadata first", "data first"])
def test_either_order_is_judged(stage: Stage, order: str) -> None:
    """The contents decide, whichever field comes first."""
    data = proto.text(2, stage.inner(workflow_id="temporal-sys-scheduler:x").SerializeToString())
    parts = (PROTOBUF, data) if order == "metadata first" else (data, PROTOBUF)
    stage.denied(_raw(stage, *NAMES, _input(*parts)), "the request names what is Temporal's own")
    other = (proto.text(2, stage.inner(workflow_id_conflict_policy=3).SerializeToString()), PROTOBUF)
    parts = other if order == "data first" else other[::-1]
    stage.denied(_raw(stage, *NAMES, _input(*parts)), "no grant covers terminate")


RAW: dict[str, tuple[Callable[[Stage, bytes], bytes], int, str]] = {
    "two encodings": (
        lambda s, d: _raw(s, *NAMES, _input(PROTOBUF, _metadata("encoding", b"json/protobuf"), d)), 7, "encoding is not binary/protobuf"
    ),
    "the encoding under another key": (
        lambda s, d: _raw(s, *NAMES, _input(_metadata("Encoding", b"binary/protobuf"), d)), 7, "encoding is not binary/protobuf"
    ),
    "data twice": (lambda s, d: _raw(s, *NAMES, _input(PROTOBUF, d, d)), 7, "an input that cannot be read"),
    "input twice": (lambda s, d: _raw(s, *NAMES, _input(PROTOBUF, d), _input(PROTOBUF, d)), 3, "duplicate field that affects"),
    "operation twice": (lambda s, d: _raw(s, *NAMES, proto.text(3, OPERATION), _input(PROTOBUF, d)), 3, "duplicate field that affects"),
    "endpoint twice": (lambda s, d: _raw(s, proto.text(1, "e"), *NAMES, _input(PROTOBUF, d)), 3, "duplicate field that affects"),
    "the input before the names": (
        lambda s, d: _raw(s, _input(PROTOBUF, d), *NAMES), 7, "an operation of Temporal's own has no input"
    ),
    "the endpoint last": (
        lambda s, d: _raw(s, *NAMES[1:], _input(PROTOBUF, d), NAMES[0]), 7, "not of the service that a workflow may call"
    ),
    "data cut short": (lambda s, d: _raw(s, *NAMES, _input(PROTOBUF, proto.text(2, b"\x0a\x20pay"))), 3, ""),
    "a namespace twice": (
        lambda s, d: _raw(s, *NAMES, _input(PROTOBUF, proto.text(2, proto.text(1, "payroll") * 2))), 3, "duplicate namespace field"
    ),
    "an id twice": (
        lambda s, d: _raw(s, *NAMES, _input(PROTOBUF, proto.text(2, proto.text(2, "red-a") + proto.text(2, "red-b")))), 3, "duplicate field that affects"
    ),
}


@pytest.mark.parametrize("case", RAW)
def test_bytes_that_no_encoder_writes(stage: Stage, case: str) -> None:
    build, status, reason = RAW[case]
    data = proto.text(2, stage.inner().SerializeToString())
    stage.denied(build(stage, data), reason, status=status)
    assert not stage.straight.exists(stage.target)

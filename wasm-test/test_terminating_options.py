"""Options that terminate a running workflow need `terminate`, whatever call carries them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message

from harness import requests, task_tokens
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin

w = requests.workflow
CONFLICT = {"workflow_id_conflict_policy": 3}  # TERMINATE_EXISTING
REUSE = {"workflow_id_reuse_policy": 4}  # TERMINATE_IF_RUNNING
HARMLESS = {"workflow_id_conflict_policy": 2, "workflow_id_reuse_policy": 1}  # USE_EXISTING, ALLOW_DUPLICATE

GRANTS: list[dict[str, Any]] = [
    {"name": "developer", "who": {"issuer": "corp", "claims": {"role": "developer"}}, "role": "developer", "namespaces": ["payroll"]},
    {"name": "writer", "who": {"issuer": "corp", "claims": {"role": "writer"}}, "role": "writer", "namespaces": ["payroll"]},
    {"name": "worker", "who": {"issuer": "corp", "claims": {"role": "worker"}}, "role": "worker", "namespaces": ["payroll"]},
    {"name": "system", "who": {"issuer": "corp", "claims": {"role": "system"}}, "role": "admin", "system": True},
]


@pytest.fixture(scope="module")
def roles(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    developer = {"from": "client", "minus": ["terminate"]}
    return open_shared_gate(plugin(corp.config(), grants=GRANTS, roles={"developer": developer}), echo.port)


def _start(options: dict[str, Any]) -> tuple[str, Message]:
    return "StartWorkflowExecution", requests.start_workflow("payroll", **options)


def _signal(options: dict[str, Any]) -> tuple[str, Message]:
    return "SignalWithStartWorkflowExecution", w.SignalWithStartWorkflowExecutionRequest(namespace="payroll", **options)


def _multi(options: dict[str, Any]) -> tuple[str, Message]:
    request = w.ExecuteMultiOperationRequest(namespace="payroll")
    request.operations.add().start_workflow.CopyFrom(requests.start_workflow("payroll", **options))
    request.operations.add().update_workflow.namespace = "payroll"
    return "ExecuteMultiOperation", request


def _child(options: dict[str, Any]) -> tuple[str, Message]:
    request = w.RespondWorkflowTaskCompletedRequest(namespace="payroll", task_token=task_tokens.SOME)
    child = request.commands.add().start_child_workflow_execution_command_attributes
    child.namespace = "payroll"
    for name, value in options.items():
        if name in child.DESCRIPTOR.fields_by_name:
            setattr(child, name, value)
    return "RespondWorkflowTaskCompleted", request


@pytest.mark.parametrize("build", [_start, _signal, _multi])
@pytest.mark.parametrize("options", [CONFLICT, REUSE, CONFLICT | REUSE], ids=["conflict", "reuse", "both"])
def test_a_terminating_option_needs_terminate(roles: Gate, corp: Minter, build: Callable[[dict[str, Any]], tuple[str, Message]], options: dict[str, Any]) -> None:
    method, request = build(options)
    refused(roles.call(method, request, token=corp.token(role="developer")), 7)
    allowed(roles.call(method, request, token=corp.token(role="writer")))
    allowed(roles.call(method, request, token=corp.token(role="system")))


@pytest.mark.parametrize("build", [_start, _signal, _multi])
def test_a_harmless_option_does_not(roles: Gate, corp: Minter, build: Callable[[dict[str, Any]], tuple[str, Message]]) -> None:
    for options in ({}, HARMLESS):
        method, request = build(options)
        allowed(roles.call(method, request, token=corp.token(role="developer")))


def test_hidden_in_a_workers_command(roles: Gate, corp: Minter) -> None:
    method, request = _child(REUSE)
    refused(roles.call(method, request, token=corp.token(role="worker")), 7)
    allowed(roles.call(method, request, token=corp.token(role="system")))
    method, request = _child({})
    allowed(roles.call(method, request, token=corp.token(role="worker")))


def test_an_option_given_twice(roles: Gate, corp: Minter) -> None:
    """The server uses the last value; the filter refuses two values, or judges the worst."""
    from harness.proto import number

    _, request = _start({})
    field = w.StartWorkflowExecutionRequest.DESCRIPTOR.fields_by_name["workflow_id_conflict_policy"].number
    for values in ((3, 2), (2, 3)):
        message = request.SerializeToString() + b"".join(number(field, v) for v in values)
        reply = roles.call("StartWorkflowExecution", message, token=corp.token(role="developer"))
        assert reply.grpc_status in (3, 7), str(reply)
    # As an enum with 64 bits, of which protobuf keeps the low 32.
    for value in (3 + (1 << 32), 3 + (5 << 40)):
        message = request.SerializeToString() + number(field, value)
        reply = roles.call("StartWorkflowExecution", message, token=corp.token(role="developer"))
        assert reply.grpc_status in (3, 7), str(reply)

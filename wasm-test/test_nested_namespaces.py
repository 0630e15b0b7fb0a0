"""A request that names another namespace, anywhere in it, needs a grant there for its effects there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message

from harness import requests, task_tokens
from harness.gate import Gate, refused
from harness.minter import Minter
from harness.proto import text

w, o = requests.workflow, requests.operator
OWN, OTHER = "payroll", "finance-reports"


def _commands(namespace: str | None, kind: str) -> Message:
    request = w.RespondWorkflowTaskCompletedRequest(namespace=OWN, task_token=task_tokens.SOME)
    command = request.commands.add()
    attributes: Any = {
        "child": command.start_child_workflow_execution_command_attributes,
        "signal": command.signal_external_workflow_execution_command_attributes,
        "cancel": command.request_cancel_external_workflow_execution_command_attributes,
    }[kind]
    attributes.SetInParent()
    if namespace is not None:
        attributes.namespace = namespace
    return request


def _multi(start: str, update: str) -> Message:
    request = w.ExecuteMultiOperationRequest(namespace=OWN)
    request.operations.add().start_workflow.namespace = start
    request.operations.add().update_workflow.namespace = update
    return request


def _linked(namespace: str) -> Message:
    request = requests.start_workflow(OWN)
    request.links.add().workflow_event.namespace = namespace
    callback = request.completion_callbacks.add()
    callback.links.add().workflow_event.namespace = namespace
    return request


def _repeated(kinds: list[str | None]) -> Message:
    request = w.RespondWorkflowTaskCompletedRequest(namespace=OWN, task_token=task_tokens.SOME)
    for namespace in kinds:
        command = request.commands.add()
        command.signal_external_workflow_execution_command_attributes.namespace = namespace or ""
    return request


# Covered by a grant in its own namespace, by grants in both, or only by a system grant.
HERE, BOTH, SYSTEM = "here", "both", "system"

# name -> (method, the request, the weakest grant that covers it)
CASES: dict[str, tuple[str, Callable[[], Message], str]] = {
    "child, own": ("RespondWorkflowTaskCompleted", lambda: _commands(OWN, "child"), HERE),
    "child, none": ("RespondWorkflowTaskCompleted", lambda: _commands(None, "child"), HERE),
    "child, other": ("RespondWorkflowTaskCompleted", lambda: _commands(OTHER, "child"), BOTH),
    "signal, own": ("RespondWorkflowTaskCompleted", lambda: _commands(OWN, "signal"), HERE),
    "signal, other": ("RespondWorkflowTaskCompleted", lambda: _commands(OTHER, "signal"), BOTH),
    "cancel, own": ("RespondWorkflowTaskCompleted", lambda: _commands(OWN, "cancel"), HERE),
    "cancel, other": ("RespondWorkflowTaskCompleted", lambda: _commands(OTHER, "cancel"), BOTH),
    "several, own": ("RespondWorkflowTaskCompleted", lambda: _repeated([OWN, None, OWN]), HERE),
    "several, last other": ("RespondWorkflowTaskCompleted", lambda: _repeated([*[OWN] * 50, OTHER]), BOTH),
    "multi, own": ("ExecuteMultiOperation", lambda: _multi(OWN, OWN), HERE),
    "multi, start other": ("ExecuteMultiOperation", lambda: _multi(OTHER, OWN), BOTH),
    "multi, update other": ("ExecuteMultiOperation", lambda: _multi(OWN, OTHER), BOTH),
    "links, other": ("StartWorkflowExecution", lambda: _linked(OTHER), HERE),
    "describe by name": ("DescribeNamespace", lambda: w.DescribeNamespaceRequest(namespace=OWN), HERE),
    "describe by both": ("DescribeNamespace", lambda: w.DescribeNamespaceRequest(namespace=OWN, id="1-2-3"), SYSTEM),
    "delete by name": ("DeleteNamespace", lambda: o.DeleteNamespaceRequest(namespace=OWN), HERE),
    "delete by id": ("DeleteNamespace", lambda: o.DeleteNamespaceRequest(namespace_id="1-2-3"), SYSTEM),
    "batch": ("StartBatchOperation", lambda: w.StartBatchOperationRequest(namespace=OWN, job_id="x"), HERE),
    "token only": ("RespondActivityTaskCompleted", lambda: w.RespondActivityTaskCompletedRequest(task_token=task_tokens.SOME), SYSTEM),
    "token and name": ("RespondActivityTaskCompleted", lambda: w.RespondActivityTaskCompletedRequest(namespace=OWN, task_token=task_tokens.SOME), HERE),
}


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("case", CASES)
def test_an_effect_is_covered_where_it_happens(echo_gate: Gate, corp: Minter, case: str, gzip: bool) -> None:
    method, build, least = CASES[case]
    request = build()
    granted = {HERE: [f"{OWN}:admin"], BOTH: [f"{OWN}:admin", f"{OTHER}:admin"], SYSTEM: ["temporal-system:admin"]}
    enough = list(granted).index(least)
    for place, permissions in enumerate(granted.values()):
        reply = echo_gate.call(method, request, token=corp.token(permissions=permissions), gzip=gzip)
        assert reply.grpc_status == (0 if place >= enough else 7), f"{permissions}: {reply}"
    # Rights in the other namespace do not help in the request's own.
    refused(echo_gate.call(method, request, token=corp.token(permissions=[f"{OTHER}:admin"]), gzip=gzip), 7)


@pytest.mark.parametrize("kind", ["child", "signal", "cancel"])
def test_a_worker_there_is_not_enough(echo_gate: Gate, corp: Minter, kind: str) -> None:
    """In its own namespace, a command is part of the answer; in another namespace, it starts, signals or cancels there."""
    request = _commands(OTHER, kind)
    for there, status in (("worker", 7), ("read", 7), ("write", 0)):
        token = corp.token(permissions=[f"{OWN}:worker", f"{OTHER}:{there}"])
        assert echo_gate.call("RespondWorkflowTaskCompleted", request, token=token).grpc_status == status, there


@pytest.mark.parametrize(
    "message",
    [
        text(9, OWN) + text(1, task_tokens.SOME) + text(9, ""),
        text(9, "") + text(9, OWN) + text(1, task_tokens.SOME),
        text(9, OWN) + text(9, OTHER),
    ],
)
def test_a_namespace_that_is_taken_back(echo_gate: Gate, corp: Minter, message: bytes) -> None:
    """`namespace = own`, then `namespace = ""`, with a foreign task token acts in the foreign namespace."""
    refused(echo_gate.call("RespondWorkflowTaskCompleted", message, token=corp.token(permissions=[f"{OWN}:admin"])), 3)


def test_attributes_twice(echo_gate: Gate, corp: Minter) -> None:
    """Sub-messages are merged: a command whose attributes come in two pieces names everything that the pieces name together."""
    first = text(13, text(1, OWN))
    second = text(13, text(1, OTHER))
    for pieces in (first + second, second + first):
        message = text(9, OWN) + text(1, task_tokens.SOME) + text(2, pieces)
        reply = echo_gate.call("RespondWorkflowTaskCompleted", message, token=corp.token(permissions=[f"{OWN}:admin"]))
        assert reply.grpc_status in (3, 7), str(reply)


def test_inside_an_unexpected_member(echo_gate: Gate, corp: Minter) -> None:
    """A command of one type with attributes of another: the server acts on the attributes or fails; the filter reads them all."""
    command = text(13, text(1, OTHER)) + text(2, text(1, "activity"))
    for order in (command, text(2, text(1, "activity")) + text(13, text(1, OTHER))):
        message = text(9, OWN) + text(1, task_tokens.SOME) + text(2, order)
        reply = echo_gate.call("RespondWorkflowTaskCompleted", message, token=corp.token(permissions=[f"{OWN}:admin"]))
        assert reply.grpc_status in (3, 7), str(reply)

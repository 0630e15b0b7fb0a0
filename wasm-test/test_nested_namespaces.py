"""A request that names another namespace anywhere in it needs a system grant, until policy can say more."""

from __future__ import annotations

from typing import Callable

import pytest
from google.protobuf.message import Message

from harness import requests
from harness.gate import Gate, refused
from harness.minter import Minter
from harness.proto import text

w, o = requests.workflow, requests.operator
OWN, OTHER = "payroll", "finance-reports"


def _commands(namespace: str | None, kind: str) -> Message:
    request = w.RespondWorkflowTaskCompletedRequest(namespace=OWN, task_token=b"token")
    command = request.commands.add()
    attributes = {
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
    request = w.RespondWorkflowTaskCompletedRequest(namespace=OWN, task_token=b"token")
    for namespace in kinds:
        command = request.commands.add()
        command.signal_external_workflow_execution_command_attributes.namespace = namespace or ""
    return request


# name -> (method, the request, whether it stays within its own namespace)
CASES: dict[str, tuple[str, Callable[[], Message], bool]] = {
    "child, own": ("RespondWorkflowTaskCompleted", lambda: _commands(OWN, "child"), True),
    "child, none": ("RespondWorkflowTaskCompleted", lambda: _commands(None, "child"), True),
    "child, other": ("RespondWorkflowTaskCompleted", lambda: _commands(OTHER, "child"), False),
    "signal, own": ("RespondWorkflowTaskCompleted", lambda: _commands(OWN, "signal"), True),
    "signal, other": ("RespondWorkflowTaskCompleted", lambda: _commands(OTHER, "signal"), False),
    "cancel, own": ("RespondWorkflowTaskCompleted", lambda: _commands(OWN, "cancel"), True),
    "cancel, other": ("RespondWorkflowTaskCompleted", lambda: _commands(OTHER, "cancel"), False),
    "several, own": ("RespondWorkflowTaskCompleted", lambda: _repeated([OWN, None, OWN]), True),
    "several, last other": ("RespondWorkflowTaskCompleted", lambda: _repeated([OWN] * 50 + [OTHER]), False),
    "multi, own": ("ExecuteMultiOperation", lambda: _multi(OWN, OWN), True),
    "multi, start other": ("ExecuteMultiOperation", lambda: _multi(OTHER, OWN), False),
    "multi, update other": ("ExecuteMultiOperation", lambda: _multi(OWN, OTHER), False),
    "links, other": ("StartWorkflowExecution", lambda: _linked(OTHER), True),
    "describe by name": ("DescribeNamespace", lambda: w.DescribeNamespaceRequest(namespace=OWN), True),
    "describe by id": ("DescribeNamespace", lambda: w.DescribeNamespaceRequest(id="1-2-3"), False),
    "describe by both": ("DescribeNamespace", lambda: w.DescribeNamespaceRequest(namespace=OWN, id="1-2-3"), False),
    "delete by name": ("DeleteNamespace", lambda: o.DeleteNamespaceRequest(namespace=OWN), True),
    "delete by id": ("DeleteNamespace", lambda: o.DeleteNamespaceRequest(namespace_id="1-2-3"), False),
    "batch": ("StartBatchOperation", lambda: w.StartBatchOperationRequest(namespace=OWN, job_id="x"), False),
    "token only": ("RespondActivityTaskCompleted", lambda: w.RespondActivityTaskCompletedRequest(task_token=b"x"), False),
    "token and name": ("RespondActivityTaskCompleted", lambda: w.RespondActivityTaskCompletedRequest(namespace=OWN, task_token=b"x"), True),
}  # fmt: skip


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("case", CASES)
def test_own_or_system(echo_gate: Gate, corp: Minter, case: str, gzip: bool) -> None:
    method, build, own = CASES[case]
    request = build()
    both = [f"{OWN}:admin", f"{OTHER}:admin"]
    for permissions in ([f"{OWN}:admin"], both):
        reply = echo_gate.call(method, request, token=corp.token(permissions=permissions), gzip=gzip)
        assert reply.grpc_status == (0 if own else 7), f"{permissions}: {reply}"
    system = echo_gate.call(method, request, token=corp.token(permissions=["temporal-system:admin"]), gzip=gzip)
    assert system.grpc_status == 0, str(system)
    # The other namespace's rights are no help in one's own.
    refused(echo_gate.call(method, request, token=corp.token(permissions=[f"{OTHER}:admin"]), gzip=gzip), 7)


@pytest.mark.parametrize(
    "message",
    [
        text(9, OWN) + text(1, b"foreign token") + text(9, ""),
        text(9, "") + text(9, OWN) + text(1, b"foreign token"),
        text(9, OWN) + text(9, OTHER),
    ],
)
def test_the_name_taken_back(echo_gate: Gate, corp: Minter, message: bytes) -> None:
    """`namespace = own`, then `namespace = ""`, with a foreign task token acts in the foreign namespace."""
    refused(echo_gate.call("RespondWorkflowTaskCompleted", message, token=corp.token(permissions=[f"{OWN}:admin"])), 3)


def test_attributes_twice(echo_gate: Gate, corp: Minter) -> None:
    """Sub-messages merge: a command whose attributes come in two pieces names what the pieces name together."""
    first = text(13, text(1, OWN))
    second = text(13, text(1, OTHER))
    for pieces in (first + second, second + first):
        message = text(9, OWN) + text(1, b"token") + text(2, pieces)
        reply = echo_gate.call("RespondWorkflowTaskCompleted", message, token=corp.token(permissions=[f"{OWN}:admin"]))
        assert reply.grpc_status in (3, 7), str(reply)


def test_inside_an_unexpected_member(echo_gate: Gate, corp: Minter) -> None:
    """A command of one type with attributes of another: the server goes by the attributes or fails, we go by all."""
    command = text(13, text(1, OTHER)) + text(2, text(1, "activity"))
    for order in (command, text(2, text(1, "activity")) + text(13, text(1, OTHER))):
        message = text(9, OWN) + text(1, b"token") + text(2, order)
        reply = echo_gate.call("RespondWorkflowTaskCompleted", message, token=corp.token(permissions=[f"{OWN}:admin"]))
        assert reply.grpc_status in (3, 7), str(reply)

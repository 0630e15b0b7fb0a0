"""A stolen task token, used by a caller who has no grant in its namespace but names a namespace that does not exist.

A grant for a pattern of namespaces also covers names that nobody has registered. Temporal looks up such a name before it trusts
the token, unless the caller sends a header that only its own clusters send each other: the filter drops that header.
"""

from __future__ import annotations

import uuid

import pytest
from google.protobuf.message import Message

from harness import grpc_client, requests
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal

w = requests.workflow
GHOST = "team-a-ghost"
BETWEEN_CLUSTERS = {"xdc-redirection": "false"}
GRANTS = [
    {"name": "owner", "who": {"issuer": "corp", "subject": "owner"}, "role": "writer", "namespaces": ["payroll"]},
    {"name": "teams", "who": {"issuer": "corp", "claims": {"team": "{team}"}}, "role": "worker", "namespaces": ["team-{team}-*"]},
]


@pytest.fixture(scope="module")
def teams(open_shared_gate: OpenGate, temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS), temporal.port)


def _steal(gate: Gate, token: str) -> bytes:
    """The token of a workflow task in payroll."""
    start = requests.start_workflow("payroll", f"stolen-{uuid.uuid4()}")
    start.task_queue.name = start.workflow_id
    allowed(gate.call("StartWorkflowExecution", start, token=token))
    poll = w.PollWorkflowTaskQueueRequest(namespace="payroll", identity="owner")
    poll.task_queue.name = start.workflow_id
    reply = gate.call("PollWorkflowTaskQueue", poll, token=token, headers={"grpc-timeout": "30S"}, timeout=30)
    task = w.PollWorkflowTaskQueueResponse.FromString(allowed(reply).message)
    assert task.task_token
    return task.task_token


def _fail(namespace: str, task_token: bytes) -> Message:
    return w.RespondWorkflowTaskFailedRequest(namespace=namespace, task_token=task_token, identity="thief")


def test_a_stolen_task_is_useless_in_an_unknown_namespace(teams: Gate, temporal: Temporal, corp: Minter) -> None:
    thief = corp.token("thief", team="a")
    task = _steal(teams, corp.token("owner"))
    teams.refused_by_us("RespondWorkflowTaskFailed", _fail("payroll", task), token=thief, status=7)
    teams.refused_by_us("RespondWorkflowTaskFailed", _fail("", task), token=thief, status=7)

    for headers in ({}, BETWEEN_CLUSTERS, {"xdc-redirection": "0"}):
        reply = teams.call("RespondWorkflowTaskFailed", _fail(GHOST, task), token=thief, headers=headers)
        assert reply.grpc_status == 5 and GHOST in reply.grpc_message, f"{headers}: {reply}"

    # The control: without the filter, the attack works.
    message = _fail(GHOST, task).SerializeToString()
    allowed(grpc_client.call(temporal.port, requests.path("RespondWorkflowTaskFailed"), message, headers=BETWEEN_CLUSTERS))

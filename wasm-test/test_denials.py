"""Denials, rules in shadow, and the reasons that clients get."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from temporalio.api.common.v1 import GrpcStatus
from temporalio.api.enums.v1 import ScheduleOverlapPolicy
from temporalio.api.errordetails.v1 import PermissionDeniedFailure

from harness import grpc_client, requests, task_tokens
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Reply
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal

w = requests.workflow
START, TERMINATE, QUERY = "StartWorkflowExecution", "TerminateWorkflowExecution", "QueryWorkflow"

GRANTS: list[dict[str, Any]] = [
    {"name": "platform", "who": {"issuer": "corp", "claims": {"groups": "platform"}}, "role": "admin", "system": True},
    {"name": "everybody", "who": {"issuer": "corp"}, "role": "writer", "namespaces": ["*"]},
]
DENIALS = [
    {
        "name": "only-finance-starts-payroll",
        "effects": ["start"],
        "namespaces": ["payroll"],
        "unless": {"issuer": "corp", "claims": {"groups": "finance"}},
    },
    {
        "name": "teams-never-terminate",
        "effects": ["terminate", "delete", "reset"],
        "who": {"issuer": "corp", "claims": {"groups": "team-*"}},
    },
    {"name": "tried-out", "effects": ["query"], "shadow": True},
]


@pytest.fixture(scope="module")
def strict(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS, denials=DENIALS), echo.port)


def _request(method: str, namespace: str) -> object:
    return requests.message_class("temporal.api.workflowservice.v1.WorkflowService", method)(namespace=namespace)


def _decision(gate: Gate, subject: str) -> dict[str, object]:
    return gate.envoy.decision(where=lambda line: line["subject"] == subject)


def _batch() -> object:
    request = w.StartBatchOperationRequest(namespace="payroll", job_id="j")
    request.termination_operation.SetInParent()
    return request


def _schedule() -> object:
    request = w.CreateScheduleRequest(namespace="orders", schedule_id="s")
    request.schedule.policies.overlap_policy = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER
    return request


def _child(namespace: str) -> object:
    request = w.RespondWorkflowTaskCompletedRequest(namespace="orders", task_token=task_tokens.SOME)
    request.commands.add().start_child_workflow_execution_command_attributes.namespace = namespace
    return request


# name -> method, request, group, the denial or None
CASES = {
    "spared": (START, _request(START, "payroll"), "finance", None),
    "not spared": (START, _request(START, "payroll"), "team-red", "only-finance-starts-payroll"),
    "system admin": (START, _request(START, "payroll"), "platform", "only-finance-starts-payroll"),
    # A database that ignores case, accents and trailing spaces treats these as payroll.
    "in capitals": (START, _request(START, "Payroll"), "team-red", "only-finance-starts-payroll"),
    "with an accent": (START, _request(START, "p\u00e4yroll"), "team-red", "only-finance-starts-payroll"),
    "with a space": (START, _request(START, "payroll "), "team-red", "only-finance-starts-payroll"),
    "in capitals, spared": (START, _request(START, "Payroll"), "finance", None),
    "another namespace": (START, _request(START, "orders"), "team-red", None),
    "another effect": (QUERY, _request(QUERY, "payroll"), "team-red", None),
    "signal with start": ("SignalWithStartWorkflowExecution", _request("SignalWithStartWorkflowExecution", "payroll"), "team-red", "only-finance-starts-payroll"),
    "child from another namespace": ("RespondWorkflowTaskCompleted", _child("payroll"), "team-red", "only-finance-starts-payroll"),
    "child in its own": ("RespondWorkflowTaskCompleted", _child("orders"), "team-red", None),
    "terminate": (TERMINATE, _request(TERMINATE, "orders"), "team-red", "teams-never-terminate"),
    "terminate, another group": (TERMINATE, _request(TERMINATE, "orders"), "finance", None),
    "batch terminate": ("StartBatchOperation", _batch(), "team-red", "teams-never-terminate"),
    "batch terminate, another group": ("StartBatchOperation", _batch(), "finance", None),
    "schedule that terminates": ("CreateSchedule", _schedule(), "team-red", "teams-never-terminate"),
    "schedule that terminates, another group": ("CreateSchedule", _schedule(), "finance", None),
}


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("case", CASES)
def test_each_denial_matches_its_calls_only(strict: Gate, corp: Minter, case: str, gzip: bool) -> None:
    method, request, group, denial = CASES[case]
    subject = grpc_client.test_id()
    reply = strict.call(method, request, token=corp.token(subject, groups=[group]), gzip=gzip)  # type: ignore[arg-type]
    if denial is None:
        allowed(reply)
    else:
        refused(reply, 7)
        line = _decision(strict, subject)
        assert (line["verdict"], line["rule"]) == ("deny", denial), line


def test_a_denial_in_shadow_is_counted_and_logged(strict: Gate, corp: Minter) -> None:
    counter = "temporal_auth.shadow.denied.permission"
    before, subject = strict.envoy.counter(counter), grpc_client.test_id()
    allowed(strict.call(QUERY, w.QueryWorkflowRequest(namespace="orders"), token=corp.token(subject, groups=["x"])))
    strict.envoy.wait_counter(counter, before + 1)
    line = _decision(strict, subject)
    assert (line["verdict"], line["shadow"]) == ("allow", "tried-out would deny"), line


def test_a_grant_in_shadow_is_counted_and_logged(open_gate: OpenGate, echo: Echo, corp: Minter) -> None:
    grants = [{"name": "tried", "who": {"issuer": "corp"}, "role": "writer", "namespaces": ["payroll"], "shadow": True}]
    gate, subject = open_gate(plugin(corp.config(), grants), echo.port, fresh=True), grpc_client.test_id()
    refused(gate.start(token=corp.token(subject)), 7)
    gate.envoy.wait_counter("temporal_auth.shadow.allowed", 1)
    line = _decision(gate, subject)
    assert (line["verdict"], line["shadow"]) == ("deny", "tried would allow"), line
    refused(gate.start("orders", token=corp.token()), 7)
    assert gate.envoy.settled_counters()["temporal_auth.shadow.allowed"] == 1


def _reason(reply: Reply) -> str:
    details = dict(reply.headers)[b"grpc-status-details-bin"]
    status = GrpcStatus.FromString(base64.b64decode(details + b"=" * (-len(details) % 4)))
    assert (status.code, status.message) == (7, "Request unauthorized.")
    failure = PermissionDeniedFailure()
    assert status.details[0].Unpack(failure)
    return failure.reason


def test_clients_learn_the_reason_only_if_configured(open_gate: OpenGate, strict: Gate, echo: Echo, corp: Minter) -> None:
    talks = open_gate(plugin(corp.config(), GRANTS, denials=DENIALS, explain_to_client=True), echo.port)
    token = corp.token(groups=["team-red"])
    for gate, reason in ((strict, ""), (talks, 'only-finance-starts-payroll: start in namespace "payroll" is denied')):
        assert _reason(refused(gate.start(token=token), 7)) == reason
    cluster = talks.call("ListNamespaces", w.ListNamespacesRequest(), token=token)
    assert _reason(refused(cluster, 7)).startswith("default-deny: the call concerns the whole cluster")


@pytest.fixture(scope="module")
def rehearsal(open_shared_gate: OpenGate, temporal: Temporal, corp: Minter) -> Gate:
    grants = [{"name": "readers", "who": {"issuer": "corp"}, "role": "reader", "namespaces": ["payroll"]}]
    return open_shared_gate(plugin(corp.config(), grants, mode="shadow"), temporal.port, fresh=True)


@pytest.mark.parametrize("case", ["permission", "body", "no token", "bad token"])
def test_mode_shadow_lets_denials_through_and_counts_them(rehearsal: Gate, corp: Minter, case: str) -> None:
    reason = "permission" if case in ("permission", "body") else "unauthenticated"
    counter = f"temporal_auth.shadow.denied.{reason}"
    before = rehearsal.envoy.counter(counter)
    token = {"no token": None, "bad token": "a.b.c"}.get(case, corp.token())
    reply = rehearsal.count("finance-reports", token=token) if case == "body" else rehearsal.start(token=token)
    allowed(reply)
    rehearsal.envoy.wait_counter(counter, before + 1)
    counters = rehearsal.envoy.settled_counters()
    assert not [name for name, count in counters.items() if name.startswith("temporal_auth.denied.p") and count]


def test_mode_shadow_keeps_refusals_that_are_not_policy(rehearsal: Gate, corp: Minter) -> None:
    token = corp.token()
    refused(rehearsal.call("/a.B/C", token=token), 12)
    refused(rehearsal.call("CountWorkflowExecutions", b"\x0a\xff", token=token), 3)
    refused(rehearsal.count(token=token, headers={"grpc-encoding": "zstd"}), 12)
    allowed(rehearsal.count(token=token))

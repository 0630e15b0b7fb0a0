"""`hide_namespaces`: who may do nothing in a namespace is told, by Temporal's own answer, that it does not exist."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest

from harness import grpc_client, paths, requests
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Reply
from harness.minter import Minter
from harness.policy import BY_PERMISSIONS, Json, plugin
from harness.temporal import Temporal

# Equally long, so that their answers differ only in the name.
HIDDEN, UNKNOWN = "finance-reports", "missing-reports"

GRANTS: list[Json] = [
    *BY_PERMISSIONS,
    {"name": "everything", "who": {"issuer": "corp", "claims": {"groups": "everything"}}, "role": "writer", "namespaces": ["*"]},
]
DENIALS: list[Json] = [{"name": "no-finance", "who": {"claims": {"groups": "everything"}}, "namespaces": ["finance-*"]}]

# What workers call. The Go SDK ends a worker on NAMESPACE_NOT_FOUND.
OF_WORKERS = [
    "DescribeNamespace",
    "PollWorkflowTaskQueue",
    "PollActivityTaskQueue",
    "PollNexusTaskQueue",
    "RespondWorkflowTaskCompleted",
    "RespondWorkflowTaskFailed",
    "RespondActivityTaskCompleted",
    "RespondActivityTaskCompletedById",
    "RespondQueryTaskCompleted",
    "RespondNexusTaskCompleted",
    "RecordActivityTaskHeartbeat",
    "RecordActivityTaskHeartbeatById",
    "RecordWorkerHeartbeat",
    "ShutdownWorker",
    "GetWorkflowExecutionHistory",
]
# Calls of people, as the server answers them for a namespace that does not exist.
OF_PEOPLE = [
    "ListSearchAttributes",
    "ListWorkflowExecutions",
    "CountWorkflowExecutions",
    "DescribeWorkflowExecution",
    "StartWorkflowExecution",
    "TerminateWorkflowExecution",
    "ListSchedules",
    "PatchSchedule",
    "ListBatchOperations",
    "ListWorkers",
    "DescribeTaskQueue",
]
METHODS = {method.name: method for method in requests.methods()}


def request(name: str, namespace: str) -> Any:
    return requests.build(METHODS[name], namespace)


@pytest.fixture(scope="module")
def hiding(open_shared_gate: OpenGate, temporal: Temporal, corp: Minter, header_stop: bool) -> Gate:
    configuration = plugin(corp.config(), GRANTS, denials=DENIALS, hide_namespaces=True)
    return open_shared_gate(configuration, temporal.port, header_stop=header_stop)


def told(reply: Reply) -> tuple[object, ...]:
    """Everything in which two answers could differ, apart from what Envoy adds."""
    names = sorted(name for name, _ in reply.headers if name not in (b"date", b"server", b"x-envoy-upstream-service-time"))
    return reply.status, reply.trailers_only, names, reply.grpc_status, reply.all("grpc-message"), reply.details, reply.body


@pytest.mark.parametrize("name", OF_PEOPLE)
@pytest.mark.parametrize("permissions", [["payroll:write"], []], ids=["writer elsewhere", "nothing anywhere"])
def test_the_answer_is_the_servers_own(hiding: Gate, temporal: Temporal, corp: Minter, name: str, permissions: list[str]) -> None:
    token = corp.token(permissions=permissions)
    hidden = refused(hiding.call(name, request(name, HIDDEN), token=token), 5, f"Namespace {HIDDEN} is not found.")
    unknown = hiding.call(name, request(name, UNKNOWN), token=token)
    from_server = grpc_client.call(temporal.port, METHODS[name].path, request(name, UNKNOWN).SerializeToString())
    assert told(unknown) == told(from_server)
    assert told(hidden)[:4] == told(unknown)[:4]
    assert hidden.details == unknown.details.replace(UNKNOWN.encode(), HIDDEN.encode())


@pytest.mark.parametrize("name", OF_WORKERS)
@pytest.mark.parametrize("namespace", [HIDDEN, UNKNOWN])
def test_calls_of_workers_are_denied_as_ever(hiding: Gate, corp: Minter, name: str, namespace: str) -> None:
    refused(hiding.call(name, request(name, namespace), token=corp.token(permissions=["payroll:read"])), 7)
    refused(hiding.call(name, request(name, namespace), token=corp.token(permissions=[])), 7)


def test_who_may_do_anything_there_is_denied_as_ever(hiding: Gate, corp: Minter) -> None:
    token = corp.token(permissions=["finance-reports:worker"])
    refused(hiding.start(HIDDEN, token=token), 7)
    refused(hiding.count(HIDDEN, token=token), 7)
    allowed(hiding.count(token=corp.token(permissions=["payroll:read"])))


def test_a_denial_of_everything_hides_a_namespace(hiding: Gate, corp: Minter) -> None:
    token = corp.token(groups=["everything"])
    refused(hiding.count(HIDDEN, token=token), 5)
    allowed(hiding.count(token=token))


def test_the_log_names_rule_and_namespace(hiding: Gate, corp: Minter) -> None:
    since = hiding.envoy.log_mark()
    refused(hiding.start(HIDDEN, token=corp.token("nosy", permissions=[])), 5)
    decision = hiding.envoy.decision(since, lambda line: line["subject"] == "nosy")
    assert (decision["status"], decision["namespaces"], decision["rule"]) == (5, [HIDDEN], "default-deny")
    assert decision["reason"] == f'no grant covers start in namespace "{HIDDEN}"'


def test_strangers_learn_nothing(hiding: Gate, corp: Minter) -> None:
    for namespace in (HIDDEN, UNKNOWN):
        refused(hiding.count(namespace), 16)
        refused(hiding.count(namespace, token=corp.token(exp=1)), 16)


def test_without_the_line_nothing_changes(open_gate: OpenGate, temporal: Temporal, corp: Minter) -> None:
    gate = open_gate(plugin(corp.config(), GRANTS, denials=DENIALS), temporal.port)
    for namespace in (HIDDEN, UNKNOWN):
        refused(gate.count(namespace, token=corp.token(permissions=["payroll:read"])), 7)


def test_the_command_line_says_that_there_is_no_such_namespace(hiding: Gate, corp: Minter) -> None:
    def said(namespace: str) -> str:
        argv = [str(paths.temporal_binary()), "workflow", "list", "--namespace", namespace, "--address", f"127.0.0.1:{hiding.port}"]
        argv += ["--tls=false", "--api-key", corp.token(permissions=["payroll:read"]), "--disable-config-file"]
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=120, env={**os.environ, "TEMPORAL_ENV": ""})
        assert ran.returncode != 0
        return ran.stderr

    assert f"Namespace {HIDDEN} is not found." in said(HIDDEN)
    assert said(UNKNOWN) == said(HIDDEN).replace(HIDDEN, UNKNOWN)

"""Every method of the table is denied to each role below the one that it needs, and allowed for the lowest sufficient role.

The required role comes from Temporal's own table (read, write or admin; namespace or cluster), not from ours; the methods of
a worker, and those where this filter is stricter, are listed here. Allowed calls go to the real server, in a namespace that does
not exist.
"""

from __future__ import annotations

import pytest

from harness import grpc_client, requests
from harness.gate import Gate, refused
from harness.minter import Minter
from harness.requests import Method

# It does not exist, so no call in this file changes anything.
NOWHERE = "no-such-namespace"

WORKER = {
    "DescribeNamespace",
    "GetWorkflowExecutionHistory",
    "GetWorkflowExecutionHistoryReverse",
    "PollWorkflowTaskQueue",
    "PollActivityTaskQueue",
    "PollNexusTaskQueue",
    "RespondWorkflowTaskCompleted",
    "RespondWorkflowTaskFailed",
    "RespondQueryTaskCompleted",
    "RespondActivityTaskCompleted",
    "RespondActivityTaskCompletedById",
    "RespondActivityTaskFailed",
    "RespondActivityTaskFailedById",
    "RespondActivityTaskCanceled",
    "RespondActivityTaskCanceledById",
    "RespondNexusTaskCompleted",
    "RespondNexusTaskFailed",
    "RecordActivityTaskHeartbeat",
    "RecordActivityTaskHeartbeatById",
    "RecordWorkerHeartbeat",
    "ResetStickyTaskQueue",
    "ShutdownWorker",
}
# Each hands the server a compute configuration, which upstream allows to writers.
STRICTER = {"UpdateWorkerDeploymentVersionComputeConfig", "ValidateWorkerDeploymentVersionComputeConfig"}
ANONYMOUS = {"GetSystemInfo"}
# A namespace named in the request does not exist yet, so no namespace grant can cover it.
SYSTEM_ONLY = {"RegisterNamespace"}
# No released server has them: the server says so as soon as it sees the headers, before there is a verdict.
UNLISTED = {"SoftDeleteNamespace", "RestoreNamespace", "DescribeNamespaceRestore"}
# Methods that stop or hang a real server when their request is empty.
NOT_TO_THE_SERVER = {"AddOrUpdateRemoteCluster"}

RANK = {"readonly": "read", "write": "write", "admin": "admin"}
ROLES = ["none", "worker", "read", "write", "admin"]
INCLUDES = {
    "none": {"none"},
    "worker": {"none", "worker"},
    "read": {"none", "read"},
    "write": {"none", "worker", "read", "write"},
    "admin": set(ROLES),
}


def sufficient(method: Method) -> set[str]:
    """The lowest roles that may call the method."""
    if method.name in STRICTER:
        return {"admin"}
    needs = {RANK[method.access]}
    if method.scope == "namespace" and method.name in WORKER:
        needs.add("worker")
    return needs


def may(role: str, method: Method) -> bool:
    return bool(INCLUDES[role] & sufficient(method))


def permission(scope: str, role: str) -> list[str]:
    return [] if role == "none" else [f"{scope}:{role}"]


METHODS = requests.methods()


def _enough_calls(method: Method) -> list[str]:
    """The scopes in which the lowest sufficient role passes."""
    if method.scope == "cluster" or method.name in SYSTEM_ONLY:
        return ["temporal-system"]
    return [NOWHERE, "temporal-system"]


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_lower_role_is_denied(gate: Gate, echo_gate: Gate, corp: Minter, method: Method) -> None:
    if method.name in ANONYMOUS:
        pytest.skip("for everybody, see test_anonymous")
    gate = echo_gate if method.name in UNLISTED else gate
    message = requests.build(method, NOWHERE)
    refused(gate.call(method.path, message), 16)
    marked: list[str] = []
    for scope in (NOWHERE, "temporal-system"):
        for role in ROLES:
            if scope in _enough_calls(method) and may(role, method):
                continue
            marked.append(grpc_client.test_id())
            token = corp.token(permissions=permission(scope, role))
            refused(gate.call(method.path, message, token=token, test_id=marked[-1]), 7)
    # The admin of every other namespace has no role here.
    marked.append(grpc_client.test_id())
    others = corp.token(permissions=["payroll:admin", "finance-reports:admin", f"{NOWHERE}2:admin"])
    refused(gate.call(method.path, message, token=others, test_id=marked[-1]), 7)
    for test_id in marked:
        assert gate.details(test_id) == "temporal_auth_permission"


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_the_lowest_sufficient_role_is_allowed(gate: Gate, echo_gate: Gate, corp: Minter, method: Method) -> None:
    message = requests.build(method, NOWHERE)
    target = echo_gate if method.name in NOT_TO_THE_SERVER else gate
    for scope in _enough_calls(method):
        for role in sufficient(method):
            marked = grpc_client.test_id()
            token = corp.token(permissions=permission(scope, role))
            # The deadline of a long poll cuts it short.
            reply = target.call(method.path, message, token=token, test_id=marked, grpc_timeout=0.5, timeout=5)
            assert reply.grpc_status not in (7, 16), f"{role} of {scope}: {reply}"
            line = target.envoy.access(marked)
            assert line["cluster"] == "temporal" and not str(line["details"]).startswith("temporal_auth_"), line


@pytest.mark.parametrize("method", [m for m in METHODS if m.scope == "namespace"], ids=str)
def test_namespace_is_read_from_its_field(echo_gate: Gate, corp: Minter, method: Method) -> None:
    """Whatever the field's number: the own namespace passes; another, none or two do not; plain and gzip."""
    if method.name in SYSTEM_ONLY:
        pytest.skip("needs a system grant")
    token = corp.token(permissions=["payroll:admin"])
    own, foreign = (requests.build(method, n).SerializeToString() for n in ("payroll", "finance-reports"))
    for gzip in (False, True):
        for message, status in ((own, 0), (foreign, 7), (b"", 7), (own + foreign, 3), (foreign + own, 3)):
            reply = echo_gate.call(method.path, message, token=token, gzip=gzip)
            assert reply.grpc_status == status, f"{message!r}: {reply}"


def test_the_table_is_complete() -> None:
    """This version of the API has 123 and 15 methods: a shorter table would pass every test above."""
    names = [method.name for method in METHODS]
    assert len(names) >= 138 and len(set(map(str, METHODS))) == len(names)
    assert set(names) >= WORKER | SYSTEM_ONLY | STRICTER | UNLISTED

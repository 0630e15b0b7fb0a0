"""Custom roles: built-in roles with effects added and removed."""

from __future__ import annotations

import pytest

from harness import requests
from harness.echo import Echo
from harness.gate import Gate, OpenGate
from harness.minter import Minter
from harness.policy import plugin

ROLES = {
    "developer": {"from": "client", "minus": ["terminate", "delete", "reset"]},
    "careful": {"from": "developer", "minus": ["cancel"]},
    "operator": {"from": "reader", "plus": ["terminate", "cancel"]},
    "starter": {"from": "reader", "plus": ["StartWorkflowExecution"]},
    "runner": {"from": "worker", "plus": ["start"]},
}

METHODS = {
    "read": "CountWorkflowExecutions",
    "history": "GetWorkflowExecutionHistory",
    "query": "QueryWorkflow",
    "start": "StartWorkflowExecution",
    "signal": "SignalWorkflowExecution",
    "start+signal": "SignalWithStartWorkflowExecution",
    "cancel": "RequestCancelWorkflowExecution",
    "terminate": "TerminateWorkflowExecution",
    "delete": "DeleteWorkflowExecution",
    "reset": "ResetWorkflowExecution",
    "poll": "PollActivityTaskQueue",
    "respond": "RespondActivityTaskCompleted",
    "deploy": "CreateWorkerDeployment",
    "compute": "ValidateWorkerDeploymentVersionComputeConfig",
    "namespace": "UpdateNamespace",
}
READ = {"read", "history", "query"}
WORK = {"poll", "respond", "history"}
CLIENT = READ | {"start", "signal", "start+signal", "cancel", "terminate", "delete", "reset"}
WRITE = CLIENT | WORK | {"deploy"}

MAY = {
    "worker": WORK,
    "reader": READ,
    "client": CLIENT,
    "writer": WRITE,
    "admin": WRITE | {"namespace", "compute"},
    "developer": CLIENT - {"terminate", "delete", "reset"},
    "careful": CLIENT - {"terminate", "delete", "reset", "cancel"},
    "operator": READ | {"terminate", "cancel"},
    "starter": READ | {"start"},
    "runner": WORK | {"start"},
}


@pytest.fixture(scope="module")
def roles(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    grants = [
        {"name": role, "who": {"issuer": "corp", "claims": {"role": role}}, "role": role, "namespaces": ["payroll"]}
        for role in MAY
    ]
    return open_shared_gate(plugin(corp.config(), grants=grants, roles=ROLES), echo.port)


@pytest.mark.parametrize("role", MAY)
def test_each_role_allows_its_effects_only(roles: Gate, corp: Minter, role: str) -> None:
    token = corp.token(role=role)
    for effect, name in METHODS.items():
        method = next(m for m in requests.methods() if m.name == name)
        expected = 0 if effect in MAY[role] else 7
        reply = roles.call(method.path, requests.build(method, "payroll"), token=token)
        assert reply.grpc_status == expected, f"{role}, {effect}: {reply}"
        reply = roles.call(method.path, requests.build(method, "finance-reports"), token=token)
        assert reply.grpc_status == 7, f"{role}, {effect} elsewhere: {reply}"


def test_grants_add_up(roles: Gate, corp: Minter) -> None:
    """One grant gives `start`, another `signal`: together they allow a call that needs both."""
    both = requests.workflow.SignalWithStartWorkflowExecutionRequest(namespace="payroll")
    assert roles.call("SignalWithStartWorkflowExecution", both, token=corp.token(role="starter")).grpc_status == 7
    assert roles.call("SignalWithStartWorkflowExecution", both, token=corp.token(role=["runner", "careful"])).grpc_status == 0

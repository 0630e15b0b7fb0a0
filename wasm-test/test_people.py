"""The people of the demo, as rows: who, call, namespace, verdict."""

from __future__ import annotations

from typing import Any

import pytest

from harness import grpc_client, requests
from harness.gate import Gate, OpenGate
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal

GRANTS: list[dict[str, Any]] = [
    {"name": "platform", "who": {"issuer": "corp", "claims": {"groups": "platform-admins"}}, "role": "admin", "system": True},
    {"name": "finance", "who": {"issuer": "corp", "kind": "human", "claims": {"groups": "finance"}}, "role": "writer", "namespaces": ["payroll", "finance-reports"]},
    {"name": "developers", "who": {"issuer": "corp", "claims": {"groups": "team-{team}"}}, "role": "developer", "namespaces": ["{team}-*"]},
    {"name": "runners", "who": {"issuer": "corp", "kind": "service", "subject": "{team}-worker"}, "role": "worker", "namespaces": ["{team}"]},
]
ROLES = {"developer": {"from": "client", "minus": ["terminate", "delete", "reset"]}}

PEOPLE = {
    "admin": {"sub": "ada", "groups": ["platform-admins"]},
    "finance": {"sub": "fred", "groups": ["finance"]},
    "developer": {"sub": "dora", "groups": ["team-bitovi"]},
    "worker": {"sub": "payroll-worker", "gty": "client-credentials"},
    "finance robot": {"sub": "robot", "groups": ["finance"], "gty": "client-credentials"},
    "human runner": {"sub": "payroll-worker"},
    "stranger": {"sub": "sam"},
}
CALLS = {
    "list": "ListWorkflowExecutions",
    "start": "StartWorkflowExecution",
    "terminate": "TerminateWorkflowExecution",
    "poll": "PollActivityTaskQueue",
    "history": "GetWorkflowExecutionHistory",
    "describe": "DescribeNamespace",
    "namespaces": "ListNamespaces",
}
NAMESPACES = ["payroll", "finance-reports", "bitovi-project"]
EVERYTHING = set(CALLS)
NAMESPACED = EVERYTHING - {"namespaces"}

# person -> namespace -> the calls that work there
MAY: dict[str, dict[str, set[str]]] = {
    "admin": dict.fromkeys(NAMESPACES, EVERYTHING),
    "finance": {"payroll": NAMESPACED, "finance-reports": NAMESPACED},
    "developer": {"bitovi-project": NAMESPACED - {"terminate", "poll"}},
    "worker": {"payroll": {"poll", "history", "describe"}},
    "finance robot": {},
    "human runner": {},
    "stranger": {},
}


@pytest.fixture(scope="module")
def office(open_shared_gate: OpenGate, temporal: Temporal, corp: Minter) -> Gate:
    config = corp.config(service_when=[{"gty": "client-credentials"}])
    return open_shared_gate(plugin(config, grants=GRANTS, roles=ROLES), temporal.port)


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("person", PEOPLE)
def test_each_person_has_the_access_that_the_policy_gives(office: Gate, corp: Minter, person: str, namespace: str) -> None:
    token = corp.token(**PEOPLE[person])  # type: ignore[arg-type]
    for call, name in CALLS.items():
        method = next(m for m in requests.methods() if m.name == name)
        message = requests.start_workflow(namespace, grpc_client.test_id()) if call == "start" else requests.build(method, namespace)
        reply = office.call(method.path, message, token=token, grpc_timeout=0.3)
        if call in MAY[person].get(namespace, set()):
            assert reply.grpc_status not in (7, 16), f"{call}: {reply}"
        else:
            assert reply.grpc_status == 7, f"{call}: {reply}"

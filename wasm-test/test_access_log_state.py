"""`access_log_state`: the caller, the namespace and the deciding rule, for the operator's access log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness import grpc_client, requests
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin

GRANTS = [{"name": "readers", "who": {"issuer": "corp", "claims": {"groups": "readers"}}, "role": "reader", "namespaces": ["payroll"]}]


@pytest.fixture(scope="module")
def stated(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), grants=GRANTS, access_log_state=True), echo.port)


def _state(gate: Gate, marked: str) -> Any:
    state: Any = gate.envoy.access(marked)["state"]
    # The access log embeds JSON as JSON, or as text, depending on the format.
    return json.loads(state) if isinstance(state, str) else state


def test_allowed(stated: Gate, corp: Minter) -> None:
    marked = grpc_client.test_id()
    allowed(stated.count(token=corp.token("alice", groups=["readers"]), test_id=marked))
    assert _state(stated, marked) == {"verdict": "allow", "subject": "alice", "namespace": "payroll", "rule": "readers"}


def test_denied(stated: Gate, corp: Minter) -> None:
    marked = grpc_client.test_id()
    refused(stated.count("finance-reports", token=corp.token("alice", groups=["readers"]), test_id=marked), 7)
    state = _state(stated, marked)
    assert (state["verdict"], state["subject"], state["namespace"]) == ("deny", "alice", "finance-reports")
    assert state["rule"] == "default-deny"


def test_without_a_token(stated: Gate) -> None:
    marked = grpc_client.test_id()
    refused(stated.count(test_id=marked), 16)
    state = _state(stated, marked)
    assert state["verdict"] == "deny" and not state["subject"]


def test_exempt(stated: Gate) -> None:
    marked = grpc_client.test_id()
    allowed(stated.call(requests.GET_SYSTEM_INFO, test_id=marked))
    state = _state(stated, marked)
    assert (state["verdict"], state["rule"]) == ("allow", "anonymous")


def test_hostile_names(stated: Gate, corp: Minter) -> None:
    marked = grpc_client.test_id()
    subject = 'x"\n\x1b[31m\\'
    allowed(stated.count(token=corp.token(subject, groups=["readers"]), test_id=marked))
    assert _state(stated, marked)["subject"] == subject


def test_off_unless_asked_for(gate: Gate, corp: Minter) -> None:
    marked = grpc_client.test_id()
    allowed(gate.count(token=corp.token(permissions=["payroll:read"]), test_id=marked))
    assert gate.envoy.access(marked)["state"] is None

"""With `log: {replay: true}`, another policy can be tried on the decisions in Envoy's log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import requests
from harness.cli import temporal_auth
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import Json, plugin

START = requests.path("StartWorkflowExecution")
TERMINATE = requests.path("TerminateWorkflowExecution")
LOG: Json = {"allowed": True, "replay": True}
FINANCE: Json = {
    "name": "finance", "who": {"issuer": "corp", "claims": {"groups": "finance"}}, "role": "writer", "namespaces": ["payroll"],
    "workflow_types": ["Pay*"],
}
SECRET = "only-in-another-claim"


def policy(corp: Minter, *grants: Json, **members: Any) -> Json:
    return plugin(corp.config(), grants=list(grants), **members)


@pytest.fixture(scope="module")
def recording(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    return open_shared_gate(policy(corp, FINANCE, log=LOG), echo.port, name="replay")


def start(gate: Gate, token: str, workflow_type: str, namespace: str = "payroll") -> Any:
    message = requests.start_workflow(namespace, "replayed")
    message.workflow_type.name = workflow_type
    return gate.call(START, message, token=token)


def replay(tmp_path: Path, config: Json, log: str) -> tuple[int, str]:
    file = tmp_path / "new.json"
    file.write_text(json.dumps(config))
    done = temporal_auth("replay", file, "-", stdin=log)
    return done.returncode, done.stdout + done.stderr


def test_a_policy_is_tried_on_recorded_calls(recording: Gate, corp: Minter, tmp_path: Path) -> None:
    mark = recording.envoy.log_mark()
    token = corp.token("alice", groups=["finance"], department=SECRET)
    allowed(start(recording, token, "Payroll"))
    allowed(start(recording, token, "PaySlip"))
    refused(start(recording, token, "Refund"), 7)
    refused(start(recording, token, "Payroll", "other"), 7)
    refused(start(recording, "a.b.c", "Payroll"), 16)
    recording.envoy.decision(mark, lambda decision: decision["status"] == 16)
    log = recording.envoy.log_since(mark)
    # Nothing is recorded that the policy does not read.
    assert SECRET not in log and "replayed" not in log and '"workflow_types":["Refund"]' in log

    def tried(*grants: Json, **members: Any) -> tuple[int, str]:
        return replay(tmp_path, policy(corp, *grants, **members), log)

    same, text = tried(FINANCE)
    assert same == 0 and "4 the same, 0 newly allowed, 0 newly denied, 1 cannot be replayed" in text, text
    wider, text = tried(FINANCE | {"workflow_types": ["*"]})
    assert wider == 1 and "3 the same, 1 newly allowed, 0 newly denied" in text, text
    assert "1 × StartWorkflowExecution by alice of issuer corp in payroll: by finance, was denied by default-deny" in text, text
    narrower, text = tried(FINANCE | {"workflow_types": ["PaySlip"]})
    assert narrower == 1 and "0 newly allowed, 1 newly denied" in text, text
    denial: Json = {"name": "frozen", "effects": ["start"], "namespaces": ["payroll"]}
    denied, text = tried(FINANCE, denials=[denial])
    assert denied == 1 and "2 × StartWorkflowExecution by alice of issuer corp in payroll: by frozen, was allowed by finance" in text, text
    # What was not recorded is not guessed.
    by_department = FINANCE | {"who": {"issuer": "corp", "claims": {"department": "*"}}}
    unknown, text = tried(by_department)
    assert unknown == 2 and "4 × the configuration reads claims, or the TLS peer, that were not recorded" in text, text
    by_queue = {name: value for name, value in FINANCE.items() if name != "workflow_types"} | {"task_queues": ["q"]}
    unknown, text = tried(by_queue)
    assert unknown == 2 and "4 × the configuration compares names that were not recorded" in text, text


def test_nothing_is_recorded_unless_the_configuration_asks_for_it(gate: Gate, corp: Minter, tmp_path: Path) -> None:
    mark = gate.envoy.log_mark()
    refused(start(gate, corp.token(permissions=["other:read"]), "Payroll"), 7)
    assert "replay" not in gate.envoy.decision(mark)
    status, text = replay(tmp_path, policy(corp, FINANCE), gate.envoy.log_since(mark))
    assert status == 2 and "1 × it was not recorded: log.replay was not set" in text, text


def test_a_record_that_is_too_long_is_left_out(recording: Gate, corp: Minter, tmp_path: Path) -> None:
    mark = recording.envoy.log_mark()
    groups = ["finance", *(f"group-{number}" for number in range(300))]
    allowed(start(recording, corp.token("bob", groups=groups), "Payroll"))
    decision = recording.envoy.decision(mark)
    assert decision["replay"] == "too long" and decision["subject"] == "bob"
    status, text = replay(tmp_path, policy(corp, FINANCE), recording.envoy.log_since(mark))
    assert status == 2 and "its record was too long for a line" in text, text

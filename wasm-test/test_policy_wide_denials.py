"""Grants read a token narrow and denials read it wide: no form of a claim lets its bearer past a denial.

The tests use a real Temporal with a workflow that everybody here may signal, except for the denials.
"""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import pytest

from harness import requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal

w = requests.workflow
LIST = "`groups` read as a list"
DEEP = "`groups` read at every depth"
LOOSE = "`groups` compared without regard to case and spaces"

GRANTS: list[dict[str, Any]] = [
    {"name": "anybody", "who": {"issuer": "corp"}, "role": "client", "namespaces": ["payroll"]},
    {"name": "people", "who": {"issuer": "corp", "kind": "human"}, "role": "client", "namespaces": ["people"]},
    {"name": "robots", "who": {"issuer": "corp", "kind": "service"}, "role": "client", "namespaces": ["robots"]},
    {"name": "by-group", "who": {"issuer": "corp", "claims": {"groups": "watchers"}}, "role": "reader", "namespaces": ["watched"]},
]
DENIALS: list[dict[str, Any]] = [
    {"name": "contractors", "effects": ["signal"], "who": {"claims": {"groups": "contractors"}}},
    {"name": "by-mail", "effects": ["signal"], "who": {"claims": {"email": "*@contractor.com"}}},
    {"name": "by-number", "effects": ["signal"], "who": {"claims": {"level": 7}}},
    {"name": "by-flag", "effects": ["signal"], "who": {"claims": {"external": True}}},
    {"name": "by-pointer", "effects": ["signal"], "who": {"claims": {"/realm/roles": "contractors"}}},
    {"name": "two-claims", "effects": ["signal"], "who": {"claims": {"team": "red", "shift": "night"}}},
    {"name": "no-robots", "effects": ["cancel"], "who": {"kind": "service"}, "commands": False},
    {"name": "no-people", "effects": ["reset"], "who": {"kind": "human"}, "commands": False},
    {
        "name": "finance-only",
        "effects": ["terminate"],
        "unless": {"issuer": "corp", "claims": {"groups": "finance"}},
        "commands": False,
    },
    {"name": "people-only", "effects": ["pause"], "unless": {"issuer": "corp", "kind": "human"}},
]


@pytest.fixture(scope="module")
def wide(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    config = corp.config(service_when=[{"client": "robot"}])
    return open_shared_gate(plugin(config, GRANTS, denials=DENIALS), rich_temporal.port)


@pytest.fixture(scope="module")
def target(straight: Frontend) -> str:
    name = f"target-{uuid.uuid4()}"
    straight.start(name)
    return name


def _signal(workflow_id: str) -> Any:
    request = w.SignalWorkflowExecutionRequest(namespace="payroll", signal_name="hello", request_id=str(uuid.uuid4()))
    request.workflow_execution.workflow_id = workflow_id
    return request


# -- the forms of a claim: what is denied, and how the log says it was read


MEANT: dict[str, tuple[dict[str, Any], str, str]] = {
    "a list": ({"groups": ["dev", "contractors"]}, "contractors", ""),
    "one text": ({"groups": "contractors"}, "contractors", ""),
    "with a comma": ({"groups": "dev,contractors"}, "contractors", LIST),
    "with a semicolon": ({"groups": "dev; contractors"}, "contractors", LIST),
    "with spaces": ({"groups": "contractors dev"}, "contractors", LIST),
    "members of an object": ({"groups": {"contractors": True}}, "contractors", DEEP),
    "values of an object": ({"groups": {"a": {"b": "contractors"}}}, "contractors", DEEP),
    "a list of objects": ({"groups": [{"name": "dev"}, {"name": "contractors"}]}, "contractors", DEEP),
    "lists in lists": ({"groups": [["dev", ["contractors"]]]}, "contractors", DEEP),
    "with a bar": ({"groups": "dev|contractors"}, "contractors", LIST),
    "with a tab": ({"groups": "dev\tcontractors"}, "contractors", LIST),
    "in brackets": ({"groups": "[dev, contractors]"}, "contractors", LIST),
    "a list in a text": ({"groups": '["dev","contractors"]'}, "contractors", LIST),
    "in quotes": ({"groups": '"contractors"'}, "contractors", LIST),
    "in capitals": ({"groups": ["CONTRACTORS"]}, "contractors", LOOSE),
    "with spaces around": ({"groups": [" contractors "]}, "contractors", LOOSE),
    "in capitals, one text": ({"groups": "Dev,Contractors"}, "contractors", LIST),
    "more than are compared": ({"groups": [f"g{n}" for n in range(1025)]}, "contractors", "`groups` has more values than are compared"),
    "mail, verified": ({"email": "eve@contractor.com", "email_verified": True}, "by-mail", ""),
    "mail, not verified": ({"email": "eve@contractor.com"}, "by-mail", "`email` counted although it is not verified"),
    "mail, said to be verified": (
        {"email": "eve@contractor.com", "email_verified": "yes"}, "by-mail", "`email` counted although it is not verified"
    ),
    "mail in capitals": (
        {"email": "Eve@Contractor.COM", "email_verified": True}, "by-mail", "`email` compared without regard to case and spaces"
    ),
    "mail without a name": ({"email": "@contractor.com", "email_verified": True}, "by-mail",
                            "`email` compared without regard to case and spaces"),
    "a number": ({"level": 7}, "by-number", ""),
    "a number as a text": ({"level": "7"}, "by-number", ""),
    "a number with a fraction of nothing": ({"level": 7.0}, "by-number", "`level` compared without regard to case and spaces"),
    "a number inside": ({"level": {"clearance": [7]}}, "by-number", "`level` read at every depth"),
    "a flag": ({"external": True}, "by-flag", ""),
    "a flag as a text": ({"external": "TRUE"}, "by-flag", "`external` compared without regard to case and spaces"),
    "a flag inside": ({"external": [[True]]}, "by-flag", "`external` read at every depth"),
    "by a pointer": ({"realm": {"roles": ["contractors"]}}, "by-pointer", ""),
    "by a pointer into a list": ({"realm": [{"roles": ["contractors"]}]}, "by-pointer", "`/realm/roles` read at every depth"),
    "by a pointer that leads nowhere": ({"realm": ["contractors"]}, "by-pointer", "`/realm/roles` read at every depth"),
    "two claims, two readings": (
        {"team": "blue red", "shift": {"night": 1}}, "two-claims", "`shift` read at every depth; `team` read as a list"
    ),
}

NOT_MEANT: dict[str, dict[str, Any]] = {
    "no such claim": {},
    "null": {"groups": None},
    "a path": {"groups": "/dev/contractors"},
    "another member": {"realm": {"names": ["contractors"]}},
    "another group": {"groups": ["contractors-of-old", "dev"]},
    "a group with a space": {"groups": ["dev contractors"]},
    "a text in an object, with a comma": {"groups": {"a": "dev,contractors"}},
    "1,024 others": {"groups": [f"g{n}" for n in range(1024)]},
    "another claim": {"teams": "contractors"},
    "another address": {"email": "eve@contractor.com.evil.example", "email_verified": True},
    "another number": {"level": 77},
    "the flag that is not set": {"external": False},
    "one claim of two": {"team": "red", "shift": "day"},
}


@pytest.mark.parametrize("case", MEANT)
def test_callers_whom_a_denial_matches(wide: Gate, straight: Frontend, corp: Minter, target: str, case: str) -> None:
    claims, denial, reading = MEANT[case]
    mark, before = wide.envoy.log_mark(), len(straight.signals(target))
    wide.refused_by_us("SignalWorkflowExecution", _signal(target), token=corp.token(**claims), status=7)
    line = wide.envoy.decision(mark)
    said = f'signal in namespace "payroll" is denied{"; " + reading if reading else ""}'
    assert (line["rule"], line["reason"]) == (denial, said)
    assert len(straight.signals(target)) == before


@pytest.mark.parametrize("case", NOT_MEANT)
def test_callers_whom_a_denial_does_not_match(wide: Gate, straight: Frontend, corp: Minter, target: str, case: str) -> None:
    before = len(straight.signals(target))
    allowed(wide.call("SignalWorkflowExecution", _signal(target), token=corp.token(**NOT_MEANT[case])))
    assert len(straight.signals(target)) == before + 1


def test_no_form_of_a_claim_is_better_than_the_plain_list(wide: Gate, corp: Minter, target: str) -> None:
    """The rule, with every form of the same two groups: a caller who is denied with the list is denied with every other form."""
    plain = corp.token(groups=["dev", "contractors"])
    assert wide.call("SignalWorkflowExecution", _signal(target), token=plain).grpc_status == 7
    forms: list[Any] = [f"dev{join}contractors" for join in (",", ", ", ";", " ", "  ", ",,", " ; ", "|", "\n", ",\t", "\u00a0")]
    forms += ["[dev contractors]", "{dev,contractors}", "'dev','contractors'", "('contractors')"]
    forms += [list(order) for order in itertools.permutations(["dev", "contractors", 7, True, None])][:20]
    forms += [{"dev": 1, "contractors": 1}, {"all": ["dev", "contractors"]}, [{"dev": {"contractors": None}}], [["dev"], ["contractors"]]]
    for form in forms:
        reply = wide.call("SignalWorkflowExecution", _signal(target), token=corp.token(groups=form))
        assert reply.grpc_status == 7, f"{form}: {reply}"


# -- the narrow reading


NARROW: dict[str, Any] = {
    "one text of two": "finance,dev",
    "in capitals": ["FINANCE"],
    "an object": {"finance": True},
    "a list in a list": [["finance"]],
}


@pytest.mark.parametrize("case", NARROW)
def test_exemptions_are_read_narrow(wide: Gate, straight: Frontend, corp: Minter, case: str) -> None:
    name = f"narrow-{uuid.uuid4()}"
    straight.start(name)
    request = w.TerminateWorkflowExecutionRequest(namespace="payroll")
    request.workflow_execution.workflow_id = name
    wide.refused_by_us("TerminateWorkflowExecution", request, token=corp.token(groups=NARROW[case]), status=7)
    assert straight.status(name) == "RUNNING"
    allowed(wide.call("TerminateWorkflowExecution", request, token=corp.token(groups=["dev", "finance"])))
    assert straight.status(name) == "TERMINATED"


@pytest.mark.parametrize("form", ["watchers,dev", {"watchers": 1}, ["Watchers"], [" watchers"], [["watchers"]]], ids=str)
def test_grants_are_read_narrow(wide: Gate, corp: Minter, form: Any) -> None:
    refused(wide.count("watched", token=corp.token(groups=form)), 7)
    # There is no such namespace; the server says so.
    assert wide.count("watched", token=corp.token(groups=["watchers"])).grpc_status not in (7, 16)


# -- kinds


def _pause(workflow_id: str) -> Any:
    return w.PauseWorkflowExecutionRequest(namespace="payroll", workflow_id=workflow_id, request_id=str(uuid.uuid4()))


def _cancel(workflow_id: str) -> Any:
    request = w.RequestCancelWorkflowExecutionRequest(namespace="payroll")
    request.workflow_execution.workflow_id = workflow_id
    return request


def _reset(workflow_id: str) -> Any:
    request = w.ResetWorkflowExecutionRequest(namespace="payroll", workflow_task_finish_event_id=3)
    request.workflow_execution.workflow_id = workflow_id
    return request


def test_a_kind_in_doubt(wide: Gate, corp: Minter, target: str) -> None:
    """`service_when` requires the client `robot`; this token has it in a text with other pieces."""
    doubtful, human, robot = corp.token(client="robot,ui"), corp.token(client="ui"), corp.token(client="robot", groups="finance")
    # For grants it is neither.
    for namespace, token in itertools.product(("people", "robots"), (doubtful, human, robot)):
        may = (namespace, token) in {("people", human), ("robots", robot)}
        assert (wide.count(namespace, token=token).grpc_status == 7) is not may, namespace
    # For denials it is both, and `unless` exempts neither.
    for method, request, free in (
        ("RequestCancelWorkflowExecution", _cancel(target), human),
        ("ResetWorkflowExecution", _reset(target), robot),
        ("PauseWorkflowExecution", _pause(target), human),
    ):
        mark = wide.envoy.log_mark()
        wide.refused_by_us(method, request, token=doubtful, status=7)
        line = wide.envoy.decision(mark)
        assert (line["kind"], line["doubt"]) == ("doubtful", "a service, with `client` read as a list")
        assert line["rule"] == "people-only" or line["reason"].endswith("the kind is in doubt: " + line["doubt"])
        assert wide.call(method, request, token=free).grpc_status not in (7, 16)


def test_a_kind_that_is_known_is_not_in_doubt(wide: Gate, corp: Minter, target: str) -> None:
    mark = wide.envoy.log_mark()
    wide.refused_by_us("RequestCancelWorkflowExecution", _cancel(target), token=corp.token(client="robot"), status=7)
    line = wide.envoy.decision(mark)
    assert line["kind"] == "service" and "doubt" not in line and "doubt" not in line["reason"]

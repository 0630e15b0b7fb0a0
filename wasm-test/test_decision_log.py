"""One log line per denial says who called what, where, and why it was denied; the token is never in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from harness import grpc_client, jws, requests, task_tokens
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed
from harness.grpc_client import Reply
from harness.minter import Minter
from harness.policy import plugin
from harness.proto import text

COUNT = requests.path("CountWorkflowExecutions")
FIELDS = {"verdict", "status", "method", "namespaces", "issuer", "subject", "kind", "rule", "reason"}
GRANTS: list[dict[str, Any]] = [
    {"name": "readers", "who": {"issuer": "corp", "claims": {"groups": "readers"}}, "role": "reader", "namespaces": ["payroll"]},
    {"name": "pausers", "who": {"issuer": "corp", "claims": {"groups": "pausers"}}, "role": "pauser", "namespaces": ["payroll"]},
    {"name": "system", "who": {"issuer": "corp", "claims": {"groups": "admins"}}, "role": "admin", "system": True},
]

ROLES = {"pauser": {"plus": ["pause"]}}


@pytest.fixture(scope="module")
def quiet(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    """A gate that logs only denials."""
    config = corp.config(service_when=[{"gty": "client-credentials"}])
    return open_shared_gate(plugin(config, grants=GRANTS, roles=ROLES, authenticated=["GetClusterInfo"]), echo.port)


@pytest.fixture(scope="module")
def talkative(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    config = corp.config(service_when=[{"gty": "client-credentials"}])
    return open_shared_gate(
        plugin(config, grants=GRANTS, roles=ROLES, authenticated=["GetClusterInfo"], log={"allowed": True}), echo.port
    )


def test_policy_denial(quiet: Gate, corp: Minter) -> None:
    mark = quiet.envoy.log_mark()
    quiet.count("finance-reports", token=corp.token("alice", groups=["readers"]))
    line = quiet.envoy.decision(mark)
    assert set(line) >= FIELDS
    assert line | {"reason": ""} == line | {
        "verdict": "deny",
        "status": 7,
        "method": COUNT,
        "namespaces": ["finance-reports"],
        "issuer": "corp",
        "subject": "alice",
        "kind": "human",
        "rule": "default-deny",
        "reason": "",
    }
    assert line["reason"]


def test_a_service(quiet: Gate, corp: Minter) -> None:
    mark = quiet.envoy.log_mark()
    quiet.count("finance-reports", token=corp.token("robot", groups=["readers"], gty="client-credentials"))
    assert quiet.envoy.decision(mark)["kind"] == "service"


def test_a_call_that_is_denied_at_its_headers(quiet: Gate, corp: Minter) -> None:
    """Its request is not read: what is missing is said, and which namespace the SDK names."""
    request = requests.start_workflow("payroll", grpc_client.test_id())
    for headers, named in ({}, None), ({"temporal-namespace": "payroll"}, "payroll"), ({"temporal-namespace": "x" * 5000}, "x" * 200):
        mark = quiet.envoy.log_mark()
        quiet.call("ResetActivity", request, token=corp.token("bob", groups=["pausers"]), headers=headers)
        line = quiet.envoy.decision(mark)
        assert (line["status"], line["namespaces"], line.get("namespace_header")) == (7, [], named)
        assert line["reason"] == "no grant covers reset, options in any namespace"


def test_a_stranger_names_nothing(quiet: Gate) -> None:
    mark = quiet.envoy.log_mark()
    quiet.count(headers={"temporal-namespace": "payroll"})
    assert "namespace_header" not in quiet.envoy.decision(mark)


def test_bad_token(quiet: Gate, corp: Minter) -> None:
    """The caller is unknown: the claims of an unverified token identify nobody."""
    for token in (None, "x.y.z", jws.flip_signature(corp.token("mallory")), corp.token("mallory", exp=1)):
        mark = quiet.envoy.log_mark()
        quiet.count(token=token)
        line = quiet.envoy.decision(mark)
        assert (line["status"], line["method"], line["namespaces"], line["rule"]) == (16, COUNT, [], None)
        assert (line["issuer"], line["subject"], line["kind"]) == (None, None, None)
        assert "mallory" not in quiet.envoy.log_since(mark)


def test_reasons_differ(quiet: Gate, corp: Minter) -> None:
    """The log alone must show an operator what is wrong with a token."""
    tokens = {
        "none": None,
        "garbage": "x.y.z",
        "expired": corp.token(exp=1),
        "audience": corp.token(aud="other"),
        "issuer": corp.token(iss="https://other.test/"),
        "kid": jws.token(corp.keys[0], corp.claims(), kid="nobody"),
        "signature": jws.flip_signature(corp.token()),
        "alg": jws.unsigned({"alg": "none", "typ": "JWT"}, corp.claims()),
    }
    reasons: dict[str, str] = {}
    for case, token in tokens.items():
        mark = quiet.envoy.log_mark()
        quiet.count(token=token)
        reasons[case] = quiet.envoy.decision(mark)["reason"]
    assert len(set(reasons.values())) == len(reasons), reasons


def test_every_status(quiet: Gate, corp: Minter) -> None:
    token = corp.token(groups=["readers"])
    twice = text(1, "payroll") * 2
    cases: list[tuple[int, Callable[[], Reply]]] = [
        (3, lambda: quiet.call(COUNT, twice, token=token)),
        (8, lambda: quiet.call(COUNT, bytes(5 << 20), token=token)),
        (12, lambda: quiet.call("/a.B/C", token=token)),
        (12, lambda: quiet.call(COUNT, token=token, headers={"grpc-encoding": "zstd"})),
        (7, lambda: quiet.call(requests.HEALTH_WATCH)),
    ]
    for status, do in cases:
        mark = quiet.envoy.log_mark()
        do()
        line = quiet.envoy.decision(mark)
        assert line["status"] == status and line["verdict"] == "deny" and line["reason"]


def test_one_line_each(quiet: Gate, corp: Minter) -> None:
    """This holds for a denial at the headers, in the body and at the trailers."""
    mark = quiet.envoy.log_mark()
    token = corp.token(groups=["readers"])
    for _ in range(5):
        quiet.count("finance-reports", token=token)
        quiet.count()
        with grpc_client.Connection(quiet.port) as connection:
            stream = connection.open(grpc_client.request_headers(COUNT, token=token))
            connection.data(stream, grpc_client.frame(text(1, "finance-reports")))
            connection.trailers(stream, {"x": "y"})
            connection.reply(stream)
    quiet.count("last", token=token)
    quiet.envoy.decision(mark, lambda d: d["namespaces"] == ["last"])
    assert len(quiet.envoy.decisions(mark)) == 16


def test_allowed_calls_are_silent(quiet: Gate, corp: Minter) -> None:
    mark = quiet.envoy.log_mark()
    allowed(quiet.count(token=corp.token(groups=["readers"])))
    allowed(quiet.call("GetSystemInfo"))
    quiet.count("last", token=corp.token(groups=["readers"]))
    quiet.envoy.decision(mark, lambda d: d["namespaces"] == ["last"])
    assert len(quiet.envoy.decisions(mark)) == 1


def test_allowed_calls_when_asked_for(talkative: Gate, corp: Minter) -> None:
    cases: list[tuple[str, Callable[[], Reply], list[str]]] = [
        ("readers", lambda: talkative.count(token=corp.token("alice", groups=["readers"])), ["payroll"]),
        ("system", lambda: talkative.count(token=corp.token("alice", groups=["admins"])), ["payroll"]),
        ("authenticated", lambda: talkative.call("GetClusterInfo", token=corp.token("alice")), []),
    ]
    for rule, do, namespaces in cases:
        mark = talkative.envoy.log_mark()
        allowed(do())
        line = talkative.envoy.decision(mark)
        assert (line["verdict"], line["rule"], line["subject"], line["namespaces"]) == ("allow", rule, "alice", namespaces)
    mark = talkative.envoy.log_mark()
    allowed(talkative.call("GetSystemInfo"))
    line = talkative.envoy.decision(mark)
    assert (line["verdict"], line["rule"], line["subject"]) == ("allow", "anonymous", None)


def test_the_level_distinguishes_denials(talkative: Gate, corp: Minter) -> None:
    mark = talkative.envoy.log_mark()
    allowed(talkative.count(token=corp.token(groups=["readers"])))
    talkative.count("finance-reports", token=corp.token(groups=["readers"]))
    talkative.envoy.decision(mark, lambda d: d["verdict"] == "deny")
    levels = re.findall(r'\]\[(\w+)\]\[wasm\].*temporal-auth \{.*"verdict":"(\w+)"', talkative.envoy.log_since(mark))
    assert levels == [("info", "allow"), ("warning", "deny")]


def test_the_token_is_never_logged(talkative: Gate, corp: Minter) -> None:
    good = corp.token("alice", groups=["readers"])
    bad = jws.flip_signature(corp.token("mallory"))
    mark = talkative.envoy.log_mark()
    for token in (good, bad, good + ".x", "prefix." + good):
        talkative.count(token=token)
        talkative.count("finance-reports", token=token)
        talkative.call("/a.B/C", token=token)
        talkative.call(COUNT, text(1, "payroll") * 2, token=token)
        talkative.call(requests.GET_SYSTEM_INFO, token=token)
    talkative.count("last", token=good)
    talkative.envoy.decision(mark, lambda d: d["namespaces"] == ["last"])
    log = talkative.envoy.log_text()
    for token in (good, bad):
        for part in token.split("."):
            assert part[:40] not in log
    assert "Bearer " not in log


def test_nested_namespaces_are_logged(quiet: Gate, corp: Minter) -> None:
    """The call's own namespace comes first, then the namespaces within the request."""
    request = requests.workflow.RespondWorkflowTaskCompletedRequest(namespace="payroll", task_token=task_tokens.SOME)
    command = request.commands.add(command_type="COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION")
    command.signal_external_workflow_execution_command_attributes.namespace = "finance-reports"
    mark = quiet.envoy.log_mark()
    token = corp.token(groups=["readers"], permissions=[])
    quiet.call("RespondWorkflowTaskCompleted", request, token=token)
    line = quiet.envoy.decision(mark)
    assert line["status"] == 7 and line["namespaces"] in ([], ["payroll", "finance-reports"])

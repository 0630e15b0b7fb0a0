"""Every wrong configuration is refused, with the path of each mistake; no configuration is applied in part."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from harness.echo import Echo
from harness.envoy import Cluster, ConfigurationRejected, Envoy, Settings
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import plugin
from harness.procs import NotReady

Json = dict[str, Any]


def _good(corp: Minter) -> Json:
    """A good configuration that uses every field, so that each can be broken."""
    return plugin(
        corp.config(
            token={"headers": ["authorization"], "typ": ["JWT"], "leeway": "60s", "max_lifetime": "24h", "require": {"a": "b"}},
            subject="sub",
            service_when=[{"gty": "client-credentials"}],
        ),
        grants=[
            {"name": "permissions", "who": {"issuer": "corp"}, "permissions_claim": "permissions"},
            {"name": "platform", "who": {"issuer": "corp", "claims": {"groups": "platform"}}, "role": "admin", "system": True},
            {"name": "teams", "who": {"issuer": "corp", "kind": "human", "claims": {"groups": "team-{team}"}}, "role": "developer", "namespaces": ["{team}-*"],
             "workflow_ids": ["{team}-*"], "schedule_ids": ["{team}-*"], "signals": ["a"], "queries": ["a"], "updates": ["a"], "until": "2999-12-24T18:00:00+01:00"},
        ],
        roles={"developer": {"from": "client", "minus": ["terminate"]}, "more": {"from": "developer", "plus": ["terminate"]}},
        newer_fields="count",
        applies_to={"clusters": ["temporal"]},
        anonymous=["GetSystemInfo"],
        authenticated=["GetClusterInfo"],
        methods=[{"name": "/a.B/New", "scope": "namespace", "namespace_field": 1, "effects": ["read"]}],
        admin_service=False,
        forward_token=False,
        log={"allowed": False},
        access_log_state=False,
    )


def put(path: str, value: Any) -> Callable[[Json], None]:
    """Sets the value at a path such as `grants.2.role`, or removes it if None."""

    def change(config: Json) -> None:
        *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        target: Any = config
        for step in parents:
            target = target[step]
        if value is None:
            del target[last]
        elif isinstance(target, list) and last == len(target):
            target.append(value)
        else:
            target[last] = value

    return change


# (how to break the good configuration, how the reported path begins)
MISTAKES: list[tuple[Callable[[Json], None], str]] = [
    (put("version", None), "version"),
    (put("version", 2), "version"),
    (put("version", "1"), "version"),
    (put("grantz", []), "grantz"),
    (put("issuers", {}), "issuers"),
    (put("issuers.corp.isuer", "x"), "issuers.corp.isuer"),
    (put("issuers.corp.issuer", None), "issuers.corp.issuer"),
    (put("issuers.corp.issuer", 7), "issuers.corp.issuer"),
    (put("issuers.corp.issuer", ""), "issuers.corp.issuer"),
    (put("issuers.corp.audiences", None), "issuers.corp.audiences"),
    (put("issuers.corp.audiences", []), "issuers.corp.audiences"),
    (put("issuers.corp.audiences", "temporal"), "issuers.corp.audiences"),
    (put("issuers.corp.keys", None), "issuers.corp.keys"),
    (put("issuers.corp.keys", {}), "issuers.corp.keys"),
    (put("issuers.corp.keys", {"discovery": True}), "issuers.corp.keys"),
    (put("issuers.corp.keys", {"jwks_uri": "https://x/y"}), "issuers.corp.keys"),
    (put("issuers.corp.keys", {"jwks_uri": "not a uri", "cluster": "idp"}), "issuers.corp.keys.jwks_uri"),
    (put("issuers.corp.keys", {"discovery": True, "jwks_uri": "https://x/y", "cluster": "idp"}), "issuers.corp.keys"),
    (put("issuers.corp.keys", {"discovery": True, "cluster": "idp", "refresh": "soon"}), "issuers.corp.keys.refresh"),
    (put("issuers.corp.keys", {"discovery": True, "cluster": "idp", "refresh": "0s"}), "issuers.corp.keys.refresh"),
    (put("issuers.corp.keys", {"discovery": True, "cluster": "idp", "refresh": "10ms"}), "issuers.corp.keys.refresh"),
    (put("issuers.corp.keys", {"discovery": True, "cluster": "idp", "max_stale": "-1h"}), "issuers.corp.keys.max_stale"),
    (put("issuers.corp.keys", {"discovery": True, "cluster": "idp", "wait": 5}), "issuers.corp.keys.wait"),
    (put("issuers.corp.keys", {"inline": {"keys": []}}), "issuers.corp.keys.inline"),
    (put("issuers.corp.keys", {"inline": {"keys": "x"}}), "issuers.corp.keys.inline"),
    (put("issuers.corp.algorithms", ["HS256"]), "issuers.corp.algorithms"),
    (put("issuers.corp.algorithms", ["none"]), "issuers.corp.algorithms"),
    (put("issuers.corp.algorithms", []), "issuers.corp.algorithms"),
    (put("issuers.corp.token.leeway", "a while"), "issuers.corp.token.leeway"),
    (put("issuers.corp.token.headers", []), "issuers.corp.token.headers"),
    (put("issuers.corp.token.leway", "1s"), "issuers.corp.token.leway"),
    (put("issuers.corp.service_when", {"a": "b"}), "issuers.corp.service_when"),
    (put("grants.0.name", None), "grants[0]"),
    (put("grants.1.name", "permissions"), "grants[1].name"),
    (put("grants.0.who", {}), "grants[0].who"),
    (put("grants.0.who", None), "grants[0].who"),
    (put("grants.0.who.issuer", "nobody"), "grants[0].who.issuer"),
    (put("grants.0.who.group", "x"), "grants[0].who.group"),
    (put("grants.0.role", "reader"), "grants[0]"),
    (put("grants.0.namespaces", ["x"]), "grants[0]"),
    (put("grants.1.role", "king"), "grants[1].role"),
    (put("grants.1.role", "Reader"), "grants[1].role"),
    (put("grants.1.role", None), "grants[1]"),
    (put("grants.1.system", False), "grants[1]"),
    (put("grants.1.namespaces", ["x"]), "grants[1]"),
    (put("grants.2.namespaces", []), "grants[2].namespaces"),
    (put("grants.2.namespaces", None), "grants[2]"),
    (put("grants.2.namespaces", ["{other}-*"]), "grants[2].namespaces"),
    (put("grants.2.who.kind", "robot"), "grants[2].who.kind"),
    (put("grants.2.who.claims.groups", "{a}-{b}"), "grants[2].who.claims.groups"),
    (put("grants.2.who.claims.groups", "team-{team}-*"), "grants[2].who.claims.groups"),
    (put("grants.2.who.claims.groups", "team-{team"), "grants[2].who.claims.groups"),
    (put("issuers.corp.service_when", None), "grants[2].who.kind"),
    (put("roles.reader", {"from": "writer"}), "roles.reader"),
    (put("roles.developer.from", "nothing"), "roles.developer.from"),
    (put("roles.developer.from", "more"), "roles."),
    (put("roles.developer.minus", ["namespace"]), "roles.developer.minus"),
    (put("roles.developer.minus", ["fly"]), "roles.developer.minus"),
    (put("roles.more.plus", ["fly"]), "roles.more.plus"),
    (put("anonymous", ["StartWorkflowExecution"]), "anonymous[0]"),
    (put("anonymous", ["CountWorkflowExecutions"]), "anonymous[0]"),
    (put("anonymous", ["NoSuchMethod"]), "anonymous[0]"),
    (put("anonymous", "GetSystemInfo"), "anonymous"),
    (put("authenticated", ["StartWorkflowExecution"]), "authenticated[0]"),
    (put("methods.0.name", "New"), "methods[0].name"),
    (put("methods.0.scope", "galaxy"), "methods[0].scope"),
    (put("methods.0.namespace_field", None), "methods[0]"),
    (put("methods.0.namespace_field", 0), "methods[0].namespace_field"),
    (put("methods.0.effects", ["fly"]), "methods[0].effects"),
    (put("methods.0.effects", []), "methods[0].effects"),
    (put("applies_to", {}), "applies_to"),
    (put("applies_to.clusters", []), "applies_to.clusters"),
    (put("applies_to.hosts", ["x"]), "applies_to.hosts"),
    (put("forward_token", "yes"), "forward_token"),
    (put("admin_service", 1), "admin_service"),
    (put("log", True), "log"),
    (put("log.allowd", True), "log.allowd"),
    (put("access_log_state", "on"), "access_log_state"),
    (put("explain_to_client", 1), "explain_to_client"),
    (put("mode", "off"), "mode"),
    (put("peers", {"xfcc": 1}), "peers.xfcc"),
    (put("peers", {"proxy": True}), "peers.proxy"),
    (put("grants.0.who", {"peer": "a", "kind": "human"}), "grants[0].who.kind"),
    (put("grants.0.who.peer", "{a}*"), "grants[0].who.peer"),
    (put("parity", "native"), "parity"),
    (put("grants.0.permissions_regex", "^(?P<namespace>.+)$"), "grants[0].permissions_regex"),
    (put("prefer", ["x-nobody"]), "prefer[0]"),
    (put("issuers.corp.claims", {"groups": {"split": "|"}}), "issuers.corp.claims.groups.split"),
    (put("issuers.corp.subject", ["sub", "/a/*/b"]), "issuers.corp.subject[1]"),
    (put("issuers.corp.email", "always"), "issuers.corp.email"),
    (put("issuers.corp.keys.kid", "never"), "issuers.corp.keys.kid"),
    (put("grants.2.task_queues", "x-*"), "grants[2].task_queues"),
    (put("grants.2.workflow_types", ["{nobody}"]), "grants[2].workflow_types[0]"),
    (put("grants.2.nexus_endpoints", []), "grants[2].nexus_endpoints"),
    (put("grants.2.may_call_back", "no"), "grants[2].may_call_back"),
    (put("denials", [{"name": "x", "outside": {}}]), "denials[0].outside"),
    (put("denials", [{"name": "x", "outside": {"queues": ["x"]}}]), "denials[0].outside.queues"),
    (put("grants.1.shadow", "yes"), "grants[1].shadow"),
    (put("denials", {}), "denials"),
    (put("denials", [{"effects": ["start"]}]), "denials[0].name"),
    (put("denials", [{"name": "x", "effects": ["strat"]}]), "denials[0].effects[0]"),
    (put("denials", [{"name": "x", "effects": ["start"], "namespaces": ["{team}"]}]), "denials[0].namespaces[0]"),
    (put("denials", [{"name": "x", "effects": ["start"], "unless": {"issuer": "nobody"}}]), "denials[0].unless.issuer"),
    (put("denials", [{"name": "x"}]), "denials[0]"),
    (put("roles.client", {"from": "writer"}), "roles.client"),
    (put("newer_fields", "deny"), "newer_fields"),
    (put("newer_fields", True), "newer_fields"),
    (put("grants.2.until", "2026-12-24"), "grants[2].until"),
    (put("grants.2.until", "2026-12-24T18:00:00"), "grants[2].until"),
    (put("grants.2.until", "2026-02-30T18:00:00Z"), "grants[2].until"),
    (put("grants.2.until", 1798135200), "grants[2].until"),
    (put("grants.2.workflow_ids", []), "grants[2].workflow_ids"),
    (put("grants.2.workflow_ids", ["{nobody}-*"]), "grants[2].workflow_ids[0]"),
    (put("grants.2.schedule_ids", "x"), "grants[2].schedule_ids"),
    (put("grants.2.signals", ["**"]), "grants[2].signals[0]"),
    (put("grants.2.queries", [7]), "grants[2].queries[0]"),
    (put("grants.2.updates", [""]), "grants[2].updates[0]"),
    (put("grants.2.who.claims.groups", 9007199254740992), "grants[2].who.claims.groups"),
    (put("denials", [{"name": "x", "effects": ["start"], "commands": "yes"}]), "denials[0].commands"),
    (put("denials", [{"name": "x", "effects": ["delete"], "commands": True}]), "denials[0].commands"),
    (put("denials", [{"name": "x", "effects": ["StartWorkflowExecution"], "commands": True}]), "denials[0].commands"),
    (put("denials", [{"name": "x", "effects": ["start"], "until": "2999-12-24T18:00:00Z"}]), "denials[0].until"),
    (put("denials", [{"name": "x", "outside": {"workflow_ids": ["{team}-*"]}}]), "denials[0].outside.workflow_ids[0]"),
]

# The words of each error, by kind of mistake: it says what was expected, or what the value contradicts.
SENTENCES = ("expected ", "did you mean ", "not allowed ", "requires ", "duplicate ", "bound by none", "inherits from", "the role does not ", "must be ")


@pytest.fixture(scope="module")
def running(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    """An Envoy that serves with the good configuration, whatever is pushed to it."""
    return open_shared_gate(_good(corp), echo.port)


def _rejected(running: Gate, configuration: Any) -> list[str]:
    good = running.envoy.settings.plugin
    mark = running.envoy.log_mark()
    try:
        with pytest.raises(ConfigurationRejected):
            running.envoy.push(plugin=configuration)
    finally:
        running.envoy.settings.plugin = good
    return running.envoy.configuration_errors(mark)


def test_the_valid_configuration_is_accepted(running: Gate, corp: Minter) -> None:
    allowed(running.count(token=corp.token(permissions=["payroll:read"], a="b")))


@pytest.mark.parametrize("index", range(len(MISTAKES)), ids=lambda i: f"{i}-{MISTAKES[i][1]}")
def test_each_mistake_is_refused(running: Gate, corp: Minter, index: int) -> None:
    spoil, path = MISTAKES[index]
    config = copy.deepcopy(_good(corp))
    spoil(config)
    errors = _rejected(running, config)
    hits = [error for error in errors if error.startswith(path)]
    assert hits, f"nothing about {path} in {errors}"
    sentence = hits[0].partition(": ")[2]
    assert any(word in sentence for word in SENTENCES), hits[0]


@pytest.mark.parametrize("text", ["", " ", "{", "[]", "null", "1", '"x"', "{}{}", '{"version": 1, "version": 1}', "\x00"], ids=repr)
def test_no_configuration_at_all(running: Gate, text: str) -> None:
    errors = _rejected(running, text)
    assert errors, running.envoy.process.log_tail(5)


def test_all_mistakes_are_reported_at_once(running: Gate, corp: Minter) -> None:
    config = copy.deepcopy(_good(corp))
    config["issuers"]["corp"]["audiences"] = []
    config["issuers"]["corp"]["algorithms"] = ["none"]
    config["grants"][1]["role"] = "king"
    config["grants"][2]["who"]["issuer"] = "nobody"
    config["surprise"] = {}
    config["anonymous"] = ["GetSystemInfo", "StartWorkflowExecution"]
    errors = _rejected(running, config)
    for path in ("issuers.corp.audiences", "issuers.corp.algorithms", "grants[1].role", "grants[2].who.issuer", "surprise", "anonymous[1]"):
        assert any(error.startswith(path) for error in errors), f"{path} not in {errors}"


def test_a_wrong_configuration_stops_envoy_at_start(echo: Echo, corp: Minter) -> None:
    """Envoy does not come up, and its log has all mistakes at once."""
    config = _good(corp)
    config["version"] = 7
    config["grants"][1]["role"] = "king"
    envoy = Envoy(Settings({"temporal": Cluster(echo.port)}, plugin=config, dynamic=False), "bad-start")
    try:
        with pytest.raises(NotReady):
            envoy.start()
        assert not envoy.process.alive()
        errors = envoy.configuration_errors()
        assert any(error.startswith("version:") for error in errors), errors
        assert any(error.startswith("grants[1].role:") for error in errors), errors
    finally:
        envoy.stop()


def test_errors_hold_no_control_characters(running: Gate, corp: Minter) -> None:
    """A field's name may come from a template: it must not add lines to the log."""
    config = _good(corp)
    config["a\nb\x1b[31m"] = 1
    config["grants"][1]["role"] = "x\ntemporal-auth: configuration: forged: expected a, found b"
    errors = _rejected(running, config)
    assert errors and not any(error.startswith("forged") for error in errors)
    assert "\x1b" not in running.envoy.log_text()

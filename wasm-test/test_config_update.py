"""A new configuration under traffic: a good configuration takes over without a failed call, and a bad one changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.echo import Echo
from harness.envoy import ConfigurationRejected
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.traffic import Traffic

FINANCE = [{"name": "finance", "who": {"issuer": "corp", "claims": {"groups": "finance"}}, "role": "reader", "namespaces": ["payroll"]}]


def _traffic(gate: Gate, token: str) -> Traffic:
    # Before 1.40, Envoy closes connections that are being opened while a listener is replaced, without any filter as well.
    is_old = gate.envoy.version < (1, 40)
    return Traffic({"call": lambda: gate.count(token=token)}, excused=lambda reply: is_old and reply.closed and not reply.headers)


@pytest.fixture
def gate_to_update(open_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    return open_gate(plugin(corp.config()), echo.port)


@pytest.fixture
def token(corp: Minter) -> str:
    return corp.token(permissions=["payroll:read"], groups=["finance"])


def test_bad_update(gate_to_update: Gate, corp: Minter, token: str) -> None:
    gate = gate_to_update
    bad = plugin(corp.config(audiences=None), grants=[{"name": "x", "who": {"issuer": "corp"}, "role": "king", "system": True}])
    bad["surprise"] = 1
    mark = gate.envoy.log_mark()
    with _traffic(gate, token) as traffic:
        traffic.more()
        with pytest.raises(ConfigurationRejected):
            gate.envoy.push(plugin=bad)
        traffic.more()
    traffic.all_succeeded()
    errors = gate.envoy.configuration_errors(mark)
    for path in ("issuers.corp.audiences", "grants[0].role", "surprise"):
        assert any(error.startswith(path + ":") for error in errors), f"{path} not among {errors}"
    refused(gate.count("finance-reports", token=token), 7)
    # And the filter is not stuck: it accepts a good configuration afterwards.
    gate.envoy.push(plugin=plugin(corp.config(), grants=FINANCE))
    allowed(gate.count(token=token))


def test_good_update(gate_to_update: Gate, corp: Minter, token: str) -> None:
    gate = gate_to_update
    by_permission = corp.token(permissions=["payroll:read"])
    allowed(gate.count(token=by_permission))
    with _traffic(gate, token) as traffic:
        traffic.more()
        gate.envoy.push(plugin=plugin(corp.config(), grants=FINANCE))
        traffic.more()
        until(lambda: gate.count(token=by_permission).grpc_status == 7, 10, "the new policy")
        gate.envoy.push(plugin=plugin(corp.config()))
        traffic.more()
        until(lambda: gate.count(token=by_permission).grpc_status == 0, 10, "the old policy again")
    traffic.all_succeeded()


def test_verified_tokens_do_not_outlive_their_configuration(gate_to_update: Gate, corp: Minter, token: str) -> None:
    """The VM and its caches survive an update, but with other keys the verdict is another one."""
    gate = gate_to_update
    allowed(gate.count(token=token))
    allowed(gate.count(token=token))
    only_other_key = Minter(corp.url, [corp.key("ES256")])
    gate.envoy.push(plugin=plugin(only_other_key.config()))
    until(lambda: gate.count(token=token).grpc_status == 16, 10, "the old key to end")
    allowed(gate.count(token=only_other_key.token(permissions=["payroll:read"])))
    # The same keys with another audience.
    gate.envoy.push(plugin=plugin(corp.config(audiences=["elsewhere"])))
    until(lambda: gate.count(token=only_other_key.token(permissions=["payroll:read"])).grpc_status == 16, 10, "the audience")
    allowed(gate.count(token=corp.token(permissions=["payroll:read"], aud="elsewhere")))


@pytest.fixture(scope="module")
def as_struct(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Iterator[Gate]:
    yield open_shared_gate(plugin(corp.config(token={"leeway": "60s"})), echo.port, plugin_as="struct")


def test_configuration_as_a_struct(as_struct: Gate, corp: Minter) -> None:
    """In envoy.yaml the configuration is YAML: numbers arrive as doubles, members in any order."""
    allowed(as_struct.count(token=corp.token(permissions=["payroll:read"])))
    refused(as_struct.count("finance-reports", token=corp.token(permissions=["payroll:read"])), 7)

"""Gauges: what operators look at between two calls. All worker threads share them, and each has a VM of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from harness import jws, modules
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed
from harness.issuer import Issuer
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until

pytestmark = pytest.mark.waits

READ = ["payroll:read"]
KEYS, CACHED, INFO = "temporal_auth.keys.", "temporal_auth.tokens.cached", "wasmcustom.temporal_auth.info."


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer(keys=[jws.Key.new()]) as issuer:
        yield issuer


def _open(open_gate: OpenGate, echo: Echo, issuer: Issuer, **keys: Any) -> Gate:
    clusters = {"idp": Cluster(issuer.port, http2=False)}
    return open_gate(plugin(issuer.fetched_config(**keys)), echo.port, clusters=clusters, fresh=True, concurrency=2)


def _lifetime(gate: Gate) -> tuple[int, int]:
    return gate.envoy.gauge(KEYS + "fetched_at.corp"), gate.envoy.gauge(KEYS + "expire_at.corp")


def _info(gate: Gate) -> dict[str, int]:
    """The configurations that have been in effect, and whether they are."""
    return {name.removeprefix(INFO): value for name, value in gate.envoy.stats(INFO).items()}


def test_age_of_the_keys(open_gate: OpenGate, echo: Echo, issuer: Issuer) -> None:
    """It is that of the last good fetch, in seconds since 1970 however many threads there are."""
    began = int(time.time())
    gate = _open(open_gate, echo, issuer, refresh="1s", retry="1s", max_stale="1h")
    fetched, _ = until(lambda: found if all(found := _lifetime(gate)) else None, 10, "a fetch")
    until(lambda: _lifetime(gate)[0] >= fetched + 2, 10, "other fetches")
    fetched, expire = _lifetime(gate)
    assert began <= fetched <= time.time() and fetched + 3599 <= expire <= fetched + 3601
    issuer.stop()
    failed = gate.envoy.wait_counter(KEYS + "fetch_failed", 1, 20)
    last = _lifetime(gate)
    gate.envoy.wait_counter(KEYS + "fetch_failed", failed + 2, 20)
    assert _lifetime(gate) == last, "a failed fetch makes keys look fresh"
    issuer.start()
    until(lambda: _lifetime(gate)[0] > last[0], 20, "a good fetch")


def test_keys_that_never_came(open_gate: OpenGate, echo: Echo, issuer: Issuer) -> None:
    issuer.stop()
    gate = _open(open_gate, echo, issuer, retry="1s")
    gate.envoy.wait_counter(KEYS + "fetch_failed", 1, 10)
    time.sleep(2)
    assert (_lifetime(gate), gate.envoy.gauge(KEYS + "usable.corp")) == ((0, 0), 0)


def test_inline_keys_have_no_age(open_gate: OpenGate, echo: Echo, corp: Minter) -> None:
    gate = open_gate(plugin(corp.config()), echo.port, fresh=True)
    until(lambda: gate.envoy.gauge(KEYS + "usable.corp"), 10, "a report")
    names = gate.envoy.stats("wasmcustom." + KEYS)
    assert not [name for name in names if "fetched_at" in name or "expire_at" in name]


def test_cached_tokens(open_gate: OpenGate, echo: Echo, corp: Minter) -> None:
    """The sum over all threads: a token counts once for each thread that has verified it, and not at all for a bad one."""
    gate = open_gate(plugin(corp.config()), echo.port, fresh=True, concurrency=2)
    for number in range(10):
        allowed(gate.count(token=corp.token(f"caller-{number}", permissions=READ)))
    until(lambda: gate.envoy.gauge(CACHED) == 10, 10, "ten tokens")
    for number in range(10):
        gate.count(token=jws.flip_signature(corp.token(f"caller-{number}", permissions=READ)))
    soon = jws.now() + 2
    for number in range(10):
        allowed(gate.count(token=corp.token(f"short-{number}", permissions=READ, exp=soon - 60)))
    time.sleep(1.5)
    assert gate.envoy.gauge(CACHED) > 10
    until(lambda: gate.envoy.gauge(CACHED) == 10, 10, "the others to expire")
    # A new configuration has a cache of its own. That of the old one goes with its listener.
    gate.envoy.push(plugin=plugin(corp.config(), hide_namespaces=True))
    until(lambda: gate.envoy.gauge(CACHED) == 0, 20, "the old configuration to be gone")
    allowed(gate.count(token=corp.token(permissions=READ)))
    until(lambda: gate.envoy.gauge(CACHED) == 1, 10, "one token")


def test_the_configuration_in_effect(open_gate: OpenGate, echo: Echo, corp: Minter) -> None:
    first, second = plugin(corp.config()), plugin(corp.config(), hide_namespaces=True)
    gate = open_gate(first, echo.port, fresh=True, concurrency=2)
    (name,) = until(lambda: _info(gate), 10, "a report")
    assert _info(gate) == {name: 1} and name.startswith("version.")
    gate.envoy.push(plugin=second)
    until(lambda: _info(gate).get(name) == 0, 20, "the old configuration to be gone")
    (other,) = _info(gate).keys() - {name}
    assert _info(gate) == {name: 0, other: 1} and name.rpartition(".")[0] == other.rpartition(".")[0]
    # Back again; and with a new VM, which is told of nothing.
    gate.envoy.push(plugin=first)
    until(lambda: _info(gate) == {name: 1, other: 0}, 20, "the first configuration")
    gate.envoy.push(module=modules.another())
    until(lambda: not gate.envoy.stats("listener_manager.").get("listener_manager.total_listeners_draining"), 20, "the old VM to end")
    until(lambda: _info(gate).get(name) == 1 and not _info(gate).get(other), 20, "the report of the new VM")


def test_a_configuration_that_was_refused_is_not_in_effect(open_gate: OpenGate, echo: Echo, corp: Minter) -> None:
    gate = open_gate(plugin(corp.config()), echo.port, fresh=True)
    before = until(lambda: _info(gate), 10, "a report")
    with pytest.raises(RuntimeError):
        gate.envoy.push(plugin=plugin(corp.config(), surprise=True))
    time.sleep(2)
    assert _info(gate) == before


def test_proxies_agree_on_a_configuration(open_gate: OpenGate, echo: Echo, corp: Minter) -> None:
    """As JSON, with other members first, with blanks; and as a Struct, whose members have no order on the wire."""
    configuration = plugin(corp.config(token={"leeway": "60s"}))
    backwards = json.dumps(dict(reversed(configuration.items())), indent=3)
    gates = [open_gate(configuration, echo.port, fresh=True, plugin_as="struct") for _ in range(2)]
    gates.append(open_gate(backwards, echo.port, fresh=True))
    names = [next(iter(until(lambda: _info(gate), 10, "a report"))) for gate in gates]
    assert len(set(names)) == 1, names
    gates[2].envoy.push(plugin=plugin(corp.config(token={"leeway": "61s"})))
    until(lambda: _info(gates[2]).get(names[2]) == 0, 20, "another configuration")

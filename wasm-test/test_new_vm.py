"""A VM that starts while the issuer is down can use the keys that other threads have fetched at once.

A new build of the module starts a VM, and so does Envoy after a VM has failed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from harness import jws, modules
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed, refused
from harness.issuer import Issuer
from harness.policy import plugin
from harness.poll import prompt, until

READ = ["payroll:read"]
TRAPPED = "Function: proxy_on_response_headers failed"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer(keys=[jws.Key.new()]) as issuer:
        yield issuer


def _open(open_gate: OpenGate, echo: Echo, issuer: Issuer, **settings: Any) -> Gate:
    config = issuer.fetched_config(refresh="1m", refetch="1s", timeout="1s", retry="1s", wait="1s")
    clusters = {"idp": Cluster(issuer.port, http2=False)}
    return open_gate(plugin(config), echo.port, clusters=clusters, **settings)


def _verifies_at_once(gate: Gate, issuer: Issuer) -> None:
    """Makes several calls, because each may be on another thread; none of them waits, and none is told to retry."""
    for _ in range(8):
        allowed(prompt(lambda: gate.count(token=issuer.token(permissions=READ, jti=str(time.monotonic_ns()))), 0.9))
    refused(gate.count(token=jws.flip_signature(issuer.token(permissions=READ))), 14)
    refused(gate.count(token=issuer.token(permissions=READ, key=jws.stranger_key())), 14)


def test_new_build_while_the_issuer_is_down(open_gate: OpenGate, echo: Echo, issuer: Issuer) -> None:
    gate = _open(open_gate, echo, issuer, concurrency=2)
    allowed(gate.count(token=issuer.token(permissions=READ)))
    issuer.stop()
    gate.envoy.push(module=modules.another())
    until(lambda: not gate.envoy.stats("listener_manager.").get("listener_manager.total_listeners_draining"), 20, "the old to end")
    _verifies_at_once(gate, issuer)
    issuer.start()
    issuer.rotate("ES256")
    until(lambda: gate.count(token=issuer.token(permissions=READ)).grpc_status == 0, 20, "a new key")


def test_machine_started_again_while_the_issuer_is_down(open_gate: OpenGate, echo: Echo, issuer: Issuer) -> None:
    """With FAIL_RELOAD, Envoy starts the VM again after a trap, at the earliest a second later."""
    gate = _open(open_gate, echo, issuer, module=modules.that_traps(), failure_policy="FAIL_RELOAD")
    known = issuer.token(permissions=READ)
    allowed(gate.count(token=known))
    issuer.stop()
    mark = gate.envoy.log_mark()
    gate.count(token="no.token.atall")
    until(lambda: TRAPPED in gate.envoy.log_since(mark), 5, f"the trap: {gate.envoy.log_since(mark)[-500:]}")
    until(lambda: gate.count(token=known).grpc_status == 0, 10, "the machine to be back", every=0.3)
    for number in range(8):
        allowed(gate.count(token=issuer.token(permissions=READ, jti=f"new {number}")))

"""Two configurations of the filter in one VM, with the same name of an issuer and different keys: neither uses the other's keys."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from harness import jws, paths
from harness.echo import Echo
from harness.envoy import Cluster
from harness.envoy_config import wasm_filter
from harness.gate import Gate, OpenGate, allowed, refused, refused_in_the_end
from harness.grpc_client import Reply
from harness.issuer import Issuer
from harness.policy import plugin
from harness.poll import until
from harness.shared_data import entry, let_loose

pytestmark = pytest.mark.waits

READ = ["payroll:read"]
HOSTS = {"a": "temporal.test", "b": "other.test"}
CLUSTERS = {"a": "temporal", "b": "other"}


class Pair:
    """`call("a", token)` goes through the filter with configuration a; `token("b")` is a new token of issuer b."""

    def __init__(self, gate: Gate, issuers: dict[str, Issuer], configurations: dict[str, dict[str, Any]]) -> None:
        self.gate, self.issuers, self.configurations = gate, issuers, configurations
        self._number = itertools.count()

    def token(self, signed_by: str) -> str:
        return self.issuers[signed_by].token(permissions=READ, jti=str(next(self._number)))

    def call(self, through: str, token: str) -> Reply:
        return self.gate.count(token=token, authority=HOSTS[through])

    def are_apart(self) -> None:
        for through in HOSTS:
            for signed_by in HOSTS:
                reply = self.call(through, self.token(signed_by))
                # 14 until keys that were fetched later prove that the signature is not that of a replaced key.
                allowed(reply) if through == signed_by else refused(reply, 14 if reply.grpc_status == 14 else 16)


@pytest.fixture(scope="module")
def pair(open_shared_gate: OpenGate, echo: Echo) -> Iterator[Pair]:
    keys = {name: jws.Key("RS256", jws.Key.new().private, "the-kid") for name in HOSTS}
    with Issuer(keys=[keys["a"]]) as a, Issuer(keys=[keys["b"]]) as b:
        b._url = a.url
        issuers = {"a": a, "b": b}
        configurations = {
            name: plugin(
                issuer.fetched_config(f"idp-{name}", discovery=False, refresh="1s", refetch="1s", retry="1s"),
                applies_to={"clusters": [CLUSTERS[name]]},
            )
            for name, issuer in issuers.items()
        }
        gate = open_shared_gate(
            configurations["a"],
            echo.port,
            clusters={f"idp-{name}": Cluster(issuer.port, http2=False) for name, issuer in issuers.items()}
            | {"other": Cluster(echo.port)},
            hosts={HOSTS["b"]: "other"},
            filters=[_second(configurations["b"])],
            concurrency=2,
        )
        pair = Pair(gate, issuers, configurations)
        for name in HOSTS:
            until(lambda: pair.call(name, pair.token(name)).grpc_status == 0, 10, f"the keys of {name}")
        yield pair


def _second(configuration: dict[str, Any]) -> dict[str, Any]:
    return wasm_filter("temporal_auth", paths.MODULE, json.dumps(configuration), failure_policy="FAIL_CLOSED")


def test_each_takes_its_own_tokens(pair: Pair) -> None:
    """The same kid, issuer and audience, on each of the two threads, with and without the cache."""
    for _ in range(6):
        pair.are_apart()


def test_a_token_that_one_has_cached_is_unknown_to_the_other(pair: Pair) -> None:
    token = pair.token("a")
    for _ in range(6):
        allowed(pair.call("a", token))
        refused_in_the_end(lambda: pair.call("b", token), 16)


def test_one_issuer_down(pair: Pair) -> None:
    """Its configuration continues with the keys it has, and does not use the other's."""
    pair.issuers["a"].stop()
    pair.gate.envoy.wait_counter("temporal_auth.keys.fetch_failed", 2, 15)
    pair.are_apart()
    pair.issuers["a"].start()


@pytest.mark.parametrize("there, back", [("a", "b"), ("b", "a")])
def test_a_neighbour_copies_one_entry_over_the_other(pair: Pair, there: str, back: str) -> None:
    """An entry that one configuration has shared is invalid for the other, even under the other's name."""
    names = {name: entry(configuration, "corp") for name, configuration in pair.configurations.items()}
    beside = [_second(pair.configurations["b"])]
    let_loose(pair.gate.envoy, f"copy {names[there]} {names[back]}", beside=beside)
    seen = pair.issuers["a"].fetches()
    until(lambda: pair.issuers["a"].fetches() >= seen + 3, 20, "refreshes meanwhile")
    for _ in range(6):
        pair.are_apart()
    pair.gate.envoy.push(filters=beside)
    pair.are_apart()

"""Another plugin overwrites the threads' shared data on every tick. Honest callers notice nothing, none of its keys is ever
used, a rotation still arrives, and once it stops, everything works as before.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from harness import jws
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed, refused, refused_in_the_end
from harness.issuer import Issuer
from harness.policy import plugin
from harness.poll import until
from harness.shared_data import SAID, entry, hostile, let_loose, read
from harness.traffic import Traffic

pytestmark = pytest.mark.waits

READ = ["payroll:read"]
TIMING = {"refresh": "1s", "refetch": "1s", "retry": "1s", "timeout": "2s", "wait": "4s"}
THREADS = 2


class Scene:
    """The filter, its issuer, the names of its entries, and callers that must never fail."""

    def __init__(self, gate: Gate, issuer: Issuer, keys: str, lease: str) -> None:
        self.gate, self.issuer, self.keys, self.lease = gate, issuer, keys, lease
        self.genuine = read(gate.envoy, keys)
        self.attacker = jws.Key("RS256", jws.stranger_key().private, issuer.keys[0].kid)
        key, seen = issuer.keys[0], issuer.token(permissions=READ)
        calls = {"seen": lambda: gate.count(token=seen), "fresh": lambda: gate.count(token=self.token(key))}
        # Except for a call that was on its way to a listener when it was replaced: clients reconnect.
        self.honest = Traffic(calls, excused=lambda reply: reply.closed and not reply.headers)

    def token(self, key: jws.Key) -> str:
        return self.issuer.token(permissions=READ, key=key, jti=str(time.monotonic_ns()))

    def crafted(self) -> bytes:
        """The entry with the attacker's modulus in place of the issuer's: the layout is right, the code is not."""
        value = self.genuine
        good, evil = self.issuer.keys[0].jwk()["n"], self.attacker.jwk()["n"]
        number = lambda key: key.private.public_key().public_numbers().n.to_bytes(256, "big")  # noqa: E731
        changed = value.replace(good.encode(), evil.encode()).replace(number(self.issuer.keys[0]), number(self.attacker))
        assert changed != value, f"no modulus in the entry: {value[:200]!r}"
        return changed

    def fetched_again(self, times: int) -> None:
        seen = self.issuer.fetches()
        until(lambda: self.issuer.fetches() >= seen + times, 20, "refreshes")


@pytest.fixture(scope="module")
def scene(open_shared_gate: OpenGate, echo: Echo) -> Iterator[Scene]:
    with Issuer(keys=[jws.Key.new()]) as issuer:
        configuration = plugin(issuer.fetched_config(discovery=False, **TIMING))
        clusters = {"idp": Cluster(issuer.port, http2=False)}
        gate = open_shared_gate(configuration, echo.port, clusters=clusters, concurrency=THREADS)
        allowed(gate.count(token=issuer.token(permissions=READ)))
        names = entry(configuration, "corp"), entry(configuration, "corp", "lease")
        scene = Scene(gate, issuer, *names)
        with scene.honest:
            yield scene


def test_entries_are_where_the_plugin_looks(scene: Scene) -> None:
    """Without this, the other tests would prove nothing."""
    assert len(scene.genuine) > 300
    assert read(scene.gate.envoy, scene.lease)


MOVES: dict[str, Callable[[Scene], list[str]]] = {
    "garbage": lambda s: [f"set {s.keys} {'a5' * 400}", f"set {s.lease} {'5a' * 40}"],
    "empty": lambda s: [f"set {s.keys}", f"set {s.lease}"],
    "one byte": lambda s: [f"set {s.keys} 00", f"set {s.lease} 01"],
    "all ones": lambda s: [f"set {s.keys} {'ff' * 600}", f"set {s.lease} {'ff' * 48}"],
    "truncated": lambda s: [f"truncate {s.keys}", f"truncate {s.lease}"],
    "a megabyte": lambda s: [f"set {s.keys} {'00' * 500_000}"],
    "replayed": lambda s: [f"replay {s.keys}", f"replay {s.lease}"],
    "moved on": lambda s: [f"bump {s.keys}", f"bump {s.lease}"],
    "exchanged": lambda s: [f"copy {s.keys} {s.lease}", f"copy {s.lease} {s.keys}"],
    "a key set of the attacker": lambda s: [f"set {s.keys} {_plain_set(s).hex()}"],
    "crafted": lambda s: [f"set {s.keys} {s.crafted().hex()}"],
}


def _plain_set(scene: Scene) -> bytes:
    return json.dumps({"keys": [scene.attacker.jwk()]}).encode()


@pytest.mark.parametrize("move", MOVES)
def test_callers_notice_nothing(scene: Scene, move: str) -> None:
    let_loose(scene.gate.envoy, *MOVES[move](scene))
    scene.fetched_again(3)
    for _ in range(4):
        forged = scene.token(scene.attacker)
        refused_in_the_end(lambda: scene.gate.count(token=forged), 16)
    scene.honest.more()
    scene.honest.all_succeeded()


def test_a_rotation_arrives_and_an_old_key_stays_gone(scene: Scene) -> None:
    """The plugin replays an entry from the time when the old key was good, with the filter's own code."""
    short_lived = scene.issuer.rotate("ES256", keep_old=True)
    until(lambda: scene.gate.count(token=scene.token(short_lived)).grpc_status == 0, 20, "the new key")
    scene.fetched_again(2)
    let_loose(scene.gate.envoy, f"replay {scene.keys}", f"replay {scene.lease}")
    scene.issuer.keys = [scene.issuer.keys[0]]
    newest = scene.issuer.rotate("EdDSA", keep_old=True)
    until(lambda: all(scene.gate.count(token=scene.token(newest)).grpc_status == 0 for _ in range(6)), 20, "the newest key")
    until(lambda: all(scene.gate.count(token=scene.token(short_lived)).grpc_status == 16 for _ in range(6)), 20, "the old key to end")
    for _ in range(10):
        scene.fetched_again(1)
        assert scene.gate.count(token=scene.token(short_lived)).grpc_status in (14, 16)
    scene.honest.all_succeeded()


def test_fetches_are_shared_again_once_it_stops(scene: Scene) -> None:
    """There is one fetch per refresh again, for all threads, when the listener with the plugin is gone."""
    scene.gate.envoy.push(filters=[])

    def takes_its_time() -> bool:
        began = time.monotonic()
        scene.fetched_again(5)
        return time.monotonic() - began >= 5 * 0.7 - 1

    until(takes_its_time, 40, "one thread to fetch for all")
    scene.honest.all_succeeded()


def test_a_machine_that_starts_among_forged_entries(open_gate: OpenGate, echo: Echo, scene: Scene) -> None:
    """It has no keys of its own yet and the issuer is down: it must trust none of the entries."""
    issuer = Issuer(keys=[scene.issuer.keys[0]])
    configuration = plugin(issuer.fetched_config(discovery=False, **(TIMING | {"wait": "1s"})))
    clusters = {"idp": Cluster(issuer.port, http2=False)}
    name = entry(configuration, "corp")
    # The last entry is the filter's own, from another configuration.
    for value in (scene.crafted(), _plain_set(scene), scene.genuine):
        move = f"set {name} {value.hex()}"
        gate = open_gate(configuration, echo.port, clusters=clusters, filters=[hostile(move)])
        until(lambda: SAID + move[:200] in gate.envoy.log_text(), 10, "the hostile plugin to write")
        for key in (scene.attacker, issuer.keys[0]):
            refused(gate.count(token=issuer.token(permissions=READ, key=key)), 14)
    with issuer:
        until(lambda: gate.count(token=issuer.token(permissions=READ)).grpc_status == 0, 20, "the keys")
        forged = issuer.token(permissions=READ, key=scene.attacker)
        refused_in_the_end(lambda: gate.count(token=forged), 16)

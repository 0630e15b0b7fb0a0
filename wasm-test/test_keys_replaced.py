"""The issuer replaces its key under the old `kid`, or signs with two keys of one `kid`. A forged signature looks like that.

Until keys that were fetched after the call arrived say otherwise, nobody knows which it is: 14, and never 16 for an honest caller.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from harness import flood, jws, requests
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed, refused, refused_in_the_end
from harness.grpc_client import Reply, frame
from harness.issuer import Behaviour, Issuer
from harness.policy import plugin
from harness.poll import prompt, until
from harness.proto import text

pytestmark = pytest.mark.waits

READ = ["payroll:read"]
WAITING = "temporal_auth.waiting"
MAX_WAITING = 1024


@pytest.fixture(params=[False, True], ids=["A", "B"])
def fetching(request: pytest.FixtureRequest, open_gate: OpenGate, echo: Echo) -> Iterator[tuple[Gate, Issuer]]:
    """A gate whose next refresh is far away."""
    with Issuer(keys=[jws.Key.new()]) as issuer:
        config = issuer.fetched_config(refresh="10m", refetch="1s", wait="5s", timeout="2s", retry="1s")
        clusters = {"idp": Cluster(issuer.port, http2=False)}
        yield open_gate(plugin(config), echo.port, clusters=clusters, header_stop=request.param), issuer


def _replace(issuer: Issuer, alg: str = "RS256") -> None:
    """Another key under the old `kid`."""
    issuer.keys = [jws.Key(alg, jws.Key.new(alg).private, issuer.keys[0].kid)]


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_callers_with_the_new_key_are_through_at_once(fetching: tuple[Gate, Issuer], alg: str) -> None:
    gate, issuer = fetching
    old = issuer.token(permissions=READ)
    allowed(gate.count(token=old))
    _replace(issuer, alg)
    before = issuer.fetches()
    began = time.monotonic()
    allowed(gate.count(token=issuer.token(permissions=READ)))
    assert time.monotonic() - began < 20, "it waits for one fetch, not for a refresh"
    assert issuer.fetches() == before + 1
    # What the old key signed is over, cached or not.
    refused_in_the_end(lambda: gate.count(token=old), 16)


def test_a_forged_token_is_refused_by_keys_fetched_later(fetching: tuple[Gate, Issuer]) -> None:
    gate, issuer = fetching
    allowed(gate.count(token=issuer.token(permissions=READ)))
    before = issuer.fetches()
    forged = jws.flip_signature(issuer.token(permissions=READ))
    refused_in_the_end(lambda: gate.count(token=forged), 16)
    assert issuer.fetches() > before
    # These keys have refused it: it neither waits again nor makes the filter fetch.
    before = issuer.fetches()
    for _ in range(5):
        refused(prompt(lambda: gate.count(token=forged), 0.9), 16)
    assert issuer.fetches() == before
    allowed(gate.count(token=issuer.token(permissions=READ, jti="honest")))


def test_inline_keys_refuse_at_once(open_gate: OpenGate, echo: Echo) -> None:
    issuer = Issuer(keys=[jws.Key.new()])
    gate = open_gate(plugin(issuer.config()), echo.port)
    for number in range(5):
        forged = jws.flip_signature(issuer.token(permissions=READ, jti=str(number)))
        refused(prompt(lambda: gate.count(token=forged), 0.9), 16)
    allowed(gate.count(token=issuer.token(permissions=READ)))


def test_each_key_of_a_kid_signs(fetching: tuple[Gate, Issuer]) -> None:
    gate, issuer = fetching
    first = issuer.keys[0]
    issuer.keys += [jws.Key("RS256", jws.Key.new().private, first.kid) for _ in range(3)]
    for key in reversed(issuer.keys):
        allowed(gate.count(token=issuer.token(permissions=READ, key=key)))
    stranger = jws.Key("RS256", jws.stranger_key().private, first.kid)
    forged = issuer.token(permissions=READ, key=stranger)
    refused_in_the_end(lambda: gate.count(token=forged), 16)


def test_while_the_issuer_is_down_nobody_knows(fetching: tuple[Gate, Issuer]) -> None:
    gate, issuer = fetching
    allowed(gate.count(token=issuer.token(permissions=READ)))
    forged = jws.flip_signature(issuer.token(permissions=READ))
    _replace(issuer)
    issuer.behave(Behaviour(status=500))
    honest = issuer.token(permissions=READ)
    for token in (honest, forged):
        refused(gate.count(token=token, timeout=30), 14)
    issuer.behave(None)
    until(lambda: gate.count(token=honest, timeout=30).grpc_status == 0, 30, "the new key after recovery")
    refused_in_the_end(lambda: gate.count(token=forged, timeout=30), 16)


def _forged(issuer: Issuer) -> Iterator[flood.Call]:
    """Tokens with the issuer's own `kid`, which nobody signed."""
    body = frame(text(1, "payroll"))
    for number in itertools.count():
        token = jws.token(issuer.keys[0], issuer.claims(permissions=READ, jti=str(number)), signature=bytes(256))
        yield flood.request(requests.path("CountWorkflowExecutions"), token, body)


def _through(gate: Gate, issuer: Issuer, replies: list[Reply]) -> float:
    """Seconds until a caller with a token that the new key signed is served."""
    token, began = issuer.token(permissions=READ, jti=str(time.monotonic_ns())), time.monotonic()
    while True:
        replies.append(gate.count(token=token, timeout=30))
        if replies[-1].grpc_status == 0:
            return time.monotonic() - began
        assert replies[-1].grpc_status == 14 and time.monotonic() - began < 60, str(replies[-1])
        time.sleep(0.1)


def test_a_flood_of_forged_tokens_beside_a_replaced_key(fetching: tuple[Gate, Issuer]) -> None:
    gate, issuer = fetching
    allowed(gate.count(token=issuer.token(permissions=READ)))
    calls = list(itertools.islice(_forged(issuer), 12_000))
    crowds = [flood.Crowd(gate.port) for _ in range(40)]
    before, began = issuer.fetches(), time.monotonic()
    storm = threading.Thread(target=flood.at_rate, args=(crowds, iter(calls), 400, 25.0))
    storm.start()
    waited: list[float] = []
    places: list[int] = []
    replies: list[Reply] = []
    try:
        time.sleep(3)
        while storm.is_alive():
            _replace(issuer)
            waited.append(_through(gate, issuer, replies))
            places.append(gate.envoy.gauge(WAITING))
    finally:
        storm.join()
        for crowd in crowds:
            crowd.close()
    elapsed = time.monotonic() - began
    assert waited and max(waited) < 60, waited
    # A fetch that brings the same keys doubles the pause; one that brings other keys starts again at one second.
    assert issuer.fetches() - before <= elapsed, f"{issuer.fetches() - before} fetches in {elapsed:.1f} s"
    assert max(places) <= MAX_WAITING, places
    statuses = {status: sum(reply.grpc_status == status for reply in replies) for status in (0, 14)}
    print(f"{len(waited)} replaced keys: through after {max(waited):.1f} s at most; {issuer.fetches() - before} fetches in {elapsed:.0f} s; {statuses}; at most {max(places)} waited")
    allowed(gate.count(token=issuer.token(permissions=READ, jti="after")))


def test_keys_that_cannot_be_used_are_named(fetching: tuple[Gate, Issuer]) -> None:
    """Once for each change, with their number in a gauge; and a token that needs such a key says why it is refused."""
    gate, issuer = fetching
    gauge = "temporal_auth.keys.usable.corp"
    allowed(gate.count(token=issuer.token(permissions=READ)))
    until(lambda: gate.envoy.gauge(gauge) == 1, 10, "the gauge")
    weak = jws.Key.new("RS256", "weak", bits=1024)
    issuer.extra_jwks = [weak.jwk(), {"kid": "secret", "kty": "oct", "k": "c2VjcmV0"}]
    issuer.rotate("ES256", keep_old=True)
    allowed(gate.count(token=issuer.token(permissions=READ, key=issuer.keys[-1])))
    told = 'left out are keys[2] (kid "weak"): an RSA key of 1024 bits, expected 2048 to 4096; keys[3] (kid "secret"): a symmetric key'
    until(lambda: told in gate.envoy.log_text(), 10, "the line about the keys")
    until(lambda: gate.envoy.gauge(gauge) == 2, 10, "the gauge")
    lines = gate.envoy.log_text().count("left out are")
    refused_in_the_end(lambda: gate.count(token=issuer.token(permissions=READ, key=weak), timeout=30), 16)
    reasons = [decision["reason"] for decision in gate.envoy.decisions() if decision["status"] == 16]
    assert reasons[-1] == "the key with this kid cannot be used: an RSA key of 1024 bits, expected 2048 to 4096"
    assert gate.envoy.log_text().count("left out are") == lines, "the second fetch brought the same keys"

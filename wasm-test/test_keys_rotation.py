"""The issuer rotates its keys during calls: no call of an honest client fails, and old keys stop working."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from harness import jws
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Reply
from harness.issuer import Behaviour, Issuer
from harness.policy import plugin
from harness.poll import prompt, until

READ = ["payroll:read"]


@pytest.fixture
def rotating(open_gate: OpenGate, echo: Echo) -> Iterator[tuple[Gate, Issuer]]:
    """A gate without a refresh during the test: only unknown kids make it fetch, at most once a second."""
    with Issuer(keys=[jws.Key.new()]) as issuer:
        config = issuer.fetched_config(refresh="10m", refetch="1s", wait="5s", timeout="2s")
        yield open_gate(plugin(config), echo.port, clusters={"idp": Cluster(issuer.port, http2=False)}), issuer


def test_no_honest_call_fails(rotating: tuple[Gate, Issuer]) -> None:
    gate, issuer = rotating
    failures: list[str] = []
    done = threading.Event()
    calls = 0

    def client(name: str) -> None:
        nonlocal calls
        while not done.is_set():
            reply = gate.count(token=issuer.token(name, permissions=READ, jti=str(time.monotonic_ns())))
            calls += 1
            if reply.grpc_status != 0:
                failures.append(str(reply))

    threads = [threading.Thread(target=client, args=(f"client-{i}",)) for i in range(3)]
    for thread in threads:
        thread.start()
    for alg in ("RS256", "ES256", "EdDSA"):
        began = calls
        issuer.rotate(alg, keep_old=True)
        until(lambda: calls > began + 30, 20, "calls with the new key")
    done.set()
    for thread in threads:
        thread.join()
    assert not failures, f"{len(failures)} of {calls}: {failures[:3]}"


def test_an_old_key_ends_with_the_set_that_drops_it(rotating: tuple[Gate, Issuer]) -> None:
    gate, issuer = rotating
    old = issuer.token(permissions=READ)
    allowed(gate.count(token=old))
    allowed(gate.count(token=old))  # cached by now
    issuer.rotate()
    allowed(gate.count(token=issuer.token(permissions=READ)))
    refused(gate.count(token=old), 16)


def test_a_kid_given_to_another_key(rotating: tuple[Gate, Issuer]) -> None:
    """With the same kid for a new key, tokens of the old key stop working, cached or not."""
    gate, issuer = rotating
    old_key = issuer.keys[0]
    old = issuer.token(permissions=READ)
    allowed(gate.count(token=old))
    new_key = jws.Key(old_key.alg, jws.Key.new().private, old_key.kid)
    trigger = jws.Key.new("ES256")
    issuer.keys = [new_key, trigger]
    allowed(gate.count(token=issuer.token(permissions=READ, key=trigger)))
    allowed(gate.count(token=issuer.token(permissions=READ, key=new_key)))
    refused(gate.count(token=old), 16)


def test_unknown_kids_cannot_drive_fetches(rotating: tuple[Gate, Issuer]) -> None:
    """Anybody can invent a kid. Forty invented kids, for some seconds, cause about one fetch a second, and each call is answered 16."""
    gate, issuer = rotating
    allowed(gate.count(token=issuer.token(permissions=READ)))
    before, began = issuer.fetches(), time.monotonic()
    replies: list[Reply] = []

    def one(number: int) -> None:
        key = jws.Key("RS256", jws.stranger_key().private, f"invented-{number}")
        replies.append(gate.count(token=issuer.token(permissions=READ, key=key)))

    jws.stranger_key()
    for batch in range(4):
        threads = [threading.Thread(target=one, args=(batch * 10 + i,)) for i in range(10)]
        for thread in threads:
            thread.start()
        # Callers with a known key never wait for callers without one.
        allowed(prompt(lambda: gate.count(token=issuer.token(permissions=READ)), 1))
        for thread in threads:
            thread.join()
    for reply in replies:
        refused(reply, 16)
    elapsed = time.monotonic() - began
    assert issuer.fetches() - before <= elapsed + 2, f"{issuer.fetches() - before} fetches in {elapsed:.1f} s"


def test_unknown_kid_while_the_issuer_is_down(rotating: tuple[Gate, Issuer]) -> None:
    """No key set was fetched after the request arrived, so the filter cannot know that the kid is wrong: 14, not 16."""
    gate, issuer = rotating
    allowed(gate.count(token=issuer.token(permissions=READ)))
    issuer.behave(Behaviour(status=500))
    fresh = jws.Key.new("ES256")
    refused(gate.count(token=issuer.token(permissions=READ, key=fresh), timeout=15), 14)
    issuer.keys.append(fresh)
    issuer.behave(None)
    until(
        lambda: gate.count(token=issuer.token(permissions=READ, key=fresh), timeout=15).grpc_status == 0,
        30,
        "the new key after recovery",
    )


def test_tokens_that_no_fetch_could_help_cause_none(rotating: tuple[Gate, Issuer]) -> None:
    """Forged signatures are in test_keys_replaced.py."""
    gate, issuer = rotating
    allowed(gate.count(token=issuer.token(permissions=READ)))
    before = issuer.fetches()
    for _ in range(5):
        refused(gate.count(token=jws.flip_signature(issuer.token(permissions=READ, exp=jws.now() - 3600))), 16)
        refused(gate.count(token=jws.flip_signature(issuer.token(permissions=READ, aud="other"))), 16)
        refused(gate.count(token=jws.token(issuer.keys[0], issuer.claims(permissions=READ), kid=None)), 16)
        refused(gate.count(token=issuer.token(permissions=READ, iss="https://nobody.test/", key=jws.stranger_key())), 16)
    assert issuer.fetches() == before


def test_scheduled_refresh_finds_the_new_key(open_gate: OpenGate, echo: Echo) -> None:
    """With a short refresh interval, the old key stops working without any unknown kid."""
    with Issuer(keys=[jws.Key.new()]) as issuer:
        config = issuer.fetched_config(discovery=False, refresh="1s", refetch="1h")
        gate = open_gate(plugin(config), echo.port, clusters={"idp": Cluster(issuer.port, http2=False)})
        old = issuer.token(permissions=READ)
        allowed(gate.count(token=old))
        issuer.rotate("ES256")
        # 16, or 14 while no key set is newer than the request.
        until(lambda: gate.count(token=old, timeout=15).grpc_status == 16, 10, "the old key to end")
        allowed(gate.count(token=issuer.token(permissions=READ)))

"""Four worker threads and the main thread, each with its own copy of the filter: keys are fetched once for all of them.

A flood of invented kids neither delays an honest new key nor causes it to be refused.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from harness import flood, jws, requests
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed, refused, refused_in_the_end
from harness.grpc_client import Reply, frame
from harness.issuer import DISCOVERY, JWKS, Issuer
from harness.policy import plugin
from harness.poll import prompt, until
from harness.proto import text

pytestmark = pytest.mark.waits

READ = ["payroll:read"]
COUNT = requests.path("CountWorkflowExecutions")
THREADS = 4
SLACK = 1.5  # seconds for what takes none


def _open(open_gate: OpenGate, echo: Echo, issuer: Issuer, **keys: Any) -> Gate:
    config = issuer.fetched_config(**({"timeout": "2s", "retry": "1s"} | keys))
    clusters = {"idp": Cluster(issuer.port, http2=False)}
    return open_gate(plugin(config), echo.port, clusters=clusters, concurrency=THREADS)


def _served(gate: Gate) -> list[int]:
    """The number of connections of each worker thread so far."""
    stats = gate.envoy.stats("listener.")
    return [v for k, v in stats.items() if ".worker_" in k and k.endswith("downstream_cx_total")]


def _on_every_thread(gate: Gate, token: str) -> list[Reply]:
    """Makes calls on new connections until each thread has had two of them."""
    before, replies = _served(gate), []
    until(
        lambda: replies.append(gate.count(token=token)) or (  # type: ignore[func-returns-value]
            len(now := _served(gate)) == THREADS and all(n >= b + 2 for n, b in itertools.zip_longest(now, before, fillvalue=0))
        ),
        30,
        f"calls on each thread: {_served(gate)}",
        every=0.01,
    )
    return replies


def test_one_first_fetch(open_gate: OpenGate, echo: Echo) -> None:
    with Issuer() as issuer:
        # A busy machine may take seconds for a fetch, which must not be given up.
        gate = _open(open_gate, echo, issuer, refresh="10m", refetch="1s", timeout="60s", wait="60s")
        token = issuer.token(permissions=READ)
        for reply in _on_every_thread(gate, token):
            allowed(reply)
        time.sleep(1)  # a copy that is late would fetch now
        assert (issuer.fetches(DISCOVERY), issuer.fetches(JWKS)) == (1, 1)
        forged = jws.flip_signature(token)
        refused_in_the_end(lambda: gate.count(token=forged), 16)


def test_one_fetch_per_refresh(open_gate: OpenGate, echo: Echo) -> None:
    """This is measured over five refreshes; jitter may shorten the interval, the number of threads may not."""
    with Issuer() as issuer:
        gate = _open(open_gate, echo, issuer, refresh="2s", refetch="1s")
        for reply in _on_every_thread(gate, issuer.token(permissions=READ)):
            allowed(reply)
        before, began = issuer.fetches(), time.monotonic()
        until(lambda: issuer.fetches() >= before + 5, 30, "five refreshes")
        took = time.monotonic() - began
        assert took >= 5 * 2 * 0.7 - 1, f"five fetches in {took:.1f} s"
        # Every thread has the keys of the last fetch.
        issuer.rotate("ES256")
        fresh = issuer.fetches()
        until(lambda: issuer.fetches() >= fresh + 2, 20, "the rotated set to be fetched")
        for reply in _on_every_thread(gate, issuer.token(permissions=READ)):
            allowed(reply)


def test_one_refetch_for_all_who_miss_a_key(open_gate: OpenGate, echo: Echo) -> None:
    """All threads need the new key at the same time."""
    with Issuer() as issuer:
        gate = _open(open_gate, echo, issuer, refresh="10m", refetch="2s", wait="10s")
        for reply in _on_every_thread(gate, issuer.token(permissions=READ)):
            allowed(reply)
        time.sleep(2)  # the interval between two fetches is over: any copy may fetch at once
        before = issuer.fetches()
        issuer.rotate("ES256", keep_old=True)
        token = issuer.token(permissions=READ, key=issuer.keys[-1])
        replies: list[Reply] = []
        threads = [threading.Thread(target=lambda: replies.append(gate.count(token=token, timeout=15))) for _ in range(24)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - began
        for reply in replies:
            allowed(reply)
        assert issuer.fetches() - before <= 1 + took / 2, f"{issuer.fetches() - before} fetches in {took:.1f} s"


@pytest.fixture
def flooded(open_gate: OpenGate, echo: Echo) -> Iterator[tuple[Gate, Issuer]]:
    with Issuer() as issuer:
        yield _open(open_gate, echo, issuer, refresh="10m", refetch="1s", wait="5s"), issuer


def _invented(issuer: Issuer) -> Iterator[flood.Call]:
    """Tokens that look good except for their kids, which no issuer has; nobody signed them."""
    body = frame(text(1, "payroll"))
    claims = issuer.claims(permissions=READ)
    for number in itertools.count():
        header = {"alg": "RS256", "typ": "JWT", "kid": f"invented-{number}"}
        token = jws.token(issuer.keys[0], claims, header=header, signature=bytes(256))
        yield flood.request(COUNT, token, body)


def _new_key_arrives(gate: Gate, issuer: Issuer) -> float:
    """Seconds until a caller with a new key is served. Until then they are asked to come again, and never refused."""
    token, start = issuer.token(permissions=READ, key=issuer.rotate("ES256", keep_old=True)), time.monotonic()
    while (reply := gate.count(token=token)).grpc_status == 14 and time.monotonic() - start < 60:
        time.sleep(0.05)
    allowed(reply)
    return time.monotonic() - start


def _waits_in_a_flood(gate: Gate, issuer: Issuer) -> list[float]:
    """Seconds for which new keys are waited for during five seconds of two thousand invented kids a second."""
    calls = list(itertools.islice(_invented(issuer), 11_000))
    crowds = [flood.Crowd(gate.port) for _ in range(20)]
    sent: list[int] = []
    storm = threading.Thread(target=lambda: sent.append(flood.at_rate(crowds, iter(calls), 2000, 5.0)))
    storm.start()
    waited: list[float] = []
    try:
        time.sleep(1)
        while storm.is_alive():
            waited.append(_new_key_arrives(gate, issuer))
            # A known key does not wait for unknown ones.
            allowed(prompt(lambda: gate.count(token=issuer.token(permissions=READ, key=issuer.keys[0], jti=str(time.monotonic_ns()))), SLACK))
    finally:
        storm.join()
        for crowd in crowds:
            crowd.close()
    assert sent[0] >= 5_000, f"no flood: {sent}"
    return waited


def test_a_flood_of_invented_kids(flooded: tuple[Gate, Issuer]) -> None:
    """On connections other than those of honest callers."""
    gate, issuer = flooded
    known = issuer.token(permissions=READ)
    allowed(gate.count(token=known))
    calm = _new_key_arrives(gate, issuer)
    before, began = issuer.fetches(), time.monotonic()
    # A flood that delays new keys delays each of them; a busy machine delays some, so that one flood may see only a late one.
    waited: list[float] = []
    while not waited or min(waited) >= 1 + SLACK + 2 * calm:
        assert len(waited) < 4, f"new keys took {waited}, and {calm} before the flood"
        waited += _waits_in_a_flood(gate, issuer)
    elapsed = time.monotonic() - began
    assert issuer.fetches() - before <= elapsed + 2, f"{issuer.fetches() - before} fetches in {elapsed:.1f} s"
    allowed(gate.count(token=known))
    invented = jws.Key("RS256", jws.stranger_key().private, "invented-again")
    refused(gate.count(token=issuer.token(permissions=READ, key=invented), timeout=15), 16)

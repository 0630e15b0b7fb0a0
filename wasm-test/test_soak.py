"""Calls of all kinds for as long as SOAK_SECONDS says, while the configuration changes, keys are replaced and the issuer fails.

A changed configuration replaces the listener, which drains under load. Each has another of the two header modes, and the stream
windows of Envoy's defaults or of its advice for edge proxies.

Nothing is lost: every honest call succeeds, no VM fails, and memory stays what it was after the first third.
"""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from harness import flood, grpc_client, jws, requests
from harness.envoy import Cluster
from harness.flood import Call, Crowd
from harness.gate import Gate, OpenGate
from harness.issuer import Issuer
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.proto import number, tag, text
from harness.traffic import Traffic
from harness.upstream import Upstream

pytestmark = pytest.mark.waits

SECONDS = float(os.environ.get("SOAK_SECONDS", "24"))
RATE = 2000
# Something changes this often: a configuration, a key, the issuer's health.
PERIOD = max(2.0, SECONDS / 60)
TIMING = {"refresh": "1s", "refetch": "1s", "retry": "1s", "timeout": "1s", "max_stale": "1h"}
MAX_GROWTH = 16 << 20
EDGE_WINDOW = 65_536
# What Envoy says when a VM fails.
FAILED = "Function: proxy_on"

START = requests.path("StartWorkflowExecution")
COUNT = requests.path("CountWorkflowExecutions")
POLL = requests.path("PollWorkflowTaskQueue")
READ_AND_WRITE = ["payroll:write"]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer(keys=[jws.shared_key("RS256")]) as issuer:
        yield issuer


@pytest.fixture
def gate(open_gate: OpenGate, issuer: Issuer) -> Iterator[Gate]:
    with Upstream() as upstream:
        clusters = {"idp": Cluster(issuer.port, http2=False)}
        # The access log would be most of the work.
        yield open_gate(_policy(issuer), upstream.port, clusters=clusters, concurrency=4, access_log=False)


def _policy(issuer: Issuer, **changes: Any) -> dict[str, Any]:
    return plugin(issuer.fetched_config(discovery=False, **TIMING), **changes)


def _calls(issuer: Minter) -> Iterator[Call]:
    """An endless mixture. What is logged one line for each call is rare in it."""
    token = issuer.token(permissions=READ_AND_WRITE)
    start = requests.start_workflow("payroll", "soak").SerializeToString()
    plain, packed = grpc_client.frame(start), grpc_client.gzipped(start)
    own, other = text(1, "payroll"), grpc_client.frame(text(1, "other"))
    forged = jws.flip_signature(issuer.token(permissions=READ_AND_WRITE, sub="forged"))
    expired = issuer.token(permissions=READ_AND_WRITE, exp=1_700_000_000)
    dense = grpc_client.gzipped(own + number(1000, 1) * 60_000)
    deep = grpc_client.frame(own + tag(1000, 3) * 90 + tag(1000, 4) * 90)
    common = [
        flood.request(START, token, plain),
        flood.request(START, token, packed, gzip=True),
        flood.request(COUNT, token, grpc_client.frame(own)),
        # Long polls: dozens hang at any time, and most are answered.
        flood.request(POLL, token, grpc_client.frame(own), answered_after=300),
        flood.request(COUNT, token, deep),
        flood.request(COUNT, "", grpc_client.frame(own)),
        flood.request(COUNT, expired, grpc_client.frame(own)),
        flood.request(COUNT, "a.b.c", grpc_client.frame(own)),
        flood.request("/no.Such/Method", token, plain),
        flood.request("/temporal.server.api.adminservice.v1.AdminService/DescribeHost", token, plain),
    ]
    rare = [
        flood.request(COUNT, token, other),
        flood.request(COUNT, forged, grpc_client.frame(own)),
        flood.request(COUNT, issuer.token(permissions=READ_AND_WRITE, iss="https://nobody.test/"), plain),
        flood.request(START, token, plain[:-7] + b"\xff" * 7),
        flood.request(START, token, packed[:40], gzip=True),
        flood.request(COUNT, token, dense, gzip=True),
    ]
    chance = random.Random(1)
    while True:
        yield chance.choice(rare if chance.random() < 0.02 else common)


class Trouble:
    """Changes something in every period of the `with`: never in the way of an honest caller."""

    def __init__(self, gate: Gate, issuer: Issuer) -> None:
        self._gate, self._issuer = gate, issuer
        self._modes = itertools.cycle(itertools.product([True, False], [EDGE_WINDOW, None]))
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.error: BaseException | None = None

    def _run(self) -> None:
        try:
            for step in itertools.cycle([self._configure, self._replace_key, self._fail, self._reset]):
                if self._done.wait(PERIOD):
                    return
                step()
        except BaseException as error:
            self.error = error

    def _configure(self) -> None:
        header_stop, window = next(self._modes)
        changed = _policy(self._issuer, log={"allowed": False}, explain_to_client=random.random() < 0.5)
        self._gate.envoy.push(plugin=changed, header_stop=header_stop, stream_window=window)

    def _replace_key(self) -> None:
        """The first key stays, as the honest callers' tokens are signed with it."""
        self._issuer.keys = [self._issuer.keys[0], jws.Key.new("ES256")]

    def _fail(self) -> None:
        self._issuer.stop()
        self._done.wait(PERIOD / 2)
        self._issuer.start()

    def _reset(self) -> None:
        """Many requests that end in the middle."""
        token = self._issuer.token(permissions=READ_AND_WRITE)
        packed = grpc_client.gzipped(text(1, "payroll") + text(1000, random.Random(1).randbytes(30_000)))
        with Crowd(self._gate.port) as crowd:
            crowd.send([flood.request(COUNT, token, packed[:size], gzip=True, is_whole=False) for size in (15, 500, 9_000)] * 60)
            time.sleep(0.2)
            crowd.cancel()
            time.sleep(0.2)

    def __enter__(self) -> Trouble:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def test_a_long_life(gate: Gate, issuer: Issuer, capsys: pytest.CaptureFixture[str]) -> None:
    seen = issuer.token(permissions=READ_AND_WRITE, sub="honest")
    until(lambda: gate.count(token=seen).grpc_status == 0, 20, "the keys")
    fresh = lambda: issuer.token(permissions=READ_AND_WRITE, sub="honest", jti=str(time.monotonic_ns()), key=issuer.keys[0])  # noqa: E731
    honest = Traffic(
        {"seen": lambda: gate.count(token=seen), "fresh": lambda: gate.count(token=fresh()), "gzip": lambda: gate.start(token=seen, gzip=True)},
        # Except for a call that was on its way to a listener when it was replaced: clients reconnect.
        excused=lambda reply: reply.closed and not reply.headers,
    )
    sizes: list[int] = []
    most_hanging = 0
    sent, began = 0, time.monotonic()
    calls = _calls(issuer)
    with honest, Trouble(gate, issuer) as trouble:
        while time.monotonic() - began < SECONDS:
            # Connections do not outlive a replaced listener.
            crowds = [Crowd(gate.port) for _ in range(4)]
            try:
                sent += flood.at_rate(crowds, calls, RATE, 1)
                most_hanging = max(most_hanging, gate.envoy.stats("cluster.temporal.")["cluster.temporal.upstream_rq_active"])
            except OSError:
                pass
            for crowd in crowds:
                crowd.close()
            sizes.append(gate.envoy.process.resident)
    if trouble.error:
        raise trouble.error
    passed = time.monotonic() - began
    honest.all_succeeded()
    third = len(sizes) // 3
    warm, last = max(sizes[third : 2 * third]), max(sizes[2 * third :])
    assert last <= warm + MAX_GROWTH, f"{warm >> 20} MiB, then {last >> 20} MiB"
    assert FAILED not in gate.envoy.log_text()
    assert most_hanging > 20, f"at most {most_hanging} polls hung at a time"
    for name in ("allowed", "denied.permission", "denied.unauthenticated", "denied.malformed", "denied.unknown_method", "denied.closed"):
        gate.envoy.wait_counter(f"temporal_auth.{name}", 1)
    counted = gate.envoy.counters()
    decided = sum(value for name, value in counted.items() if name.startswith(("temporal_auth.allowed", "temporal_auth.denied.")))
    with capsys.disabled():
        print(
            f"\n{passed:.0f} s: {sent} calls of all kinds sent, {decided / passed:.0f} decided a second; {honest.calls} honest calls,"
            f" all good; {warm >> 20} MiB, then {last >> 20} MiB"
        )

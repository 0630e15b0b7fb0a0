"""A real worker of the Python SDK, while its identity provider is down, and while its token is renewed again and again.

`make soak` has the provider down for five minutes; here it is half a minute. Tokens live for seconds, so that most calls
are made with a token that the filter sees for the first time, and every one with a token that would be over without renewal.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from harness import jws
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, refused, refused_in_the_end
from harness.issuer import Issuer
from harness.policy import plugin
from harness.temporal import Temporal
from worker_load import Child, produce

pytestmark = pytest.mark.waits

OUTAGE = float(os.environ.get("OUTAGE_SECONDS", "25"))
LIFETIME = 6  # a token's lifetime in seconds; the leeway is one second
TIMING: dict[str, Any] = {"refresh": "1s", "timeout": "1s", "retry": "1s", "refetch": "1s", "wait": "2s", "max_stale": "1h"}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Not listening yet."""
    issuer = Issuer(keys=[jws.Key.new()])
    yield issuer
    issuer.stop()


@pytest.fixture
def gate(open_gate: OpenGate, temporal: Temporal, issuer: Issuer) -> Gate:
    config = issuer.fetched_config(**TIMING) | {"token": {"leeway": "1s"}}
    clusters = {"idp": Cluster(issuer.port, http2=False)}
    return open_gate(plugin(config), temporal.port, clusters=clusters)


def _token(issuer: Issuer, lifetime: int = LIFETIME) -> str:
    return issuer.token("payroll-worker", permissions=["payroll:worker"], exp=jws.now() + lifetime)


@asynccontextmanager
async def _renewing(client: Client, issuer: Issuer) -> AsyncIterator[None]:
    """Renews the token as an application does: well before the old token expires."""

    async def renew() -> None:
        while True:
            client.api_key = _token(issuer)
            await asyncio.sleep(LIFETIME / 3)

    task = asyncio.create_task(renew())
    try:
        yield
    finally:
        task.cancel()


def _worker(client: Client, queue: str) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[Child],
        activities=[produce],
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


async def _round(boss: Client, queue: str, patience: float = 30.0) -> None:
    """One workflow with one activity, started directly at Temporal."""
    work = boss.execute_workflow(Child.run, 1, id=f"outage-{uuid.uuid4()}", task_queue=queue)
    assert await asyncio.wait_for(work, patience) > 1


async def _rounds(boss: Client, queue: str, seconds: float) -> int:
    rounds, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        await _round(boss, queue)
        rounds += 1
        await asyncio.sleep(0.2)
    return rounds


def _denied(gate: Gate) -> set[int]:
    """The statuses of the calls that were denied so far: the decision log has only these."""
    return {decision["status"] for decision in gate.envoy.decisions()}


async def _through_an_outage(gate: Gate, issuer: Issuer, boss: Client) -> None:
    through = await Client.connect(
        f"127.0.0.1:{gate.port}", namespace="payroll", api_key=_token(issuer), tls=False
    )
    queue = f"outage-{uuid.uuid4()}"
    async with _renewing(through, issuer), _worker(through, queue):
        await _rounds(boss, queue, 2)
        issuer.stop()
        began = time.monotonic()
        assert await _rounds(boss, queue, OUTAGE) >= OUTAGE / 3
        assert time.monotonic() - began >= OUTAGE
        assert not _denied(gate), gate.envoy.decisions()[:5]
        await _with_a_key_nobody_knows(gate, issuer, boss, queue)
        await _rounds(boss, queue, 2)


async def _with_a_key_nobody_knows(gate: Gate, issuer: Issuer, boss: Client, queue: str) -> None:
    """The provider signs with a new key and cannot publish it: the worker is told to retry, and does."""
    issuer.rotate("ES256")
    refused(await asyncio.to_thread(gate.call, "DescribeNamespace", b"\x0a\x07payroll", token=_token(issuer)), 14)
    work = asyncio.create_task(_round(boss, queue, 60))
    await asyncio.sleep(LIFETIME + 2)  # all tokens of the old key have expired
    issuer.start()
    await work
    assert _denied(gate) == {14}, gate.envoy.decisions()[:5]


@pytest.mark.timeout(OUTAGE + 150)
def test_worker_through_an_outage(gate: Gate, temporal: Temporal, issuer: Issuer) -> None:
    issuer.start()
    old = _token(issuer)

    async def run() -> None:
        boss = await Client.connect(temporal.address, namespace="payroll")
        await _through_an_outage(gate, issuer, boss)

    asyncio.run(run())
    # The counterpart: a token that was not renewed has expired, and so has the key that signed it.
    refused(gate.call("DescribeNamespace", b"\x0a\x07payroll", token=old), 16)


def test_worker_that_starts_before_the_keys_are_there(gate: Gate, temporal: Temporal, issuer: Issuer) -> None:
    """It connects, describes its namespace and is told to retry; then the provider comes up."""

    async def run() -> None:
        boss = await Client.connect(temporal.address, namespace="payroll")
        token = _token(issuer, 600)
        through = await Client.connect(f"127.0.0.1:{gate.port}", namespace="payroll", api_key=token, tls=False)
        queue = f"outage-{uuid.uuid4()}"
        async with _worker(through, queue):
            work = asyncio.create_task(_round(boss, queue, 60))
            await asyncio.sleep(4)
            issuer.start()
            await work

    asyncio.run(run())
    assert _denied(gate) == {14}, "it did not come before the keys, or was denied"


@pytest.mark.timeout(180)
def test_worker_whose_issuer_replaces_its_key(open_gate: OpenGate, temporal: Temporal, issuer: Issuer) -> None:
    """Under the old `kid`, three times, with the next refresh far away. The worker has a new token at once and is never answered 16,
    which would end it."""
    issuer.start()
    config = issuer.fetched_config(**TIMING | {"refresh": "10m"}) | {"token": {"leeway": "1s"}}
    gate = open_gate(plugin(config), temporal.port, clusters={"idp": Cluster(issuer.port, http2=False)})

    async def run() -> None:
        boss = await Client.connect(temporal.address, namespace="payroll")
        through = await Client.connect(f"127.0.0.1:{gate.port}", namespace="payroll", api_key=_token(issuer), tls=False)
        queue = f"replaced-{uuid.uuid4()}"
        async with _renewing(through, issuer), _worker(through, queue):
            for _ in range(3):
                await _rounds(boss, queue, 1)
                issuer.keys = [jws.Key("RS256", jws.Key.new().private, issuer.keys[0].kid)]
                through.api_key = _token(issuer)
                await _rounds(boss, queue, LIFETIME)
        assert _denied(gate) <= {14}, gate.envoy.decisions()[:5]

    asyncio.run(run())
    forged = jws.Key("RS256", jws.stranger_key().private, issuer.keys[0].kid)
    token = issuer.token("payroll-worker", permissions=["payroll:worker"], key=forged)
    refused_in_the_end(lambda: gate.call("DescribeNamespace", b"\x0a\x07payroll", token=token), 16)

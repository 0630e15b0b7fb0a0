"""How soon a burst of new callers over one connection is let in, as from a shared gateway.

    bench/burst.py          about two minutes

1,000 calls, each with a token that was never seen, come over one connection within two seconds. A call that is told to come
back (14) does so, as an SDK does, later each time. Once with the host's verifier and once without, for an algorithm of each
kind. After each run, the same number of tokens with a bad signature come over the same connection: they must not be let in, nor
be verified faster than a stranger's.
"""

from __future__ import annotations

import heapq
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "wasm-test")]

import contextlib

import variants
from harness import grpc_client, jws
from harness.envoy import Cluster, Envoy
from harness.envoy_config import WITHOUT_FOREIGN_FUNCTIONS
from harness.minter import Minter
from harness.procs import stop_all

CALLS, SECONDS = 1000, 2.0
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
# The pauses of Temporal's SDKs after UNAVAILABLE.
FIRST_PAUSE, FACTOR, LONGEST_PAUSE = 0.1, 1.7, 5.0
OVER_BUDGET = "wasmcustom.temporal_auth.tokens.over_budget"


@dataclass
class Burst:
    told_to_return: int  # calls whose first answer was 14
    last: float  # seconds from the first call to the last that was let in


def main() -> int:
    print(f"{CALLS} new tokens in {SECONDS:.0f} s over one connection, then {CALLS} forged ones.")
    print(f"{'':28}{'told to return':>15}{'last let in':>13}{'forged verified':>17}")
    minter = Minter("https://idp.bench.test/", [jws.shared_key(algorithm) for algorithm in ALGORITHMS])
    for name, capabilities in (("host's verifier", None), ("module's own", WITHOUT_FOREIGN_FUNCTIONS)):
        for algorithm in ALGORITHMS:
            with contextlib.ExitStack() as stack:
                upstream = Cluster(variants.upstream(stack))
                envoy = stack.enter_context(variants.envoy(upstream, "burst", plugin=variants.policy(minter), capabilities=capabilities))
                tokens = [jws.token(minter.key(algorithm), variants.claims(minter) | {"jti": str(number)}) for number in range(CALLS)]
                with grpc_client.Connection(envoy.port) as connection:
                    burst = _burst(connection, tokens)
                    verified = _forged(envoy, connection, tokens)
            print(f"{name + ', ' + algorithm:28}{burst.told_to_return:>15}{burst.last:>11.1f} s{verified:>17}", flush=True)
    return 0


def _burst(connection: grpc_client.Connection, tokens: list[str]) -> Burst:
    """Sends each token's call until it is let in."""
    began = time.monotonic()
    due = [(SECONDS * number / len(tokens), number, 0) for number in range(len(tokens))]
    told, last = 0, 0.0

    def answered(number: int, attempt: int, status: int | None) -> None:
        nonlocal told, last
        assert status in (0, 14), status
        passed = time.monotonic() - began
        if status == 0:
            last = max(last, passed)
            return
        told += attempt == 0
        pause = min(FIRST_PAUSE * FACTOR**attempt, LONGEST_PAUSE) * random.uniform(0.8, 1.2)
        heapq.heappush(due, (passed + pause, number, attempt + 1))

    _send(connection, tokens, due, answered)
    return Burst(told, last)


def _forged(envoy: Envoy, connection: grpc_client.Connection, tokens: list[str]) -> int:
    """How many of as many forged tokens were verified, and so cost time."""
    before = envoy.stats(OVER_BUDGET).get(OVER_BUDGET, 0)
    forged = [jws.flip_signature(token) for token in tokens]
    statuses: list[int | None] = []
    due = [(SECONDS * number / len(forged), number, 0) for number in range(len(forged))]
    _send(connection, forged, due, lambda number, attempt, status: statuses.append(status))
    assert set(statuses) <= {14, 16}, set(statuses)
    # Counters reach the statistics within a second.
    time.sleep(1.5)
    return len(forged) - (envoy.stats(OVER_BUDGET).get(OVER_BUDGET, 0) - before)


def _send(
    connection: grpc_client.Connection,
    tokens: list[str],
    due: list[tuple[float, int, int]],
    answered: Callable[[int, int, int | None], None],
) -> None:
    """Sends calls when they are due, each as (seconds from now, the token's number, attempts so far)."""
    body, began = grpc_client.frame(variants.request()), time.monotonic()
    waiting: dict[int, tuple[int, int]] = {}
    heapq.heapify(due)
    while due or waiting:
        for number, attempt in _pop(due, time.monotonic() - began):
            stream = connection.open(grpc_client.request_headers(variants.START, token=tokens[number]))
            connection.data(stream, body, end_stream=True)
            waiting[stream] = (number, attempt)
        for stream in list(waiting):
            reply = connection.peek(stream)
            if reply.ended:
                answered(*waiting.pop(stream), reply.grpc_status)
            assert reply.reset is None and not connection.closed, reply
        time.sleep(0.001)


def _pop(due: list[tuple[float, int, int]], passed: float) -> Iterator[tuple[int, int]]:
    while due and due[0][0] <= passed:
        _, number, attempt = heapq.heappop(due)
        yield number, attempt


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        stop_all()

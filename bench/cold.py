"""What a token that was never seen costs, in CPU time of the worker thread.

    bench/cold.py           about a minute

Every call has a token of its own, signed with RS256, so that nothing is cached. In each round each proxy serves the same
calls; what one adds is taken within a round, against the proxy without a filter at the same pace. The module's own verifier
gets fewer calls a second, as more would be over its budget; a proxy that has little to do is slower at everything.
"""

from __future__ import annotations

import contextlib
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "wasm-test")]

import load
import variants
from harness import flood, grpc_client, jws
from harness.envoy import Cluster, Envoy
from harness.envoy_config import WITHOUT_FOREIGN_FUNCTIONS
from harness.poll import until
from harness.procs import stop_all

ROUNDS, CONNECTIONS = 20, 40
# Calls of a round, and calls a second.
FAST, SLOW = (1000, 4000), (100, 400)


def main() -> int:
    minter = variants.corp()
    policy = variants.policy(minter)
    alone = {"plugin": policy, "capabilities": WITHOUT_FOREIGN_FUNCTIONS}
    made: dict[str, tuple[dict[str, Any], tuple[int, int]]] = {
        "no filter": ({}, FAST),
        "ours, the host verifies": ({"plugin": policy}, FAST),
        "Envoy's own chain": ({"filters": variants.native(minter)}, FAST),
        "no filter, slower": ({}, SLOW),
        "ours, the module verifies": (alone, SLOW),
    }
    with contextlib.ExitStack() as stack:
        upstream = Cluster(variants.upstream(stack))
        proxies = {name: stack.enter_context(variants.envoy(upstream, "cold", **settings)) for name, (settings, _) in made.items()}
        crowds = {name: [stack.enter_context(flood.Crowd(e.port)) for _ in range(CONNECTIONS)] for name, e in proxies.items()}
        spent: dict[str, list[float]] = {name: [] for name in proxies}
        order = random.Random(1)
        for number in range(ROUNDS + 1):
            calls = _calls(minter, number)
            for name in order.sample(list(proxies), len(proxies)):
                spent[name].append(_serve(proxies[name], crowds[name], calls, *made[name][1]))
    print(f"CPU of the worker thread per call with a new token, µs: median of {ROUNDS} rounds, quartiles in brackets.")
    print(f"{'':<28}{'total':>9}{'added':>9}")
    for name, samples in spent.items():
        bare = spent["no filter" if made[name][1] is FAST else "no filter, slower"]
        added = [own - base for own, base in zip(samples[1:], bare[1:])]  # the first round warms up
        low, middle, high = statistics.quantiles(added, n=4, method="inclusive")
        tail = "" if samples is bare else f"{middle:>9.1f} [{low:.1f} – {high:.1f}]"
        print(f"{name:<28}{statistics.median(samples[1:]):>9.1f}{tail}")
    return 0


def _calls(minter: variants.Minter, number: int) -> list[flood.Call]:
    body = grpc_client.frame(variants.request())
    claims = variants.claims(minter)
    tokens = (jws.token(minter.keys[0], claims | {"jti": f"{number}-{call}"}) for call in range(FAST[0]))
    return [flood.request(variants.START, token, body) for token in tokens]


def _serve(envoy: Envoy, crowd: list[flood.Crowd], calls: list[flood.Call], count: int, rate: int) -> float:
    """Microseconds per call. Every one must reach the upstream."""
    passed = variants.passed(envoy)
    before = load.cpu(envoy.process.pid, "wrk:")
    sent = flood.at_rate(crowd, iter(calls[:count]), rate, count / rate + 0.1)
    until(lambda: variants.passed(envoy) - passed >= sent, 10, "all calls to be answered")
    time.sleep(0.05)
    assert variants.passed(envoy) - passed == sent == count
    return (load.cpu(envoy.process.pid, "wrk:") - before) / sent / 1000


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        stop_all()

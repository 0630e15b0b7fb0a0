"""What a flood of bad tokens takes from those who have good ones.

    bench/flood.py          about four minutes

5,000 calls a second come over eight connections, first with malformed tokens, which cost next to nothing to refuse, then
with tokens that differ from good tokens only in their signature. Beside each flood run callers whose token is known, and, each
over a connection of its own, callers whose token is new. What verifying takes is the worker thread's CPU time in the
second flood less that in the first. All of it once with the host's verifier and once without.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "wasm-test")]

import load
import variants
from harness import grpc_client, jws
from harness.envoy import Cluster, Envoy, run_directory
from harness.envoy_config import WITHOUT_FOREIGN_FUNCTIONS
from harness.procs import stop_all

SECONDS, ROUNDS = 6, 5
RATE, CONNECTIONS = 5000, 8
HONEST_RATE = 200
NEW_TOKENS = 30


@dataclass
class Seen:
    answered: float  # calls of the flood, per second
    share: float  # of the worker thread's time, in percent
    p50: float  # of honest calls, in milliseconds
    p99: float
    new_in: int  # new tokens that were let in
    new_later: int  # and those that were told to come back


def main() -> int:
    minter = variants.corp()
    good = jws.token(minter.keys[0], variants.claims(minter))
    print(f"{RATE} bad tokens a second over {CONNECTIONS} connections, {SECONDS} s each; {HONEST_RATE} honest calls a second beside them.")
    print(f"{'':32}{'answered/s':>11}{'thread':>9}{'p50':>9}{'p99':>9}{'new tokens let in':>20}")
    for name, capabilities in (("host's verifier", None), ("module's own", WITHOUT_FOREIGN_FUNCTIONS)):
        with contextlib.ExitStack() as stack:
            upstream = Cluster(variants.upstream(stack))
            envoy = stack.enter_context(variants.envoy(upstream, "flood", plugin=variants.policy(minter), capabilities=capabilities))
            seen: dict[str, list[Seen]] = {"malformed": [], "bad signatures": []}
            for _ in range(ROUNDS):
                for flood, token in (("malformed", "malformed"), ("bad signatures", jws.flip_signature(good))):
                    seen[flood].append(row := _run(envoy, good, token, minter, flood))
                    news = f"{row.new_in} of {row.new_in + row.new_later}"
                    print(f"{name + ', ' + flood:32}{row.answered:>11.0f}{row.share:>8.1f}%{row.p50:>7.2f}ms{row.p99:>7.2f}ms{news:>20}")
            share, p99 = ([statistics.median(getattr(row, what) for row in rows) for rows in seen.values()] for what in ("share", "p99"))
            print(f"{name}: verifying takes {share[1] - share[0]:.1f} % of the thread; p99 is {p99[1] / p99[0]:.2f}× that beside malformed tokens (medians)")
    return 0


def _run(envoy: Envoy, good: str, bad: str, minter: variants.Minter, name: str) -> Seen:
    assert grpc_client.call(envoy.port, variants.START, token=good, body=_body()).grpc_status == 0
    log = run_directory(f"flood-{name.replace(' ', '-')}") / "honest.tsv"
    body = log.with_name("body")
    body.write_bytes(_body())
    # A burst is forgiven at first; what counts is what comes after it.
    flood = load.start(envoy, bad, body, _at(RATE, CONNECTIONS), SECONDS + 3)
    time.sleep(2)
    honest = load.start(envoy, good, body, [*_at(HONEST_RATE, 2), f"--log-file={log}"], SECONDS)
    spent, begun = load.cpu(envoy.process.pid, "wrk:"), time.monotonic()
    news = _new_tokens(envoy, minter, name)
    honest.wait(timeout=120)
    share = (load.cpu(envoy.process.pid, "wrk:") - spent) / (time.monotonic() - begun) / 1e7
    answered, times = load.answered(flood), load.times(log)
    return Seen(answered / (SECONDS + 3), share, statistics.median(times), times[int(len(times) * 0.99)], *news)


def _new_tokens(envoy: Envoy, minter: variants.Minter, name: str) -> tuple[int, int]:
    """Callers with tokens that were never seen, one after the other, each over a connection of its own."""
    tokens = [jws.token(minter.keys[0], variants.claims(minter) | {"jti": f"{name} {number}"}) for number in range(NEW_TOKENS)]
    replies: list[int | None] = []

    def call(token: str) -> None:
        replies.append(grpc_client.call(envoy.port, variants.START, token=token, body=_body()).grpc_status)

    for token in tokens:
        thread = threading.Thread(target=call, args=(token,))
        thread.start()
        thread.join(10)
        time.sleep(max(0.0, (SECONDS - 2) / NEW_TOKENS - 0.05))
    assert set(replies) <= {0, 14}, replies
    return replies.count(0), replies.count(14)


def _at(rate: int, connections: int) -> list[str]:
    """h2load's options for this many calls a second over this many connections."""
    return ["-c", str(connections), "-m", "32", f"--rps={rate / connections}"]


def _body() -> bytes:
    return grpc_client.frame(variants.request())


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        stop_all()

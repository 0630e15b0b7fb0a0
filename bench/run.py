"""Proxy CPU per request: what the filter adds, beside what Envoy's own filters add for the same decision.

    bench/run.py                  about three minutes
    bench/run.py --quick          about thirty seconds, wider spread
    bench/run.py --beside MODULE  with another build of the module, to compare both within one run
    bench/run.py --shapes         calls of many sizes and kinds instead

One Envoy per variant, all running, one worker thread each, pinned to one core; load generator and upstream on the
other. In each round every variant serves the same number of calls, in an order that changes. CPU time is read from
/proc/PID/task/*/schedstat, so it is the proxy's alone; what a variant adds is taken within a round, against the
variant without a filter that carried the same body. Compare the added figures with each other, not with another
machine's.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "wasm-test")]

import load
import report
import variants
from harness.procs import stop_all


def main() -> int:
    options = _options()
    rounds, count = (20, 1000) if options.quick else (options.rounds, options.requests)
    deadline = time.monotonic() + (45 if options.quick else options.seconds)
    with contextlib.ExitStack() as stack:
        everyone = variants.shapes(stack) if options.shapes else variants.start(stack, options.beside)
        for variant in everyone:
            variants.prove(variant)
        measured = measure(everyone, rounds, count, deadline)
    print(report.text(measured, count))
    if options.json:
        options.json.write_text(json.dumps(report.summary(measured), indent=1) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="proxy CPU per request, per variant")
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument("--rounds", type=int, default=110)
    parser.add_argument("--requests", type=int, default=1500, help="per variant and round")
    parser.add_argument("--seconds", type=float, default=160, help="no new round is begun after these")
    parser.add_argument("--beside", type=Path, metavar="MODULE", help="another build of the module")
    parser.add_argument("--shapes", action="store_true", help="calls of many sizes and kinds, instead of several filters")
    parser.add_argument("--json", type=Path, help="also write the summary there")
    return parser.parse_args()


def measure(
    everyone: list[variants.Variant], rounds: int, count: int, deadline: float
) -> dict[str, report.Series]:
    for variant in everyone:  # connections, caches, compiled code
        load.run(variant, _calls(variant, count // 2))
    measured = {variant.name: report.Series(variant.baseline) for variant in everyone}
    order = random.Random(1)
    for number in range(rounds):
        if time.monotonic() > deadline and number >= 3:
            print(f"stopped after {number} of {rounds} rounds: time is over", file=sys.stderr)
            break
        for variant in order.sample(everyone, len(everyone)):
            measured[variant.name].samples.append(load.run(variant, _calls(variant, count)))
    return measured


def _calls(variant: variants.Variant, count: int) -> int:
    return max(16, int(count * variant.share))


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        stop_all()

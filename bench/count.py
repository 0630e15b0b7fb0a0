"""Instructions of the proxy per call, counted by callgrind: within 5 %, the same on any machine that is idle otherwise: under load,
V8 is late to compile hot code, and then slow code is counted.

    bench/count.py          about fifteen minutes
    bench/count.py --cache  also simulated cache misses, in twice the time
    bench/count.py --chart docs/pictures/instructions.svg

The calls are 1 KB starts with a cached token. These are compared with a proxy without a filter: the floor of proxy-wasm (floor.wat), Envoy's own
filters for the same decision, the lean module, which has the floor's callbacks, and the module.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "wasm-test")]

import gzip

import chart
import load
import variants
from harness import grpc_client, jws, paths
from harness.envoy import Cluster, Envoy
from harness.procs import stop_all

CALLS, ROUNDS = 500, 5
# V8 recompiles hot code.
WARM_UP = 4
# Names of callgrind's columns, and what they are.
COLUMNS = {"Ir": "instructions", "I1mr": "I misses", "D1mr": "D misses", "Bcm": "mispredicted"}


@dataclass
class Counted:
    name: str
    settings: Mapping[str, Any]
    gzip: bool = False


def main() -> int:
    parser = argparse.ArgumentParser(description="instructions per call")
    parser.add_argument("--cache", action="store_true", help="simulate caches and branch prediction")
    parser.add_argument("--only", default="", help="count only variants whose name contains this")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="also draw what each variant adds")
    options = parser.parse_args()
    if options.chart and options.only:
        parser.error("--chart draws every variant, so it takes no --only")
    minter = variants.corp()
    token = jws.token(minter.keys[0], variants.claims(minter))
    ours = {"plugin": variants.policy(minter)}
    lean = ours | {"module": paths.LEAN_MODULE}
    everyone = [
        Counted("no filter, plain", {}),
        Counted("no filter, gzip", {}, gzip=True),
        Counted("floor, plain", {"plugin": {"version": 1}, "module": variants.floor()}),
        Counted("Envoy's own chain, plain", {"filters": variants.native(minter)}),
        Counted("lean module, plain", lean),
        Counted("lean module, gzip", lean, gzip=True),
        Counted("module, plain", ours),
        Counted("module, gzip", ours, gzip=True),
    ]
    bases: dict[bool, dict[str, float]] = {}
    added: dict[str, float] = {}
    with contextlib.ExitStack() as stack:
        upstream = Cluster(variants.upstream(stack))
        for counted in everyone:
            if counted.name.startswith("no filter") or options.only in counted.name:
                figures = _count(counted, upstream, token, options.cache)
                base = bases.setdefault(counted.gzip, figures)
                added[counted.name] = figures["Ir"] - base["Ir"]
                over = "  ".join(f"{COLUMNS[column]} {figures[column]:>9.0f} {figures[column] - base[column]:>+9.0f}" for column in figures)
                print(f"{counted.name:26}{over}", flush=True)
    if options.chart:
        bars = {name: figure for name, figure in added.items() if not name.startswith("no filter")}
        strong = {name for name in bars if "module" in name}
        options.chart.write_text(chart.bars("Instructions that a filter adds to a call", bars, strong))
    return 0


def _count(counted: Counted, upstream: Cluster, token: str, cache: bool) -> dict[str, float]:
    """The figures of one call: medians of the rounds."""
    envoy = variants.envoy(upstream, "count", **counted.settings)
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "out"
        tool = ["valgrind", "--tool=callgrind", "--smc-check=all-non-file", f"--callgrind-out-file={out}"]
        tool += ["--cache-sim=yes", "--branch-sim=yes"] if cache else []
        envoy.process.argv = [*tool, *envoy.process.argv[envoy.process.argv.index(str(paths.envoy_binary())) :]]
        try:
            envoy.start(timeout=600)
            message = variants.request()
            body = grpc_client.frame(gzip.compress(message, 6, mtime=0), flag=1) if counted.gzip else grpc_client.frame(message)
            variant = variants.Variant(counted.name, "", envoy, token, body, counted.gzip, False)
            for _ in range(WARM_UP):
                load.run(variant, CALLS)
            _dump(envoy, out)
            rounds = []
            for _ in range(ROUNDS):
                load.run(variant, CALLS)
                rounds.append(_dump(envoy, out))
        finally:
            envoy.stop()
    return {column: statistics.median(one[column] for one in rounds) / CALLS for column in rounds[0]}


def _dump(envoy: Envoy, out: Path) -> dict[str, int]:
    """What was counted since the last dump."""
    before = set(out.parent.iterdir())
    subprocess.run(["callgrind_control", "-d", str(envoy.process.pid)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for path in set(out.parent.iterdir()) - before:
            text = path.read_text(errors="replace")
            events = re.search(r"^events: (.*)$", text, re.MULTILINE)
            totals = re.search(r"^(?:totals|summary): ([\d ]+)$", text, re.MULTILINE)
            if events and totals:
                counted = dict(zip(events[1].split(), map(int, totals[1].split())))
                return {column: counted[column] for column in COLUMNS if column in counted}
        time.sleep(0.2)
    raise SystemExit("callgrind wrote no figures")


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        stop_all()

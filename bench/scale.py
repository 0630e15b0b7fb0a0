"""What ten thousand grants cost, beside ten: in a decision, when the configuration is loaded, and in memory.

    bench/scale.py            about two minutes, and once a build

Decisions and the native load are timed by criterion, and their ratios in pairs (both in `bench/policy`). For a new caller, the
claims are read, the rules found, and a call decided (cold; the signature, which costs many times that, is left out). For a caller
whose token is cached, only the call is decided. The load and the memory are those of the built
module in a real Envoy: its log of the calls into a VM has the times, and what each further VM adds to the process is
taken as the difference between two numbers of worker threads. Exit status 1 when a promise is broken.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "wasm-test")]

from harness import jws, paths
from harness.envoy import Cluster, Envoy, Settings
from harness.minter import Minter
from harness.policy import plugin
from harness.procs import stop_all

SIZES = (10, 100, 1000, 10_000)
SHAPES = ("claim", "claim-prefix", "subject", "peer-prefix")
# What docs/operating.md promises.
MOST_RATIO, MOST_LOAD_MS = 1.1, 50.0
_CRITERION = paths.ROOT / ".cache" / "bench" / "criterion"
_CALL = re.compile(r"^\[([\d:.]+)\]\[(\d+)\].*\[(host->vm|host<-vm)\] proxy_on_configure\b")
_STARTS = 3


def main() -> int:
    _criterion()
    for name in [*(f"{heat}-{shape}" for shape in SHAPES for heat in ("cold", "cached")), "load"]:
        print(f"{name:<22}" + "".join(f"{_quick(name, size):>14,.0f}" for size in SIZES))
    kept = _pairs()
    kept.append(_envoy())
    return 0 if all(kept) else 1


def _criterion() -> None:
    command = ["cargo", "bench", "--package", "temporal-auth-bench", "--bench", "grants"]
    environment = os.environ | {"CRITERION_HOME": str(_CRITERION)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(done.stdout)
    print("Time by criterion, ns, by the number of grants")
    print(f"{'':<22}" + "".join(f"{size:>14,}" for size in SIZES))


def _quick(name: str, size: int) -> float:
    """The fastest tenth of the samples: what else the machine does only adds."""
    sample = json.loads((_CRITERION / name / str(size) / "new" / "sample.json").read_text())
    times = sorted(time / count for time, count in zip(sample["times"], sample["iters"]))
    return float(times[len(times) // 10])


def _pairs() -> list[bool]:
    """Ten thousand grants beside ten, and loading beside parsing; whether each decision keeps the promise."""
    command = ["cargo", "run", "--quiet", "--profile", "bench", "--package", "temporal-auth-bench"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    print("\nIn pairs: decisions among 10,000 grants beside those among 10, and loads beside what serde_json takes to parse the text")
    kept = []
    for line in done.stdout.splitlines():
        name, *figures = line.split("\t")
        middle, low, high = map(float, figures)
        is_kept = name.startswith("load") or middle <= MOST_RATIO
        kept.append(is_kept)
        print(f"{name:<22}{middle:>8.2f}× [{low:.2f} – {high:.2f}]{'' if is_kept else f'  more than {MOST_RATIO}'}")
    return kept


def _envoy() -> bool:
    """Load and memory in the real proxy, and whether the load keeps its promise."""
    print(f"\n{'In Envoy':<24}{'load, ms: median':>18}{'worst':>8}{'per VM, KiB':>14}")
    kept = True
    for form in ("json", "struct"):
        for size in SIZES:
            # One worker at a time, so that VMs do not wait for each other's cores.
            runs = [_started(size, form, 1) for _ in range(_STARTS)]
            loads = sorted(load for _, times in runs for load in times)
            # Four worker threads more are four VMs more.
            more = (_started(size, form, 5)[0] - min(resident for resident, _ in runs)) // 4
            print(f"{f'{size:,} grants, {form}':<24}{loads[len(loads) // 2]:>18.1f}{loads[-1]:>8.1f}{more:>14,}")
            kept &= loads[len(loads) // 2] <= MOST_LOAD_MS
    return kept


def _started(size: int, form: str, threads: int) -> tuple[int, list[float]]:
    """An Envoy with so many worker threads: its resident memory in KiB, and how long each VM took for the
    configuration, in ms."""
    settings = Settings({"temporal": Cluster(1)}, plugin=_plugin(size), plugin_as=form, concurrency=threads, access_log=False)
    envoy = Envoy(settings, f"bench-load-{size}-{threads}")
    argv = envoy.process.argv
    argv[argv.index("--component-log-level") + 1] = "wasm:trace"
    argv[argv.index("--log-format") + 1] = "[%T.%f][%t] %v"
    with envoy:
        status = Path(f"/proc/{envoy.process.pid}/status").read_text()
        resident = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert resident
        return int(resident[1]), _loads(envoy.log_text())


def _loads(log: str) -> list[float]:
    """From each call of on_configure to its return, thread by thread."""
    began: dict[str, datetime] = {}
    loads: list[float] = []
    for line in log.splitlines():
        if found := _CALL.match(line):
            at, thread = datetime.strptime(found[1], "%H:%M:%S.%f"), found[2]
            if found[3] == "host->vm":
                began[thread] = at
            else:
                loads.append((at - began.pop(thread)).total_seconds() * 1000)
    assert loads and not began, f"{len(loads)} loads, {len(began)} without an end"
    return loads


def _plugin(size: int) -> dict[str, Any]:
    grants = [
        {
            "name": f"grant-{team}",
            "who": {"issuer": "corp", "claims": {"groups": f"team-{team}"}},
            "role": "writer",
            "namespaces": [f"team-{team}-*"],
        }
        for team in range(size)
    ]
    minter = Minter("https://idp.bench.test/", [jws.shared_key("RS256")])
    return plugin(minter.config(), grants=grants)


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        stop_all()

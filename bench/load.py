"""Load by h2load: one burst against a variant, with the CPU time that its proxy took, or calls in the background."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import variants
from harness.envoy import Envoy

_CLIENTS, _STREAMS = 2, 8


def run(variant: variants.Variant, count: int) -> float:
    """Microseconds of CPU per request: the proxy's, and that of the processes beside it."""
    pids = [process.pid for process in (variant.envoy.process, *variant.beside)]
    with tempfile.NamedTemporaryFile(suffix=".bin") as body:
        body.write(variant.body)
        body.flush()
        command = variants.pinned(variants.LOAD_CORE, _h2load(variant, count, Path(body.name)))
        passed, spent = variants.passed(variant.envoy), sum(map(cpu, pids))
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        spent = sum(map(cpu, pids)) - spent
    ended = re.search(r"(\d+) succeeded, (\d+) failed", done.stdout)
    if not ended or int(ended[1]) != count:
        raise RuntimeError(f"{variant.name}: {done.stdout}{done.stderr}")
    # A denial is HTTP 200 as well: what counts is what the upstream answered.
    passed = variants.passed(variant.envoy) - passed
    if passed != count:
        raise RuntimeError(f"{variant.name}: {passed} of {count} calls reached the upstream")
    return spent / count / 1000


def _h2load(variant: variants.Variant, count: int, body: Path) -> list[str]:
    headers = {
        "content-type": "application/grpc",
        "te": "trailers",
        "authorization": f"Bearer {variant.token}",
        "grpc-timeout": "10000m",
        "client-name": "temporal-python",
        "client-version": "1.35.0",
        "temporal-namespace": "payroll",
        "grpc-accept-encoding": "gzip",
        **({"grpc-encoding": "gzip"} if variant.gzip else {}),
    }
    flags = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    sizes = ["-n", str(count), "-c", str(_CLIENTS), "-m", str(_STREAMS)]
    return [h2load(), *sizes, *flags, "-d", str(body), f"http://127.0.0.1:{variant.envoy.port}{variant.path}"]


def start(
    envoy: Envoy,
    token: str,
    body: Path,
    flags: list[str],
    seconds: int,
    *,
    gzip: bool = False,
    path: str = variants.START,
    content_type: str = "application/grpc",
) -> subprocess.Popen[str]:
    """Calls in the background, with this body. `flags` are h2load's."""
    headers = [f"content-type: {content_type}", "te: trailers", f"authorization: Bearer {token}"]
    headers += ["grpc-encoding: gzip"] if gzip else []
    flags = [*flags, f"--duration={seconds}", *(part for header in headers for part in ("-H", header))]
    command = [h2load(), *flags, "-d", str(body), f"http://127.0.0.1:{envoy.port}{path}"]
    return subprocess.Popen(variants.pinned(variants.LOAD_CORE, command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def answered(calls: subprocess.Popen[str]) -> int:
    """How many of the calls were answered, whatever the answer, once all have ended."""
    output = calls.communicate(timeout=120)[0]
    return int(output.split(" done")[0].rsplit(" ", 1)[1])


def times(log: Path) -> list[float]:
    """How long each call in h2load's log took, in milliseconds, the fastest first."""
    lines = [line.split("\t") for line in log.read_text().splitlines()]
    assert {status for _, status, _ in lines} == {"200"}, lines
    return sorted(int(microseconds) / 1000 for _, _, microseconds in lines)


def h2load() -> str:
    """The load generator."""
    found = shutil.which("h2load")
    if not found:
        raise SystemExit("h2load is needed (Debian: apt-get install nghttp2-client)")
    return found


def cpu(pid: int, threads: str = "") -> int:
    """Nanoseconds on a CPU, of all threads whose names begin with `threads`."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    counted = (task for task in tasks if (task / "comm").read_text().startswith(threads))
    return sum(int((task / "schedstat").read_text().split()[0]) for task in counted)

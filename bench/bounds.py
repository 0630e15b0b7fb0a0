"""What callers can take from others: time and memory with a good token, room in the log without one.

    bench/bounds.py         about seven minutes

Time: four connections of one caller send one call after another, of each of several shapes, beside 200 calls a second of
another caller. They are compared with ordinary calls, sent in the same way through a proxy without a filter. Memory: ten connections of
one caller open a thousand streams each, and send the beginning of a compressed message. Log: 5,000 calls a second without a token.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import random
import statistics
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "wasm-test")]

import load
import variants
from harness import flood, grpc_client, jws
from harness.envoy import Cluster, Envoy, run_directory
from harness.procs import stop_all
from harness.proto import tag, text, varint

SECONDS, ROUNDS = 5, 3
# V8 recompiles hot code on the same core; that is not what is measured.
WARM_UP = 6
CONNECTIONS, HONEST_RATE = 4, 200
MESSAGE = (4 << 20) - 1000
STREAM_CONNECTIONS, STREAMS = 10, 1000
REFUSED_RATE = 5000
# Bytes that take a proxy longer to carry than an ordinary call.
LARGE = 100_000
HTTP_START = "/api/v1/namespaces/payroll/workflows/attack"


@dataclass
class Shape:
    """A call, as h2load sends it."""

    body: bytes
    gzip: bool = True
    path: str = variants.START
    content_type: str = "application/grpc"


def main() -> int:
    minter = variants.corp()
    honest, attacker = (jws.token(minter.keys[0], variants.claims(minter) | {"sub": name}) for name in ("honest", "attacker"))
    with contextlib.ExitStack() as stack:
        upstream = Cluster(variants.upstream(stack))
        bare = stack.enter_context(variants.envoy(upstream, "bare"))
        envoy = stack.enter_context(variants.envoy(upstream, "bounds", plugin=variants.policy(minter) | {"http": {"api": True}}))
        show_time(bare, envoy, honest, attacker)
    with contextlib.ExitStack() as stack:
        upstream = Cluster(variants.upstream(stack))
        for name, settings in (("no filter", {}), ("with the filter", {"plugin": variants.policy(minter)})):
            with variants.envoy(upstream, "bounds", **settings) as envoy:
                show_memory(envoy, name, honest, attacker)
        with variants.envoy(upstream, "bounds", plugin=variants.policy(minter)) as envoy:
            show_log(envoy)
    return 0


def show_time(bare: Envoy, envoy: Envoy, honest: str, attacker: str) -> None:
    print(f"{CONNECTIONS} connections, {SECONDS} s each, medians of {ROUNDS} rounds; {HONEST_RATE} honest calls a second beside them.")
    print(f"{'':42}{'bytes':>9}{'calls/s':>9}{'µs/call':>9}{'p50':>10}{'p99':>10}{'':>8}")
    reference = 0.0
    for name, proxy, shape in compared(bare, envoy):
        rows = [_beside(proxy, honest, attacker, shape) for _ in range(ROUNDS)]
        rate, cost, p50, p99 = (_median(rows, column) for column in range(4))
        reference = reference or p99
        print(f"{name:42}{len(shape.body):>9}{rate:>9.0f}{cost:>9.0f}{p50:>7.2f} ms{p99:>7.2f} ms{p99 / reference:>7.2f}×", flush=True)


def compared(bare: Envoy, envoy: Envoy) -> Iterator[tuple[str, Envoy, Shape]]:
    """Every shape through the filter; the ordinary call and what is much to carry also without it, before that."""
    for name, shape in shapes().items():
        if name == "ordinary" or len(shape.body) > LARGE:
            yield f"{name}, no filter", bare, shape
        yield name, envoy, shape


def shapes() -> dict[str, Shape]:
    """What the attacker sends, the ordinary call first."""

    def packed(message: bytes) -> Shape:
        return Shape(grpc_client.frame(gzip.compress(message, 9, mtime=0), flag=1))

    own = text(1, "payroll")
    three, sixteen = tag(1000, 0) + b"\x01", tag(1000, 2) + varint(13) + bytes(13)
    nested = tag(1000, 3) * 100 + tag(1000, 4) * 100
    fill = {"fields of three bytes": three, "fields of sixteen bytes": sixteen, "groups, 100 deep": nested}
    members = ",".join(f'"{number}":{{}}' for number in range(MESSAGE // 12))
    return {
        "ordinary": packed(variants.request()),
        **{name: packed(own + piece * (MESSAGE // len(piece))) for name, piece in fill.items()},
        "one field of zeros": packed(own + text(1000, bytes(MESSAGE))),
        "blocks of three kilobytes": Shape(grpc_client.frame(_blocks(own), flag=1)),
        "over HTTP, an ordinary start": _over_http(json.dumps({"input": {"payloads": [{"data": "a" * 800}]}})),
        "over HTTP, a text of escapes": _over_http('{"identity":"' + "\\u0041" * (MESSAGE // 6) + '"}'),
        "over HTTP, many members": _over_http('{"memo":{"fields":{' + members + "}}}"),
        "over HTTP, many empty lists": _over_http('{"links":[' + "{}," * (MESSAGE // 3) + "{}]}"),
    }


def _over_http(body: str) -> Shape:
    return Shape(body.encode(), gzip=False, path=HTTP_START, content_type="application/json")


def _blocks(own: bytes) -> bytes:
    """A block with tables of its own for each three kilobytes of content."""
    compressor = zlib.compressobj(9, wbits=31)
    letters = random.Random(1)
    content = bytes(letters.choice(b"etaoinshrdlu") for _ in range(1024))
    packed = compressor.compress(own + tag(1000, 2) + varint(3 << 20))
    for _ in range(1 << 10):
        packed += compressor.compress(content * 3) + compressor.flush(zlib.Z_FULL_FLUSH)
    return packed + compressor.flush()


def _beside(envoy: Envoy, honest: str, attacker: str, shape: Shape) -> tuple[float, float, float, float]:
    """The attacker's calls a second, the worker thread's time for each call, and percentiles of honest calls in milliseconds."""
    directory = run_directory("bounds")
    seconds = WARM_UP + SECONDS + 1
    body = _file(directory / "attack", shape.body)
    calls = ["-c", str(CONNECTIONS), "-m", "1"]
    attack = load.start(envoy, attacker, body, calls, seconds, gzip=shape.gzip, path=shape.path, content_type=shape.content_type)
    time.sleep(WARM_UP)
    spent, begun = load.cpu(envoy.process.pid, "wrk:"), time.monotonic()
    log = directory / "honest.tsv"
    rate = ["-c", "2", "-m", "32", f"--rps={HONEST_RATE / 2}", f"--log-file={log}"]
    ordinary = _file(directory / "honest", grpc_client.frame(variants.request()))
    load.start(envoy, honest, ordinary, rate, SECONDS).communicate(timeout=120)
    spent, passed = load.cpu(envoy.process.pid, "wrk:") - spent, time.monotonic() - begun
    times = load.times(log)
    attacks = load.answered(attack) / seconds
    cost = spent / passed / 1000 / (attacks + len(times) / SECONDS)
    return attacks, cost, statistics.median(times), times[int(len(times) * 0.99)]


def _file(path: Path, body: bytes) -> Path:
    path.write_bytes(body)
    return path


def _median(rows: list[tuple[float, float, float, float]], column: int) -> float:
    return statistics.median(row[column] for row in rows)


def show_memory(envoy: Envoy, name: str, honest: str, attacker: str) -> None:
    """Streams that stop in the middle of a compressed message, after three different numbers of bytes."""
    packed = grpc_client.gzipped(variants.request() + text(1000, random.Random(1).randbytes(40_000)))
    assert grpc_client.call(envoy.port, variants.START, token=honest, body=packed, gzip=True).grpc_status == 0
    for size in (15, 200, 17_000):
        before = envoy.process.resident
        streams = STREAMS if size < 1000 else STREAMS // 10
        crowds = [flood.Crowd(envoy.port) for _ in range(STREAM_CONNECTIONS)]
        start = flood.request(variants.START, attacker, packed[:size], gzip=True, is_whole=False)
        for crowd in crowds:
            crowd.send([start] * streams)
        time.sleep(2)
        held = envoy.process.resident - before
        small = grpc_client.gzipped(variants.request())
        statuses = [grpc_client.call(envoy.port, variants.START, token=honest, body=small, gzip=True).grpc_status for _ in range(100)]
        for crowd in crowds:
            crowd.close()
        time.sleep(2)
        left = envoy.process.resident - before
        count = f"{STREAM_CONNECTIONS} × {streams} streams with {size} bytes"
        print(f"{name + ', ' + count:56}{held >> 20:>5} MiB, {left >> 20} MiB after they are gone; {statuses.count(0)} of 100 others succeed", flush=True)


def show_log(envoy: Envoy) -> None:
    before = len(envoy.log_text())
    call = flood.request(variants.START, "", grpc_client.frame(variants.request()))
    with contextlib.ExitStack() as stack:
        crowds = [stack.enter_context(flood.Crowd(envoy.port)) for _ in range(4)]
        sent = flood.at_rate(crowds, itertools.repeat(call), REFUSED_RATE, SECONDS)
    time.sleep(2)
    written = envoy.log_text()[before:]
    lines = [line for line in written.splitlines() if "temporal-auth {" in line]
    print(f"{sent} refused calls in {SECONDS} s: {len(lines)} lines, {len(written)} bytes, the longest has {max(map(len, lines))}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        stop_all()

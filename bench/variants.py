"""The proxies that are compared, and the proof that each of them decides."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import grpc_client, jws, paths, requests
from harness.envoy import Cluster, Envoy, Settings
from harness.minter import Minter
from harness.policy import plugin
from harness.procs import Process
from harness.upstream import Upstream

START = requests.path("StartWorkflowExecution")
_TYPE = "type.googleapis.com/envoy.extensions.filters.http."
_METADATA = "envoy.filters.http.grpc_field_extraction"

# The proxies share this core (one works at a time); everything else runs on the other.
PROXY_CORE, LOAD_CORE = "0", "1"


@dataclass
class Variant:
    name: str
    baseline: str  # the variant that carries the same body without a filter
    envoy: Envoy
    token: str
    body: bytes
    gzip: bool
    guarded: bool
    path: str = START
    # How many of these calls are made for each ordinary one: large bodies take long.
    share: float = 1
    # Other processes that a call goes through: their time counts too.
    beside: tuple[Process, ...] = ()


def corp() -> Minter:
    return Minter("https://idp.bench.test/", [jws.shared_key("RS256")])


def claims(minter: Minter) -> dict[str, Any]:
    """As an identity provider sends them: about 0.7 KB as a token."""
    return minter.claims("5f0d2f5e-6a39-4c1a-9d5f-1f0f5b2c7a11", groups=["finance", "staff"], jti="2c7a11-5f0d2f5e", azp="payroll-cli")


def request(namespace: str = "payroll", size: int = 1000) -> bytes:
    """StartWorkflowExecution of about this size, as an SDK sends it."""
    start = requests.start_workflow(namespace, "payroll-2026-11-employee-000042")
    start.workflow_type.name = "PayrollRun"
    start.task_queue.name = "payroll"
    start.identity = "1234@worker-7d9f6"
    payload = start.input.payloads.add()
    payload.metadata["encoding"] = b"json/plain"
    payload.data = b'{"employee": 42, "month": "2026-11", "lines": ['
    while start.ByteSize() < min(size, 1000):
        payload.data += b'{"kind": "base", "amount": %d}, ' % start.ByteSize()
    lines = (b'{"kind": "base", "amount": %d}, ' % number for number in range(1000, 1 << 20))
    payload.data += b"".join(itertools.islice(lines, max(0, size - 1000) // 33))
    return start.SerializeToString()


def start(stack: contextlib.ExitStack, beside: Path | None = None) -> list[Variant]:
    """Every variant, running; with the variants of another module, if there is one to compare with."""
    minter = corp()
    token = jws.token(minter.keys[0], claims(minter))
    upstream_cluster = Cluster(upstream(stack))
    packed = grpc_client.frame(gzip.compress(request(), 6, mtime=0), flag=1)
    plain = grpc_client.frame(request())

    ours = {"plugin": policy(minter)}
    kinds: dict[str, tuple[dict[str, Any], list[str]]] = {
        "no filter": ({}, ["plain", "gzip"]),
        "floor": ({"plugin": {"version": 1}, "module": floor()}, ["plain"]),
        "module": (ours, ["plain", "gzip"]),
        "lean module": (ours | {"module": paths.LEAN_MODULE}, ["plain", "gzip"]),
        "Envoy's own chain": ({"filters": native(minter)}, ["plain"]),
    }
    if beside:
        kinds["other module"] = (ours | {"module": beside}, ["plain", "gzip"])
    variants = []
    for number, (name, (settings, bodies)) in enumerate(kinds.items()):
        proxy = stack.enter_context(envoy(upstream_cluster, str(number), **settings))
        for body in bodies:
            is_gzip = body == "gzip"
            guarded = name not in ("no filter", "floor")
            variants.append(
                Variant(f"{name}, {body}", f"no filter, {body}", proxy, token, packed if is_gzip else plain, is_gzip, guarded)
            )
    return variants


# Bytes of the payload, and how many calls are made for each ordinary one.
_SIZES = {"100 B": (0, 1.0), "1 KB": (1000, 1.0), "10 KB": (10_000, 0.5), "100 KB": (100_000, 0.1), "1 MB": (1_000_000, 0.02)}
_LIMITS = {"task_queues": ["payroll", "payroll-*"], "workflow_types": ["Payroll*"], "workflow_ids": ["payroll-*"]}


def shapes(stack: contextlib.ExitStack) -> list[Variant]:
    """Calls of many sizes and kinds, without a filter and with the module, which is called for answers too."""
    minter = corp()
    token = jws.token(minter.keys[0], claims(minter))
    cluster = Cluster(upstream(stack))
    open_methods = {"anonymous": ["GetSystemInfo"], "authenticated": ["GetClusterInfo"]}
    limited = policy(minter) | {"grants": [grant | _LIMITS for grant in policy(minter)["grants"]]}
    bare, ours, ours_limited = (
        stack.enter_context(envoy(cluster, f"shapes-{number}", **settings))
        for number, settings in enumerate([{}, {"plugin": policy(minter) | open_methods}, {"plugin": limited}])
    )
    empty = grpc_client.frame(b"")
    cases: dict[str, tuple[bytes, bool, str, float, Envoy]] = {}
    for size, (length, share) in _SIZES.items():
        cases[f"start, {size}"] = (grpc_client.frame(request(size=length)), False, START, share, ours)
    # More of larger ones would meet the bound on work.
    packed = grpc_client.frame(gzip.compress(request(size=10_000), 6, mtime=0), flag=1)
    cases["start, 10 KB, gzip"] = (packed, True, START, 0.5, ours)
    cases["start, 1 KB, limits"] = (grpc_client.frame(request()), False, START, 1, ours_limited)
    cases["GetSystemInfo, for everybody"] = (empty, False, requests.path("GetSystemInfo"), 1, ours)
    cases["GetClusterInfo, by its headers"] = (empty, False, requests.path("GetClusterInfo"), 1, ours)
    made = []
    for name, (body, is_gzip, path, share, filtered) in cases.items():
        baseline = f"{name}, no filter"
        for label, proxy in [(baseline, bare), (name, filtered)]:
            made.append(Variant(label, baseline, proxy, token, body, is_gzip, proxy is not bare and path == START, path, share))
    return made


def floor() -> Path:
    """floor.wat, assembled."""
    import wasmtime

    out = paths.RUNS / "floor.wasm"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(wasmtime.wat2wasm(Path(__file__).with_name("floor.wat").read_text()))
    return out


def policy(minter: Minter) -> dict[str, Any]:
    """The plugin's configuration that all of them decide by."""
    grants = [{"name": "finance", "who": {"issuer": "corp", "claims": {"groups": "finance"}}, "role": "writer", "namespaces": ["payroll"]}]
    return plugin(minter.config(), grants=grants)


def envoy(upstream_cluster: Cluster, name: str, **settings: Any) -> Envoy:
    """A proxy that is not started yet."""
    made = Envoy(Settings({"temporal": upstream_cluster}, access_log=False, **settings), f"bench-{name}")
    made.process.argv = pinned(PROXY_CORE, made.process.argv)
    return made


def prove(variant: Variant) -> None:
    """A figure for a filter that lets everything pass would be worth nothing."""
    port = variant.envoy.port
    allowed = grpc_client.call(port, variant.path, token=variant.token, body=variant.body, gzip=variant.gzip)
    assert allowed.grpc_status == 0, f"{variant.name}: {allowed}"
    if not variant.guarded:
        return
    message = request("finance-reports")
    foreign = grpc_client.gzipped(message) if variant.gzip else grpc_client.frame(message)
    for reply in (
        grpc_client.call(port, START, token=variant.token, body=foreign, gzip=variant.gzip),
        grpc_client.call(port, START, token=jws.flip_signature(variant.token), body=variant.body, gzip=variant.gzip),
        grpc_client.call(port, START, body=variant.body, gzip=variant.gzip),
    ):
        assert reply.grpc_status in (7, 16), f"{variant.name} lets pass: {reply}"


def passed(envoy: Envoy) -> int:
    """How many calls have reached the upstream."""
    name = "cluster.temporal.upstream_rq_completed"
    return envoy.stats(name).get(name, 0)


def pinned(core: str, argv: list[str]) -> list[str]:
    """On one core alone; on a machine of one core, or without taskset, wherever."""
    if (os.cpu_count() or 1) < 2 or not shutil.which("taskset"):
        return argv
    return ["taskset", "-c", core, *argv]


def upstream(stack: contextlib.ExitStack) -> int:
    return stack.enter_context(Upstream(lambda argv: pinned(LOAD_CORE, argv))).port


def native(minter: Minter) -> list[dict[str, Any]]:
    """The same decision by Envoy's own filters: token, namespace of the body, group."""
    keys = {"keys": [key.jwk() for key in minter.keys]}
    jwt = {
        "@type": _TYPE + "jwt_authn.v3.JwtAuthentication",
        "providers": {
            "corp": {
                "issuer": minter.url,
                "audiences": ["temporal"],
                "local_jwks": {"inline_string": json.dumps(keys)},
                "jwt_cache_config": {"jwt_cache_size": 100},
                "payload_in_metadata": "jwt",
            }
        },
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "corp"}}],
    }
    extraction = {
        "@type": _TYPE + "grpc_field_extraction.v3.GrpcFieldExtractionConfig",
        "descriptor_set": {"filename": str(paths.TEMPORAL_DATA / "api.binpb")},
        "extractions_by_method": {
            START[1:].replace("/", "."): {"request_field_extractions": {"namespace": {}}},
        },
    }
    permission = {"metadata": {"filter": _METADATA, "path": [{"key": "namespace"}], "value": _holds("payroll")}}
    principal = {
        "metadata": {
            "filter": "envoy.filters.http.jwt_authn",
            "path": [{"key": "jwt"}, {"key": "groups"}],
            "value": _holds("finance"),
        }
    }
    rbac = {
        "@type": _TYPE + "rbac.v3.RBAC",
        "rules": {"action": "ALLOW", "policies": {"finance": {"permissions": [permission], "principals": [principal]}}},
    }
    names = ("jwt_authn", "grpc_field_extraction", "rbac")
    return [{"name": f"envoy.filters.http.{n}", "typed_config": c} for n, c in zip(names, (jwt, extraction, rbac))]


def _holds(value: str) -> dict[str, Any]:
    return {"list_match": {"one_of": {"string_match": {"exact": value}}}}


"""CPU per request of the whole path: the filter beside an external authorizer, for the same decision.

    bench/peers.py          about four minutes; the first run builds the service, a minute or two
    bench/peers.py --quick  about a minute, wider spread

As in run.py, but a variant's time is the proxy's and that of the process which it asks; both run on one core. What asking
costs is in it, on both sides.

- OPA: a policy in Rego that OPA's library evaluates in a gRPC service (bench/opa), which Envoy asks through ext_authz,
  with the body. It verifies the token, decodes the body by Temporal's descriptors and looks at namespace and group.
  Once as OPA is shipped, which verifies every signature again, and once with OPA's cache of verified tokens.
- Allows everything: the same service without a policy, which never looks at the call. It shows what asking costs, before
  anything is decided.

The service does what such a peer cannot leave out, and nothing else: no decision log, no metrics, and the policy sees the
path, the headers and the body, not the whole request. OPA-Envoy (opa-envoy-plugin) and Temporal's own proxy
(go.temporal.io/proxy) themselves are not among the peers: where this was measured, the Go proxy refuses both modules (403).
Only the filter reads compressed bodies; Envoy's own chain and the service refuse them, so the bodies are plain.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "wasm-test")]

import report
import run
import variants
from harness import grpc_client, jws, paths
from harness.envoy import Cluster, Envoy, Settings, run_directory
from harness.ports import free_port
from harness.procs import Process, stop_all, tcp_answers

SOURCE = HERE / "opa"
BINARY = paths.ROOT / ".cache" / "go" / "opa-ext-authz" / "opa-ext-authz"
_NO_GO = 3
_BASELINE, _MODULE = "no filter, plain", "module, plain"
_OURS = (_BASELINE, report.FLOOR, _MODULE, report.NATIVE)


def main() -> int:
    options = _options()
    rounds, count = (20, 1000) if options.quick else (110, 1500)
    built = subprocess.run([paths.ROOT / "scripts" / "go-build.sh", SOURCE.relative_to(paths.ROOT)], cwd=paths.ROOT)
    if built.returncode:
        return 0 if built.returncode == _NO_GO else built.returncode
    with contextlib.ExitStack() as stack:
        everyone = start(stack)
        for variant in everyone:
            prove(variant)
        deadline = time.monotonic() + (60 if options.quick else 200)
        measured = run.measure(everyone, rounds, count, deadline)
    print("With the CPU of the service that the proxy asks, where it asks one:")
    print(report.text(measured, count))
    if options.json:
        options.json.write_text(json.dumps(report.summary(measured), indent=1) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="CPU per request of the whole path, beside an external authorizer")
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument("--json", type=Path, help="also write the summary there")
    return parser.parse_args()


def start(stack: contextlib.ExitStack) -> list[variants.Variant]:
    """Those of run.py that decide the same, and the peers, all running."""
    everyone = [variant for variant in variants.start(stack) if variant.name in _OURS]
    model = everyone[0]
    policy = ["-descriptors", str(paths.TEMPORAL_DATA / "api.binpb"), str(SOURCE / "policy.rego"), str(_data())]
    kinds: dict[str, list[str]] = {
        "ext_authz, allows everything, plain": [],
        "ext_authz, OPA, plain": policy,
        "ext_authz, OPA, tokens kept, plain": ["-tokens", "100", *policy],
    }
    for number, (name, arguments) in enumerate(kinds.items()):
        port = free_port()
        argv = [str(BINARY), "-listen", f"127.0.0.1:{port}", *arguments]
        log = run_directory(f"bench-peer-{number}") / "service.log"
        service = Process(name, variants.pinned(variants.PROXY_CORE, argv), log)
        stack.callback(service.stop)
        service.start().wait_ready(tcp_answers(port))
        clusters = {**model.envoy.settings.clusters, "authorizer": Cluster(port)}
        proxy = Envoy(Settings(clusters, access_log=False, filters=[_ext_authz()]), f"bench-peer-{number}")
        proxy.process.argv = variants.pinned(variants.PROXY_CORE, proxy.process.argv)
        stack.enter_context(proxy)
        guarded = bool(arguments)
        everyone.append(
            variants.Variant(name, _BASELINE, proxy, model.token, model.body, gzip=False, guarded=guarded, beside=(service,))
        )
    return everyone


def prove(variant: variants.Variant) -> None:
    """As for the others; and what the policy is about beside the namespace, and what is said above of compressed bodies."""
    variants.prove(variant)
    if not variant.guarded:
        return
    minter = variants.corp()
    staff = jws.token(minter.keys[0], variants.claims(minter) | {"groups": ["staff"]})
    reply = grpc_client.call(variant.envoy.port, variant.path, token=staff, body=variant.body)
    assert reply.grpc_status in (7, 16), f"{variant.name} lets pass: {reply}"
    packed = grpc_client.frame(gzip.compress(variants.request(), 6, mtime=0), flag=1)
    reply = grpc_client.call(variant.envoy.port, variant.path, token=variant.token, body=packed, gzip=True)
    assert (reply.grpc_status == 0) == (variant.name == _MODULE), f"{variant.name}, compressed: {reply}"


def _data() -> Path:
    """The issuer and its keys, as the policy reads them."""
    minter = variants.corp()
    path = run_directory("bench-opa-data") / "data.json"
    keys = json.dumps({"keys": [key.jwk() for key in minter.keys]})
    path.write_text(json.dumps({"issuer": minter.url, "keys": keys}))
    return path


def _ext_authz() -> dict[str, Any]:
    return {
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3",
            "grpc_service": {"envoy_grpc": {"cluster_name": "authorizer"}, "timeout": "5s"},
            "with_request_body": {"max_request_bytes": 4 << 20, "pack_as_bytes": True},
        },
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        stop_all()

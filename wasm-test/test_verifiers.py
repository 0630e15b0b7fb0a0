"""The host's verifier and the module's own agree on every signature, and the log says which of them is used."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from harness import grpc_client, jws, paths, requests
from harness.envoy import Cluster, Envoy, Settings
from harness.envoy_config import WITHOUT_FOREIGN_FUNCTIONS, wasm_filter
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.temporal import Temporal

SIGNATURES = paths.ROOT / "tests" / "conformance" / "data" / "signatures.jsonl.gz"
NATIVE = ["RS256", "RS384", "RS512", "ES256", "ES384"]


def vectors() -> list[dict[str, Any]]:
    lines = map(json.loads, gzip.decompress(SIGNATURES.read_bytes()).splitlines())
    return [
        {
            "name": f"{line['set']} {line['id']}",
            "jwk": {**line["jwk"], "kid": "k"},
            **{name: line[name] for name in ("algorithm", "message", "signature", "valid")},
        }
        for line in lines
        if line["algorithm"] in NATIVE and line["supported"]
    ]


def test_both_verifiers_agree(temporal: Temporal) -> None:
    asked = vectors()
    configuration = "\n".join(json.dumps(vector) for vector in asked)
    settings = Settings({"temporal": Cluster(temporal.port)}, filters=[wasm_filter("verifiers", paths.VERIFIERS, configuration)])
    envoy = Envoy(settings, "verifiers")
    try:
        envoy.start(timeout=180)
        said = [json.loads(line.rsplit("verifiers: ", 1)[1]) for line in envoy.log_text().splitlines() if "verifiers: {" in line]
    finally:
        envoy.stop()
    good = sum(vector["valid"] for vector in asked)
    print(f"{good} accepted and {len(asked) - good} refused by both")
    assert good > 400 and len(asked) - good > 2000
    assert said == [{"native": NATIVE, "accepted": good, "refused": len(asked) - good, "disagreements": []}]


@pytest.mark.parametrize("alone", [False, True], ids=["host", "module alone"])
def test_the_verifier_is_logged_and_either_accepts_valid_tokens(temporal: Temporal, alone: bool) -> None:
    corp = Minter("https://corp.test/", [jws.shared_key(alg) for alg in jws.ALGORITHMS])
    capabilities = WITHOUT_FOREIGN_FUNCTIONS if alone else None
    settings = Settings({"temporal": Cluster(temporal.port)}, plugin=plugin(corp.config()), capabilities=capabilities)
    with Envoy(settings, "verifiers-told") as envoy:
        gauge = "wasmcustom.temporal_auth.native_algorithms"
        until(lambda: envoy.stats(gauge).get(gauge) == (0 if alone else 5), 10, "the gauge")
        told = "the host verifies no signatures" if alone else f"the host verifies signatures of {', '.join(NATIVE)}"
        assert told in envoy.log_text()
        for key in corp.keys:
            good = jws.token(key, corp.claims("alice", permissions=["payroll:write"]))
            body = grpc_client.frame(requests.start_workflow("payroll", f"verified-{key.alg}-{alone}").SerializeToString())
            for token, status in ((good, 0), (jws.flip_signature(good), 16)):
                reply = grpc_client.call(envoy.port, requests.path("StartWorkflowExecution"), token=token, body=body)
                assert reply.grpc_status == status, (key.alg, reply)

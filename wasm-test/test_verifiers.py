"""The host's verifier and the module's own say the same of every signature; and which of them is asked is told."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from harness import grpc_client, jws, paths, requests
from harness.envoy import Cluster, Envoy, Settings
from harness.envoy_config import wasm_filter
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.temporal import Temporal

SIGNATURES = paths.ROOT / "tests" / "conformance" / "data" / "signatures.jsonl.gz"
NATIVE = ["RS256", "RS384", "RS512", "ES256", "ES384"]
# Every call of the ABI that the module makes, but for the one into Envoy's own functions.
WITHOUT_FOREIGN_FUNCTIONS = [
    "proxy_log",
    "proxy_get_header_map_pairs",
    "proxy_set_header_map_pairs",
    "proxy_remove_header_map_value",
    "proxy_get_buffer_bytes",
    "proxy_get_property",
    "proxy_set_property",
    "proxy_continue_stream",
    "proxy_set_effective_context",
    "proxy_set_tick_period_milliseconds",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_send_local_response",
    "proxy_http_call",
    # Of WASI.
    "clock_time_get",
    "random_get",
    # What it is called for.
    "proxy_on_context_create",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_tick",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_http_call_response",
    "proxy_on_delete",
]


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


def test_both_verifiers_say_the_same(temporal: Temporal) -> None:
    asked = vectors()
    configuration = "\n".join(json.dumps(vector) for vector in asked)
    settings = Settings({"temporal": Cluster(temporal.port)}, filters=[wasm_filter("verifiers", paths.VERIFIERS, configuration)])
    with Envoy(settings, "verifiers") as envoy:
        said = [json.loads(line.split("verifiers: ", 1)[1]) for line in envoy.log_text().splitlines() if "verifiers: {" in line]
    assert said, "the plugin ran"
    good = sum(vector["valid"] for vector in asked)
    print(f"{good} accepted and {len(asked) - good} refused by both")
    assert good > 400 and len(asked) - good > 2000
    for once in said:
        assert once == {"native": NATIVE, "accepted": good, "refused": len(asked) - good, "disagreements": []}


@pytest.mark.parametrize("alone", [False, True], ids=["host", "module alone"])
def test_who_verifies_is_told_and_either_lets_the_good_in(temporal: Temporal, alone: bool) -> None:
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

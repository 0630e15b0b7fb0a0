"""Compares our authorization on the HTTP port with Temporal's own, as `test_parity` does over gRPC."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from comparison import Comparison
from differences import DIFFERENCES, HTTP_DIFFERENCES
from harness.envoy import Cluster, Envoy, Settings
from harness.policy import plugin
from harness.poll import until
from harness.temporal import Temporal
from http_calls import HttpAnswer, HttpCall, ask_http, http_calls
from tokens import OTHER, OWN, callers, issuer
from upstream import BINARY, Upstream

# 228 routes by 12 callers in up to three namespaces.
AT_LEAST = 7000


@pytest.fixture(scope="module")
def compared() -> Iterator[Comparison[HttpAnswer]]:
    if not BINARY.exists():
        pytest.fail(f"{BINARY} is not there: make parity")
    with issuer() as keys, Temporal([OWN, OTHER]) as stock, Upstream(keys, [OWN, OTHER]) as upstream:
        policy = plugin(keys.config(keys={"inline": keys.key_set()}, algorithms=None), http={"api": True, "openapi": True})
        settings = Settings({"temporal": Cluster(stock.http_port, http2=False)}, plugin=policy)
        with Envoy(settings, "parity-http") as envoy:
            calls = list(http_calls(callers(keys)))
            _wait_for_both(calls, upstream.http_port, envoy.port)
            comparison: Comparison[HttpAnswer] = Comparison([*HTTP_DIFFERENCES, *DIFFERENCES])
            for _, group in itertools.groupby(calls, lambda call: call.path):
                theirs, ours = HTTPConnection("127.0.0.1", upstream.http_port, timeout=20), HTTPConnection("127.0.0.1", envoy.port, timeout=20)
                for call in group:
                    comparison.add(call, ask_http(theirs, call), ask_http(ours, call))
                theirs.close()
                ours.close()
            print(f"\n{comparison.summary()}")
            yield comparison


def _wait_for_both(calls: list[HttpCall], *ports: int) -> None:
    for call in calls:
        if call.target in (f"/api/v1/namespaces/{OWN}/workflow-count", f"/api/v1/namespaces/{OTHER}/workflow-count") and call.caller.name == "system read":
            for port in ports:
                until(lambda: ask_http(HTTPConnection("127.0.0.1", port, timeout=20), call).status == 200, 60, f"{call} at {port}", every=0.5)


@pytest.mark.timeout(900)
def test_every_difference_is_listed(compared: Comparison[HttpAnswer]) -> None:
    assert not compared.unlisted, "\n".join(["not listed:", *compared.unlisted[:40]])


def test_every_difference_of_http_occurs(compared: Comparison[HttpAnswer]) -> None:
    assert not [unused for difference in HTTP_DIFFERENCES for unused in difference.unused(compared.listed[difference.name])]


def test_both_sides_allow_and_deny(compared: Comparison[HttpAnswer]) -> None:
    """Two servers that denied everything, or nothing, would also agree."""
    assert compared.total >= AT_LEAST
    may_read = {"read", "write", "admin", "system read", "system write", "system admin"}
    count = "/temporal.api.workflowservice.v1.WorkflowService/CountWorkflowExecutions"
    assert compared.agreed("passed", count) >= may_read
    assert not compared.agreed("passed", count) & {"nobody", "garbage", "expired", "no permissions", "worker", "system worker"}
    assert compared.agreed("denied") >= (may_read | {"no permissions", "worker", "system worker"}) - {"system admin"}

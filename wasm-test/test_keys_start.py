"""The issuer is down when the proxy starts: requests wait for the key for a bounded time; then everything works.

In both header modes: with `allow_on_headers_stop_iteration` the body arrives while the headers wait.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from harness import grpc_client, requests
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Reply
from harness.issuer import DISCOVERY, JWKS, Behaviour, Issuer
from harness.policy import plugin
from harness.poll import prompt, until

READ = ["payroll:read"]

both_header_modes = pytest.mark.parametrize("header_stop", [False, True], ids=["A", "B"])


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Not listening yet."""
    issuer = Issuer()
    yield issuer
    issuer.stop()


def _open(open_gate: OpenGate, echo: Echo, issuer: Issuer, header_stop: bool, **keys: Any) -> Gate:
    config = issuer.fetched_config(**({"wait": "2s", "timeout": "1s", "retry": "1s"} | keys))
    clusters = {"idp": Cluster(issuer.port, http2=False)}
    return open_gate(plugin(config), echo.port, clusters=clusters, header_stop=header_stop, fresh=True)


@both_header_modes
def test_waits_then_unavailable_then_fine(open_gate: OpenGate, echo: Echo, issuer: Issuer, header_stop: bool) -> None:
    gate = _open(open_gate, echo, issuer, header_stop)
    token = issuer.token(permissions=READ)
    marked = grpc_client.test_id()
    began = time.monotonic()
    refused(gate.count(token=token, test_id=marked), 14)
    waited = time.monotonic() - began
    assert 1.5 < waited < 20, f"waited {waited:.1f} s with a deadline of 2 s"
    assert gate.details(marked) == "temporal_auth_unavailable"
    assert echo.seen(marked) is None or not echo.seen(marked).ended  # type: ignore[union-attr]

    # A connecting client must not notice.
    allowed(gate.call("GetSystemInfo"))
    allowed(gate.call(requests.HEALTH_CHECK))
    # A call that can be judged without a key does not wait.
    refused(prompt(gate.count, 1), 16)
    refused(prompt(lambda: gate.call("/a.b/C", token=token), 1), 12)

    issuer.start()
    until(lambda: gate.count(token=token).grpc_status == 0, 20, "the key to arrive")
    fetched = issuer.fetches()
    for _ in range(5):
        allowed(gate.count(token=token))
        refused(gate.count("finance-reports", token=token), 7)
    assert issuer.fetches() == fetched, "a key that is there is not fetched again"
    gate.envoy.wait_counter("temporal_auth.keys.fetch_failed", 1)
    gate.envoy.wait_counter("temporal_auth.keys.fetch_ok", 1)


@both_header_modes
def test_requests_that_wait_are_woken(open_gate: OpenGate, echo: Echo, issuer: Issuer, header_stop: bool) -> None:
    """Several at once, allowed and denied, small and large, gzip and plain: each gets its own answer when the keys arrive."""
    gate = _open(open_gate, echo, issuer, header_stop, wait="30s", timeout="10s")
    # The issuer is down, so that the first fetch fails; then slow, so that all requests are waiting when the keys arrive.
    issuer.behave(Behaviour(delay=1.0))
    token, forged = issuer.token(permissions=READ), issuer.token(permissions=READ)[:-8] + "AAAAAAAA"
    padding = b"\xc2\x3e\x80\x80\x40" + bytes(1 << 20)  # unknown field 1000, 1 MiB
    body = b"\x0a\x07payroll" + padding
    foreign = b"\x0a\x07finance" + padding
    count = requests.path("CountWorkflowExecutions")
    calls: list[tuple[int, dict[str, object]]] = [
        (0, {"message": b"\x0a\x07payroll", "token": token}),
        (0, {"message": b"\x0a\x07payroll", "token": token, "gzip": True}),
        (0, {"message": body, "token": token}),
        (0, {"message": body, "token": token, "gzip": True}),
        (7, {"message": b"\x0a\x07finance", "token": token}),
        (7, {"message": foreign, "token": token}),
        (7, {"message": foreign, "token": token, "gzip": True}),
        (16, {"message": b"\x0a\x07payroll", "token": forged}),
        (3, {"message": b"\x0a\x07payroll\x0a\x07payroll", "token": token}),
    ]
    replies: list[Reply | None] = [None] * len(calls)

    def one(index: int) -> None:
        replies[index] = grpc_client.call(gate.port, count, timeout=40, **calls[index][1])  # type: ignore[arg-type]

    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    issuer.start()
    for thread in threads:
        thread.join()
    for (status, options), reply in zip(calls, replies):
        assert reply is not None
        assert reply.grpc_status == status, f"{options.get('gzip')} {len(options['message'])}: {reply}"  # type: ignore[arg-type]
    assert issuer.fetches(JWKS) <= 2, "one fetch serves all who wait"


@both_header_modes
def test_a_client_that_gives_up_while_waiting(open_gate: OpenGate, echo: Echo, issuer: Issuer, header_stop: bool) -> None:
    """Its stream is gone when the keys arrive: the others are answered, and nothing traps."""
    gate = _open(open_gate, echo, issuer, header_stop, wait="30s")
    token = issuer.token(permissions=READ)
    count = requests.path("CountWorkflowExecutions")
    connections = [grpc_client.Connection(gate.port) for _ in range(6)]
    streams = [c.open(grpc_client.request_headers(count, token=token)) for c in connections]
    for connection, stream in zip(connections, streams):
        connection.data(stream, grpc_client.frame(b"\x0a\x07payroll"), end_stream=True)
    arrived = "http.ingress.downstream_rq_total"
    until(lambda: gate.envoy.stats(arrived).get(arrived, 0) >= len(streams), 10, "all to arrive")
    connections[0].reset(streams[0])
    connections[1].close()
    connections[3].reset(streams[3])
    issuer.start()
    for index in (2, 4, 5):
        allowed(connections[index].reply(streams[index], 35))
    for connection in connections:
        connection.close()
    allowed(gate.count(token=token))


def test_discovery_document_that_is_wrong(open_gate: OpenGate, echo: Echo) -> None:
    """Keys from another issuer's document are not used. Once the document is corrected, keys are found without a restart."""
    documents: dict[str, Callable[[Issuer], bytes]] = {
        "another": lambda issuer: b'{"issuer": "https://evil.test/", "jwks_uri": "%s"}' % issuer.jwks_uri.encode(),
        "noslash": lambda issuer: json.dumps(issuer.discovery_document() | {"issuer": issuer.url[:-1]}).encode(),
        "nouri": lambda issuer: b'{"issuer": "%s"}' % issuer.url.encode(),
        "number": lambda issuer: json.dumps(issuer.discovery_document() | {"jwks_uri": 7}).encode(),
        "twice": lambda issuer: json.dumps(issuer.discovery_document()).encode()[:-1] + b', "issuer": "x"}',
        "html": lambda _: b"<html>",
    }
    with contextlib.ExitStack() as stack:
        issuers = {name: stack.enter_context(Issuer()) for name in documents}
        for name, issuer in issuers.items():
            issuer.behave(Behaviour(body=documents[name](issuer)), DISCOVERY)
        configuration = plugin({})
        configuration["issuers"] = {name: i.fetched_config(name, wait="2s", retry="1s") for name, i in issuers.items()}
        configuration["grants"] = [{"name": n, "who": {"issuer": n}, "permissions_claim": "permissions"} for n in issuers]
        clusters = {name: Cluster(issuer.port, http2=False) for name, issuer in issuers.items()}
        gate = open_gate(configuration, echo.port, clusters=clusters)

        def ask(name: str) -> Reply:
            return gate.count(token=issuers[name].token(permissions=READ))

        with ThreadPoolExecutor(len(issuers)) as pool:
            for name, reply in zip(issuers, pool.map(ask, issuers)):
                assert reply.grpc_status == 14, f"{name}: {reply}"
        for name, issuer in issuers.items():
            assert issuer.fetches(DISCOVERY) >= 1 and issuer.fetches(JWKS) == 0, name
            issuer.behave(None, DISCOVERY)
        for name in issuers:
            until(lambda: ask(name).grpc_status == 0, 20, f"the keys after {name}")

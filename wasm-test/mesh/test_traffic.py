"""Traffic in a mesh: two threads, small windows, mutual TLS and its identities, Istio's own JWT filter."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness import requests
from harness.envoy import DECISION
from harness.gate import allowed, refused
from harness.grpc_client import Connection, Reply
from harness.poll import until
from harness.proto import text
from lab.mesh import Mesh
from lab.policy import replaced
from lab.resources import render
from lab.workload import workload

w = requests.workflow
READ = ["payroll:read"]
COUNT = requests.path("CountWorkflowExecutions")
# In a field that no server knows.
THREE_MEGABYTES = text(1000, random.Random(1).randbytes(3_000_000))


def test_two_threads(mesh: Mesh) -> None:
    """Each thread has a VM of its own, with keys of its own: the answers are the same."""
    token = mesh.corp.token(permissions=READ)
    assert json.loads(mesh.gateway.admin("/server_info"))["command_line_options"]["concurrency"] == 2

    mark = mesh.gateway.log_mark()

    def both() -> bool:
        """Istio's log names the thread of each line, and the kernel spreads connections over them."""
        allowed(mesh.gate.count(token=token))
        refused(mesh.gate.start(token=token), 7)
        lines = [line for line in mesh.gateway.log_since(mark).splitlines() if DECISION in line]
        return all(
            len({line.rpartition("thread=")[2] for line in lines if f'"verdict":"{verdict}"' in line}) == 2
            for verdict in ("allow", "deny")
        )

    until(both, 30, "both threads have allowed and denied")


def test_three_megabytes_through_small_windows(mesh: Mesh) -> None:
    """Istio's EDGE profile allows 64 KiB of a request in flight: a filter that buffered would break here."""
    token = mesh.corp.token(permissions=READ)
    with mesh.another_gateway("edge", {"connectionSettings": {"profile": "EDGE"}}) as gate:
        until(lambda: gate.count(token=token).grpc_status == 0, 30, "the gateway serves")
        assert '"initial_stream_window_size": 65536' in gate.envoy.admin("/config_dump?resource=dynamic_listeners")
        own, foreign = text(1, "payroll"), text(1, "finance-reports")
        for gzip in (False, True):
            allowed(gate.call(COUNT, own + THREE_MEGABYTES, token=token, gzip=gzip, timeout=60))
            allowed(gate.call(COUNT, THREE_MEGABYTES + own, token=token, gzip=gzip, timeout=60))
            refused(gate.call(COUNT, THREE_MEGABYTES + foreign, token=token, gzip=gzip, timeout=60), 7)


# -- the sidecar


def _direct(mesh: Mesh, port: int) -> Reply:
    with Connection(port, host=mesh.frontend_address) as connection:
        return connection.call(requests.GET_SYSTEM_INFO, timeout=5)


@pytest.mark.parametrize("port", [7233, 7243])
def test_nobody_reaches_the_frontend_in_plain_text(mesh: Mesh, port: int) -> None:
    allowed(mesh.gate.call("GetSystemInfo"))
    reply = _direct(mesh, port)
    assert reply.grpc_status is None and reply.status is None and reply.closed, str(reply)


def test_a_workload_is_known_by_its_certificate(mesh: Mesh) -> None:
    """The mesh's mTLS identifies the caller: without a token, the sidecar sees who the peer is."""
    grant = '- {name: mesh, who: {peer: "spiffe://cluster.local/ns/payroll/sa/*"}, role: worker, namespaces: [payroll]}\n'
    with_peers = replaced(mesh.frontend_plugin.policy, "grants:\n", "grants:\n" + grant)
    describe = w.DescribeNamespaceRequest(namespace="payroll")
    foreign = w.DescribeNamespaceRequest(namespace="finance-reports")
    with mesh.changed(frontend_plugin=mesh.frontend_plugin.changed(policy=with_peers).text()):
        with workload(mesh, "payroll", "worker") as worker, workload(mesh, "visitors", "worker") as visitor:
            until(lambda: worker.call("DescribeNamespace", describe).grpc_status == 0, 30, "the worker is let in")
            refused(worker.call("DescribeNamespace", foreign), 7)
            refused(worker.start(), 7)
            until(lambda: visitor.call("GetSystemInfo").grpc_status == 0, 30, "the visitor reaches the frontend")
            refused(visitor.call("DescribeNamespace", describe), 7)
            mark = mesh.frontend.log_mark()
            refused(visitor.start(), 7)
            line = mesh.frontend.decision(mark)
            assert line["subject"] == "spiffe://cluster.local/ns/visitors/sa/worker"
            # Through the gateway, the peer is the gateway, which has no grants.
            refused(mesh.gate.call("DescribeNamespace", describe), 16)


# -- with Istio's own JWT filter


@contextmanager
def _beside(mesh: Mesh, phase: str, forward: bool) -> Iterator[None]:
    authentication = render("authentication.yaml", issuer=mesh.corp.url, jwks=mesh.corp.jwks_uri, forward=str(forward).lower())
    plugin = mesh.gateway_plugin.changed(phase=phase)
    with mesh.changed(authentication=authentication, gateway_plugin=plugin.text()):
        until(lambda: "jwt_authn" in mesh.gateway.admin("/config_dump?resource=dynamic_listeners"), 20, "Istio's filter is there")
        yield


def test_request_authentication_before_us(mesh: Mesh) -> None:
    """It checks the token first, and forwards it if configured to do so."""
    token = mesh.corp.token(permissions=READ)
    with _beside(mesh, "AUTHZ", forward=True):
        until(lambda: mesh.gate.count(token=token).grpc_status == 0, 20, "both take the token")
        refused(mesh.gate.start(token=token), 7)
        reply = until(lambda: (r := mesh.gate.count(token="a.b.c")).grpc_status == 16 and r, 20, "a token that is none")
        assert reply.grpc_message.startswith("Jwt"), "Istio's filter has answered"


def test_request_authentication_that_takes_the_token_away(mesh: Mesh) -> None:
    """Without forwardOriginalToken no token is left for our filter: every call is unauthenticated and refused."""
    token = mesh.corp.token(permissions=READ)
    with _beside(mesh, "AUTHZ", forward=False):
        until(lambda: mesh.gate.count(token=token).grpc_status == 16, 20, "no token arrives")


def test_request_authentication_behind_us(mesh: Mesh) -> None:
    """In the phase AUTHN our filter runs first: a denial is ours, with our text."""
    token = mesh.corp.token(permissions=READ)
    with _beside(mesh, "AUTHN", forward=True):
        until(lambda: mesh.gate.count(token=token).grpc_status == 0, 20, "both take the token")
        refused(mesh.gate.start(token=token), 7)
        refused(mesh.gate.count(token="a.b.c"), 16)

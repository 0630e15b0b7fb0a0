"""The TLS client, by its certificate: as a caller of its own, or required in addition to a token."""

from __future__ import annotations

import asyncio
import ssl
import uuid
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.service import RPCError, TLSConfig
from temporalio.worker import Worker

from harness import requests
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import SERVER
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal
from harness.tls import Authority, Pair

w = requests.workflow
GRANTS = [
    {"name": "mesh", "who": {"peer": "spiffe://td/ns/payroll/sa/*"}, "role": "worker", "namespaces": ["payroll"]},
    {"name": "by-dns", "who": {"peer": "reader.payroll"}, "role": "reader", "namespaces": ["payroll"]},
    {"name": "by-subject", "who": {"peer": "CN=batch"}, "role": "reader", "namespaces": ["payroll"]},
    {
        "name": "both",
        "who": {"issuer": "corp", "peer": "spiffe://td/ns/{team}/sa/cli", "subject": "alice"},
        "role": "writer",
        "namespaces": ["{team}"],
    },
]
WORKER, CLI, OTHER = ("spiffe://td/ns/payroll/sa/worker", "spiffe://td/ns/payroll/sa/cli", "spiffe://td/ns/x/sa/worker")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def pairs(authority: Authority) -> dict[str, Pair | None]:
    return {
        "worker": authority.issue("worker", uris=[WORKER, OTHER], dns=["reader.payroll"]),
        "cli": authority.issue("cli", uris=[CLI]),
        "other": authority.issue("other", uris=[OTHER]),
        "dns": authority.issue("dns", dns=["reader.payroll"]),
        "subject": authority.issue("batch"),
        "nobody": authority.issue("nobody"),
        "none": None,
    }


@pytest.fixture(scope="module")
def mesh(open_shared_gate: OpenGate, temporal: Temporal, corp: Minter, authority: Authority) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS), temporal.port, tls=authority.listener())


# peer -> the statuses of DescribeNamespace, CountWorkflowExecutions, StartWorkflowExecution without a token
WITHOUT_TOKEN = {
    "worker": (0, 7, 7),
    "cli": (0, 7, 7),
    "other": (7, 7, 7),
    "dns": (0, 0, 7),
    "subject": (0, 0, 7),
    "nobody": (7, 7, 7),
    "none": (16, 16, 16),
}


@pytest.mark.parametrize("peer", WITHOUT_TOKEN)
def test_a_peer_without_a_token(mesh: Gate, authority: Authority, pairs: dict[str, Pair | None], peer: str) -> None:
    tls = authority.client(pairs[peer])
    calls = (
        mesh.call("DescribeNamespace", w.DescribeNamespaceRequest(namespace="payroll"), tls=tls),
        mesh.count(tls=tls),
        mesh.start(tls=tls),
    )
    assert tuple(reply.grpc_status for reply in calls) == WITHOUT_TOKEN[peer]
    foreign = mesh.call("DescribeNamespace", w.DescribeNamespaceRequest(namespace="finance-reports"), tls=tls)
    refused(foreign, 16 if peer == "none" else 7)


def test_a_token_and_a_peer(mesh: Gate, authority: Authority, pairs: dict[str, Pair | None], corp: Minter) -> None:
    tls = {name: authority.client(pair) for name, pair in pairs.items()}
    alice = corp.token("alice")
    # Twice, because the token is cached the second time.
    for _ in range(2):
        allowed(mesh.start(token=alice, tls=tls["cli"]))
        for peer in ("worker", "other", "nobody", "none"):
            refused(mesh.start(token=alice, tls=tls[peer]), 7)
    refused(mesh.start(token=corp.token("bob"), tls=tls["cli"]), 7)
    refused(mesh.start("finance-reports", token=alice, tls=tls["cli"]), 7)
    # With a token, the caller is another one: grants to the peer alone do not apply.
    describe = w.DescribeNamespaceRequest(namespace="payroll")
    refused(mesh.call("DescribeNamespace", describe, token=alice, tls=tls["worker"]), 7)
    refused(mesh.call("DescribeNamespace", describe, token="a.b.c", tls=tls["worker"]), 16)


def test_a_certificate_of_another_authority(mesh: Gate, authority: Authority, tmp_path: Path) -> None:
    context = authority.client(Authority(tmp_path).issue("worker", uris=[WORKER]))
    try:
        reply = mesh.call("DescribeNamespace", w.DescribeNamespaceRequest(namespace="payroll"), tls=context)
    except (ssl.SSLError, OSError):
        return
    assert reply.grpc_status is None and (reply.closed or reply.timed_out), str(reply)


def test_the_peer_is_logged(mesh: Gate, authority: Authority, pairs: dict[str, Pair | None]) -> None:
    mark = mesh.envoy.log_mark()
    refused(mesh.start(tls=authority.client(pairs["other"])), 7)
    line = mesh.envoy.decision(mark)
    assert (line["issuer"], line["subject"], line["kind"], line["rule"]) == (None, OTHER, None, "default-deny")


@workflow.defn(sandboxed=False)
class Nothing:
    @workflow.run
    async def run(self) -> str:
        return "done"


def test_a_worker_without_a_token(
    mesh: Gate, temporal: Temporal, authority: Authority, pairs: dict[str, Pair | None]
) -> None:
    """A real worker of the Python SDK, identified by its certificate alone."""

    async def connect(pair: Pair | None) -> Client:
        assert pair is not None
        tls = TLSConfig(
            server_root_ca_cert=authority.root, domain=SERVER, client_cert=pair.certificate, client_private_key=pair.key
        )
        return await Client.connect(f"127.0.0.1:{mesh.port}", namespace="payroll", tls=tls)

    async def run() -> None:
        queue = f"q-{uuid.uuid4()}"
        direct = await Client.connect(temporal.address, namespace="payroll")
        handle = await direct.start_workflow(Nothing.run, id=queue, task_queue=queue)
        client = await connect(pairs["worker"])
        async with Worker(client, task_queue=queue, workflows=[Nothing]):
            assert await asyncio.wait_for(handle.result(), 60) == "done"
        with pytest.raises(RPCError, match="Request unauthorized"):
            await client.start_workflow(Nothing.run, id=queue, task_queue=queue)
        with pytest.raises(RuntimeError, match="Request unauthorized"):
            await Worker(await connect(pairs["other"]), task_queue=queue, workflows=[Nothing]).run()

    asyncio.run(run())


# -- proxies in front


@pytest.mark.parametrize(
    ("xfcc", "details", "status"),
    [(True, "ALWAYS_FORWARD_ONLY", 0), (False, "ALWAYS_FORWARD_ONLY", 16), (True, None, 16)],
    ids=["believed", "switched off", "sanitized by Envoy"],
)
def test_a_forwarded_certificate(open_gate: OpenGate, echo: Echo, corp: Minter, xfcc: bool, details: str | None, status: int) -> None:
    settings: dict[str, Any] = {"forward_client_cert": details} if details else {}
    gate = open_gate(plugin(corp.config(), GRANTS, peers={"xfcc": xfcc}), echo.port, **settings)
    describe = w.DescribeNamespaceRequest(namespace="payroll")

    def call(*values: str) -> int | None:
        headers = [("x-forwarded-client-cert", value) for value in values]
        return gate.call("DescribeNamespace", describe, headers=headers).grpc_status

    assert call(f"By=spiffe://td/proxy;Hash=00;URI={WORKER}") == status
    if status == 0:
        assert call(f"URI={OTHER}") == 7
        assert call(f"URI={WORKER},URI={OTHER}") == 7, "the nearest proxy's counts"
        assert call(f'Subject="x;URI={WORKER}"') == 7
        assert call() == 16

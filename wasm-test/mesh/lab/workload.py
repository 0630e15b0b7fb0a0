"""A workload in suite A's mesh, beside the gateway and the frontend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from google.protobuf.message import Message

from harness import http_client, requests
from harness.gate import Gate
from harness.grpc_client import Connection, Reply
from harness.http_client import HttpReply

from . import parts
from .mesh import Mesh
from .proxy import Proxy
from .resources import render


class At(Gate):
    """A gate at another address than 127.0.0.1."""

    def __init__(self, proxy: Proxy, address: str) -> None:
        super().__init__(proxy)
        self.address = address

    def call(self, method: str, message: Message | bytes = b"", *, token: str | None = None, **options: Any) -> Reply:
        path = method if "/" in method else requests.path(method)
        raw = message if isinstance(message, bytes) else message.SerializeToString()
        with Connection(self.port, host=self.address) as connection:
            authority = "temporal-frontend.temporal.svc.cluster.local:7233"
            return connection.call(path, raw, token=token, authority=authority, **options)

    def http(self, verb: str, path: str, body: bytes | None = None, **options: Any) -> HttpReply:
        authority = "temporal-frontend.temporal.svc.cluster.local:7243"
        return http_client.send(7243, verb, path, body, host=self.address, authority=authority, **options)


@contextmanager
def workload(mesh: Mesh, namespace: str, account: str) -> Iterator[At]:
    """A client's sidecar: calls to its own ports 7233 and 7243 go to the frontend's, with this identity."""
    address = parts.loopback_address()
    name = f"{namespace}-{account}"
    with mesh.changed(**{name: render("client.yaml", namespace=namespace, account=account, address=address)}), Proxy(
        "sidecar",
        name,
        mesh.istiod,
        namespace=namespace,
        account=account,
        address=address,
        labels={"app": account},
        port=7233,
        interception="NONE",
    ) as proxy:
        yield At(proxy, address)

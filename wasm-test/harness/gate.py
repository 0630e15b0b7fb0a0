"""An Envoy with the filter, and calls through it with their outcome judged.

Every test ends with one of the two verdicts, `allowed` or `refused`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from google.protobuf.message import Message

from . import grpc_client, requests
from .envoy import Cluster, Envoy
from .grpc_client import Reply
from .policy import Json
from .poll import until

TEXTS = {
    7: "Request unauthorized.",
    16: "Request unauthenticated.",
    14: "The token cannot be verified yet; try again.",
}
PREFIXES = {3: "Malformed request: ", 8: "grpc: received message larger than max"}
REASONS = {3: "malformed", 7: "permission", 8: "too_large", 14: "unavailable", 16: "unauthenticated"}


class Gate:
    """`call` goes to the Envoy, on a connection of its own."""

    def __init__(self, envoy: Envoy) -> None:
        self.envoy = envoy

    @property
    def port(self) -> int:
        return self.envoy.port

    def call(
        self, method: str, message: Message | bytes = b"", *, token: str | None = None, **options: Any
    ) -> Reply:
        """`method` is a path, or a method's bare name."""
        path = method if "/" in method else requests.path(method)
        raw = message if isinstance(message, bytes) else message.SerializeToString()
        return grpc_client.call(self.port, path, raw, token=token, **options)

    # The two calls that most tests make: a read and a write.

    def count(self, namespace: str = "payroll", **options: Any) -> Reply:
        return self.call("CountWorkflowExecutions", requests.workflow.CountWorkflowExecutionsRequest(namespace=namespace), **options)

    def start(self, namespace: str = "payroll", **options: Any) -> Reply:
        return self.call("StartWorkflowExecution", requests.start_workflow(namespace, grpc_client.test_id()), **options)

    def details(self, test_id: str) -> str:
        """`%RESPONSE_CODE_DETAILS%` of the call with this `test_id`."""
        return str(self.envoy.access(test_id)["details"])

    def refused_by_us(self, method: str, message: Message | bytes = b"", *, status: int, reason: str = "", **options: Any) -> Reply:
        """A call that this filter, and not the server behind it, answers with `status`."""
        test_id = grpc_client.test_id()
        reply = self.call(method, message, test_id=test_id, **options)
        refused(reply, status)
        assert self.details(test_id) == f"temporal_auth_{reason or REASONS[status]}"
        return reply


class OpenGate(Protocol):
    """The fixture `open_gate`: another Envoy for this file, until its tests are done."""

    def __call__(
        self,
        configuration: Json | str | None,
        upstream: int,
        *,
        clusters: dict[str, Cluster] | None = None,
        name: str = "gate",
        fresh: bool = False,
        **settings: Any,
    ) -> Gate: ...


def allowed(reply: Reply) -> Reply:
    assert reply.grpc_status == 0, f"not allowed: {reply}"
    return reply


def refused(reply: Reply, status: int, text: str | None = None) -> Reply:
    """The answer of the status table: trailers-only, with the text that belongs to the status."""
    assert reply.grpc_status == status, f"expected {status}: {reply}"
    assert reply.status == 200 and reply.trailers_only, f"not trailers-only: {reply}"
    if text is not None:
        assert text in reply.grpc_message
    elif status in TEXTS:
        assert reply.grpc_message == TEXTS[status]
    elif status in PREFIXES:
        assert reply.grpc_message.startswith(PREFIXES[status]), reply.grpc_message
    return reply


def refused_in_the_end(ask: Callable[[], Reply], status: int) -> Reply:
    """A token whose signature no key made is answered 14 until keys that were fetched later prove that it is forged."""
    return refused(until(lambda: reply if (reply := ask()).grpc_status != 14 else None, 40, "keys fetched later"), status)


def refused_http(reply: Reply, status: int) -> Reply:
    """The same for a caller that does not speak gRPC."""
    assert reply.status == status and reply.grpc_status is None, f"expected HTTP {status}: {reply}"
    return reply

"""Probes: calls without a token and without a certificate, directly to the pods. An answer means that there is a bypass.

An answer from Temporal contains a message. The filter refuses with headers alone, and a sidecar that requires a certificate
closes the connection. So the first DATA frame decides, and the probe does not have to decode HPACK.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

from cluster import Object, name, namespace, where
from finding import Finding
from installation import INTERNAL, Installation, finished

TIMEOUT = 3.0  # seconds for a connection, and between two pieces of an answer
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, GOAWAY = 0, 1, 4, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
# The filter requires a token for this call, and every Temporal answers it: with its namespaces, at least its own.
LIST_NAMESPACES = "/temporal.api.workflowservice.v1.WorkflowService/ListNamespaces"
# History and matching serve no other method that anybody could call.
HEALTH = "/grpc.health.v1.Health/Check"


def check(installation: Installation) -> Iterator[Finding]:
    for pod in installation.pods:
        for address in addresses(pod):
            if answers_grpc(address, installation.grpc_port, LIST_NAMESPACES):
                yield _found("pod-ip", pod, address, installation.grpc_port, "the frontend")
            if answers_http(address, installation.http_port):
                yield _found("http-api", pod, address, installation.http_port, "the HTTP API")
    for pod in _temporal(installation):
        for address in addresses(pod):
            for port, what in INTERNAL.items():
                method = LIST_NAMESPACES if port == 7236 else HEALTH
                if answers_http(address, port) if port == 7246 else answers_grpc(address, port, method):
                    yield _found("internal-open", pod, address, port, what)


def _found(id: str, pod: Object, address: str, port: int, what: str) -> Finding:
    return Finding(
        id,
        f"{where('Pod', pod)} at {address}:{port}",
        f"{what} has answered a call without a token and without a certificate.",
        "PeerAuthentication STRICT, an AuthorizationPolicy for these pods, and an appProtocol that lets the filter run",
    )


def _temporal(installation: Installation) -> list[Object]:
    """Pods of Temporal's own services."""
    accounts = set(installation.accounts())
    return [
        pod
        for pod in installation.cluster.objects("Pod")
        if namespace(pod) == installation.options.namespace
        and not finished(pod)
        and pod not in installation.pods
        and f"{namespace(pod)}/{pod['spec'].get('serviceAccountName') or 'default'}" in accounts
        and name(pod)
    ]


def addresses(pod: Object) -> list[str]:
    status = pod.get("status") or {}
    found = [entry["ip"] for entry in status.get("podIPs") or []]
    return found or ([status["podIP"]] if status.get("podIP") else [])


# -- the two protocols


def answers_http(address: str, port: int) -> bool:
    """Whether the HTTP API lists namespaces to an anonymous caller."""
    connection = http.client.HTTPConnection(address, port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/api/v1/namespaces")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def answers_grpc(address: str, port: int, method: str) -> bool:
    """Whether an empty request is answered with a message."""
    try:
        with socket.create_connection((address, port), timeout=TIMEOUT) as connection:
            headers = b"".join(_literal(*pair) for pair in _request(method, f"{address}:{port}"))
            connection.sendall(
                PREFACE
                + _frame(SETTINGS, 0, 0, b"")
                + _frame(HEADERS, END_HEADERS, 1, headers)
                + _frame(DATA, END_STREAM, 1, b"\0\0\0\0\0")
            )
            return _message_follows(connection)
    except OSError:
        return False


def _message_follows(connection: socket.socket) -> bool:
    for _ in range(50):
        kind, flags, stream, payload = _read_frame(connection)
        if stream == 1 and kind == DATA and payload:
            return True
        if kind == GOAWAY or stream == 1 and flags & END_STREAM:
            return False
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(_frame(SETTINGS, ACK, 0, b""))
    return False


def _read_frame(connection: socket.socket) -> tuple[int, int, int, bytes]:
    head = _read(connection, 9)
    length = int.from_bytes(head[:3], "big")
    if length > 1 << 20:
        raise OSError("not HTTP/2")
    return head[3], head[4], int.from_bytes(head[5:], "big") & 0x7FFFFFFF, _read(connection, length)


def _read(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        piece = connection.recv(length - len(data))
        if not piece:
            raise OSError("closed")
        data += piece
    return data


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _request(method: str, authority: str) -> list[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", method),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]


def _literal(header: str, value: str) -> bytes:
    """HPACK's simplest form: not indexed, not compressed; every value here is shorter than 127 bytes."""
    return b"\0" + bytes([len(header)]) + header.encode() + bytes([len(value)]) + value.encode()

"""An HTTP/1.1 client that sends exactly the bytes that a test asks for."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class HttpReply:
    """The answer to one request. `status` is 0 if the connection ended without one."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.body[:200]!r}"


NO_REPLY = HttpReply(0, {}, b"")


def head(
    verb: str, path: str | bytes, headers: Mapping[str, str] | Iterable[tuple[str, str]] = (), authority: str = "temporal.test"
) -> bytes:
    """The request line and the headers."""
    path = path if isinstance(path, bytes) else path.encode()
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    lines = [b"%s %s HTTP/1.1" % (verb.encode(), path), b"host: " + authority.encode()]
    lines += [f"{name}: {value}".encode() for name, value in pairs]
    return b"\r\n".join([*lines, b"", b""])


def send(
    port: int,
    verb: str,
    path: str | bytes,
    body: str | bytes | Mapping[str, Any] | None = None,
    *,
    token: str | None = None,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    chunks: Iterable[bytes] | None = None,
    timeout: float = 30,
    host: str = "127.0.0.1",
    authority: str = "temporal.test",
) -> HttpReply:
    """One request on a connection of its own, to the address `host`. With `chunks`, the body is sent chunked."""
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    if token is not None:
        pairs.append(("authorization", f"Bearer {token}"))
    raw = json.dumps(body).encode() if isinstance(body, Mapping) else body.encode() if isinstance(body, str) else body
    if chunks is not None:
        pairs.append(("transfer-encoding", "chunked"))
    elif raw is not None:
        pairs.append(("content-length", str(len(raw))))
    pairs.append(("connection", "close"))
    with socket.create_connection((host, port), timeout=timeout) as connection:
        try:
            connection.sendall(head(verb, path, pairs, authority))
            for chunk in chunks or ():
                connection.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            connection.sendall(b"0\r\n\r\n" if chunks is not None else raw or b"")
        except (BrokenPipeError, ConnectionResetError):
            pass  # an early answer
        return receive(connection, verb)


def receive(connection: socket.socket, verb: str = "GET") -> HttpReply:
    """The next answer on a connection."""
    response = http.client.HTTPResponse(connection, method=verb)
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, ConnectionError):
        return NO_REPLY
    return HttpReply(response.status, {name.lower(): value for name, value in response.getheaders()}, body)

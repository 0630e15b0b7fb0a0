"""An issuer under the test's control: it publishes keys, rotates them, and fails in every way a server can.

It serves `/.well-known/openid-configuration` and `/jwks.json` from threads of this process, so that a test can
change its behaviour between two requests. `Behaviour` says how the next answers fail.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from . import jws
from .minter import Minter
from .ports import free_port
from .procs import Server

DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/jwks.json"
# Every resolver maps it to loopback (RFC 6761 §6.3), and it is not a short name, which Istio would complete.
HOST = "idp.localhost"


@dataclass
class Behaviour:
    """How to answer. With all defaults, the answers are correct."""

    status: int = 200
    body: bytes | None = None  # instead of the document
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False  # accept, read, never answer
    drip: float = 0.0  # this long between two bytes of the body
    raw: bytes | None = None  # sent as it is, whether or not it is HTTP
    reset_mid_body: bool = False  # promise more than is sent, then RST
    huge: int = 0  # this many bytes of valid JSON
    delay: float = 0.0


class Issuer(Minter, Server):
    """`with Issuer() as issuer:` listens; `start`/`stop` may alternate, on the same port."""

    def __init__(
        self,
        *,
        port: int | None = None,
        path: str = "/",
        keys: list[jws.Key] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """With `tls`, its name is HOST, which a certificate can contain."""
        self.port = port or free_port()
        self.path, self.tls = path, tls
        self.origin = f"https://{HOST}:{self.port}" if tls else f"http://127.0.0.1:{self.port}"
        super().__init__(f"{self.origin}{path}", keys)
        self.extra_jwks: list[dict[str, Any]] = []
        self.discovery_members: dict[str, Any] = {}
        self.behaviours: dict[str, Behaviour] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._released = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    # -- properties

    @property
    def jwks_uri(self) -> str:
        return f"{self.origin}{JWKS}"

    def fetched_config(self, cluster: str = "idp", discovery: bool = True, **keys: Any) -> dict[str, Any]:
        """The entry under `issuers` that fetches the keys from here through `cluster`."""
        source: dict[str, Any] = {"discovery": True} if discovery else {"jwks_uri": self.jwks_uri}
        return self.config(keys=source | {"cluster": cluster} | keys, algorithms=None)

    def discovery_document(self) -> dict[str, Any]:
        return {"issuer": self.url, "jwks_uri": self.jwks_uri} | self.discovery_members

    def key_set(self) -> dict[str, Any]:
        return {"keys": [key.jwk() for key in self.keys] + self.extra_jwks}

    # -- observations

    def fetches(self, path: str = JWKS) -> int:
        with self._lock:
            return sum(1 for seen, _ in self.requests if seen == path)

    # -- control

    def behave(self, behaviour: Behaviour | None = None, path: str = JWKS) -> None:
        """Sets the behaviour; None restores correct answers. Hanging requests are released."""
        if behaviour is None:
            self.behaviours.pop(path, None)
        else:
            self.behaviours[path] = behaviour
        self._released.set()
        self._released = threading.Event()

    def rotate(self, alg: str = "RS256", keep_old: bool = False) -> jws.Key:
        """Publishes a new key; the old keys disappear unless they are kept."""
        key = jws.Key.new(alg)
        self.keys = [*self.keys, key] if keep_old else [key]
        return key

    # -- lifecycle

    def start(self) -> Self:
        if self._server is not None:
            return self
        issuer: Issuer = self

        class Handler(_Handler):
            owner = issuer

        self._released = threading.Event()
        self._server = _Server(("127.0.0.1", self.port), Handler)
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._server is None:
            return
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.close_connections()
        self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        # A stopped server whose keep-alive connections still answer is not down.
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # resets are expected


class _Handler(BaseHTTPRequestHandler):
    owner: Issuer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        owner = self.owner
        with owner._lock:
            owner.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        behaviour = owner.behaviours.get(self.path, Behaviour())
        released = owner._released
        if behaviour.delay:
            released.wait(behaviour.delay)
        if behaviour.hang:
            released.wait(60)
            self.close_connection = True
            return
        if behaviour.raw is not None:
            self.wfile.write(behaviour.raw)
            self.close_connection = True
            return
        self._answer(behaviour, self._document(), released)

    def _document(self) -> bytes | None:
        if self.path == DISCOVERY or self.path == self.owner.path.rstrip("/") + DISCOVERY:
            return json.dumps(self.owner.discovery_document()).encode()
        if self.path == JWKS:
            return json.dumps(self.owner.key_set()).encode()
        return None

    def _answer(self, behaviour: Behaviour, document: bytes | None, released: threading.Event) -> None:
        status = behaviour.status if document is not None else 404
        body = behaviour.body if behaviour.body is not None else document or b"not here"
        if behaviour.huge:
            body = body[:-1] + b', "padding": "' + b"x" * behaviour.huge + b'"}'
        self.send_response(status)
        self.send_header("content-type", behaviour.content_type)
        for name, value in behaviour.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body) + (1000 if behaviour.reset_mid_body else 0)))
        self.end_headers()
        while behaviour.drip and body and not released.wait(behaviour.drip):
            self.wfile.write(body[:1])
            body = body[1:]
        self.wfile.write(body)
        if behaviour.reset_mid_body:
            self.wfile.flush()
            # Linger 0 turns close into RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass

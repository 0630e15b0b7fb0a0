"""A gRPC client under full control of the test: HTTP/2 frame by frame, any header bytes, any end of stream.

`call` is a well-behaved unary call on a connection of its own. `Connection` has the single steps: `open`, `data`,
`trailers`, `reset`, `reply`. Flow control is honoured both ways, and it is not an error if a server answers before
the request is complete.
"""

from __future__ import annotations

import base64
import gzip as _gzip
import itertools
import socket
import ssl
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

HeaderList = list[tuple[bytes, bytes]]
Headers = Mapping[str, str] | Sequence[tuple[str | bytes, str | bytes]]

SERVER = "filter.test"  # the name in the certificate of a listener with TLS

_ids = itertools.count(1)


@dataclass
class Reply:
    """The response on one stream."""

    headers: HeaderList = field(default_factory=list)
    trailers: HeaderList = field(default_factory=list)
    body: bytes = b""
    ended: bool = False  # END_STREAM arrived
    reset: int | None = None  # error code of RST_STREAM
    closed: bool = False  # the connection was closed first
    timed_out: bool = False
    headers_ended: bool = False  # END_STREAM was on the HEADERS: trailers-only

    def all(self, name: str) -> list[str]:
        wanted = name.encode()
        return [v.decode(errors="replace") for n, v in [*self.headers, *self.trailers] if n == wanted]

    def get(self, name: str) -> str | None:
        values = self.all(name)
        return values[0] if values else None

    @property
    def status(self) -> int | None:
        """HTTP status."""
        value = self.get(":status")
        return int(value) if value else None

    @property
    def grpc_status(self) -> int | None:
        value = self.get("grpc-status")
        return int(value) if value else None

    @property
    def grpc_message(self) -> str:
        return unquote_to_bytes(self.get("grpc-message") or "").decode(errors="replace")

    @property
    def details(self) -> bytes:
        """`grpc-status-details-bin`, decoded."""
        value = self.get("grpc-status-details-bin") or ""
        return base64.b64decode(value + "=" * (-len(value) % 4))

    @property
    def trailers_only(self) -> bool:
        return self.headers_ended and not self.body

    @property
    def message(self) -> bytes:
        """The first message of the body."""
        return self.messages()[0]

    def messages(self) -> list[bytes]:
        found, rest = [], self.body
        while len(rest) >= 5:
            flag, length = rest[0], struct.unpack(">I", rest[1:5])[0]
            payload, rest = rest[5 : 5 + length], rest[5 + length :]
            found.append(_gzip.decompress(payload) if flag & 1 else payload)
        return found

    def __str__(self) -> str:
        end = "timed out" if self.timed_out else "connection closed" if self.closed else f"reset {self.reset}"
        if self.ended:
            end = "ended"
        return f"HTTP {self.status} grpc {self.grpc_status} {self.grpc_message!r} ({end}) {self.body[:80]!r}"


def frame(message: bytes, *, flag: int = 0) -> bytes:
    """A gRPC message: flag, length, bytes."""
    return bytes([flag]) + struct.pack(">I", len(message)) + message


def gzipped(message: bytes) -> bytes:
    """The same, compressed."""
    return frame(_gzip.compress(message, 6, mtime=0), flag=1)


def request_headers(
    path: str | bytes,
    *,
    token: str | None = None,
    headers: Headers = (),
    authority: str = "temporal.test",
    content_type: str | None = "application/grpc",
    method: str = "POST",
    gzip: bool = False,
    grpc_timeout: float | None = None,
    test_id: str | None = None,
) -> HeaderList:
    """The header list of a gRPC call; `headers` come last, and may repeat earlier headers but replace none."""
    built: list[tuple[str | bytes, str | bytes]] = [
        (":method", method),
        (":scheme", "http"),
        (":authority", authority),
        (":path", path),
        ("te", "trailers"),
    ]
    if content_type is not None:
        built.append(("content-type", content_type))
    if gzip:
        built.append(("grpc-encoding", "gzip"))
    if grpc_timeout is not None:
        built.append(("grpc-timeout", f"{int(grpc_timeout * 1000)}m"))
    if token is not None:
        built.append(("authorization", f"Bearer {token}"))
    if test_id is not None:
        built.append(("x-test-id", test_id))
    built += headers.items() if isinstance(headers, Mapping) else headers
    return [(_bytes(name), _bytes(value)) for name, value in built]


def test_id() -> str:
    """A value for `x-test-id`, to find the call in the access log."""
    return f"t{next(_ids)}-{time.monotonic_ns()}"


test_id.__test__ = False  # type: ignore[attr-defined]  # the name would make pytest collect it where imported


def call(
    port: int,
    path: str | bytes,
    message: bytes = b"",
    *,
    token: str | None = None,
    headers: Headers = (),
    gzip: bool = False,
    timeout: float = 60.0,
    body: bytes | None = None,
    tls: ssl.SSLContext | None = None,
    **header_options: object,
) -> Reply:
    """One unary call on a new connection. `body` replaces the framed message."""
    with Connection(port, tls=tls) as connection:
        return connection.call(
            path, message, token=token, headers=headers, gzip=gzip, timeout=timeout, body=body, **header_options
        )


class Connection:
    """One HTTP/2 connection, for one thread. Several streams may be open."""

    def __init__(
        self,
        port: int,
        host: str = "127.0.0.1",
        *,
        window: int = 8 << 20,
        tls: ssl.SSLContext | None = None,
        server: str = SERVER,
    ) -> None:
        # Nothing that we send is checked or corrected, on purpose.
        config = h2.config.H2Configuration(
            client_side=True,
            header_encoding=None,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
            validate_inbound_headers=False,
        )
        self._h2 = h2.connection.H2Connection(config)
        self._socket = socket.create_connection((host, port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname=server)
        self._replies: dict[int, Reply] = {}
        self.closed = False
        self._h2.initiate_connection()
        self._h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self._h2.increment_flow_control_window(window)
        self._flush()

    # -- complete calls

    def call(
        self,
        path: str | bytes,
        message: bytes = b"",
        *,
        token: str | None = None,
        headers: Headers = (),
        gzip: bool = False,
        timeout: float = 60.0,
        body: bytes | None = None,
        **header_options: object,
    ) -> Reply:
        if body is None:
            body = gzipped(message) if gzip else frame(message)
        stream = self.open(
            request_headers(path, token=token, headers=headers, gzip=gzip, **header_options)  # type: ignore[arg-type]
        )
        self.data(stream, body, end_stream=True)
        return self.reply(stream, timeout)

    # -- single steps

    def open(self, headers: HeaderList, *, end_stream: bool = False) -> int:
        """HEADERS. Returns the stream."""
        stream = self._h2.get_next_available_stream_id()
        self._replies[stream] = Reply()
        self._h2.send_headers(stream, headers, end_stream=end_stream)
        self._flush()
        return stream

    def data(
        self, stream: int, data: bytes, *, end_stream: bool = False, size: int | None = None, timeout: float = 60.0
    ) -> bool:
        """DATA frames of at most `size` bytes; an empty frame if there is no data. False if the server cut us off."""
        deadline = time.monotonic() + timeout
        view, batch = memoryview(data), 0
        while True:
            if self._over(stream):
                return False
            room = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            if view and room <= 0:
                self._flush()
                if time.monotonic() > deadline:
                    raise TimeoutError("no flow-control window")
                self._receive(0.5)
                continue
            piece = view[: min(room, size or room)] if view else view
            view = view[len(piece) :]
            last = end_stream and not view
            try:
                self._h2.send_data(stream, bytes(piece), end_stream=last)
            except (h2.exceptions.StreamClosedError, h2.exceptions.ProtocolError):
                return False
            batch += len(piece) + 9
            if not view or batch > 65536:
                self._flush()
                self._receive(0)
                batch = 0
            if not view:
                return True

    def trailers(self, stream: int, headers: Headers) -> bool:
        """Ends the request with a trailing HEADERS frame."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        if self._over(stream):
            return False
        self._h2.send_headers(stream, [(_bytes(n), _bytes(v)) for n, v in pairs], end_stream=True)
        self._flush()
        return True

    def reset(self, stream: int) -> None:
        """Cancels the request, unless it has been answered meanwhile."""
        if self._over(stream):
            return
        self._h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        self._flush()

    def reply(self, stream: int, timeout: float = 60.0) -> Reply:
        """Waits for the end of the response."""
        deadline = time.monotonic() + timeout
        reply = self._replies[stream]
        while not self._over(stream):
            left = deadline - time.monotonic()
            if left <= 0:
                reply.timed_out = True
                break
            self._receive(left)
        return reply

    def peek(self, stream: int, wait: float = 0.0) -> Reply:
        """The reply so far, after listening for `wait` seconds at most."""
        deadline = time.monotonic() + wait
        while not self._over(stream) and (left := deadline - time.monotonic()) > 0:
            self._receive(left)
        self._receive(0)
        return self._replies[stream]

    def close(self) -> None:
        self._socket.close()
        self.closed = True

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- internals

    def _over(self, stream: int) -> bool:
        reply = self._replies[stream]
        if self.closed and not reply.ended and reply.reset is None:
            reply.closed = True
        return reply.ended or reply.reset is not None or reply.closed

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and not self.closed:
            try:
                self._socket.settimeout(120)
                self._socket.sendall(data)
            except OSError:
                self.closed = True

    def _receive(self, timeout: float) -> None:
        if self.closed:
            return
        self._socket.settimeout(timeout if timeout > 0 else 0.0)
        try:
            data = self._socket.recv(1 << 18)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return
        try:
            events: Iterable[h2.events.Event] = self._h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            self.closed = True
            events = ()
        for event in events:
            self._event(event)
        self._flush()

    def _event(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            self.closed = True
            return
        reply = self._replies.get(getattr(event, "stream_id", None) or 0)
        if reply is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            reply.headers = [(bytes(n), bytes(v)) for n, v in event.headers or ()]
            reply.headers_ended = event.stream_ended is not None
        elif isinstance(event, h2.events.TrailersReceived):
            reply.trailers = [(bytes(n), bytes(v)) for n, v in event.headers or ()]
        elif isinstance(event, h2.events.DataReceived):
            reply.body += event.data or b""
            if event.flow_controlled_length:
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id or 0)
        elif isinstance(event, h2.events.StreamEnded):
            reply.ended = True
        elif isinstance(event, h2.events.StreamReset):
            reply.reset = int(event.error_code or 0)


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8")

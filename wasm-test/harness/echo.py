"""An h2c server that records everything it receives: headers, body, trailers, per stream.

Temporal does not show what reached it, so tests about forwarding look here. Answers every complete request
with an empty gRPC message, or with plain text when the request was not gRPC; or with `answer`, frame by frame.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

from .poll import until
from .ports import free_port
from .procs import Server

Pairs = list[tuple[bytes, bytes]]


@dataclass
class Received:
    """One stream as it arrived."""

    connection: int
    headers: Pairs
    body: bytes = b""
    trailers: Pairs | None = None
    ended: bool = False
    reset: bool = False

    def get(self, name: str) -> bytes | None:
        return next((value for n, value in self.headers if n == name.encode()), None)

    @property
    def names(self) -> set[str]:
        return {name.decode(errors="replace") for name, _ in self.headers}


@dataclass
class Echo(Server):
    """`with Echo() as echo:`; `echo.received` grows with each stream."""

    port: int = field(default_factory=free_port)
    received: list[Received] = field(default_factory=list)
    # In place of the usual answer: each header map or piece of the body, the last of which ends the stream.
    answer: Sequence[Pairs | bytes] | None = None

    def __post_init__(self) -> None:
        self._listener: socket.socket | None = None
        self._sockets: list[socket.socket] = []

    def find(self, test_id: str, timeout: float = 5.0) -> Received:
        """The stream that carried this `x-test-id`; waits for it."""
        return until(lambda: self.seen(test_id), timeout, f"a stream with x-test-id {test_id}")

    def seen(self, test_id: str) -> Received | None:
        return next((r for r in self.received if r.get("x-test-id") == test_id.encode()), None)

    def start(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self) -> None:
        if self._listener:
            self._listener.close()
        for open_socket in self._sockets:
            open_socket.close()

    def _accept(self) -> None:
        assert self._listener
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(accepted)
            threading.Thread(target=self._serve, args=(accepted, len(self._sockets)), daemon=True).start()

    def _serve(self, peer: socket.socket, number: int) -> None:
        config = h2.config.H2Configuration(
            client_side=False, header_encoding=None, validate_inbound_headers=False, validate_outbound_headers=False
        )
        protocol = h2.connection.H2Connection(config)
        # Many requests that are released at once arrive before Envoy has read our limits.
        many = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 100_000}
        protocol.local_settings = h2.settings.Settings(client=False, initial_values=many)
        protocol.initiate_connection()
        streams: dict[int, Received] = {}
        try:
            peer.sendall(protocol.data_to_send())
            while data := peer.recv(1 << 18):
                for event in protocol.receive_data(data):
                    self._event(protocol, streams, event, number)
                if out := protocol.data_to_send():
                    peer.sendall(out)
        except (OSError, h2.exceptions.H2Error):
            pass
        finally:
            peer.close()

    def _event(
        self, protocol: h2.connection.H2Connection, streams: dict[int, Received], event: h2.events.Event, number: int
    ) -> None:
        if isinstance(event, h2.events.RequestReceived):
            streams[event.stream_id or 0] = received = Received(number, _pairs(event.headers))
            self.received.append(received)
        elif isinstance(event, h2.events.DataReceived):
            streams[event.stream_id or 0].body += event.data or b""
            if event.flow_controlled_length:
                protocol.acknowledge_received_data(event.flow_controlled_length, event.stream_id or 0)
        elif isinstance(event, h2.events.TrailersReceived):
            streams[event.stream_id or 0].trailers = _pairs(event.headers)
        elif isinstance(event, h2.events.StreamReset):
            if event.stream_id in streams:
                streams[event.stream_id].reset = True
        elif isinstance(event, h2.events.StreamEnded):
            received = streams[event.stream_id or 0]
            received.ended = True
            # The same read may also have cancelled the request.
            with contextlib.suppress(h2.exceptions.StreamClosedError):
                self._answer(protocol, event.stream_id or 0, received)

    def _answer(self, protocol: h2.connection.H2Connection, stream: int, received: Received) -> None:
        content_type = received.get("content-type") or b""
        if self.answer is not None:
            for index, part in enumerate(self.answer, 1):
                ends = index == len(self.answer)
                if isinstance(part, bytes):
                    protocol.send_data(stream, part, end_stream=ends)
                else:
                    protocol.send_headers(stream, part, end_stream=ends)
        elif content_type.startswith(b"application/grpc"):
            protocol.send_headers(stream, [(b":status", b"200"), (b"content-type", b"application/grpc")])
            protocol.send_data(stream, b"\x00\x00\x00\x00\x00")
            protocol.send_headers(stream, [(b"grpc-status", b"0")], end_stream=True)
        else:
            protocol.send_headers(stream, [(b":status", b"200"), (b"content-type", b"text/plain")])
            protocol.send_data(stream, b"echo", end_stream=True)


def _pairs(headers: object) -> Pairs:
    return [(bytes(name), bytes(value)) for name, value in headers or ()]  # type: ignore[attr-defined]

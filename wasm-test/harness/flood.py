"""Many requests at once, cheaply: HTTP/2 written by hand, one HPACK block per request that needs no table.

It is for requests whose individual answers do not matter; `grpc_client` is for requests whose answers do.
"""

from __future__ import annotations

import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator

Call = Callable[[int], bytes]  # what to send, on which stream

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _WINDOW_UPDATE, _CONTINUATION = 0, 1, 3, 4, 8, 9
_END_STREAM, _END_HEADERS = 1, 4
_CANCEL = 8
_LARGEST_FRAME = 16384
# Names in HPACK's static table (RFC 7541, appendix A), as the first bytes of a literal without indexing.
_AUTHORITY, _PATH, _CONTENT_TYPE, _AUTHORIZATION = b"\x01", b"\x04", b"\x0f\x10", b"\x0f\x08"
_POST, _HTTP = b"\x83", b"\x86"


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _text(value: bytes) -> bytes:
    """A string without Huffman coding; its length is a prefixed integer of 7 bits."""
    length = len(value)
    if length < 127:
        return bytes([length]) + value
    rest, prefix = length - 127, bytearray([127])
    while rest >= 128:
        prefix.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*prefix, rest]) + value


def request(path: str, token: str, body: bytes, *, gzip: bool = False, is_whole: bool = True, answered_after: int = 0) -> Call:
    """A gRPC call whose stream has no number yet. It does not end unless `is_whole`; `Upstream` answers after that many milliseconds."""
    block = b"".join(
        [
            _POST,
            _HTTP,
            _AUTHORITY + _text(b"temporal.test"),
            _PATH + _text(path.encode()),
            _CONTENT_TYPE + _text(b"application/grpc"),
            b"\0" + _text(b"te") + _text(b"trailers"),
            b"\0" + _text(b"grpc-encoding") + _text(b"gzip" if gzip else b"identity"),
            _AUTHORIZATION + _text(b"Bearer " + token.encode()),
            *([b"\0" + _text(b"x-envoy-fault-delay-request") + _text(b"%d" % answered_after)] if answered_after else []),
        ]
    )
    pieces = [block[at : at + _LARGEST_FRAME] for at in range(0, len(block), _LARGEST_FRAME)]

    def framed(stream: int) -> bytes:
        frames = b""
        for number, piece in enumerate(pieces):
            flags = _END_HEADERS if number == len(pieces) - 1 else 0
            frames += _frame(_CONTINUATION if number else _HEADERS, flags, stream, piece)
        return frames + _frame(_DATA, _END_STREAM if is_whole else 0, stream, body)

    return framed


class Crowd:
    """A connection that sends calls and throws answers away. Its requests can be cancelled all at once."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, b"") + _frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))
        self._next = 1
        threading.Thread(target=self._drain, daemon=True).start()

    def send(self, calls: Iterable[Call]) -> None:
        out = bytearray()
        for call in calls:
            out += call(self._next)
            self._next += 2
        self._socket.sendall(out)

    def cancel(self) -> None:
        """RST_STREAM for every request so far."""
        code = struct.pack(">I", _CANCEL)
        self._socket.sendall(b"".join(_frame(_RST_STREAM, 0, stream, code) for stream in range(1, self._next, 2)))

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _drain(self) -> None:
        try:
            while self._socket.recv(1 << 18):
                pass
        except OSError:
            pass


def at_rate(crowds: list[Crowd], calls: Iterator[Call], rate: int, seconds: float) -> int:
    """Sends `rate` calls a second, on one connection after another; returns the number of calls."""
    sent, began = 0, time.monotonic()
    for crowd in itertools.cycle(crowds):
        elapsed = time.monotonic() - began
        if elapsed >= seconds:
            break
        batch = list(itertools.islice(calls, int(rate * elapsed) - sent))
        crowd.send(batch)
        sent += len(batch)
        time.sleep(0.01)
    return sent

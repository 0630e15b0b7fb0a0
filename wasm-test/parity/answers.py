"""An answer, and what it says about authorization."""

from __future__ import annotations

from dataclasses import dataclass

from calls import Call
from harness.gate import TEXTS
from harness.grpc_client import Connection, Reply, frame, request_headers

# A denial on the wire: an empty PermissionDeniedFailure in a google.rpc.Status.
DENIAL_DETAILS = b"\x08\x07\x12\x15Request unauthorized.\x1aJ\nHtype.googleapis.com/temporal.api.errordetails.v1.PermissionDeniedFailure"


@dataclass(frozen=True)
class Answer:
    status: int | None
    message: str
    details: bytes

    @property
    def verdict(self) -> str:
        """The verdict; `passed` if authorization allowed the call, or if there was no authorization."""
        if self == Answer(7, TEXTS[7], DENIAL_DETAILS):
            return "denied"
        if self == Answer(16, TEXTS[16], b""):
            return "unauthenticated"
        if self.status == 2 and self.message == TEXTS[7]:
            return "stream denied"
        if self.status == 12 and self.message.startswith("unknown "):
            return "unknown"
        if self.status == 3 and self.message.startswith("Malformed request: "):
            return "malformed"
        if self.status == 13 and self.message.startswith("grpc: "):
            return "undecodable"
        # No answer at all, an answer of the proxy's own, or an answer that is almost a refusal: the list allows none of these.
        if self.status in (None, 14, 16) or self.message == TEXTS[7]:
            return f"odd {self.status}"
        return "passed"

    def agrees_with(self, other: Answer) -> bool:
        return self == other

    def __str__(self) -> str:
        return f"{self.status} {self.message!r} {self.details.hex()}"


def ask(connection: Connection, call: Call) -> Answer:
    headers = [("authorization", value) for value in call.caller.authorization]
    stream = connection.open(request_headers(call.path, headers=headers, grpc_timeout=call.timeout))
    connection.data(stream, frame(call.message), end_stream=True)
    return _answer(connection.reply(stream, 20))


def _answer(reply: Reply) -> Answer:
    return Answer(reply.grpc_status, reply.grpc_message, reply.details)

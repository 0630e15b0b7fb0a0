"""Task tokens, read and made by hand: they are plain protobuf, and the server trusts them.

Source: `temporal/server/api/token/v1/message.proto`. Only what tests need.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import proto


@dataclass
class Task:
    """The token of a workflow task or an activity task. `rest` is appended as it is."""

    namespace_id: str = ""
    workflow_id: str = ""
    run_id: str = ""
    scheduled_event_id: int = 0
    attempt: int = 1
    started_event_id: int = 0
    component_ref: bytes = b""
    rest: bytes = b""

    def encode(self) -> bytes:
        return (
            proto.text(1, self.namespace_id)
            + proto.text(2, self.workflow_id)
            + proto.text(3, self.run_id)
            + proto.number(4, self.scheduled_event_id)
            + proto.number(5, self.attempt)
            + proto.number(10, self.started_event_id)
            + (proto.text(14, self.component_ref) if self.component_ref else b"")
            + self.rest
        )


# They identify nothing that exists, which the server has to find out.
SOME = Task("no-such-namespace", "no-such-workflow", "no-such-run", 2).encode()


def of_queue(namespace_id: str, queue: str, task_id: str = "0f8fad5b-d9cb-469f-a165-70867728950e") -> bytes:
    """The token of a query or of a Nexus task."""
    return proto.text(1, namespace_id) + proto.text(2, queue) + proto.text(3, task_id)


def texts(token: bytes) -> dict[int, bytes]:
    """The length-delimited fields of a token, by number; of repeated fields, the last."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(token):
        key, at = _varint(token, at)
        match key & 7:
            case 0:
                _, at = _varint(token, at)
            case 1:
                at += 8
            case 2:
                length, at = _varint(token, at)
                found[key >> 3], at = token[at : at + length], at + length
            case 5:
                at += 4
            case wire:
                raise ValueError(f"wire type {wire} in a task token")
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7

"""A case, and the configuration that most cases use."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from harness import requests
from harness.grpc_client import frame, gzipped
from harness.proto import number, text

# The public half of the key in README.md: it signs cases and nothing else.
KEYS = {
    "keys": [
        {
            "kty": "EC", "crv": "P-256", "kid": "vectors", "alg": "ES256", "use": "sig",
            "x": "KHDOu4SMqxDcfnUmkML0GTL1cSRjYGVKqvZ3Vm3VQ9Q", "y": "swaeEe0multJULYhKGtgf9H9trq3P7TgASY0U-v6m74",
        }
    ]
}
ISSUER = {"issuer": "https://oracle.test/", "audiences": ["temporal"], "algorithms": ["ES256"], "keys": {"inline": KEYS}}
# Temporal's own claim, so that Temporal's own code can be asked as well.
PERMISSIONS: dict[str, Any] = {
    "version": 1,
    "issuers": {"corp": ISSUER},
    "grants": [{"name": "permissions", "who": {"issuer": "corp"}, "permissions_claim": "permissions"}],
}
CLAIMS: dict[str, Any] = {"iss": "https://oracle.test/", "aud": "temporal", "sub": "alice", "exp": 4102444800}


@dataclass
class Case:
    """A call and its outcome. `status` is the gRPC status of our answer, 0 for a call that is allowed. `at` is the time of the
    call, in milliseconds since 1970."""

    name: str
    method: str
    status: int
    message: Message | bytes = b""
    permissions: list[str] = field(default_factory=lambda: ["payroll:write"])
    claims: dict[str, Any] | None = field(default_factory=dict)
    rule: str | None = "permissions"
    denied_by: str | None = "default-deny"
    packed: bool = False
    encoding: str | None = None
    body: bytes | None = None
    at: int | None = None

    def json(self) -> dict[str, Any]:
        message = self.message if isinstance(self.message, bytes) else self.message.SerializeToString()
        body = self.body if self.body is not None else gzipped(message) if self.packed else frame(message)
        encoding = self.encoding or ("gzip" if self.packed else None)
        path = self.method if "/" in self.method else requests.path(self.method)
        row: dict[str, Any] = {"name": self.name, "path": path}
        if encoding:
            row["grpc_encoding"] = encoding
        if self.at is not None:
            row["at"] = self.at
        row["body"] = base64.b64encode(body).decode()
        if self.claims is not None:
            row["claims"] = CLAIMS | ({"permissions": self.permissions} if self.permissions else {}) | self.claims
        row["verdict"] = "deny" if self.status else "allow"
        row["grpc_status"] = self.status
        row["rule"] = {0: self.rule, 7: self.denied_by}.get(self.status)
        return row


def request(method: str, **fields: Any) -> Message:
    """The method's request with these fields."""
    package = requests.path(method).split("/")[1].rpartition(".")[0]
    return requests.newest(f"{package}.{method}Request")(**fields)


def task(workflow_id: str | bytes, more: bytes = b"") -> bytes:
    """The token of a workflow task or an activity task: namespace id, workflow, run, event."""
    return text(1, "6e1b1b6c-0000-4000-8000-000000000000") + text(2, workflow_id) + text(3, "r") + number(4, 5) + more


TOKEN = task("w")


def ruled(name: str, method: str, message: Message | bytes, claims: dict[str, Any] | None, rule: str, denials: set[str], at: int | None = None) -> Case:
    """A case under a policy in which every rule has a name: `rule` is the name of a grant or of one of these denials, or `None`."""
    allowed = rule not in denials | {"default-deny"}
    return Case(name, method, 0 if allowed else 7, message, [], claims, rule, denied_by=rule, at=at)

"""The calls of the comparison on the HTTP port: every route of the API by every caller, and requests beside the routes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

from calls import Call, named_namespaces
from harness import paths, requests
from harness.gate import TEXTS
from tokens import OTHER, OWN, Caller

sys.path.append(str(paths.ROOT / "tools"))

import http_routes
import methods

# A denial on the wire.
DENIAL = (
    b'{"code":7,"message":"Request unauthorized.","details":'
    b'[{"@type":"type.googleapis.com/temporal.api.errordetails.v1.PermissionDeniedFailure"}]}'
)
# The value of every variable in a path that is not the namespace: nothing has this name.
NAME = "parity"


@dataclass(frozen=True)
class HttpCall(Call):
    """A call on the HTTP port. `path` is that of the gRPC method, if the request has one."""

    verb: str = ""
    target: str = ""
    body: bytes | None = None

    def __str__(self) -> str:
        return f"{self.verb} {self.target} ({self.label}) by {self.caller.name}"


@dataclass(frozen=True)
class HttpAnswer:
    """An answer, without the content of good ones."""

    status: int | None
    content_type: str | None
    body: bytes

    @property
    def verdict(self) -> str:
        """The verdict; `passed` if authorization allowed the call, or if there was no authorization."""
        if self == HttpAnswer(403, "*", DENIAL):
            return "denied"
        if self.status == 401 and self._code == (16, TEXTS[16]):
            return "unauthenticated"
        if self.status in (404, 501) and self._code[0] in (5, 12) and self._code[1] in ("Not Found", "Method Not Allowed", "Not Implemented"):
            return "unknown"
        if self.status == 404 and str(self._code[1]).startswith("Not Found: "):
            return "unknown"
        if self.status == 400 and str(self._code[1]).startswith("Malformed request: "):
            return "malformed"
        if self.status in (None, 401, 502) or self._code[1] in (None, TEXTS[7], TEXTS[14]) and self.status != 200:
            return f"odd {self.status}"
        return "passed"

    def agrees_with(self, other: HttpAnswer) -> bool:
        """Where both servers let a call pass, their handlers need not agree: what they know of workers and deployments differs. Of
        unknown routes, ours says more."""
        return self == other or self.verdict == other.verdict and self.verdict in ("passed", "unknown")

    @property
    def _code(self) -> tuple[Any, Any]:
        try:
            read = json.loads(self.body)
        except ValueError:
            return None, None
        return (read.get("code"), read.get("message")) if isinstance(read, dict) else (None, None)

    def __str__(self) -> str:
        return f"{self.status} {self.content_type} {self.body!r}"


def ask_http(connection: HTTPConnection, call: HttpCall) -> HttpAnswer:
    try:
        connection.putrequest(call.verb, call.target, skip_accept_encoding=True)
        for value in call.caller.authorization:
            connection.putheader("authorization", value)
        # The gateway makes it the call's deadline, so that no poll waits longer.
        connection.putheader("grpc-timeout", "2S")
        if call.body is not None:
            connection.putheader("content-type", "application/json")
            connection.putheader("content-length", str(len(call.body)))
        connection.endheaders(call.body)
        response = connection.getresponse()
        body = response.read()
    except (HTTPException, OSError):
        connection.close()
        return HttpAnswer(None, None, b"")
    return HttpAnswer(response.status, response.getheader("content-type"), b"" if response.status == 200 else body)


def http_calls(everybody: list[Caller]) -> Iterator[HttpCall]:
    rows = {method.path: method for method in requests.methods()}
    _, _, _, routes = methods.load(paths.TEMPORAL_DATA)
    for route in routes:
        for label, namespace in _namespaces(route, rows[route.method]).items():
            target = _filled(route, namespace)
            body = _body(route, namespace)
            for caller in everybody:
                yield HttpCall(route.method, label, caller, b"", rows[route.method], verb=route.verb.upper(), target=target, body=body)
    yield from _beside_the_routes(everybody)


def _namespaces(route: http_routes.Route, method: requests.Method) -> Mapping[str, str]:
    if "{namespace}" in route.segments:
        return {label: name for label, name in named_namespaces(method).items() if name}
    return named_namespaces(method)


def _filled(route: http_routes.Route, namespace: str) -> str:
    values = {"{namespace}": namespace}
    return "/".join(["", *(values.get(part, NAME) if part.startswith("{") else part for part in route.segments)])


def _body(route: http_routes.Route, namespace: str) -> bytes | None:
    if not route.has_body:
        return None
    return json.dumps({} if "{namespace}" in route.segments or not namespace else {"namespace": namespace}).encode()


def _beside_the_routes(everybody: list[Caller]) -> Iterator[HttpCall]:
    targets = {
        "root": [("GET", "/")],
        "no route": [("GET", "/api/v1"), ("GET", "/api/v2/namespaces"), ("GET", f"/namespaces/{OWN}/no-such-thing"), ("GET", f"/{NAME}")],
        "no such verb": [("PUT", f"/api/v1/namespaces/{OWN}"), ("DELETE", "/api/v1/cluster-info"), ("POST", f"/api/v1/namespaces/{OWN}/workflows")],
        "description of the API": [("GET", "/swagger.json"), ("GET", "/openapi.yaml")],
    }
    escaped = {
        ("DescribeNamespace", "own"): "/%61pi/v1/namespaces/%70ayroll",
        ("ListWorkflowExecutions", "other"): f"/api/v1/namespaces/{OTHER.replace('-', '%2D')}/workflows",
    }
    for (name, label), target in escaped.items():
        for caller in everybody:
            yield HttpCall(requests.path(name), label, caller, b"", verb="GET", target=target)
    for label, pairs in targets.items():
        for verb, target in pairs:
            for caller in everybody:
                yield HttpCall("", label, caller, b"", verb=verb, target=target)

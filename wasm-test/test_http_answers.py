"""Callers that do not speak gRPC get an HTTP status with the same text."""

from __future__ import annotations

from harness import requests
from harness.gate import TEXTS, Gate, refused_http
from harness.grpc_client import Connection, Reply, request_headers


def _get(gate: Gate, path: str, content_type: str | None = None, **headers: str) -> Reply:
    with Connection(gate.port) as connection:
        built = request_headers(path, content_type=content_type, method="GET", headers=headers)
        return connection.reply(connection.open(built, end_stream=True))


def test_an_unknown_path_is_404(gate: Gate) -> None:
    reply = refused_http(_get(gate, "/no/such/thing"), 404)
    assert reply.body == b"unknown service no/such"


def test_a_closed_service_is_403(gate: Gate) -> None:
    reply = refused_http(_get(gate, f"/{requests.ADMIN_SERVICE}/DescribeCluster"), 403)
    assert reply.body.decode() == TEXTS[7]


def test_a_grpc_path_without_grpc_is_400(gate: Gate) -> None:
    reply = refused_http(_get(gate, requests.GET_SYSTEM_INFO), 400)
    assert reply.body.startswith(b"Malformed request: ")


def test_answers_are_not_cached_or_sniffed_as_html(gate: Gate) -> None:
    reply = _get(gate, "/<script>alert(1)</script>")
    assert reply.status == 404
    assert "html" not in (reply.get("content-type") or "")

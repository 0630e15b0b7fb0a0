"""A method that the table lacks is answered as an older server would answer it: 12, in its words, to everybody. Odd spellings are
unknown too."""

from __future__ import annotations

import pytest

from harness import grpc_client, requests
from harness.echo import Echo
from harness.gate import Gate, allowed, refused
from harness.grpc_client import Connection, frame, request_headers
from harness.minter import Minter
from harness.proto import text
from harness.temporal import Temporal

COUNT = requests.path("CountWorkflowExecutions")
OWN = text(1, "payroll")


@pytest.fixture
def admin(corp: Minter) -> str:
    return corp.token(permissions=["temporal-system:admin"])


@pytest.mark.parametrize(
    "service, method",
    [
        (requests.WORKFLOW_SERVICE, "NoSuchMethod"),
        (requests.OPERATOR_SERVICE, "NoSuchMethod"),
        (requests.WORKFLOW_SERVICE, "startWorkflowExecution"),
        (requests.WORKFLOW_SERVICE, "ListNexusEndpoints"),
        ("temporal.api.workflowservice.v2.WorkflowService", "StartWorkflowExecution"),
        ("temporal.api.nexusservice.v1.NexusService", "DispatchNexusTask"),
        ("temporal.server.api.historyservice.v1.HistoryService", "StartWorkflowExecution"),
    ],
)
@pytest.mark.parametrize("who", ["admin", "nobody", "garbage"])
def test_unknown_methods_are_unimplemented(gate: Gate, admin: str, service: str, method: str, who: str) -> None:
    token = {"admin": admin, "nobody": None, "garbage": "x.y.z"}[who]
    path = f"/{service}/{method}"
    reply = gate.refused_by_us(path, OWN, token=token, status=12, reason="unknown_method")
    # The words of grpc-go.
    known = service in (requests.WORKFLOW_SERVICE, requests.OPERATOR_SERVICE)
    assert reply.grpc_message == (f"unknown method {method} for service {service}" if known else f"unknown service {service}")


ODD = [
    COUNT + "/",
    "/" + COUNT,
    COUNT + "?x=1",
    COUNT + "?",
    COUNT + ";x",
    COUNT + "%20",
    COUNT.replace("Count", "%43ount"),
    COUNT.replace("/Count", "%2FCount"),
    COUNT.replace("/Count", "//Count"),
    COUNT.replace("/Count", "/./Count"),
    COUNT.replace("/Count", "/x/../Count"),
    COUNT.replace("/Count", "\\Count"),
    COUNT.upper(),
    COUNT.lower(),
    "/x" + COUNT,
    COUNT + "\t",
    "/",
    "*",
    "",
    COUNT[1:],
    "http://temporal.test" + COUNT,
    COUNT + "\u200b",
]


@pytest.mark.parametrize("path", ODD, ids=repr)
@pytest.mark.parametrize("who", ["admin", "nobody"])
def test_odd_paths_never_reach_the_server(echo_gate: Gate, echo: Echo, admin: str, path: str, who: str) -> None:
    """Envoy itself refuses some of them. None of them reaches the server."""
    marked = grpc_client.test_id()
    with Connection(echo_gate.port) as connection:
        stream = connection.open(request_headers(path, token=admin if who == "admin" else None, test_id=marked))
        connection.data(stream, frame(OWN), end_stream=True)
        reply = connection.reply(stream, 5)
    assert reply.grpc_status == 12 or reply.status in (400, 404) or reply.reset is not None or reply.closed, str(reply)
    assert echo.seen(marked) is None
    allowed(echo_gate.call(COUNT, OWN, token=admin))


def test_path_with_a_query_is_answered_as_unknown(gate: Gate, admin: str) -> None:
    refused(gate.call(COUNT + "?x=1", OWN, token=admin), 12)
    refused(gate.call("/" + COUNT, OWN, token=admin), 12)


def test_the_server_would_say_the_same(temporal: Temporal) -> None:
    for path in (f"/{requests.WORKFLOW_SERVICE}/NoSuchMethod", COUNT + "?x=1", "/" + COUNT):
        assert grpc_client.call(temporal.port, path, OWN).grpc_status == 12
    reply = grpc_client.call(temporal.port, f"/{requests.WORKFLOW_SERVICE}/NoSuchMethod", OWN)
    assert reply.grpc_message == f"unknown method NoSuchMethod for service {requests.WORKFLOW_SERVICE}"

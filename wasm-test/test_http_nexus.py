"""Nexus over HTTP through the filter, on a real Temporal: operations reach the handler of an allowed caller, and nobody else's."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest

from harness import http_client
from harness.frontend import Frontend, w
from harness.gate import Gate, OpenGate, allowed
from harness.grpc_client import Connection, Reply, request_headers
from harness.http_client import HttpReply
from harness.minter import Minter
from harness.policy import BY_PERMISSIONS, Json, plugin
from harness.temporal import Temporal
from harness.tls import Authority, Pair
from test_http_api import http_cluster
from test_nexus import nexus

HISTORY, FRONTEND = "spiffe://td/ns/temporal/sa/history", "spiffe://td/ns/temporal/sa/frontend"
GRANTS: list[Json] = [
    *BY_PERMISSIONS,
    {"name": "by-queue", "who": {"issuer": "corp", "claims": {"groups": "by-queue"}}, "role": "client", "namespaces": ["payroll"], "task_queues": ["nx-*"]},
    # What older servers need whose history service posts completions to this port.
    {"name": "history", "who": {"peer": HISTORY}, "role": "completer", "namespaces": ["*"], "may_call_back": True},
    {"name": "history-anywhere", "who": {"peer": HISTORY}, "role": "completer", "system": True},
]
ROLES: Json = {"completer": {"plus": ["nexus"]}}
DENIALS: list[Json] = [
    {"name": "no-finance-exactly", "who": {"claims": {"groups": "no-finance-exactly"}}, "namespaces": ["finance-reports*"]},
    {"name": "no-finance", "who": {"claims": {"groups": "no-finance"}}, "namespaces": ["finance-*"]},
]


def policy(corp: Minter, **members: Any) -> Json:
    return plugin(corp.config(), GRANTS, roles=ROLES, denials=DENIALS, **({"http": {"nexus": True}} | members))


@pytest.fixture(scope="module")
def gate(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(policy(corp), rich_temporal.http_port, clusters=http_cluster(rich_temporal.http_port), name="http-nexus")


def dispatch(gate: Gate, path: str, token: str | None, **options: Any) -> HttpReply:
    headers = {"content-type": "application/json", "request-timeout": "20s", "nexus-request-id": str(uuid.uuid4())}
    return http_client.send(gate.port, "POST", path, '"input"', token=token, headers=headers | options.pop("headers", {}), **options)


def refused(reply: HttpReply, status: int = 403) -> None:
    kinds = {403: ("permission denied", "UNAUTHORIZED"), 401: ("unauthorized", "UNAUTHENTICATED"), 400: ("bad request", "BAD_REQUEST")}
    message, kind = kinds[status]
    assert reply.status == status and reply.headers["content-type"] == "application/json", reply
    assert reply.json == {"message": message, "metadata": {"type": "nexus.HandlerError"}, "details": {"type": kind}}


def handled(straight: Frontend, gate: Gate, path: str, token: str, queue: str) -> tuple[str, str]:
    """The service and the operation that reached the handler, which answers the caller."""
    replies: list[HttpReply] = []
    caller = threading.Thread(target=lambda: replies.append(dispatch(gate, path, token)))
    caller.start()
    task = straight.nexus_task(queue)
    answer = w.RespondNexusTaskCompletedRequest(namespace="payroll", identity="test", task_token=task.task_token)
    payload = answer.response.start_operation.sync_success.payload
    payload.metadata["encoding"], payload.data = b"json/plain", b'"done"'
    allowed(straight.call("RespondNexusTaskCompleted", answer))
    caller.join()
    assert replies[0].status == 200 and replies[0].json == "done", replies[0]
    start = task.request.start_operation
    return start.service, start.operation


def new_queue() -> str:
    return f"nx-{uuid.uuid4()}"


def test_dispatch_by_namespace_and_queue(gate: Gate, straight: Frontend, corp: Minter) -> None:
    queue = new_queue()
    path = f"/namespaces/payroll/task-queues/{queue}/nexus-services/service/operation"
    for token in (corp.token(permissions=["payroll:read"]), corp.token(permissions=["finance-reports:admin"]), corp.token()):
        refused(dispatch(gate, path, token))
    refused(dispatch(gate, path, None), 401)
    refused(dispatch(gate, path, corp.token(permissions=["payroll:write"], aud="somebody-else")), 401)
    assert handled(straight, gate, path, corp.token(permissions=["payroll:write"]), queue) == ("service", "operation")


def test_an_escaped_slash_is_legal_in_a_service(gate: Gate, corp: Minter) -> None:
    path = f"/namespaces/payroll/task-queues/{new_queue()}/nexus-services/a%2Fb/c%2Fd"
    refused(dispatch(gate, path, corp.token()))
    reply = dispatch(gate, path, corp.token(permissions=["payroll:write"]), headers={"request-timeout": "1s"})
    assert reply.status not in (401, 403), reply
    for bad in ("%2e%2e", "", "%00"):
        reply = dispatch(gate, f"/namespaces/payroll/task-queues/{bad}/nexus-services/s/o", corp.token(permissions=["payroll:write"]))
        assert reply.status == 400, reply


@pytest.mark.parametrize("odd", ['"', "<", ">", "^", "`", "{", "|", "}", "[", "]"])
def test_a_path_that_the_server_escapes_anew_is_refused(gate: Gate, straight: Frontend, corp: Minter, odd: str) -> None:
    """Behind such a character, the server decodes `%2F` before it splits the path, and another part is the namespace."""
    queue = new_queue()
    hidden = f"finance-reports%2Ftask-queues%2F{queue}%2Fnexus-services%2Fs"
    path = f"/namespaces/{hidden}/task-queues/q/nexus-services/s/{odd}"
    token = corp.token(permissions=["temporal-system:write"], groups=["no-finance-exactly"])
    reply = dispatch(gate, path, token, headers={"request-timeout": "1s"})
    assert reply.status == 400, reply
    refused(dispatch(gate, path.replace(odd, "o"), token), 403)


def test_limits_on_queues_hold(gate: Gate, straight: Frontend, corp: Minter) -> None:
    token, queue = corp.token(groups=["by-queue"]), new_queue()
    refused(dispatch(gate, "/namespaces/payroll/task-queues/other/nexus-services/s/o", token))
    refused(dispatch(gate, "/namespaces/payroll/task-queues/temporal-sys-per-ns-tq/nexus-services/s/o", corp.token(permissions=["payroll:admin"])))
    assert handled(straight, gate, f"/namespaces/payroll/task-queues/{queue}/nexus-services/s/o", token, queue) == ("s", "o")


def test_an_endpoints_id_needs_a_system_grant(gate: Gate, straight: Frontend, corp: Minter) -> None:
    queue = new_queue()
    created = straight.ask("CreateNexusEndpoint", nexus.endpoint_to("payroll", queue, f"e{uuid.uuid4().hex}"))
    path = f"/nexus/endpoints/{created.endpoint.id}/services/s/o"
    unknown = f"/nexus/endpoints/{uuid.uuid4()}/services/s/o"
    for token in (corp.token(permissions=["payroll:admin"]), corp.token(permissions=["temporal-system:admin"], groups=["no-finance"])):
        refused(dispatch(gate, path, token))
        refused(dispatch(gate, unknown, token))
    system = corp.token(permissions=["temporal-system:write"])
    assert handled(straight, gate, path, system, queue) == ("s", "o")
    assert dispatch(gate, unknown, system).status == 404


def test_callbacks_into_temporal_need_may_call_back(gate: Gate, corp: Minter) -> None:
    token = corp.token(permissions=["payroll:admin"])
    path = f"/namespaces/payroll/task-queues/{new_queue()}/nexus-services/s/o"
    for callback in ("temporal://system", "TEMPORAL%3A%2F%2Fsystem", "%20temporal://internal"):
        refused(dispatch(gate, f"{path}?callback={callback}", token))


COMPLETION = {"nexus-operation-state": "succeeded", "content-type": "application/json", "temporal-callback-token": "x"}


@pytest.mark.parametrize("path", ["/namespaces/payroll/nexus/callback", "/nexus/callback"])
def test_history_alone_completes_operations(
    open_gate: OpenGate, rich_temporal: Temporal, corp: Minter, tmp_path_factory: pytest.TempPathFactory, path: str
) -> None:
    """A callback template of an older server points at this port, and its history service posts there without a token."""
    authority = Authority(tmp_path_factory.mktemp("tls"))
    mesh = open_gate(policy(corp), rich_temporal.http_port, clusters=http_cluster(rich_temporal.http_port), tls=authority.listener())

    def post(pair: Pair | None, token: str | None = None) -> Reply:
        with Connection(mesh.port, tls=authority.client(pair)) as connection:
            headers = request_headers(path, token=token, content_type=None, headers=COMPLETION)
            stream = connection.open(headers)
            connection.data(stream, b"{}", end_stream=True)
            return connection.reply(stream)

    reply = post(authority.issue("history", uris=[HISTORY]))
    assert reply.status == 400 and b"invalid callback token" in reply.body, "the server's own answer"
    assert post(authority.issue("frontend", uris=[FRONTEND])).status == 403
    assert post(None).status == 401
    assert post(None, corp.token(permissions=["payroll:admin"])).status == 403
    assert post(authority.issue("again", uris=[HISTORY]), "garbage").status == 401


def test_the_switch_is_off_by_default(open_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> None:
    closed = open_gate(policy(corp, http={"api": True}), rich_temporal.http_port, clusters=http_cluster(rich_temporal.http_port))
    for path in ("/nexus/callback", "/nexus/endpoints/x/services/s/o", "/namespaces/payroll/task-queues/q/nexus-services/s/o"):
        reply = dispatch(closed, path, corp.token(permissions=["temporal-system:admin"]))
        assert reply.status == 404 and b"http.nexus" in reply.body, reply

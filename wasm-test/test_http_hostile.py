"""HTTP requests that mean something else than they look, on a real Temporal: none of them does what its caller may not do."""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from typing import Any

import pytest

from harness import http_client
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate
from harness.grpc_client import Connection, request_headers
from harness.http_client import HttpReply
from harness.minter import Minter
from harness.policy import Json
from harness.schedules import Schedule
from harness.temporal import Temporal
from test_http_api import DENIED, denied, http_cluster, new_id, policy, start, start_body


@pytest.fixture(scope="module")
def api(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(policy(corp), rich_temporal.http_port, clusters=http_cluster(rich_temporal.http_port), name="http-hostile")


@pytest.fixture(scope="module")
def writer(corp: Minter) -> str:
    return corp.token(permissions=["payroll:write"])


@pytest.fixture(scope="module")
def starter(corp: Minter) -> str:
    """May start workflows in payroll, and nothing else."""
    return corp.token(groups=["starters"])


def post(gate: Gate, path: str | bytes, body: str | bytes | Json = "{}", **options: Any) -> HttpReply:
    return http_client.send(gate.port, "POST", path, body, **options)


@pytest.fixture
def running(straight: Frontend) -> str:
    workflow_id = new_id()
    straight.start(workflow_id)
    return workflow_id


PATHS = [
    "/api/v1/namespaces/payroll%2Fworkflows%2F{id}%2Fterminate",
    "/api/v1/namespaces/payroll/workflows/x%2F..%2F{id}%2Fterminate",
    "/api/v1/namespaces/payroll%5Cworkflows/{id}/terminate",
    "/api/v1/namespaces/payroll\\workflows/{id}/terminate",
    "/api/v1/namespaces/./payroll/workflows/{id}/terminate",
    "/api/v1/namespaces/payroll/workflows/../workflows/{id}/terminate",
    "/api/v1/namespaces/payroll/workflows/%2e%2e/workflows/{id}/terminate",
    "//api/v1/namespaces/payroll/workflows/{id}/terminate",
    "/api//v1/namespaces/payroll/workflows/{id}/terminate",
    "/api/v1/namespaces/payroll/workflows/{id}/terminate/",
    "/api/v1/namespaces/payroll/workflows/{id}%00/terminate",
    "/api/v1/namespaces/payroll/workflows/{id}/terminate%0a",
    "/api/v1/namespaces/payroll/workflows/{id}/terminate%",
    "/api/v1/namespaces/payroll/workflows/{id}/terminate%zz",
    "/api/v1/namespaces/%c3%28/workflows/{id}/terminate",
]


@pytest.mark.parametrize("path", PATHS)
def test_paths_that_readers_split_differently_are_refused(api: Gate, straight: Frontend, writer: str, running: str, path: str) -> None:
    reply = post(api, path.replace("{id}", running), token=writer)
    assert reply.status in (400, 404), reply
    assert straight.status(running) == "RUNNING"


def test_a_path_is_decoded_once(api: Gate, straight: Frontend, writer: str, starter: str, running: str) -> None:
    escaped = f"/%61pi/v1/%6eamespaces/payrol%6c/workflow%73/{running}/%74erminate"
    denied(post(api, escaped, token=starter))
    assert straight.status(running) == "RUNNING"
    twice = f"/api/v1/namespaces/payroll/workflows/{running}/%2574erminate"
    assert post(api, twice, token=writer).status == 404
    assert post(api, escaped, token=writer).status == 200
    straight.wait_status(running, "TERMINATED")


@pytest.mark.parametrize("headers", [
    {"x-http-method-override": "DELETE"},
    {"X-HTTP-Method-Override": "GET"},
    {"content-type": "application/x-www-form-urlencoded", "x-http-method-override": "DELETE"},
    {"content-type": "application/x-www-form-urlencoded"},
    {"content-type": "Application/X-WWW-Form-Urlencoded;charset=utf-8"},
], ids=str)
def test_overrides_and_forms_are_refused(api: Gate, straight: Frontend, corp: Minter, headers: dict[str, str]) -> None:
    schedule_id = Schedule(straight).name
    admin = corp.token(permissions=["payroll:admin"])
    for body in ("", "x=y", "{}"):
        reply = post(api, f"/api/v1/namespaces/payroll/schedules/{schedule_id}", body, token=admin, headers=headers)
        assert reply.status == 400, reply
    reply = http_client.send(api.port, "GET", f"/api/v1/namespaces/payroll/schedules/{schedule_id}", token=admin)
    assert reply.status == 200, "it is still there"


def test_other_ways_to_send_a_token_do_not_count(api: Gate, corp: Minter, writer: str, starter: str) -> None:
    for name in ("grpc-metadata-authorization", "Grpc-Metadata-Authorization", "grpcgateway-authorization", "authorization-extras"):
        headers = {name: f"Bearer {writer}"}
        assert http_client.send(api.port, "GET", "/api/v1/namespaces/payroll", headers=headers).status == 401
        denied(http_client.send(api.port, "GET", "/api/v1/namespaces/payroll", headers=headers, token=starter))


AMBIGUOUS = [
    '{} {"workflowIdConflictPolicy":3}',
    '{}{}',
    '{}]',
    '{"workflowIdConflictPolicy":1,"workflowIdConflictPolicy":3}',
    '{"workflowIdConflictPolicy":1,"workflow_id_conflict_policy":3}',
    '{"workflowIdConflictPolicy":null,"workflow_id_conflict_policy":3}',
    '{"workflowIdConflictPolicy":3.0}',
    '{"workflowIdConflictPolicy":30e-1}',
    '{"workflowIdConflictPolicy":"3"}',
    '{"workflowIdConflictPolicy":"TERMINATE_EXISTING"}',
    '{"workflowIdConflictPolicy":"terminateExisting"}',
    '{"workflowIdConflictPolicy":[3]}',
    '{"namespace":"finance-reports"}',
    '{"namespace":"payroll","namespace":"finance-reports"}',
    '{"workflowId":"other"}',
    '{"workflow_id":"other","workflowId":"other"}',
    '{"taskQueue":{"name":"a","name":"b"}}',
    '{"taskQueue":{"normalName":"a","normal_name":"b"}}',
    '[{"workflowIdConflictPolicy":3}]',
    'null',
    '"x"',
    '\ufeff{}',
    '{"workflowIdConflictPolicy":3',
    '{"a":NaN}',
    "{'workflowIdConflictPolicy':3}",
    '{"workflowIdConflictPolicy":3,}',
    '{/**/"workflowIdConflictPolicy":3}',
]


@pytest.mark.parametrize("body", AMBIGUOUS)
def test_bodies_that_readers_could_read_differently_are_refused(api: Gate, straight: Frontend, starter: str, running: str, body: str) -> None:
    run = straight.ask("DescribeWorkflowExecution", _describe(running)).workflow_execution_info.execution.run_id
    for headers in ({}, {"content-type": "application/json"}, {"content-type": "application/json+no-payload-shorthand"}, {"content-type": "application/grpc"}):
        reply = post(api, f"/namespaces/payroll/workflows/{running}", body, token=starter, headers=headers)
        assert reply.status == (200 if "content-type" in headers and "grpc" in headers["content-type"] else 400), reply
    assert straight.ask("DescribeWorkflowExecution", _describe(running)).workflow_execution_info.execution.run_id == run
    assert straight.status(running) == "RUNNING"


def _describe(workflow_id: str) -> Any:
    from harness.frontend import w

    request = w.DescribeWorkflowExecutionRequest(namespace="payroll")
    request.execution.workflow_id = workflow_id
    return request


def test_invalid_utf8_is_refused(api: Gate, starter: str) -> None:
    reply = post(api, f"/namespaces/payroll/workflows/{new_id()}", b'{"identity":"\xff"}', token=starter)
    assert reply.status == 400


ESCAPED = [
    '{"workflow\\u0049dConflictPolicy":3}',
    '{"workflowIdConflictPolicy":"\\u0054erminateExisting"}',
    '{"workflow\\u005fid_conflict_policy":"WORKFLOW_ID_CONFLICT_POLICY_TERMINATE\\u005fEXISTING"}',
    ' \n\t{ "workflowIdConflictPolicy" : 3 } \n',
    '{"workflowIdReusePolicy":4}',
    '{"workflow_id_reuse_policy":"TerminateIfRunning"}',
]


@pytest.mark.parametrize("option", ESCAPED)
def test_options_in_any_spelling_need_their_effect(api: Gate, straight: Frontend, starter: str, writer: str, running: str, option: str) -> None:
    body = json.dumps(json.loads(option) | start_body()) if not option.strip().startswith("{ ") else option
    raw = option.rstrip()[:-1] + "," + json.dumps(start_body())[1:]
    for text in (body, raw):
        denied(post(api, f"/namespaces/payroll/workflows/{running}", text, token=starter))
    assert straight.status(running) == "RUNNING"
    assert post(api, f"/namespaces/payroll/workflows/{running}", raw, token=writer).status == 200, "the server reads it so"
    straight.wait_status(running, "RUNNING")
    assert len(straight.events(running)) <= 3, "a new run"


def test_batch_operations_need_their_effects(api: Gate, straight: Frontend, corp: Minter, writer: str, running: str) -> None:
    signaller = corp.token(groups=["signallers"])
    del signaller
    reader = corp.token(permissions=["payroll:read"])
    gentle = corp.token(permissions=["payroll:write"], groups=["gentle"])
    body: Json = {"reason": "r", "executions": [{"workflowId": running}], "terminationOperation": {}}
    for token in (reader, gentle):
        denied(post(api, f"/api/v1/namespaces/payroll/batch-operations/{uuid.uuid4()}", body, token=token))
    snake = {"reason": "r", "executions": [{"workflow_id": running}], "termination_operation": {}}
    denied(post(api, f"/api/v1/namespaces/payroll/batch-operations/{uuid.uuid4()}", snake, token=gentle))
    two = body | {"signalOperation": {"signal": "s"}}
    assert post(api, f"/api/v1/namespaces/payroll/batch-operations/{uuid.uuid4()}", two, token=writer).status == 400
    assert straight.status(running) == "RUNNING"
    assert post(api, f"/api/v1/namespaces/payroll/batch-operations/{uuid.uuid4()}", body, token=writer).status == 200
    straight.wait_status(running, "TERMINATED", timeout=60)


def test_signal_with_start_needs_both_effects(api: Gate, straight: Frontend, corp: Minter, writer: str, starter: str) -> None:
    workflow_id = new_id()
    path = f"/api/v1/namespaces/payroll/workflows/{workflow_id}/signal-with-start/go"
    denied(post(api, path, start_body(), token=starter))
    limited = corp.token(groups=["limited"])
    denied(post(api, path, start_body(), token=limited))
    assert not straight.exists(workflow_id)
    assert post(api, path, start_body(), token=writer).status == 200
    assert straight.signals(workflow_id) == ["go"]


def test_queries_that_repeat_or_rename_the_path_are_refused(api: Gate, writer: str, running: str) -> None:
    for query in ("namespace=finance-reports", "namespace=payroll", "execution.workflowId=x", "execution.workflow_id=x",
                  "execution.workflow_id=x&execution.workflowId=y", "execution=x", "execution.runId=a;b", "execution.runId=%zz",
                  "execution%2Eworkflow_id=x", "execution[workflow_id]=x"):
        reply = http_client.send(api.port, "GET", f"/namespaces/payroll/workflows/{running}?{query}", token=writer)
        assert reply.status == 400, f"{query}: {reply}"
    assert http_client.send(api.port, "GET", f"/namespaces/payroll/workflows/{running}?pretty", token=writer).status == 200


def test_a_namespace_by_its_id_needs_a_system_grant(api: Gate, straight: Frontend, corp: Minter, writer: str) -> None:
    other = Frontend(straight.port, "finance-reports").namespace_id()
    for path in (f"/api/v1/namespaces/payroll?id={other}", f"/cluster/namespaces/payroll?%69d={other}"):
        denied(http_client.send(api.port, "GET", path, token=writer))
    for path in (f"/api/v1/namespaces/?id={other}", f"/cluster/namespaces/?id={other}"):
        reply = http_client.send(api.port, "GET", path, token=corp.token(permissions=["temporal-system:admin"]))
        assert reply.status == 400, reply


def test_the_query_counts_for_nothing_where_there_is_a_body(api: Gate, straight: Frontend, starter: str) -> None:
    workflow_id = new_id()
    path = f"/namespaces/payroll/workflows/{workflow_id}?namespace=finance-reports&workflowId=x&workflowIdConflictPolicy=3"
    assert post(api, path, start_body(), token=starter).status == 200
    assert straight.exists(workflow_id)


def test_a_body_on_a_route_without_one_is_refused(api: Gate, writer: str) -> None:
    for verb, path in (("GET", "/api/v1/namespaces/payroll"), ("DELETE", "/api/v1/namespaces/payroll/schedules/x")):
        bodies: list[dict[str, Any]] = [{"body": '{"namespace":"x"}'}, {"chunks": [b"{}"]}]
        for options in bodies:
            reply = http_client.send(api.port, verb, path, token=writer, **options)
            assert reply.status == 400, reply


@pytest.mark.parametrize("end", ["left open", "reset", "ended", "with a body"])
@pytest.mark.parametrize("headers", [{}, {"content-length": "0"}, {"content-length": "00"}], ids=str)
def test_headers_alone_do_nothing_for_whom_the_call_is_denied(
    api: Gate, straight: Frontend, corp: Minter, running: str, headers: dict[str, str], end: str
) -> None:
    """A server acts on the headers of a GET, a DELETE, or a POST without a byte of body: it does not wait for the end."""
    schedule = Schedule(straight).name
    token = corp.token(permissions=["finance-reports:write"])
    for verb, path in (("DELETE", f"/api/v1/namespaces/payroll/schedules/{schedule}"),
                       ("POST", f"/api/v1/namespaces/payroll/workflows/{running}/terminate"),
                       ("POST", f"/api/v1/namespaces/payroll/workflows/{running}/signal/denied")):
        with Connection(api.port) as connection:
            stream = connection.open(request_headers(path, token=token, content_type=None, method=verb, headers=headers))
            if end == "reset":
                connection.reset(stream)
                continue
            if end == "ended":
                connection.data(stream, b"", end_stream=True)
            elif end == "with a body" and not headers:
                connection.data(stream, b"{}", end_stream=True)
            elif headers or verb == "DELETE":
                pass  # answered at once
            else:
                time.sleep(0.3)
                continue
            assert connection.reply(stream).status in (400, 403)
    time.sleep(0.5)
    assert straight.status(running) == "RUNNING" and not straight.signals(running)
    admin = corp.token(permissions=["payroll:admin"])
    assert http_client.send(api.port, "GET", f"/api/v1/namespaces/payroll/schedules/{schedule}", token=admin).status == 200


def test_an_upgrade_does_not_end_a_request(open_gate: OpenGate, rich_temporal: Temporal, straight: Frontend, corp: Minter, running: str) -> None:
    """Where websockets are allowed, the proxy forwards such a request without a length, and the server would act at once."""
    port = rich_temporal.http_port
    gate = open_gate(policy(corp), port, clusters=http_cluster(port), name="http-upgrades", upgrades=("websocket",))
    headers = [("connection", "upgrade"), ("upgrade", "websocket"), ("authorization", f"Bearer {corp.token(permissions=['finance-reports:admin'])}")]
    for verb, path in (("POST", f"/api/v1/namespaces/payroll/workflows/{running}/terminate"), ("GET", "/system-info"), ("GET", "/swagger.json")):
        with socket.create_connection(("127.0.0.1", gate.port), timeout=20) as connection:
            connection.sendall(http_client.head(verb, path, headers))
            assert http_client.receive(connection).status == 400, path
    assert straight.status(running) == "RUNNING"


def test_an_answer_before_the_verdict_does_not_pass(open_gate: OpenGate, corp: Minter) -> None:
    """A server that acts on the headers of a request would answer before its body is there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret")
                connection.recv(65536)

        hasty = threading.Thread(target=answer, daemon=True)
        hasty.start()
        port = server.getsockname()[1]
        gate = open_gate(policy(corp), port, clusters=http_cluster(port), name="http-hasty")
        token = corp.token(permissions=["finance-reports:admin"])
        with socket.create_connection(("127.0.0.1", gate.port), timeout=20) as connection:
            headers = {"authorization": f"Bearer {token}", "content-length": "2"}
            connection.sendall(http_client.head("POST", "/api/v1/namespaces/payroll/workflows/w/terminate", headers))
            reply = http_client.receive(connection)
        assert reply.status == 503 and b"secret" not in reply.body, reply


def test_compressed_bodies_are_refused(api: Gate, writer: str) -> None:
    for encoding in ("gzip", "deflate", "br", "GZIP", "identity, gzip"):
        reply = post(api, f"/namespaces/payroll/workflows/{new_id()}", "{}", token=writer, headers={"content-encoding": encoding})
        assert reply.status == 415, reply


def test_an_aborted_body_starts_nothing(api: Gate, straight: Frontend, writer: str) -> None:
    import socket

    workflow_id = new_id()
    body = json.dumps(start_body()).encode()
    for framing, data in (({"content-length": str(len(body) + 1)}, body), ({"transfer-encoding": "chunked"}, b"%x\r\n%s\r\n" % (len(body), body))):
        with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection:
            headers = {"authorization": f"Bearer {writer}"} | framing
            connection.sendall(http_client.head("POST", f"/namespaces/payroll/workflows/{workflow_id}", headers) + data)
    assert start(api, writer, new_id()).status == 200
    assert not straight.exists(workflow_id)


def test_denied_calls_get_nothing_through(api: Gate, corp: Minter) -> None:
    reply = post(api, "/api/v1/namespaces", {"namespace": "brand-new", "workflowExecutionRetentionPeriod": "86400s"}, token=corp.token(permissions=["payroll:admin"]))
    assert (reply.status, reply.body) == (403, DENIED)

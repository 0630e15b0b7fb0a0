"""Temporal's HTTP API through the filter, on a real Temporal: each call is judged as the same call over gRPC."""

from __future__ import annotations

import json
import re
import socket
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from harness import http_client, paths
from harness.envoy import Cluster
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.grpc_client import Connection, request_headers, test_id
from harness.http_client import HttpReply
from harness.issuer import Issuer
from harness.minter import Minter
from harness.policy import BY_PERMISSIONS, Json, plugin
from harness.poll import until
from harness.ports import free_ports
from harness.temporal import Temporal
from test_nexus import nexus

DENIED = (
    b'{"code":7,"message":"Request unauthorized.","details":'
    b'[{"@type":"type.googleapis.com/temporal.api.errordetails.v1.PermissionDeniedFailure"}]}'
)
GRANTS: list[Json] = [
    *BY_PERMISSIONS,
    {"name": "starters", "who": {"issuer": "corp", "claims": {"groups": "starters"}}, "role": "starter", "namespaces": ["payroll"]},
    {"name": "limited", "who": {"issuer": "corp", "claims": {"groups": "limited"}}, "role": "client", "namespaces": ["payroll"],
     "workflow_ids": ["mine-*"], "signals": ["go"]},
]
ROLES: Json = {"starter": {"plus": ["start"]}}
DENIALS: list[Json] = [{"name": "no-terminating", "who": {"claims": {"groups": "gentle"}}, "effects": ["terminate"]}]
OPEN: Json = {"api": True, "openapi": True}


def http_cluster(port: int) -> dict[str, Cluster]:
    return {"temporal": Cluster(port, http2=False)}


def policy(corp: Minter, **members: Any) -> Json:
    return plugin(corp.config(), GRANTS, **({"roles": ROLES, "denials": DENIALS, "authenticated": ["GetClusterInfo"], "http": OPEN} | members))


@pytest.fixture(scope="module")
def api(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(policy(corp), rich_temporal.http_port, clusters=http_cluster(rich_temporal.http_port), name="http")


@pytest.fixture(scope="module")
def writer(corp: Minter) -> str:
    return corp.token(permissions=["payroll:write"])


def start_body(**fields: Any) -> Json:
    return {"workflowType": {"name": "Some"}, "taskQueue": {"name": "nobody-polls-here"}, "requestId": str(uuid.uuid4())} | fields


def new_id() -> str:
    return f"http-{uuid.uuid4()}"


def start(gate: Gate, token: str | None, workflow_id: str, namespace: str = "payroll", prefix: str = "/api/v1", **fields: Any) -> HttpReply:
    return http_client.send(gate.port, "POST", f"{prefix}/namespaces/{namespace}/workflows/{workflow_id}", start_body(**fields), token=token)


def denied(reply: HttpReply) -> None:
    assert (reply.status, reply.body, reply.headers.get("content-type")) == (403, DENIED, "*"), reply


@pytest.mark.parametrize("prefix", ["/api/v1", ""])
def test_a_workflow_is_started_by_whom_it_may(api: Gate, straight: Frontend, corp: Minter, prefix: str) -> None:
    workflow_id = new_id()
    for token in (corp.token(permissions=["payroll:read"]), corp.token(permissions=["finance-reports:admin"]), corp.token()):
        denied(start(api, token, workflow_id, prefix=prefix))
    for bad in (None, "garbage"):
        reply = start(api, bad, workflow_id, prefix=prefix)
        assert reply.status == 401 and reply.json == {"code": 16, "message": "Request unauthenticated."}, reply
        assert reply.headers["www-authenticate"] == "Bearer"
    assert not straight.exists(workflow_id)
    reply = start(api, corp.token(permissions=["payroll:write"]), workflow_id, prefix=prefix)
    assert reply.status == 200 and reply.json["started"] is True, reply
    assert straight.exists(workflow_id)


def test_the_answer_to_a_denial_has_the_servers_bytes_in_each_style(api: Gate, corp: Minter) -> None:
    token = corp.token()
    for suffix, style in {"": "*", "?pretty": "application/json+pretty", "?noPayloadShorthand": "application/json+no-payload-shorthand"}.items():
        reply = http_client.send(api.port, "GET", f"/api/v1/namespaces/payroll{suffix}", token=token)
        assert reply.status == 403 and reply.headers["content-type"] == style, reply
        assert reply.json == json.loads(DENIED)


def test_a_namespace_is_described_and_listed(api: Gate, corp: Minter) -> None:
    reader = corp.token(permissions=["payroll:read"])
    for path in ("/api/v1/namespaces/payroll", "/cluster/namespaces/payroll", "/%61pi/v1/namespaces/%70ayroll"):
        reply = http_client.send(api.port, "GET", path, token=reader)
        assert reply.status == 200 and reply.json["namespaceInfo"]["name"] == "payroll", reply
    denied(http_client.send(api.port, "GET", "/api/v1/namespaces/finance-reports", token=reader))
    denied(http_client.send(api.port, "GET", "/api/v1/namespaces", token=reader))
    system = corp.token(permissions=["temporal-system:read"])
    assert http_client.send(api.port, "GET", "/api/v1/namespaces", token=system).status == 200


def test_effects_inside_bodies_count(api: Gate, straight: Frontend, corp: Minter) -> None:
    starter = corp.token(groups=["starters"])
    workflow_id = straight_id = new_id()
    assert start(api, starter, workflow_id).status == 200
    run = straight.status(straight_id)
    for policy_name in ("WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING", "TerminateExisting", 3):
        denied(start(api, starter, workflow_id, workflowIdConflictPolicy=policy_name))
        denied(start(api, starter, workflow_id, workflow_id_conflict_policy=policy_name))
    assert straight.status(workflow_id) == run == "RUNNING"
    gentle = corp.token(permissions=["payroll:write"], groups=["gentle"])
    denied(start(api, gentle, workflow_id, workflowIdConflictPolicy="TerminateExisting"))
    denied(http_client.send(api.port, "POST", f"/namespaces/payroll/workflows/{workflow_id}/terminate", "{}", token=gentle))
    assert straight.status(workflow_id) == "RUNNING"
    reply = start(api, corp.token(permissions=["payroll:write"]), workflow_id, workflowIdConflictPolicy="TerminateExisting")
    assert reply.status == 200 and reply.json["started"], reply


def test_limits_hold(api: Gate, straight: Frontend, corp: Minter) -> None:
    limited = corp.token(groups=["limited"])
    mine, other = f"mine-{uuid.uuid4()}", new_id()
    assert start(api, limited, mine).status == 200
    denied(start(api, limited, other))
    straight.start(other)

    def signal(workflow_id: str, name: str) -> HttpReply:
        return http_client.send(api.port, "POST", f"/api/v1/namespaces/payroll/workflows/{workflow_id}/signal/{name}", {}, token=limited)

    denied(signal(mine, "stop"))
    denied(signal(other, "go"))
    assert signal(mine, "go").status == 200
    assert straight.signals(mine) == ["go"] and not straight.signals(other)


def test_methods_for_everybody(api: Gate, corp: Minter) -> None:
    assert http_client.send(api.port, "GET", "/api/v1/system-info").status == 200
    assert http_client.send(api.port, "GET", "/system-info", token="garbage").status == 200
    assert http_client.send(api.port, "GET", "/api/v1/cluster-info").status == 401
    assert http_client.send(api.port, "GET", "/api/v1/cluster-info", token=corp.token()).status == 200
    for path in ("/swagger.json", "/openapi.yaml"):
        reply = http_client.send(api.port, "GET", path)
        assert reply.status == 200 and b"/api/v1/namespaces" in reply.body


_TABLE = (paths.ROOT / "src/temporal/generated/http.rs").read_text()
_ROW = r'Verb::(\w+), prefixes: &\[(.*?)\], template: "(.+?)", method: "[^"]+/(\w+)"'
ROUTES = [
    (verb, prefix + template, method)
    for verb, prefixes, template, method in re.findall(_ROW, _TABLE)
    for prefix in re.findall(r'"(.*?)"', prefixes)
]


@pytest.mark.parametrize("prefix", ["/api/v1/", "/"])
def test_every_route_is_denied_by_the_filter_and_known_to_the_server(api: Gate, corp: Minter, prefix: str) -> None:
    nobody, admin = corp.token(), corp.token(permissions=["temporal-system:admin"])
    unknown = []
    for verb, template, method in ROUTES:
        if template.startswith("/api/v1/") != (prefix == "/api/v1/") or method in ("GetSystemInfo", "GetClusterInfo"):
            continue
        path = re.sub(r"\{namespace\}", "no-such-namespace", template)
        path = re.sub(r"\{[^}]+\}", "no-such-thing", path)
        body = "{}" if verb == "Post" else None
        reply = http_client.send(api.port, verb.upper(), path, body, token=nobody)
        denied(reply)
        reply = http_client.send(api.port, verb.upper(), path, body, token=admin)
        if reply.status in (404, 501) and reply.json.get("message") in ("Not Found", "Method Not Allowed"):
            unknown.append(method)
    # An older server knows fewer routes.
    server = http_client.send(api.port, "GET", "/api/v1/system-info").json["serverVersion"]
    assert len(ROUTES) > 200 and (not unknown or tuple(map(int, server.split(".")[:2])) < (1, 32)), unknown


def test_unknown_routes_and_verbs(api: Gate, writer: str) -> None:
    for verb, path in [("GET", "/api/v1/nothing"), ("PUT", "/api/v1/namespaces/payroll"), ("HEAD", "/api/v1/namespaces/payroll"),
                       ("OPTIONS", "/api/v1/namespaces/payroll"), ("GET", "/"), ("POST", "/api/v1/system-info"),
                       ("POST", "/namespaces/payroll/nexus/callback")]:
        reply = http_client.send(api.port, verb, path, token=writer)
        assert reply.status in (404, 400 if path == "/" else 404), f"{verb} {path}: {reply}"
    reply = http_client.send(api.port, "POST", "/namespaces/payroll/nexus/callback", "", token=writer)
    assert b"http.nexus" in reply.body


def test_without_the_switches_nothing_is_open(open_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> None:
    closed = open_gate(policy(corp, http=None), rich_temporal.http_port, clusters=http_cluster(rich_temporal.http_port))
    admin = corp.token(permissions=["temporal-system:admin"])
    for path, switch in {"/api/v1/namespaces": b"http.api", "/swagger.json": b"http.openapi", "/nexus/callback": b"http.nexus",
                         "/system-info": b"http.api"}.items():
        reply = http_client.send(closed.port, "GET", path, token=admin)
        assert reply.status == 404 and switch in reply.body, reply


@pytest.mark.parametrize("size", [1, 7, 100000])
def test_bodies_in_any_chunks(api: Gate, straight: Frontend, writer: str, size: int) -> None:
    workflow_id = new_id()
    body = json.dumps(start_body(input=["x" * 2000])).encode()
    path = f"/api/v1/namespaces/payroll/workflows/{workflow_id}"
    chunks = [body[i : i + size] for i in range(0, len(body), size)]
    reply = http_client.send(api.port, "POST", path, chunks=chunks, token=writer)
    assert reply.status == 200, reply
    [event, *_] = straight.events(workflow_id)
    assert b"x" * 2000 in event.SerializeToString()


def test_http2(api: Gate, straight: Frontend, writer: str, corp: Minter) -> None:
    for token, status in ((corp.token(), 403), (writer, 200)):
        workflow_id = new_id()
        with Connection(api.port) as connection:
            path = f"/api/v1/namespaces/payroll/workflows/{workflow_id}"
            stream = connection.open(request_headers(path, token=token, content_type="application/json"))
            body = json.dumps(start_body()).encode()
            for part in (body[:10], body[10:20], body[20:]):
                connection.data(stream, part)
            connection.data(stream, b"", end_stream=True)
            reply = connection.reply(stream)
        assert reply.status == status and straight.exists(workflow_id) == (status == 200), reply
        if status == 403:
            assert reply.body == DENIED and reply.get("content-type") == "*"


def test_expect_continue(api: Gate, straight: Frontend, writer: str) -> None:
    workflow_id = new_id()
    body = json.dumps(start_body()).encode()
    headers = {"authorization": f"Bearer {writer}", "content-length": str(len(body)), "expect": "100-continue"}
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection:
        connection.sendall(http_client.head("POST", f"/namespaces/payroll/workflows/{workflow_id}", headers))
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert http_client.receive(connection, "POST").status == 200
    assert straight.exists(workflow_id)


def test_bodies_of_up_to_4_mib(api: Gate, writer: str) -> None:
    """Larger ones are refused by the filter, of whatever size a server may read."""

    def padded(size: int) -> HttpReply:
        body = json.dumps(start_body()).encode()
        path = f"/api/v1/namespaces/payroll/workflows/{new_id()}"
        return http_client.send(api.port, "POST", path, body + b" " * (size - len(body)), token=writer)

    assert padded(4 << 20).status == 200
    reply = padded((4 << 20) + 1)
    assert reply.status in (413, 0), reply


class Recorder:
    """An HTTP/1.1 server that records what it gets and answers when the body is complete."""

    def __init__(self) -> None:
        [self.port] = free_ports(1)
        self.received = b""
        self.ended = False
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            while data := connection.recv(65536):
                self.received += data
                head, _, body = self.received.partition(b"\r\n\r\n")
                if found := re.search(rb"content-length: (\d+)", head):
                    if len(body) >= int(found[1]):
                        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        self.ended = True

    @property
    def body(self) -> bytes:
        return self.received.partition(b"\r\n\r\n")[2]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    yield Recorder()


@pytest.mark.parametrize("namespace", ["payroll", "finance-reports"])
def test_no_byte_of_a_body_goes_on_before_the_verdict(open_gate: OpenGate, recorder: Recorder, corp: Minter, namespace: str) -> None:
    gate = open_gate(policy(corp), recorder.port, clusters=http_cluster(recorder.port), fresh=True)
    # Allowed in payroll; denied for the effect in the last bytes.
    token = corp.token(groups=["starters"])
    body = json.dumps(start_body()).encode() if namespace == "payroll" else json.dumps(start_body() | {"workflowIdConflictPolicy": 3}).encode()
    headers = {"authorization": f"Bearer {token}", "content-length": str(len(body)), "content-type": "application/json"}
    with socket.create_connection(("127.0.0.1", gate.port), timeout=30) as connection:
        connection.sendall(http_client.head("POST", "/namespaces/payroll/workflows/w", headers) + body[:20])
        until(lambda: recorder.received.endswith(b"\r\n\r\n"), 10, "the headers")
        connection.sendall(body[20:-1])
        assert http_client_silent(connection) and not recorder.body
        connection.sendall(body[-1:])
        reply = http_client.receive(connection, "POST")
    if namespace == "payroll":
        assert reply.status == 200 and recorder.body == body
    else:
        denied(reply)
        until(lambda: recorder.ended, 10, "the end of the upstream connection")
        assert recorder.body == b""


def http_client_silent(connection: socket.socket) -> bool:
    """Whether nothing arrives for a moment."""
    connection.settimeout(0.3)
    try:
        return connection.recv(1) == b"?"
    except TimeoutError:
        return True
    finally:
        connection.settimeout(30)


def test_both_ports_behind_one_listener(open_gate: OpenGate, rich_temporal: Temporal, straight: Frontend, corp: Minter, writer: str) -> None:
    routes = [{"match": {"prefix": "/temporal."}, "route": {"cluster": "grpc"}}]
    clusters = http_cluster(rich_temporal.http_port) | {"grpc": Cluster(rich_temporal.port)}
    both = open_gate(policy(corp), rich_temporal.http_port, clusters=clusters, routes=routes)
    allowed(both.start(token=writer))
    workflow_id = new_id()
    assert start(both, writer, workflow_id).status == 200 and straight.exists(workflow_id)
    denied(start(both, corp.token(), new_id()))
    assert both.start(token=corp.token()).grpc_status == 7


def test_the_log_has_the_grpc_method_and_the_http_path(api: Gate, corp: Minter) -> None:
    mark = api.envoy.log_mark()
    denied(start(api, corp.token(permissions=["payroll:read"]), "some-workflow"))
    line = api.envoy.decision(mark, lambda decision: decision.get("http", "").endswith("some-workflow"))
    assert line["method"].endswith("/StartWorkflowExecution") and line["verdict"] == "deny" and line["status"] == 7
    assert line["http"] == "POST /api/v1/namespaces/payroll/workflows/some-workflow"


def test_in_shadow_calls_go_on(open_gate: OpenGate, rich_temporal: Temporal, straight: Frontend, corp: Minter) -> None:
    shadow = open_gate(policy(corp, mode="shadow"), rich_temporal.http_port, clusters=http_cluster(rich_temporal.http_port))
    workflow_id = new_id()
    body = json.dumps(start_body()).encode()
    path = f"/api/v1/namespaces/payroll/workflows/{workflow_id}"
    assert http_client.send(shadow.port, "POST", path, chunks=[body[:9], body[9:]], token=corp.token()).status == 200
    assert straight.exists(workflow_id)
    assert http_client.send(shadow.port, "POST", path, "{} {}", token=corp.token(permissions=["payroll:write"])).status == 400


def test_a_prefix_where_a_gateway_mounts_it_elsewhere(open_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> None:
    routes = [{"match": {"prefix": "/temporal/"}, "route": {"cluster": "temporal", "prefix_rewrite": "/"}}]
    gate = open_gate(
        policy(corp, http={"api": True, "path_prefix": "/temporal"}), rich_temporal.http_port,
        clusters=http_cluster(rich_temporal.http_port), routes=routes,
    )
    reader = corp.token(permissions=["payroll:read"])
    assert http_client.send(gate.port, "GET", "/temporal/api/v1/namespaces/payroll", token=reader).status == 200
    denied(http_client.send(gate.port, "GET", "/temporal/api/v1/namespaces/finance-reports", token=reader))
    assert http_client.send(gate.port, "GET", "/api/v1/namespaces/payroll", token=reader).status == 404


def test_answers_are_counted_like_those_of_grpc(api: Gate, corp: Minter) -> None:
    before, ids = api.envoy.settled_counters(), test_id()
    denied(http_client.send(api.port, "GET", "/api/v1/namespaces/payroll", token=corp.token(), headers={"x-test-id": ids}))
    assert api.details(ids) == "temporal_auth_permission"
    assert api.envoy.settled_counters()["temporal_auth.denied.permission"] == before.get("temporal_auth.denied.permission", 0) + 1


def test_lists_are_reduced_to_what_the_caller_may_describe(open_gate: OpenGate, rich_temporal: Temporal, straight: Frontend, corp: Minter) -> None:
    lists = open_gate(
        policy(corp, authenticated=["ListNamespaces", "ListNexusEndpoints"]), rich_temporal.http_port,
        clusters=http_cluster(rich_temporal.http_port),
    )

    def listed(token: str | None, query: str = "", **options: Any) -> HttpReply:
        return http_client.send(lists.port, "GET", f"/api/v1/namespaces{query}", token=token, **options)

    def names(reply: HttpReply) -> set[str]:
        assert reply.status == 200, reply
        return {entry["namespaceInfo"]["name"] for entry in reply.json["namespaces"]}

    own = corp.token(permissions=["payroll:read"])
    everything = names(listed(corp.token(permissions=["temporal-system:read"])))
    assert everything >= {"payroll", "finance-reports", "temporal-system"}
    for query in ("", "?pretty", "?pageSize=100"):
        reply = listed(own, query)
        assert names(reply) == {"payroll"} and not any(name.encode() in reply.body for name in everything - {"payroll"})
    assert names(listed(corp.token())) == set()
    page = listed(own, "?pageSize=1")
    assert page.json["nextPageToken"] and names(page) <= {"payroll"}
    assert listed(None).status == 401
    assert names(listed(own, headers={"accept-encoding": "gzip"})) == {"payroll"}
    assert listed(own, "?pageSize=x").status == 400, "the server's own error"


def test_endpoints_are_reduced_to_those_of_namespaces_that_the_caller_may_describe(
    open_gate: OpenGate, rich_temporal: Temporal, straight: Frontend, corp: Minter
) -> None:
    own_name, other_name = f"own-{new_id()}", f"other-{new_id()}"
    straight.ask("CreateNexusEndpoint", nexus.endpoint_to("payroll", "queue", own_name))
    straight.ask("CreateNexusEndpoint", nexus.endpoint_to("finance-reports", "queue", other_name))
    lists = open_gate(policy(corp, authenticated=["ListNexusEndpoints"]), rich_temporal.http_port, clusters=http_cluster(rich_temporal.http_port))

    def listed(permission: str) -> dict[str, str]:
        """The namespace of each endpoint, by name. Other tests make endpoints on the same server."""
        reply = http_client.send(lists.port, "GET", "/cluster/nexus/endpoints?pageSize=1000", token=corp.token(permissions=[permission]))
        assert reply.status == 200, reply
        return {one["spec"]["name"]: one["spec"]["target"].get("worker", {}).get("namespace") for one in reply.json["endpoints"]}

    assert listed("temporal-system:admin").items() >= {own_name: "payroll", other_name: "finance-reports"}.items()
    own = listed("payroll:read")
    assert own_name in own and set(own.values()) == {"payroll"}


@pytest.mark.parametrize(("permission", "whole"), [("payroll:write", True), ("payroll:write", False), ("payroll:read", False)])
def test_a_body_whose_request_waits_for_a_key(
    open_gate: OpenGate, rich_temporal: Temporal, straight: Frontend, header_stop: bool, permission: str, whole: bool
) -> None:
    issuer = Issuer()
    clusters = http_cluster(rich_temporal.http_port) | {"idp": Cluster(issuer.port, http2=False)}
    configuration = plugin(issuer.fetched_config(wait="20s", timeout="2s", retry="1s"), http=OPEN)
    gate = open_gate(configuration, rich_temporal.http_port, clusters=clusters, header_stop=header_stop)
    workflow_id, body = new_id(), json.dumps(start_body()).encode()
    headers = {"authorization": f"Bearer {issuer.token(permissions=[permission])}", "content-length": str(len(body))}
    before = gate.envoy.stats("http.ingress.downstream_rq_total")
    with socket.create_connection(("127.0.0.1", gate.port), timeout=30) as connection:
        head = http_client.head("POST", f"/api/v1/namespaces/payroll/workflows/{workflow_id}", headers)
        connection.sendall(head + (body if whole else body[:20]))
        until(lambda: gate.envoy.stats("http.ingress.downstream_rq_total") != before, 10, "the request")
        with issuer:
            reply = None
            if not whole:
                until(lambda: gate.envoy.counter("temporal_auth.keys.fetch_ok") > 0, 20, "the keys")
                connection.sendall(body[20:])
            reply = http_client.receive(connection, "POST")
    assert reply.status == (200 if permission == "payroll:write" else 403), reply
    assert straight.exists(workflow_id) == (reply.status == 200)

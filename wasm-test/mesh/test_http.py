"""The frontend's other port in a mesh, and a person at the Web UI: both proxies decide, and only the gateway reaches Temporal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import http_client, paths
from harness.gate import refused
from harness.http_client import HttpReply
from harness.poll import until
from harness.ports import free_port
from harness.web_ui import WebUi
from lab.mesh import Mesh
from lab.workload import At, workload
from test_chart import frontends, rendered, unguarded_frontend

sys.path.append(str(paths.ROOT / "wasm-test" / "ui"))
from servers import Person, Provider

if TYPE_CHECKING:
    from browser import Visitor

NAMESPACES = "/api/v1/namespaces"
COMPLETION = {"nexus-operation-state": "succeeded", "content-type": "application/json", "temporal-callback-token": "x"}
SERVERS_OWN = b"invalid callback token"
SHUT_OUT = b"RBAC: access denied"


def ask(mesh: Mesh, path: str, token: str | None = None) -> HttpReply:
    return http_client.send(mesh.gateway.port, "GET", path, token=token)


def names(reply: HttpReply) -> set[str]:
    assert reply.status == 200, reply
    return {entry["namespaceInfo"]["name"] for entry in reply.json["namespaces"]}


def test_the_http_api_is_decided_twice(mesh: Mesh) -> None:
    token = mesh.corp.token(permissions=["payroll:read"])
    until(lambda: ask(mesh, NAMESPACES, token).status == 200, 30, "keys, and a route")
    mark = mesh.frontend.log_mark()
    assert names(ask(mesh, NAMESPACES, token)) == {"payroll"}
    line = until(lambda: mesh.frontend.decision(mark), 10, "the sidecar's verdict")
    assert (line["verdict"], line["subject"]) == ("allow", "alice") and line["method"].endswith("/ListNamespaces")
    assert ask(mesh, f"{NAMESPACES}/payroll/workflow-count", token).status == 200
    mark = mesh.frontend.log_mark()
    assert ask(mesh, f"{NAMESPACES}/finance-reports/workflow-count", token).status == 403
    assert ask(mesh, f"{NAMESPACES}/payroll/workflow-count").status == 401
    assert not mesh.frontend.decisions(mark), "a denied call does not reach the sidecar"


def test_only_temporal_itself_posts_completions(mesh: Mesh, tmp_path: Path) -> None:
    """The callback template of an older server points at this port."""
    callbacks = {"frontend": {"callbacks": True}}
    guard = frontends(rendered(mesh, tmp_path, "AuthorizationPolicy", mesh.gateway_plugin.policy, temporal=callbacks))

    def say(caller: At, verb: str, path: str, text: bytes) -> None:
        body = b"{}" if verb == "POST" else None
        until(lambda: text in caller.http(verb, path, body, headers=COMPLETION).body, 30, f"{text!r} in the answer to {verb} {path}")

    # Completions do not pass the gateway, where the filter is that is installed with this chart.
    with mesh.changed(frontend=unguarded_frontend(mesh), guard=guard, frontend_plugin=None):
        with workload(mesh, "temporal", "temporal") as history, workload(mesh, "payroll", "worker") as worker:
            for path in ("/nexus/callback", "/namespaces/payroll/nexus/callback"):
                say(history, "POST", path, SERVERS_OWN)
                say(worker, "POST", path, SHUT_OUT)
            # Nothing else of that port is open to it, and nothing of the other port.
            for verb, path in (("GET", NAMESPACES), ("POST", f"{NAMESPACES}/payroll/workflows/w"), ("GET", "/nexus/callback")):
                say(history, verb, path, SHUT_OUT)
            refused(history.call("GetClusterInfo"), 7, SHUT_OUT.decode())


@pytest.fixture
def alice(mesh: Mesh) -> Iterator[Visitor]:
    """A member of finance who has logged in at a Web UI whose calls go to the gateway."""
    from browser import Browser

    port = free_port()
    alice = Person(["finance"])
    with (
        Provider({"alice": alice}, [port], port=mesh.idp_port) as provider,
        WebUi(provider.login, mesh.gateway.port, port=port, default_namespace="payroll") as web_ui,
        Browser() as browser,
    ):
        visitor = browser.visitor(web_ui)
        visitor.visits("/")
        visitor.logs_in("alice", alice)
        yield visitor


def test_a_person_logs_in_and_lists_namespaces(mesh: Mesh, alice: Visitor) -> None:
    assert alice.path == "/namespaces/payroll/workflows"
    assert alice.choice() == ["payroll"]
    listed = [line for line in mesh.frontend.decisions() if line["subject"] == "alice" and line["method"].endswith("/ListNamespaces")]
    assert listed and {line["verdict"] for line in listed} == {"allow"}


def test_the_web_ui_does_not_reach_the_frontend_itself(mesh: Mesh) -> None:
    """It has an identity of its own, unlike the services of Temporal, and the mesh lets it reach only the gateway."""
    token = mesh.corp.token(permissions=["payroll:read"])
    with workload(mesh, "temporal-web", "temporal-web") as web_ui:
        until(lambda: SHUT_OUT.decode() in web_ui.count(token=token).grpc_message, 30, "the frontend is closed to it")
        assert SHUT_OUT in web_ui.http("GET", NAMESPACES, token=token).body
    assert mesh.gate.count(token=token).grpc_status == 0

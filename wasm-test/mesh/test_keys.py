"""Keys are fetched through the cluster that Istio creates from a ServiceEntry."""

from __future__ import annotations

from harness import jws
from harness.gate import allowed, refused
from harness.poll import until
from lab.mesh import Mesh

READ = ["payroll:read"]


def test_keys_come_from_the_service_entry(mesh: Mesh) -> None:
    allowed(mesh.gate.count(token=mesh.corp.token(permissions=READ)))
    requested = [headers for path, headers in mesh.corp.requests if path == "/jwks.json"]
    assert requested and all(headers["host"] == f"127.0.0.1:{mesh.corp.port}" for headers in requested)
    clusters = mesh.gateway.admin("/clusters?format=json")
    assert "outbound|80||corp.example.com" in clusters
    stranger = jws.token(jws.stranger_key(), mesh.corp.claims(permissions=READ))
    refused(mesh.gate.count(token=stranger), 16)


def test_a_new_key_is_fetched_when_it_is_first_seen(mesh: Mesh) -> None:
    old = mesh.corp.token(permissions=READ)
    allowed(mesh.gate.count(token=old))
    mesh.corp.rotate()
    new = mesh.corp.token(permissions=READ)
    # Sidecar and gateway each fetch; neither fetches a key set again within a second.
    until(lambda: mesh.gate.count(token=new).grpc_status == 0, 20, "the new key is known")
    refused(mesh.gate.start(token=new), 7)
    until(lambda: mesh.gate.count(token=old).grpc_status == 16, 20, "the old one is gone")


def test_the_provider_is_down_when_a_gateway_starts(mesh: Mesh) -> None:
    """The gateway is ready, and callers are told to retry, not that they are unauthenticated. Then the provider comes up, and nothing
    needs to be pushed."""
    mesh.corp.stop()
    try:
        with mesh.another_gateway("latecomer") as gate:
            token = mesh.corp.token(permissions=READ)
            until(lambda: gate.call("GetSystemInfo").grpc_status == 0, 30, "calls that need no token pass")
            refused(gate.count(token=token), 14)
            refused(gate.count(), 16)
            mesh.corp.start()
            until(lambda: gate.count(token=token).grpc_status == 0, 30, "keys are there")
            refused(gate.start(token=token), 7)
    finally:
        if mesh.corp._server is None:
            mesh.corp.start()

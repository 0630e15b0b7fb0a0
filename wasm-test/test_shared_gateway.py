"""A gateway with other hosts: their traffic passes as if the filter were not there, and Temporal's traffic is judged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness import grpc_client, requests
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Connection, frame, request_headers
from harness.minter import Minter
from harness.policy import plugin
from harness.proto import text
from harness.temporal import Temporal

OTHER = "other.test"
COUNT = requests.path("CountWorkflowExecutions")
OWN, FOREIGN = text(1, "payroll"), text(1, "finance-reports")

SENSITIVE = {
    "authorization": "Bearer somebody-elses-token",
    "authorization-extras": "x",
    "grpcgateway-cookie": "session=1",
    "grpc-metadata-authorization": "Bearer x",
    "xdc-redirection": "false",
    "caller-type": "operator",
    "temporal-principal-name": "root",
}


@pytest.fixture(scope="module")
def shared(open_shared_gate: OpenGate, temporal: Temporal, echo: Echo, corp: Minter) -> Gate:
    configuration = plugin(corp.config(), applies_to={"clusters": ["temporal"]})
    return open_shared_gate(
        configuration, temporal.port, clusters={"other": Cluster(echo.port)}, hosts={OTHER: "other"}
    )


def test_temporal_is_guarded(shared: Gate, corp: Minter) -> None:
    token = corp.token(permissions=["payroll:read"])
    allowed(shared.call(COUNT, OWN, token=token))
    refused(shared.call(COUNT, FOREIGN, token=token), 7)
    refused(shared.call(COUNT, OWN), 16)


def test_other_traffic_is_untouched(shared: Gate, echo: Echo) -> None:
    """The same call, with an invalid token and every header that the filter would drop, arrives unchanged."""
    marked = grpc_client.test_id()
    allowed(shared.call(COUNT, FOREIGN, headers=SENSITIVE, authority=OTHER, test_id=marked))
    seen = echo.find(marked)
    for name, value in SENSITIVE.items():
        assert seen.get(name) == value.encode()
    assert seen.body == frame(FOREIGN)


@pytest.mark.parametrize(
    "path, body",
    [
        ("/anything/at/all?x=1&y=%2F", b"not grpc"),
        ("/temporal.server.api.adminservice.v1.AdminService/DescribeCluster", frame(b"")),
        (COUNT, frame(OWN) + frame(FOREIGN)),
        (COUNT, b"\0\xff\xff\xff\xff"),
        (COUNT, b"\x01\0\0\0\x03abc"),
    ],
)
def test_other_traffic_may_be_anything(shared: Gate, echo: Echo, path: str, body: bytes) -> None:
    marked = grpc_client.test_id()
    allowed(shared.call(path, body=body, authority=OTHER, test_id=marked))
    assert echo.find(marked).body == body


def test_other_traffic_with_big_bodies(shared: Gate, echo: Echo) -> None:
    marked = grpc_client.test_id()
    body = frame(bytes(6_000_000))
    allowed(shared.call(COUNT, body=body, authority=OTHER, test_id=marked, timeout=30))
    assert len(echo.find(marked).body) == len(body)


def test_other_traffic_without_a_body(shared: Gate, echo: Echo) -> None:
    with Connection(shared.port) as connection:
        for method in ("GET", "HEAD", "DELETE"):
            marked = grpc_client.test_id()
            headers = request_headers("/page", content_type=None, method=method, authority=OTHER, test_id=marked)
            reply = connection.reply(connection.open(headers, end_stream=True))
            assert reply.status == 200, str(reply)
            assert echo.find(marked).ended


def test_other_traffic_keeps_its_trailers(shared: Gate, echo: Echo) -> None:
    marked = grpc_client.test_id()
    with Connection(shared.port) as connection:
        stream = connection.open(request_headers(COUNT, authority=OTHER, test_id=marked))
        connection.data(stream, frame(FOREIGN))
        connection.trailers(stream, {"x-after": "kept"})
        allowed(connection.reply(stream))
    assert (b"x-after", b"kept") in (echo.find(marked).trailers or [])


def test_other_traffic_is_not_counted(shared: Gate) -> None:
    before = shared.envoy.settled_counters()
    for _ in range(3):
        allowed(shared.call(COUNT, FOREIGN, authority=OTHER))
    assert shared.envoy.settled_counters() == before


@pytest.mark.parametrize("authority", ["OTHER.test", "other.test.", "other.test@temporal.test", "x.other.test", ""])
def test_odd_authorities_open_nothing(shared: Gate, authority: str) -> None:
    """However Envoy interprets the authority, every call that reaches Temporal was judged."""
    marked = grpc_client.test_id()
    reply = shared.call(COUNT, OWN, authority=authority, test_id=marked)
    if reply.grpc_status == 0:
        assert shared.envoy.access(marked)["cluster"] == "other"


@pytest.fixture(scope="module")
def by_header(open_shared_gate: OpenGate, corp: Minter) -> Iterator[tuple[Gate, Echo, Echo]]:
    """A route table that matches on headers that the filter removes: with `caller-type` the route leads to Temporal, without it not."""
    with Echo() as ours, Echo() as others:
        route = {
            "match": {"prefix": "/", "headers": [{"name": "caller-type", "present_match": True}]},
            "route": {"cluster": "temporal", "timeout": "0s"},
        }
        gate = open_shared_gate(
            plugin(corp.config(), applies_to={"clusters": ["temporal"]}),
            ours.port,
            clusters={"other": Cluster(others.port)},
            route_to="other",
            routes=[route],
        )
        yield gate, ours, others


def test_routes_that_look_at_dropped_headers(by_header: tuple[Gate, Echo, Echo], corp: Minter) -> None:
    """Envoy chooses the route again when a filter changes headers, so such a route table may send a judged call elsewhere, but
    without its token; and a call that was not judged never reaches Temporal.
    """
    gate, ours, others = by_header
    token = corp.token(permissions=["payroll:read"])
    marked = grpc_client.test_id()
    allowed(gate.call(COUNT, OWN, token=token, headers={"caller-type": "operator"}, test_id=marked))
    seen = ours.seen(marked) or others.seen(marked)
    assert seen and "authorization" not in seen.names
    # The route leads to Temporal: the call is judged, and refused.
    refused(gate.call(COUNT, FOREIGN, token=token, headers={"caller-type": "operator"}), 7)
    refused(gate.call(COUNT, OWN, headers={"caller-type": "operator"}), 16)
    # The route does not lead to Temporal: the call uses the other route, and only that.
    marked = grpc_client.test_id()
    allowed(gate.call(COUNT, FOREIGN, test_id=marked))
    assert others.seen(marked) and not ours.seen(marked)

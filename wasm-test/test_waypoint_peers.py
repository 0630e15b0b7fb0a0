"""Peers as an ambient waypoint names them.

A waypoint writes `x-forwarded-client-cert` with this very filter, before ours. What ztunnel says of the caller, which a
waypoint keeps in filter state, comes from a header here.
"""

from __future__ import annotations

from typing import Any

import pytest

from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal
from harness.waypoint import PEER_FILTER, XFCC

SOURCE = "x-test-source"
WORKER, OTHER = "spiffe://cluster.local/ns/payroll/sa/worker", "spiffe://cluster.local/ns/visitors/sa/worker"
Json = dict[str, Any]


def _state(key: str, text: str) -> Json:
    value = {"text_format_source": {"inline_string": text}}
    return {"object_key": key, "factory_key": "envoy.string", "format_string": value, "skip_if_empty": True}


ZTUNNEL: Json = {
    "name": "ztunnel",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
        "on_request_headers": [
            _state("io.istio.local_principal", "spiffe://cluster.local/ns/temporal/sa/temporal-waypoint"),
            _state("io.istio.peer_principal", f"%REQ({SOURCE})%"),
        ],
    },
}
GRANTS: list[Json] = [
    {"name": "mesh", "who": {"peer": "spiffe://cluster.local/ns/payroll/sa/*"}, "role": "reader", "namespaces": ["payroll"]},
    {"name": "anybody", "who": {"peer": "*"}, "role": "reader", "namespaces": ["finance-reports"]},
    {"name": "people", "who": {"issuer": "corp"}, "role": "client", "namespaces": ["payroll"]},
]
DENIALS = [{"name": "no-visitors", "effects": ["start"], "who": {"peer": "spiffe://cluster.local/ns/visitors/*"}}]


@pytest.fixture(scope="module")
def waypoint(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    configuration = plugin(corp.config(), GRANTS, denials=DENIALS, peers={"xfcc": True})
    filters = [ZTUNNEL, PEER_FILTER]
    return open_shared_gate(
        configuration, rich_temporal.port, name="waypoint", filters=filters, forward_client_cert="ALWAYS_FORWARD_ONLY"
    )


def test_the_waypoint_names_the_peer(waypoint: Gate, corp: Minter) -> None:
    worker, other = {SOURCE: WORKER}, {SOURCE: OTHER}
    allowed(waypoint.count(headers=worker))
    refused(waypoint.count(headers=other), 7)
    # A denial of the peer holds with a good token, too.
    allowed(waypoint.start(token=corp.token(), headers=worker))
    refused(waypoint.start(token=corp.token(), headers=other), 7)


def test_what_the_caller_says_does_not_count(waypoint: Gate, corp: Minter) -> None:
    for said in (f"URI={WORKER}", f"By=a;URI={WORKER}", 'X="', f'By=b;Subject="",URI={WORKER}'):
        refused(waypoint.count(headers={SOURCE: OTHER, XFCC: said}), 7)
        allowed(waypoint.count(headers={SOURCE: WORKER, XFCC: said}))
        refused(waypoint.start(token=corp.token(), headers={SOURCE: OTHER, XFCC: said}), 7)


def test_a_caller_that_the_mesh_does_not_know_is_nobody(waypoint: Gate, corp: Minter) -> None:
    """Nobody, not even for a grant to every peer."""
    for headers in ({}, {XFCC: f"URI={WORKER}"}):
        refused(waypoint.count("finance-reports", headers=headers), 16)
        refused(waypoint.count(headers=headers), 16)
        allowed(waypoint.start(token=corp.token(), headers=headers))
    allowed(waypoint.count("finance-reports", headers={SOURCE: OTHER}))


def test_without_the_annotation_no_peer_is_known(open_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> None:
    """A waypoint that was not asked to name the caller removes the header (SANITIZE), whoever wrote it."""
    configuration = plugin(corp.config(), GRANTS, denials=DENIALS, peers={"xfcc": True})
    gate = open_gate(configuration, rich_temporal.port, name="unasked", filters=[ZTUNNEL])
    refused(gate.count(headers={SOURCE: WORKER, XFCC: f"URI={WORKER}"}), 16)
    # Here a denial of the peer ends: hence the warning of `temporal-auth check`.
    allowed(gate.start(token=corp.token(), headers={SOURCE: OTHER, XFCC: f"URI={OTHER}"}))

"""Envoy's own JWT filter beside ours: it takes the token, or requires it. Istio's RequestAuthentication is this filter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.gate import OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal

READ = ["payroll:read"]


def jwt_authn(corp: Minter, *, forward: bool, required: bool) -> dict[str, Any]:
    """`required` as with `presence: REQUIRED` in a RequestAuthentication, or else OPTIONAL."""
    keys = {"keys": [key.jwk() for key in corp.keys]}
    provider = {"issuer": corp.url, "local_jwks": {"inline_string": json.dumps(keys)}, "forward": forward}
    by_corp: dict[str, Any] = {"provider_name": "corp"}
    needs = by_corp if required else {"requires_any": {"requirements": [by_corp, {"allow_missing": {}}]}}
    return {
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"corp": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": needs}],
        },
    }


@pytest.mark.parametrize("required", [False, True])
def test_before_the_filter_it_must_forward_the_token(open_gate: OpenGate, temporal: Temporal, corp: Minter, required: bool) -> None:
    token = corp.token(permissions=READ)
    for forward in (True, False):
        filters = [jwt_authn(corp, forward=forward, required=required)]
        gate = open_gate(plugin(corp.config()), temporal.port, filters=filters)
        if forward:
            allowed(gate.count(token=token))
            refused(gate.start(token=token), 7)
        else:
            refused(gate.count(token=token), 16)


def test_a_token_of_another_issuer_never_arrives(open_gate: OpenGate, temporal: Temporal, corp: Minter) -> None:
    """It answers tokens of issuers that it does not know itself, even where no token is required."""
    other = Minter("https://other.test/")
    config = plugin(corp.config())
    config["issuers"]["other"] = other.config()
    config["grants"] = [{"name": "all", "who": {"issuer": ["corp", "other"]}, "role": "reader", "namespaces": ["payroll"]}]
    alone = open_gate(config, temporal.port)
    allowed(alone.count(token=other.token()))
    gate = open_gate(config, temporal.port, filters=[jwt_authn(corp, forward=True, required=False)])
    allowed(gate.count(token=corp.token()))
    reply = gate.count(token=other.token())
    refused(reply, 16, "Jwt issuer is not configured")


def test_after_the_filter_it_finds_no_token_to_require(open_gate: OpenGate, temporal: Temporal, corp: Minter) -> None:
    token = corp.token(permissions=READ)
    for required in (False, True):
        behind = open_gate(None, temporal.port, name="behind", filters=[jwt_authn(corp, forward=True, required=required)])
        removing = open_gate(plugin(corp.config()), behind.port)
        forwarding = open_gate(plugin(corp.config(), forward_token=True), behind.port)
        allowed(forwarding.count(token=token))
        if required:
            refused(removing.count(token=token), 16, "Jwt is missing")
        else:
            allowed(removing.count(token=token))

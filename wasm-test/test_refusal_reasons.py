"""Why a token is refused: the decision log says what was found, and the client is told nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness import jws
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import plugin

GRAPH = "00000003-0000-0000-c000-000000000000"
NO_SCOPE = "a token for Microsoft Graph; ask for a scope of your own application instead"
CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "issuer": ({"iss": "https://corp.test"}, 'no issuer is configured for iss "https://corp.test"'),
    "control characters": ({"iss": "a\n\x1b[31mb"}, 'no issuer is configured for iss "a\\n\\u{1b}[31mb"'),
    "long": ({"iss": "x" * 300}, f'no issuer is configured for iss "{"x" * 128}"'),
    "audience": ({"aud": ["account", "web"]}, 'aud has no accepted audience: ["account","web"]'),
    "no audience": ({"aud": None}, "aud is missing"),
    "Graph": ({"aud": GRAPH}, NO_SCOPE),
    "Graph by another issuer": ({"aud": GRAPH, "iss": "https://sts.windows.net/1/"}, NO_SCOPE),
    "no subject": ({"sub": None}, 'no subject: claim "sub" is missing or empty'),
    "fraction": ({"sub": 7.5}, 'no subject: claim "sub" is not a whole number'),
    "expired": ({"exp": 1_000_000_000}, "the token has expired"),
}


@pytest.fixture(scope="module")
def strict(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config()), echo.port)


@pytest.fixture(scope="module")
def by_mail(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(subject="email")), echo.port)


def _refused_for(gate: Gate, token: str, reason: str) -> None:
    mark = gate.envoy.log_mark()
    reply = gate.refused_by_us("CountWorkflowExecutions", status=16, token=token)
    assert gate.envoy.decision(mark)["reason"] == reason
    assert reply.body == b"" and not reply.all("grpc-status-details-bin")


def _claims(corp: Minter, change: dict[str, Any]) -> dict[str, Any]:
    claims = corp.claims(permissions=["payroll:read"]) | change
    return {name: value for name, value in claims.items() if value is not None}


@pytest.mark.parametrize("case", CLAIMS)
def test_the_reason_says_what_a_claim_was(strict: Gate, corp: Minter, case: str) -> None:
    change, reason = CLAIMS[case]
    _refused_for(strict, jws.token(corp.key("RS256"), _claims(corp, change)), reason)
    allowed(strict.count(token=jws.token(corp.key("RS256"), _claims(corp, {}))))


def test_the_reason_says_that_an_address_is_not_verified(by_mail: Gate, corp: Minter) -> None:
    def token(verified: object) -> str:
        return jws.token(corp.key("RS256"), _claims(corp, {"email": "a@example.com", "email_verified": verified}))

    reason = 'no subject: claim "email" is not verified: email_verified is not true, and the issuer does not have `email: trusted`'
    for verified in (None, False):
        _refused_for(by_mail, token(verified), reason)
    allowed(by_mail.count(token=token(True)))


def test_the_reason_says_what_is_no_signed_jwt(strict: Gate, corp: Minter) -> None:
    key, claims = corp.key("RS256"), _claims(corp, {})
    twice = json.dumps(claims)[:-1] + ', "sub": "bob"}'
    encrypted = jws.encode({"alg": "RSA-OAEP", "enc": "A256GCM"}, {}).split(".")[0] + ".AAAA.AAAA.AAAA.AAAA"
    _refused_for(strict, "ya29.a0AfB", "an opaque token, not a JWT")
    _refused_for(strict, encrypted, "an encrypted token (JWE), which cannot be verified")
    mark = strict.envoy.log_mark()
    strict.refused_by_us("CountWorkflowExecutions", status=16, token=jws.token(key, twice))
    assert strict.envoy.decision(mark)["reason"].startswith('payload: a member given twice: "sub"')
    _refused_for(strict, jws.token(key, claims, header={"alg": "ES512"}), 'header: algorithm "ES512" is not supported')
    allowed(strict.count(token=jws.token(key, claims)))

"""Several issuers, distinguished by `iss`: each has its own keys, audiences and grants, which do not count for another issuer."""

from __future__ import annotations

from typing import Any

import pytest

from harness import jws
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin

CORP = Minter("https://corp.test/", [jws.shared_key("RS256"), jws.shared_key("ES256")])
PARTNER = Minter("https://partner.test/realms/x", [jws.shared_key("EdDSA"), jws.shared_key("ES384")])
# It publishes the same key under the same kid as corp, like one provider with two names.
TWIN = Minter("https://twin.test/", [jws.shared_key("RS256")])


@pytest.fixture(scope="module")
def several(open_shared_gate: OpenGate, echo: Echo) -> Gate:
    configuration = plugin(CORP.config())
    configuration["issuers"]["partner"] = PARTNER.config(audiences=["partner-temporal"], subject="email")
    configuration["issuers"]["twin"] = TWIN.config(audiences="any")
    configuration["grants"] = [
        {"name": "c", "who": {"issuer": "corp"}, "permissions_claim": "permissions"},
        {"name": "p", "who": {"issuer": "partner"}, "role": "reader", "namespaces": ["partner"]},
        {"name": "pc", "who": {"issuer": "partner", "subject": "boss@partner.test"}, "role": "writer", "namespaces": ["partner"]},
        {"name": "t", "who": {"issuer": "twin"}, "role": "reader", "namespaces": ["twin"]},
    ]
    return open_shared_gate(configuration, echo.port)


def partner_token(**claims: Any) -> str:
    return PARTNER.token(**{"aud": "partner-temporal", "email": "x@partner.test", "email_verified": True, **claims})


def test_each_has_its_grants(several: Gate) -> None:
    allowed(several.count("payroll", token=CORP.token(permissions=["payroll:read"])))
    allowed(several.count("partner", token=partner_token()))
    allowed(several.count("twin", token=TWIN.token(aud="whatever")))
    refused(several.count("partner", token=CORP.token()), 7)
    refused(several.count("payroll", token=partner_token(permissions=["payroll:admin"])), 7)
    refused(several.count("twin", token=CORP.token()), 7)


def test_keys_do_not_verify_another_issuers_tokens(several: Gate) -> None:
    """A token of one issuer signed by another's key, under that key's kid."""
    refused(several.count("payroll", token=CORP.token(key=PARTNER.keys[0], permissions=["payroll:read"])), 16)
    refused(several.count("partner", token=partner_token(key=CORP.keys[0])), 16)
    refused(several.count("twin", token=TWIN.token(key=CORP.keys[1])), 16)


def test_audiences_do_not_count_for_another_issuer(several: Gate) -> None:
    refused(several.count("payroll", token=CORP.token(aud="partner-temporal", permissions=["payroll:read"])), 16)
    refused(several.count("partner", token=partner_token(aud="temporal")), 16)


def test_one_token_is_one_issuers(several: Gate) -> None:
    """Two issuers share a key; only the `iss` of the token decides, in the cache too."""
    for _ in range(3):
        allowed(several.count("twin", token=TWIN.token("alice")))
        refused(several.count("twin", token=CORP.token("alice")), 7)


def test_another_subject_claim(several: Gate) -> None:
    allowed(several.start("partner", token=partner_token(email="boss@partner.test")))
    refused(several.start("partner", token=partner_token(email="x@partner.test", sub="boss@partner.test")), 7)


def test_email_as_subject_needs_to_be_verified(several: Gate) -> None:
    reply = several.start("partner", token=partner_token(email="boss@partner.test", email_verified=False))
    assert reply.grpc_status in (7, 16), str(reply)
    reply = several.start("partner", token=partner_token(email="boss@partner.test", email_verified=None))
    assert reply.grpc_status in (7, 16), str(reply)


def test_an_unknown_issuer_is_refused(several: Gate) -> None:
    for url in ("https://corp.test", "https://corp.test//", "https://corp.test/realms/x", "http://corp.test/", "corp", ""):
        refused(several.count("payroll", token=CORP.token(iss=url, permissions=["payroll:read"])), 16)

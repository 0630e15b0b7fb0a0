"""Claims and subjects as providers write them, and tokens without `iss` or `kid`. For each that grants, one that does not."""

from __future__ import annotations

from typing import Any

import pytest

from harness import jws
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin

ROLES = "urn:zitadel:iam:org:project:roles"


def _reader(name: str, who: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "who": {"issuer": "corp"} | who, "role": "reader", "namespaces": ["payroll"]}


@pytest.fixture(scope="module")
def corp() -> Minter:
    return Minter(keys=[jws.shared_key("ES256")])


@pytest.fixture(scope="module")
def shaped(open_shared_gate: OpenGate, echo: Echo, corp: Minter, header_stop: bool) -> Gate:
    config = corp.config(
        subject=["sub", "client_id"],
        email="trusted",
        claims={ROLES: {"names": True}, "groups": {"split": ","}, "permissions": {"split": ";"}, "/units/*/name": {"split": ","}},
    )
    grants = [
        _reader("roles", {"claims": {ROLES: "temporal"}}),
        _reader("groups", {"claims": {"groups": ["temporal", "temporal *"]}}),
        _reader("casdoor", {"claims": {"/roles/*/name": "temporal"}}),
        _reader("mail", {"claims": {"email": "*@corp.test"}}),
        _reader("machines", {"subject": "worker-*"}),
        {"name": "permissions", "who": {"issuer": "corp"}, "permissions_claim": "permissions", "permissions_regex": "^(?P<role>[a-z]+)@(?P<namespace>.+)$"},
    ]
    denials = [
        {"name": "no contractors", "who": {"claims": {"groups": "contractors"}}},
        {"name": "no banned roles", "who": {"claims": {ROLES: "banned"}}},
        {"name": "no banned names", "who": {"claims": {"/roles/*/name": "banned"}}},
        {"name": "no temps", "who": {"claims": {"/units/*/name": "temps"}}},
        {"name": "no guests", "who": {"claims": {"email": "guest@*"}}},
    ]
    return open_shared_gate(plugin(config, grants, denials=denials), echo.port, header_stop=header_stop)


GRANTED: dict[str, dict[str, Any]] = {
    "a name of an object": {ROLES: {"temporal": {"org": "corp.test"}}},
    "the first piece": {"groups": "temporal,ops"},
    "a later piece, with spaces": {"groups": "ops , temporal users"},
    "a list beside a rule for texts": {"groups": ["temporal"]},
    "an element of a list": {"roles": [{"name": "ops"}, {"name": "temporal"}]},
    "in a unit that no denial names": {"groups": ["temporal"], "units": [{"name": "dev,perms"}]},
    "an address that nobody verified": {"email": "alice@corp.test"},
    "a machine without sub": {"sub": None, "client_id": "worker-1"},
    "a machine with an empty sub": {"sub": "", "client_id": "worker-1"},
    "permissions in one text": {"permissions": "x;read@payroll"},
}

DENIED: dict[str, dict[str, Any]] = {
    "no claim": {},
    "a name whose value is false": {ROLES: {"temporal": False}},
    "a name whose value is empty": {ROLES: {"temporal": {}}},
    "a name further down": {ROLES: {"other": {"temporal": True}}},
    "another separator": {"groups": "ops;temporal"},
    "a member of another name": {"roles": [{"id": "temporal"}]},
    "a list in a list": {"roles": [[{"name": "temporal"}]]},
    "one element without its list": {"roles": {"name": "temporal"}},
    "another domain": {"email": "alice@corp.test.evil.test"},
    "a person with the machine's id as well": {"client_id": "worker-1"},
    "permissions with another separator": {"permissions": "x,read@payroll"},
    "granted, and a contractor": {"groups": "temporal,contractors"},
    "granted, and a contractor with another separator": {"groups": "temporal,x;contractors"},
    "granted, and a banned role whose value is false": {ROLES: {"temporal": True, "banned": False}},
    "granted, and a banned name without its list": {"groups": ["temporal"], "roles": {"name": "banned"}},
    "granted, and a banned name deeper": {"groups": ["temporal"], "roles": [[{"name": "Banned"}]]},
    "granted, and a piece of a denied member": {"groups": ["temporal"], "units": [{"name": "dev,temps"}]},
    "granted, and a guest": {"email": "guest@corp.test"},
}


@pytest.mark.parametrize("claims", GRANTED)
def test_claims_are_read_as_the_issuer_writes_them(shaped: Gate, corp: Minter, claims: str) -> None:
    allowed(shaped.count(token=corp.token(**{"sub": "someone"} | GRANTED[claims])))


@pytest.mark.parametrize("claims", DENIED)
def test_nothing_else_is_read_into_them(shaped: Gate, corp: Minter, claims: str) -> None:
    refused(shaped.count(token=corp.token(**{"sub": "someone"} | DENIED[claims])), 7)


SUBJECTS: dict[str, dict[str, Any]] = {
    "neither": {"sub": None},
    "both empty": {"sub": "", "client_id": ""},
    "a list": {"sub": ["someone"], "client_id": "worker-1"},
    "an object": {"sub": {"id": "someone"}, "client_id": "worker-1"},
    "a fraction": {"sub": 7.5, "client_id": "worker-1"},
    "a boolean": {"sub": True, "client_id": "worker-1"},
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_token_without_a_subject(shaped: Gate, corp: Minter, subject: str) -> None:
    refused(shaped.count(token=corp.token(**{"groups": "temporal"} | SUBJECTS[subject])), 16)


def test_a_number_is_a_subject(shaped: Gate, corp: Minter) -> None:
    allowed(shaped.count(token=corp.token(groups="temporal", sub=1234)))
    assert shaped.envoy.decisions() is not None
    refused(shaped.count("finance", token=corp.token(groups="temporal", sub=1234)), 7)
    assert shaped.envoy.decisions()[-1]["subject"] == "1234"


def test_no_subject_where_none_is_wanted(open_gate: OpenGate, echo: Echo, corp: Minter) -> None:
    grants = [_reader("groups", {"claims": {"groups": "temporal"}})]
    gate = open_gate(plugin(corp.config(subject="none"), grants), echo.port)
    allowed(gate.count(token=corp.token(sub=None, groups=["temporal"])))
    refused(gate.count(token=corp.token(sub=None, groups=["other"])), 7)
    assert "azp" not in gate.envoy.decisions()[-1]
    refused(gate.count(token=corp.token(sub=None, azp="wiki\n", groups=["other"])), 7)
    assert gate.envoy.decisions()[-1]["azp"] == "wiki\n"
    # The subject is not read, and neither is an `azp` of another type.
    refused(gate.count(token=corp.token(sub="alice", azp=7, groups=["other"])), 7)
    decision = gate.envoy.decisions()[-1]
    assert decision["subject"] == "" and "azp" not in decision


def test_an_address_counts_if_it_is_verified(open_gate: OpenGate, echo: Echo, corp: Minter) -> None:
    gate = open_gate(plugin(corp.config(), [_reader("mail", {"claims": {"email": "*@corp.test"}})]), echo.port)
    for verified in (True, "true"):
        allowed(gate.count(token=corp.token(email="alice@corp.test", email_verified=verified)))
    for unverified in (False, "false", "yes", 1, None):
        refused(gate.count(token=corp.token(email="alice@corp.test", email_verified=unverified)), 7)


def test_tokens_without_iss(open_gate: OpenGate, echo: Echo, corp: Minter) -> None:
    """In a header of their own, beside an issuer whose tokens have an `iss`."""
    spire = Minter(keys=[jws.shared_key("EdDSA")])
    config = plugin(corp.config(), [_reader("corp", {}) | {"namespaces": ["finance"]}])
    config["issuers"]["spire"] = spire.config(issuer="none", token={"headers": ["x-svid"], "typ": ["JOSE", "JWT"]})
    config["grants"].append({"name": "spire", "who": {"issuer": "spire"}, "role": "reader", "namespaces": ["payroll"]})
    gate = open_gate(config, echo.port)

    def ask(token: str, header: str = "x-svid", namespace: str = "payroll") -> Any:
        return gate.count(namespace, headers={header: token if header == "x-svid" else f"Bearer {token}"})

    key = spire.keys[0]
    good = spire.claims("spiffe://corp.test/worker", iss=None)
    for typ in ("JOSE", "JWT"):
        allowed(ask(jws.token(key, good, typ=typ)))
    refused(ask(jws.token(key, good), namespace="finance"), 7)
    for claims in (spire.claims(iss="https://corp.test/"), spire.claims(iss=""), good | {"iss": None}, good | {"aud": "other"}):
        refused(ask(jws.token(key, claims)), 16)
    refused(ask(jws.token(key, good), header="authorization"), 16)
    refused(ask(jws.token(jws.stranger_key("EdDSA"), good, kid=key.kid)), 16)
    # The other issuer's key does not sign tokens without `iss`, and this one's does not sign those with it.
    refused(ask(jws.token(corp.keys[0], corp.claims(iss=None))), 16)
    refused(ask(jws.token(key, corp.claims()), header="authorization", namespace="finance"), 16)
    allowed(ask(corp.token(), header="authorization", namespace="finance"))


def test_tokens_without_kid(open_gate: OpenGate, echo: Echo) -> None:
    keys = [jws.Key.new("ES256") for _ in range(4)]
    unnamed = [{name: value for name, value in key.jwk().items() if name != "kid"} for key in keys]
    minter = Minter(keys=keys)
    config = plugin(minter.config(keys={"inline": {"keys": [*unnamed[:2], keys[2].jwk(), keys[3].jwk(kid="")]}, "kid": "optional"}))
    gate = open_gate(config, echo.port)
    claims = minter.claims(permissions=["payroll:read"])
    for key in keys:
        for kid in (None, key.kid):
            allowed(gate.count(token=jws.token(key, claims, kid=kid)))
        allowed(gate.count(token=jws.token(key, claims, header={"kid": ""})))
        refused(gate.count(token=jws.flip_signature(jws.token(key, claims, kid=None))), 16)
    refused(gate.count(token=jws.token(jws.stranger_key("ES256"), claims, kid=None)), 16)
    # A key with a `kid` verifies only tokens with that `kid` or none.
    refused(gate.count(token=jws.token(keys[2], claims, kid="other")), 16)


def test_too_many_keys_for_a_token_without_kid(open_gate: OpenGate, echo: Echo) -> None:
    keys = [jws.Key.new("ES256") for _ in range(5)]
    minter = Minter(keys=keys)
    gate = open_gate(plugin(minter.config(keys={"inline": {"keys": [key.jwk() for key in keys]}, "kid": "optional"})), echo.port)
    claims = minter.claims(permissions=["payroll:read"])
    allowed(gate.count(token=jws.token(keys[0], claims)))
    refused(gate.count(token=jws.token(keys[0], claims, kid=None)), 16)
    assert gate.envoy.decisions()[-1]["reason"] == "the token has no kid, and the issuer has 5 keys for its algorithm"

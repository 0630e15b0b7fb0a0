"""How grants match claims: names and pointers, literals, `*` and captures. Nothing from a token is ever used as a pattern."""

from __future__ import annotations

from typing import Any

import pytest

from harness import jws
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin


def grant(name: str, claims: dict[str, Any], namespaces: list[str], **who: Any) -> dict[str, Any]:
    return {"name": name, "who": {"issuer": "corp", "claims": claims} | who, "role": "reader", "namespaces": namespaces}


GRANTS = [
    grant("literal", {"groups": "finance"}, ["literal"]),
    grant("list of values", {"groups": ["red", "blue"]}, ["either"]),
    grant("two keys", {"groups": "both", "level": "3"}, ["both"]),
    grant("star", {"groups": "star-*"}, ["star"]),
    grant("capture", {"groups": "team-{team}"}, ["{team}-*", "shared-{team}"]),
    grant("path", {"groups": "/teams/{team}"}, ["path-{team}"]),
    grant("suffix", {"groups": "{team}-owners"}, ["own-{team}"]),
    grant("escaped", {"groups": r"lit-\*-\{x}"}, ["escaped"]),
    grant("pointer", {"/realm_access/roles": "temporal"}, ["pointer"]),
    grant("pointer escapes", {"/a~1b/c~0d": "yes"}, ["pointer-escapes"]),
    grant("pointer index", {"/list/1": "second"}, ["pointer-index"]),
    grant("dotted", {"https://corp.test/roles": "x"}, ["dotted"]),
    grant("number", {"number": "7"}, ["number"]),
    grant("true", {"flag": "true"}, ["boolean"]),
    grant("email", {"email": "alice@corp.test"}, ["email"]),
    grant("email pointer", {"/email": "alice@corp.test"}, ["email-pointer"]),
    grant("email domain", {"email": "*@corp.test"}, ["email-domain"]),
    grant("scope", {"scope": "temporal.read"}, ["scope"]),
    grant("scp", {"scp": "temporal.read"}, ["scp"]),
    {"name": "subject", "who": {"issuer": "corp", "subject": "{team}-runner"}, "role": "reader", "namespaces": ["run-{team}"]},
    grant("human", {"groups": "kinds"}, ["human"], kind="human"),
    grant("service", {"groups": "kinds"}, ["service"], kind="service"),
]


@pytest.fixture(scope="module")
def mapped(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    config = corp.config(service_when=[{"gty": "client-credentials"}, {"preferred_username": "service-account-*"}])
    return open_shared_gate(plugin(config, grants=GRANTS), echo.port)


VERIFIED = {"email": "alice@corp.test", "email_verified": True}

# (claims, namespaces that open, namespaces that stay closed)
CASES: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "no claim": ({}, [], ["literal", "star", "either"]),
    "string": ({"groups": "finance"}, ["literal"], ["Literal", "literal-x", "star"]),
    "list": ({"groups": ["x", "finance"]}, ["literal"], ["either"]),
    "case": ({"groups": ["Finance"]}, [], ["literal"]),
    "part": ({"groups": ["finance-x", "xfinance"]}, [], ["literal"]),
    "not split at spaces": ({"groups": "x finance"}, [], ["literal"]),
    "nested list": ({"groups": [["finance"]]}, [], ["literal"]),
    "object": ({"groups": {"finance": True}}, [], ["literal"]),
    "null": ({"groups": None}, [], ["literal"]),
    "either": ({"groups": ["blue"]}, ["either"], []),
    "both keys": ({"groups": ["both"], "level": "3"}, ["both"], []),
    "one key only": ({"groups": ["both"]}, [], ["both"]),
    "one key wrong": ({"groups": ["both"], "level": "4"}, [], ["both"]),
    "star": ({"groups": ["star-x"]}, ["star"], []),
    "star needs a character": ({"groups": ["star-"]}, [], ["star"]),
    "star takes a colon": ({"groups": ["star-a:b"]}, ["star"], []),
    "capture": ({"groups": ["team-red"]}, ["red-x", "red-x-y", "shared-red"], ["red-", "red", "redx", "blue-x", "shared-blue"]),
    "each value binds": ({"groups": ["team-red", "team-blue"]}, ["red-x", "blue-x", "shared-red"], ["green-x"]),
    "empty capture": ({"groups": ["team-"]}, [], ["-x", "shared-", "x-x"]),
    "capture with a colon": ({"groups": ["team-a:b"]}, [], ["a:b-x", "shared-a:b"]),
    "captured star is a star": ({"groups": ["team-*"]}, ["*-x", "shared-*"], ["red-x", "payroll-x", "shared-red"]),
    "captured brace is a brace": ({"groups": ["team-{team}"]}, ["{team}-x"], ["red-x"]),
    "captured backslash": ({"groups": ["team-\\*"]}, ["\\*-x"], ["*-x", "red-x"]),
    "group path": ({"groups": ["/teams/orders"]}, ["path-orders"], ["path-/orders", "path-x"]),
    "suffix": ({"groups": ["red-owners"]}, ["own-red"], ["own-red-owners", "own-x"]),
    "suffix twice": ({"groups": ["a-owners-owners"]}, ["own-a-owners"], ["own-a"]),
    "escaped": ({"groups": ["lit-*-{x}"]}, ["escaped"], []),
    "escaped is no pattern": ({"groups": ["lit-a-{x}", "lit-*-b", "lit-\\*-\\{x}"]}, [], ["escaped"]),
    "pointer": ({"realm_access": {"roles": ["x", "temporal"]}}, ["pointer"], []),
    "pointer to nothing": ({"realm_access": {"role": ["temporal"]}}, [], ["pointer"]),
    "pointer as a name": ({"/realm_access/roles": "temporal"}, [], ["pointer"]),
    "pointer escapes": ({"a/b": {"c~d": "yes"}}, ["pointer-escapes"], []),
    "pointer index": ({"list": ["first", "second"]}, ["pointer-index"], []),
    "pointer index beyond": ({"list": ["second"]}, [], ["pointer-index"]),
    "name with slashes": ({"https://corp.test/roles": "x"}, ["dotted"], []),
    "number": ({"number": 7}, ["number"], []),
    "number as text": ({"number": "7"}, ["number"], []),
    "other number": ({"number": 7.5}, [], ["number"]),
    "boolean": ({"flag": True}, ["boolean"], []),
    "other boolean": ({"flag": False}, [], ["boolean"]),
    "email": (VERIFIED, ["email", "email-pointer", "email-domain"], []),
    "email not verified": (VERIFIED | {"email_verified": False}, [], ["email", "email-pointer", "email-domain"]),
    "email without a word": ({"email": "alice@corp.test"}, [], ["email", "email-pointer", "email-domain"]),
    "email verified null": (VERIFIED | {"email_verified": None}, [], ["email", "email-domain"]),
    "email verified one": (VERIFIED | {"email_verified": 1}, [], ["email", "email-domain"]),
    "other email": (VERIFIED | {"email": "alice@corp.test.evil.test"}, [], ["email", "email-domain"]),
    "scope": ({"scope": "openid temporal.read profile"}, ["scope"], ["scp"]),
    "scope of another": ({"scope": "temporal.readwrite xtemporal.read"}, [], ["scope"]),
    "scp": ({"scp": "temporal.read x"}, ["scp"], ["scope"]),
    "scp list": ({"scp": ["temporal.read"]}, ["scp"], []),
    "subject": ({"sub": "red-runner"}, ["run-red"], ["run-blue", "run-red-runner"]),
    "subject of another": ({"sub": "red-runner-x"}, [], ["run-red"]),
    "human": ({"groups": ["kinds"]}, ["human"], ["service"]),
    "service": ({"groups": ["kinds"], "gty": "client-credentials"}, ["service"], ["human"]),
    "service by the other": ({"groups": ["kinds"], "preferred_username": "service-account-x"}, ["service"], ["human"]),
    "service by neither": ({"groups": ["kinds"], "gty": "password", "preferred_username": "alice"}, ["human"], ["service"]),
}


@pytest.mark.parametrize("case", CASES)
def test_claims_open_their_namespaces_only(mapped: Gate, corp: Minter, case: str) -> None:
    claims, opened, closed = CASES[case]
    token = jws.token(corp.keys[0], corp.claims() | claims)
    for namespace in opened:
        allowed(mapped.count(namespace, token=token))
    for namespace in closed:
        refused(mapped.count(namespace, token=token), 7)


def test_roles_are_what_the_grant_says(mapped: Gate, corp: Minter) -> None:
    """The grant gives `reader` in one namespace, and nothing more anywhere."""
    token = corp.token(groups=["finance", "team-red"])
    allowed(mapped.count("red-x", token=token))
    refused(mapped.start("red-x", token=token), 7)
    refused(mapped.call("ListNamespaces", token=token), 7)


def test_many_values(mapped: Gate, corp: Minter) -> None:
    """Each of 200 groups gives a binding. Thousands give only a bounded number, and open no namespace that is not theirs."""
    token = corp.token(groups=[f"team-g{i}" for i in range(200)])
    for number in (0, 100, 199):
        allowed(mapped.count(f"g{number}-x", token=token))
    refused(mapped.count("g200-x", token=token), 7)
    crowd = corp.token(groups=[f"team-g{i}" for i in range(1500)])
    allowed(mapped.count("g0-x", token=crowd))
    refused(mapped.count("g1500-x", token=crowd), 7)

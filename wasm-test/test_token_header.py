"""The JOSE header: it is checked against the key set, and no reference in it is followed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from harness import jws
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Reply
from harness.issuer import JWKS, Issuer
from harness.minter import Minter
from harness.policy import plugin

READ = ["payroll:read"]


@pytest.fixture
def gate(header_stop: bool, gate: Gate, gate_b: Gate) -> Gate:
    return gate_b if header_stop else gate


def _token(corp: Minter, **options: object) -> str:
    return jws.token(corp.key("RS256"), corp.claims(permissions=READ), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "AT+JWT"])
def test_typ_of_access_tokens(gate: Gate, corp: Minter, typ: str) -> None:
    allowed(gate.count(token=_token(corp, typ=typ)))


@pytest.mark.parametrize("typ", ["logout+jwt", "JOSE", "dpop+jwt", "", "jwt2"])
def test_typ_of_other_tokens(gate: Gate, corp: Minter, typ: str) -> None:
    refused(gate.count(token=_token(corp, typ=typ)), 16)


def test_no_kid(gate: Gate, corp: Minter) -> None:
    refused(gate.count(token=_token(corp, kid=None)), 16)


@pytest.mark.parametrize("kid", ["nobody", "", "KEY-1", 7, None, ["key-1"]], ids=repr)
def test_kid_that_is_not_there(gate: Gate, corp: Minter, kid: object) -> None:
    refused(gate.count(token=_token(corp, header={"kid": kid})), 16)


def test_kid_of_another_key(gate: Gate, corp: Minter) -> None:
    refused(gate.count(token=_token(corp, kid=corp.key("RS512").kid)), 16)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
@pytest.mark.parametrize("kid", [True, False])
def test_alg_none(gate: Gate, corp: Minter, alg: str, kid: bool) -> None:
    header = {"alg": alg, "typ": "JWT"} | ({"kid": corp.key("RS256").kid} if kid else {})
    refused(gate.count(token=jws.unsigned(header, corp.claims(permissions=READ))), 16)
    # The same, with a signature that would be good.
    refused(gate.count(token=_token(corp, header=header)), 16)


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_public_key_as_hmac_secret(gate: Gate, corp: Minter, alg: str) -> None:
    key = corp.key("RS256")
    header = {"alg": alg, "typ": "JWT", "kid": key.kid}
    for secret in (key.pem(), key.pem().strip(), key.jwk()["n"].encode(), json.dumps(key.jwk()).encode(), b""):
        refused(gate.count(token=jws.hs256(secret, header, corp.claims(permissions=READ))), 16)


@pytest.mark.parametrize("alg", [None, 256, ["RS256"], "rs256", "RS256 ", "RS257"], ids=repr)
def test_alg_of_another_shape(gate: Gate, corp: Minter, alg: object) -> None:
    key, claims = corp.key("RS256"), corp.claims(permissions=READ)
    header = {"alg": alg, "typ": "JWT", "kid": key.kid}
    signature = key.sign(jws.encode(header, claims).encode())
    refused(gate.count(token=jws.token(key, claims, header=json.dumps(header), signature=signature)), 16)


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "exp", None], ids=repr)
def test_critical_extensions_are_refused(gate: Gate, corp: Minter, crit: object) -> None:
    """The filter supports no extension, so none may be critical."""
    refused(gate.count(token=_token(corp, header={"crit": crit, "b64": True})), 16)


def test_duplicate_members_in_the_header(gate: Gate, corp: Minter) -> None:
    key, claims = corp.key("RS256"), corp.claims(permissions=READ)
    kid, rest = key.kid, '"typ":"JWT"'
    for header in (
        f'{{"alg":"none","alg":"RS256","kid":"{kid}",{rest}}}',
        f'{{"alg":"RS256","alg":"none","kid":"{kid}",{rest}}}',
        f'{{"alg":"RS256","kid":"{kid}","kid":"{kid}",{rest}}}',
        f'{{"alg":"RS256","\\u0061lg":"none","kid":"{kid}",{rest}}}',
        f'{{"alg":"RS256","kid":"{kid}",{rest},"x":{{"y":1,"y":2}}}}',
    ):
        refused(gate.count(token=jws.token(key, claims, header=header)), 16)
    allowed(gate.count(token=jws.token(key, claims, header=f'{{"alg":"RS256","kid":"{kid}",{rest}}}')))


def test_duplicate_members_in_the_claims(gate: Gate, corp: Minter) -> None:
    key = corp.key("RS256")
    good = json.dumps(corp.claims(permissions=READ))[:-1]
    for extra in (
        ', "permissions": ["payroll:admin"]}',
        ', "sub": "bob"}',
        ', "exp": 99999999999}',
        ', "\\u0073ub": "bob"}',
        ', "nested": {"a": 1, "a": 2}}',
        ', "list": [{"a": 1, "a": 2}]}',
    ):
        refused(gate.count(token=jws.token(key, good + extra)), 16)
    allowed(gate.count(token=jws.token(key, good + ', "nested": {"a": 1, "b": {"a": 2}}}')))


@pytest.fixture(scope="module")
def attacker() -> Iterator[Issuer]:
    """A server that offers the attacker's own key at every path."""
    with Issuer(keys=[jws.stranger_key("RS256")]) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def tempted(header_stop: bool, open_shared_gate: OpenGate, echo: Echo, corp: Minter, attacker: Issuer) -> Gate:
    """A filter that could reach that server if it tried to."""
    from harness.envoy import Cluster

    idp = {"idp": Cluster(attacker.port, http2=False)}
    return open_shared_gate(plugin(corp.config()), echo.port, clusters=idp, header_stop=header_stop)


def test_key_references_are_never_followed(tempted: Gate, corp: Minter, attacker: Issuer) -> None:
    own = attacker.keys[0]
    references: list[dict[str, object]] = [
        {"jku": attacker.jwks_uri},
        {"x5u": f"http://127.0.0.1:{attacker.port}/cert.pem"},
        {"jwk": own.jwk()},
        {"x5c": ["MIIB"]},
        {"jku": attacker.jwks_uri, "jwk": own.jwk(), "x5t": "AAAA", "x5t#S256": "AAAA"},
    ]
    for reference in references:
        # The attacker's key, by its own kid, or under the kid of a good key.
        for kid in (own.kid, corp.key("RS256").kid):
            forged = jws.token(own, corp.claims(permissions=READ), kid=kid, header=reference)
            refused(tempted.count(token=forged), 16)
        # A good token may carry them: they are ignored.
        allowed(tempted.count(token=_token(corp, header=reference)))
    assert attacker.fetches(JWKS) == 0 and attacker.requests == []


@pytest.fixture(scope="module")
def apart(header_stop: bool, open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    """An issuer whose tokens come in a header of their own."""
    return open_shared_gate(plugin(corp.config(token={"headers": ["x-svid"]})), echo.port, header_stop=header_stop)


@pytest.mark.parametrize(
    "name",
    ["authorization", "authorization-extras", "x-goog-iap-jwt-assertion", "cf-access-jwt-assertion", "x-amzn-oidc-accesstoken",
     "x-forwarded-access-token"],
)
def test_a_token_where_no_issuer_expects_it_is_named_in_the_log_alone(apart: Gate, corp: Minter, name: str) -> None:
    token = _token(corp)
    mark = apart.envoy.log_mark()
    with_it = apart.refused_by_us("CountWorkflowExecutions", status=16, headers={name: f"Bearer {token}"})
    assert apart.envoy.decision(mark)["reason"] == f"a token in header {name}, which no issuer names"
    assert not any(part in apart.envoy.log_since(mark) for part in token.split("."))
    # The client is told no more than without any token.
    mark = apart.envoy.log_mark()
    without = apart.refused_by_us("CountWorkflowExecutions", status=16)
    assert apart.envoy.decision(mark)["reason"] == "no token"
    assert _told(with_it) == _told(without)
    # Beside a token that counts, it does not matter.
    allowed(apart.count(headers={name: f"Bearer {token}", "x-svid": token}))


def _told(reply: Reply) -> tuple[object, ...]:
    own = {b"date", b"x-envoy-upstream-service-time"}
    return [header for header in reply.headers if header[0] not in own], reply.trailers, reply.body


@pytest.mark.parametrize("value", ["Bearer opaque", "Basic YTpi", "Bearer a.b.c", ""])
def test_what_is_no_jwt_is_not_named(apart: Gate, value: str) -> None:
    mark = apart.envoy.log_mark()
    refused(apart.count(headers={"authorization": value}), 16)
    assert apart.envoy.decision(mark)["reason"] == "no token"

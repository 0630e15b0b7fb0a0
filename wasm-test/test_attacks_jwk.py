"""Attacks through the key set, in both header modes: keys that should not be in it, and key sets that can be read in two ways.

test_jwk_members.py tests single members. Here each key set also has an honest key, whose tokens pass.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from harness import jws
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed, refused, refused_in_the_end
from harness.grpc_client import Reply
from harness.issuer import Behaviour, Issuer
from harness.policy import plugin
from harness.poll import until

READ = ["payroll:read"]
RSA, EC, EC384, ED = (jws.shared_key(alg).private for alg in ("RS256", "ES256", "ES384", "EdDSA"))
P256 = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF


def _key(kid: str, alg: str = "RS256", private: Any = RSA) -> jws.Key:
    return jws.Key(alg, private, kid)


def _rsa(kid: str, **members: Any) -> dict[str, Any]:
    return _key(kid).jwk(**members)


def _ec(kid: str, **members: Any) -> dict[str, Any]:
    return _key(kid, "ES256", EC).jwk(**members)


def _other_root() -> str:
    """The other point with the same x: on the curve, and another key."""
    return jws.b64url_uint(P256 - EC.public_key().public_numbers().y, 32)


def _swapped() -> dict[str, str]:
    own = _ec("")
    return {"x": own["y"], "y": own["x"]}


# kid -> (algorithm of the token, the published key)
KEYS: dict[str, tuple[str, dict[str, Any]]] = {
    "alg none": ("RS256", _rsa("alg none", alg="none")),
    "alg HS256 on an RSA key": ("RS256", _rsa("alg HS256 on an RSA key", alg="HS256")),
    "alg in lower case": ("RS256", _rsa("alg in lower case", alg="rs256")),
    "alg a list": ("RS256", _rsa("alg a list", alg=["RS256"])),
    "use in upper case": ("RS256", _rsa("use in upper case", use="SIG")),
    "use a list": ("RS256", _rsa("use a list", use=["sig"])),
    "kty in lower case": ("RS256", _rsa("kty in lower case", kty="rsa")),
    "crv in lower case": ("ES256", _ec("crv in lower case", crv="p-256")),
    "exponent 3": ("RS256", _rsa("exponent 3", e="Aw")),
    "modulus in standard base64": ("RS256", _rsa("modulus in standard base64", n=_rsa("")["n"].replace("-", "+").replace("_", "/") + "+")),
    "modulus one less": ("RS256", _rsa("modulus one less", n=jws.b64url_uint(RSA.public_key().public_numbers().n - 2))),
    "modulus as a number": ("RS256", _rsa("modulus as a number", n=65537)),
    "coordinates exchanged": ("ES256", _ec("coordinates exchanged", **_swapped())),
    "other root": ("ES256", _ec("other root", y=_other_root())),
    "x not reduced": ("ES256", _ec("x not reduced", x=jws.b64url_uint(2**256 - 1, 32))),
    "P-384 key as P-256": ("ES256", _key("P-384 key as P-256", "ES384", EC384).jwk(crv="P-256", alg="ES256")),
    "OKP key as EC": ("EdDSA", _key("OKP key as EC", "EdDSA", ED).jwk(kty="EC")),
    "X25519": ("EdDSA", _key("X25519", "EdDSA", ED).jwk(crv="X25519")),
    "only a certificate": ("RS256", {"kid": "only a certificate", "kty": "RSA", "use": "sig", "x5c": ["MIIB"], "x5u": "http://127.0.0.1/"}),
    "Ed25519 all zeros": ("EdDSA", _key("Ed25519 all zeros", "EdDSA", ED).jwk(x=jws.b64url(bytes(32)))),
    "Ed25519 not reduced": ("EdDSA", _key("Ed25519 not reduced", "EdDSA", ED).jwk(x=jws.b64url(b"\xff" * 31 + b"\x7f"))),
}
HONEST = {"RS256": RSA, "ES256": EC, "EdDSA": ED}


@pytest.fixture(scope="module")
def poisoned(open_shared_gate: OpenGate, echo: Echo, header_stop: bool) -> Iterator[tuple[Gate, Issuer]]:
    with Issuer(keys=[_key(f"honest {alg}", alg, private) for alg, private in HONEST.items()]) as issuer:
        issuer.extra_jwks = [jwk for _, jwk in KEYS.values()]
        config = issuer.fetched_config(discovery=False, refetch="1s")
        clusters = {"idp": Cluster(issuer.port, http2=False)}
        yield open_shared_gate(plugin(config), echo.port, clusters=clusters, header_stop=header_stop), issuer


@pytest.fixture(scope="module")
def answers(poisoned: tuple[Gate, Issuer]) -> dict[str, Reply]:
    """The answers to a token for each key, all at once: a token whose key is unusable waits for another fetch of the key set."""
    gate, issuer = poisoned
    tokens = {kid: issuer.token(key=_key(kid, alg, HONEST[alg]), permissions=READ) for kid, (alg, _) in KEYS.items()}
    with ThreadPoolExecutor(len(tokens)) as pool:
        return dict(zip(tokens, pool.map(lambda token: gate.count(token=token, timeout=15), tokens.values())))


@pytest.mark.parametrize("kid", KEYS)
def test_a_dangerous_published_key_verifies_nothing(poisoned: tuple[Gate, Issuer], answers: dict[str, Reply], kid: str) -> None:
    """The honest key makes the signature: the only obstacle is the published key."""
    gate, issuer = poisoned
    refused(answers[kid], 16)
    allowed(gate.count(token=issuer.token(key=issuer.key(KEYS[kid][0]), permissions=READ)))


def _text(issuer: Issuer) -> str:
    return json.dumps(issuer.key_set())


def _twice(member: str, other: Callable[[dict[str, Any]], Any]) -> Callable[[Issuer, jws.Key], str]:
    """The issuer's key, with one of the attacker's members after its own."""

    def build(issuer: Issuer, attacker: jws.Key) -> str:
        own = json.dumps(issuer.keys[0].jwk())
        return '{"keys": [' + own[:-1] + f', "{member}": {json.dumps(other(attacker.jwk()))}' + "}]}"

    return build


# Key sets that two readers may read differently: none may yield the attacker's key, and the issuer's key stays.
SETS: dict[str, Callable[[Issuer, jws.Key], str]] = {
    "n twice": _twice("n", lambda jwk: jwk["n"]),
    "kid twice": _twice("kid", lambda jwk: "evil"),
    "n twice, one escaped": _twice("\\u006e", lambda jwk: jwk["n"]),
    "keys twice": lambda i, a: f'{{"keys": [{json.dumps(i.keys[0].jwk())}], "keys": [{json.dumps(a.jwk(kid=i.keys[0].kid))}]}}',
    "a second document": lambda i, a: _text(i) + json.dumps({"keys": [a.jwk(kid=i.keys[0].kid)]}),
    "a comment": lambda i, a: "/* */" + _text(i),
    "a byte order mark": lambda i, a: "\ufeff" + _text(i),
    "a key, not a set": lambda i, a: json.dumps(a.jwk(kid=i.keys[0].kid)),
    "a set in a set": lambda i, a: json.dumps({"keys": {"keys": [a.jwk(kid=i.keys[0].kid)]}}),
    "a text": lambda i, a: json.dumps(json.dumps({"keys": [a.jwk(kid=i.keys[0].kid)]})),
    "a number beyond all": lambda i, a: json.dumps({"keys": [i.keys[0].jwk(), a.jwk(kid="evil", n=10**700)]}),
    "signed": lambda i, a: jws.token(a, {"keys": [a.jwk(kid=i.keys[0].kid)]}),
}


@pytest.fixture(scope="module")
def ambiguous(open_shared_gate: OpenGate, echo: Echo, header_stop: bool) -> Iterator[tuple[Gate, dict[str, Issuer]]]:
    """Each key set is published after the good one, and has been fetched twice by now."""
    with contextlib.ExitStack() as stack:
        issuers = {f"i{number}": stack.enter_context(Issuer()) for number in range(len(SETS))}
        timing = {"refresh": "1s", "refetch": "1s", "retry": "1s", "wait": "1s"}
        configuration = plugin({})
        configuration["issuers"] = {n: i.fetched_config(n, discovery=False, **timing) for n, i in issuers.items()}
        configuration["grants"] = [{"name": n, "who": {"issuer": n}, "permissions_claim": "permissions"} for n in issuers]
        clusters = {name: Cluster(issuer.port, http2=False) for name, issuer in issuers.items()}
        gate = open_shared_gate(configuration, echo.port, clusters=clusters, header_stop=header_stop)
        for issuer in issuers.values():
            until(lambda: gate.count(token=issuer.token(permissions=READ)).grpc_status == 0, 10, "the first keys")
        for issuer, build in zip(issuers.values(), SETS.values()):
            issuer.behave(Behaviour(body=build(issuer, jws.stranger_key()).encode()))
        seen = {name: issuer.fetches() for name, issuer in issuers.items()}
        until(lambda: all(issuer.fetches() >= seen[name] + 3 for name, issuer in issuers.items()), 20, "the sets to be fetched")
        yield gate, dict(zip(SETS, issuers.values()))


@pytest.mark.parametrize("attack", SETS)
def test_an_ambiguous_key_set_gives_the_attacker_nothing(ambiguous: tuple[Gate, dict[str, Issuer]], attack: str) -> None:
    gate, issuer = ambiguous[0], ambiguous[1][attack]
    stranger = jws.stranger_key().private
    kid = issuer.keys[0].kid
    reply = gate.count(token=issuer.token(key=_key(kid, private=stranger), permissions=READ))
    assert reply.grpc_status in (14, 16), str(reply)
    reply = gate.count(token=issuer.token(key=_key("evil", private=stranger), permissions=READ))
    assert reply.grpc_status in (14, 16), str(reply)
    allowed(gate.count(token=issuer.token(permissions=READ, jti=attack)))


def test_same_kid_for_two_keys(open_gate: OpenGate, echo: Echo, header_stop: bool) -> None:
    """Each of them verifies tokens, and no other key does."""
    first, second = jws.shared_key("RS256"), jws.stranger_key("RS256")
    with Issuer(keys=[_key("k", "RS256", first.private), _key("k", "ES256", EC)]) as issuer:
        issuer.extra_jwks = [second.jwk(kid="k")]
        config = issuer.fetched_config(discovery=False, refetch="1s")
        gate = open_gate(plugin(config), echo.port, clusters={"idp": Cluster(issuer.port, http2=False)}, header_stop=header_stop)
        for key in (*issuer.keys, _key("k", "RS256", second.private)):
            allowed(gate.count(token=issuer.token(permissions=READ, key=key)))
        for alg in ("RS256", "ES256"):
            forged = issuer.token(permissions=READ, key=_key("k", alg, jws.Key.new(alg).private))
            refused_in_the_end(lambda: gate.count(token=forged), 16)
        of_other_kind = issuer.token(permissions=READ, key=_key("k", "EdDSA", ED))
        refused_in_the_end(lambda: gate.count(token=of_other_kind), 16)

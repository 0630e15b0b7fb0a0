"""The callers of the comparison: their tokens, and whether Temporal accepts these."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from harness import jws
from harness.issuer import Issuer

OWN = "payroll"
OTHER = "finance-reports"
# It does not exist; it is for calls that would destroy a namespace which later calls need.
NOWHERE = "no-such-namespace"
SYSTEM = "temporal-system"

WEAK = jws.Key.new("RS256", kid="weak", bits=1024)
FOR_ENCRYPTION = jws.Key.new("RS256", kid="for-encryption")
# Published without a `kid`, with an exponent that nobody uses any more, and as serializers write absent members.
NAMELESS = jws.Key("RS256", jws.Key.new("RS256").private, "")
EXPONENT_3 = jws.Key("RS256", rsa.generate_private_key(public_exponent=3, key_size=2048), "exponent-3")
WITH_NULLS = jws.Key.new("RS256", kid="with-nulls")
STRANGER = jws.Key.new("RS256", kid="stranger")


@dataclass(frozen=True)
class Caller:
    """A caller; `authorization` has the values of the header, unchanged."""

    name: str
    authorization: tuple[str, ...] = ()


def issuer() -> Issuer:
    made = Issuer(keys=[jws.shared_key("RS256"), jws.shared_key("ES256"), jws.shared_key("EdDSA")])
    nulls = dict.fromkeys(("use", "alg", "key_ops", "x5c", "d"))
    made.extra_jwks = [
        WEAK.jwk(),
        FOR_ENCRYPTION.jwk(use="enc"),
        NAMELESS.jwk(kid=None),
        EXPONENT_3.jwk(),
        WITH_NULLS.jwk(use=None, alg=None) | nulls,
    ]
    return made


def role(issuer: Issuer, word: str) -> str:
    return issuer.token(permissions=[f"{OWN}:{word}", f"{NOWHERE}:{word}"])


def callers(issuer: Issuer) -> list[Caller]:
    """Every method is called by each of them."""
    made = [
        Caller("nobody"),
        Caller("garbage", ("Bearer x.y.z",)),
        Caller("expired", _bearer(issuer.token(permissions=[f"{OWN}:admin"], exp=jws.now() - 600))),
        Caller("no permissions", _bearer(issuer.token(permissions=[]))),
    ]
    for word in ("worker", "read", "write", "admin"):
        made.append(Caller(word, _bearer(role(issuer, word))))
    for word in ("worker", "read", "write", "admin"):
        made.append(Caller(f"system {word}", _bearer(issuer.token(permissions=[f"{SYSTEM}:{word}"]))))
    return made


def odd_callers(issuer: Issuer) -> list[Caller]:
    """Callers that make one call each, with tokens about which the two sides may differ. If such a token gives anything, it gives
    `read` in OWN."""
    now = jws.now()
    read = [f"{OWN}:read"]

    def claims(**members: Any) -> dict[str, Any]:
        return issuer.claims(**({"permissions": read} | members))

    def token(key: jws.Key = issuer.keys[0], header: dict[str, Any] | None = None, **members: Any) -> str:
        return jws.token(key, claims(**members), header=header)

    good, bad = token(), issuer.token(permissions=read, exp=1)
    text = json.dumps(claims())
    twice = text[:-1] + ', "permissions": ["payroll:read"]}'
    es256, eddsa = issuer.key("ES256"), issuer.key("EdDSA")
    tokens: dict[str, str] = {
        "good": good,
        "ES256": token(es256),
        "EdDSA": token(eddsa),
        "RS384": jws.token(issuer.keys[0], claims(), alg="RS384"),
        "PS256": jws.token(issuer.keys[0], claims(), alg="PS256"),
        "alg none": jws.unsigned({"alg": "none", "kid": issuer.keys[0].kid}, claims()),
        "HMAC with the public key": jws.hs256(issuer.keys[0].pem(), {"alg": "HS256", "kid": issuer.keys[0].kid}, claims()),
        "turned signature": jws.flip_signature(good),
        "other claims": jws.with_claims(good, claims(sub="bob")),
        "no kid": jws.token(issuer.keys[0], claims(), kid=None),
        "unknown kid": jws.token(STRANGER, claims()),
        "stranger's key": jws.token(STRANGER, claims(), kid=issuer.keys[0].kid),
        "short RSA key": jws.token(WEAK, claims()),
        "key for encryption": jws.token(FOR_ENCRYPTION, claims()),
        "RSA exponent 3": jws.token(EXPONENT_3, claims()),
        "key with members that are null": jws.token(WITH_NULLS, claims()),
        "empty kid": jws.token(NAMELESS, claims(), header={"kid": ""}),
        "spare bits in the signature": _spare_bits(good),
        "crit": token(header={"crit": ["b64"], "b64": True}),
        "typ of something else": token(header={"typ": "logout+jwt"}),
        "typ at+jwt": token(header={"typ": "at+jwt"}),
        "no exp": token(exp=None),
        "exp zero": token(exp=0),
        "exp in milliseconds": token(exp=(now + 600) * 1000),
        "exp a string": token(exp="9999999999"),
        "exp beyond every clock": token(exp=1e300),
        "exp a fraction": token(exp=now + 600.5),
        "expired 30 s ago": token(exp=now - 30),
        "valid in 30 s": token(nbf=now + 30),
        "issued in 30 s": token(iat=now + 30),
        "valid in 10 minutes": token(nbf=now + 600),
        "issued in 10 minutes": token(iat=now + 600),
        "no iss": token(iss=None),
        "iss a list": token(iss=[issuer.url]),
        "empty iss": token(iss=""),
        "other iss": token(iss="https://other.test/"),
        "no aud": token(aud=None),
        "other aud": token(aud="account"),
        "aud among others": token(aud=["account", "temporal"]),
        "no sub": token(sub=None),
        "sub a number": token(sub=7),
        "empty sub": token(sub=""),
        "second JSON document": jws.token(issuer.keys[0], text + "{}"),
        "claim twice": jws.token(issuer.keys[0], twice),
        "half a character": jws.token(issuer.keys[0], text[:-1] + r', "x": "\ud800"}'),
        "claims 200 deep": token(x=_nested(200)),
        "not UTF-8": jws.token(issuer.keys[0], text.replace("alice", "al\udcffce").encode(errors="surrogateescape")),
        "upper-case role": token(permissions=[f"{OWN}:READ"]),
        "role with a Turkish I": token(permissions=[f"{OWN}:adm\u0130n"]),
        "other types among permissions": token(permissions=[7, None, {OWN: "read"}, *read]),
        "permissions in a string": token(permissions=read[0]),
        "permissions in an object": token(permissions={OWN: "read"}),
        "two colons in a permission": token(permissions=[f"{OWN}:read:admin"]),
        "permission of every namespace": token(permissions=["*:read"]),
        "permission of no namespace": token(permissions=[":read"]),
        "namespace in upper case": token(permissions=[f"{OWN.upper()}:read"]),
    }
    made = [Caller(name, _bearer(value)) for name, value in tokens.items()]
    made += [
        Caller("lower-case scheme", (f"bearer {good}",)),
        Caller("no scheme", (good,)),
        Caller("other scheme", (f"Basic {good}",)),
        Caller("two spaces", (f"Bearer  {good}",)),
        Caller("scheme alone", ("Bearer",)),
        Caller("empty header", ("",)),
        Caller("good, then bad", (f"Bearer {good}", f"Bearer {bad}")),
        Caller("bad, then good", (f"Bearer {bad}", f"Bearer {good}")),
    ]
    return made


def _bearer(token: str) -> tuple[str, ...]:
    return (f"Bearer {token}",)


def _nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


def _spare_bits(token: str) -> str:
    """Another spelling of the same signature: its last character has bits that no byte uses."""
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    other = token[:-1] + alphabet[alphabet.index(token[-1]) + 1]
    assert other != token
    return other

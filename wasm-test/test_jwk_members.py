"""A fetched key set with every kind of key in it: each key is used only for its stated purpose, a broken key is skipped,
and none of them affects the others.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from harness import jws
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Reply
from harness.issuer import Issuer
from harness.policy import plugin

READ = ["payroll:read"]
RSA = jws.shared_key("RS256").private
EC = jws.shared_key("ES256").private
ED = jws.shared_key("EdDSA").private


def _short_x() -> Any:
    """A key whose x begins with a zero byte, which some issuers leave out."""
    while True:
        private = jws.Key.new("ES256").private
        if private.public_key().public_numbers().x < 1 << 248:
            return private


SHORT = _short_x()


def _certificate(private: Any) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    builder = x509.CertificateBuilder(name, name, private.public_key(), 1)
    begins = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    signed = builder.not_valid_before(begins).not_valid_after(begins + datetime.timedelta(1)).sign(private, hashes.SHA256())
    return base64.b64encode(signed.public_bytes(serialization.Encoding.DER)).decode()


def _key(kid: str, alg: str = "RS256", private: Any = RSA) -> jws.Key:
    return jws.Key(alg, private, kid)


# kid -> (algorithm the token uses, the published key)
USABLE: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("RS256", _key("plain").jwk()),
    "no alg": ("RS256", _key("no alg").jwk(alg=None)),
    "no use": ("RS256", _key("no use").jwk(use=None)),
    "neither": ("RS256", _key("neither").jwk(use=None, alg=None)),
    "key_ops verify": ("RS256", _key("key_ops verify").jwk(use=None, key_ops=["verify"])),
    "key_ops more": ("RS256", _key("key_ops more").jwk(use=None, key_ops=["encrypt", "verify"])),
    "x5c beside": ("RS256", _key("x5c beside").jwk(x5c=["MIIBnonsense"], x5t="nonsense")),
    "unknown member": ("RS256", _key("unknown member").jwk(issued=[{"at": 1}])),
    "padded": ("RS256", _key("padded").jwk(n=jws.b64url_uint(RSA.public_key().public_numbers().n) + "==")),
    "nothing in it": ("RS256", _key("nothing in it").jwk() | dict.fromkeys(("d", "p", "x5c"), None) | {"use": "", "alg": None, "key_ops": []}),
    "empty texts": ("RS256", _key("empty texts").jwk() | {"use": "", "alg": "", "key_ops": "", "d": "", "x5c": ""}),
    "empty lists": ("RS256", _key("empty lists").jwk() | {"use": [], "alg": [], "x5c": [], "oth": []}),
    "for SVIDs": ("RS256", _key("for SVIDs").jwk(use="jwt-svid")),
    "only a certificate": ("RS256", {"kid": "only a certificate", "kty": "RSA", "x5c": [_certificate(RSA)]}),
    "a certificate, n empty": ("ES256", _key("a certificate, n empty", "ES256", EC).jwk(x="", y="") | {"x5c": [_certificate(EC)]}),
    "EC x with a zero": ("ES256", _key("EC x with a zero", "ES256", EC).jwk(x=jws.b64url(b"\0" + EC.public_key().public_numbers().x.to_bytes(32, "big")))),
    "EC x short": ("ES256", _key("EC x short", "ES256", SHORT).jwk(x=jws.b64url_uint(SHORT.public_key().public_numbers().x))),
    "alg Ed25519": ("EdDSA", _key("alg Ed25519", "EdDSA", ED).jwk(alg="Ed25519")),
    "EC without alg": ("ES256", _key("EC without alg", "ES256", EC).jwk(alg=None)),
    "Ed without alg": ("EdDSA", _key("Ed without alg", "EdDSA", ED).jwk(alg=None)),
}

UNUSABLE: dict[str, tuple[str, dict[str, Any]]] = {
    "use enc": ("RS256", _key("use enc").jwk(use="enc")),
    "use enc, no alg": ("RS256", _key("use enc, no alg").jwk(use="enc", alg=None)),
    "encryption alg": ("RS256", _key("encryption alg").jwk(alg="RSA-OAEP", use=None)),
    "key_ops encrypt": ("RS256", _key("key_ops encrypt").jwk(use=None, key_ops=["encrypt"])),
    "key_ops sign": ("RS256", _key("key_ops sign").jwk(use=None, key_ops=["sign"])),
    "key_ops no list": ("RS256", _key("key_ops no list").jwk(use=None, key_ops="verify")),
    "alg of another": ("RS256", _key("alg of another").jwk(alg="PS256")),
    "unknown kty": ("RS256", _key("unknown kty").jwk(kty="AKP")),
    "kty of another": ("RS256", _key("kty of another").jwk(kty="EC")),
    "kty missing": ("RS256", _key("kty missing").jwk(kty=None)),
    "kty a number": ("RS256", _key("kty a number").jwk(kty=1)),
    "n missing": ("RS256", _key("n missing").jwk(n=None)),
    "n empty": ("RS256", _key("n empty").jwk(n="")),
    "n no base64": ("RS256", _key("n no base64").jwk(n="!!!")),
    "n zero": ("RS256", _key("n zero").jwk(n="AA")),
    "n even": ("RS256", _key("n even").jwk(n=jws.b64url_uint(1 << 2047))),
    "n huge": ("RS256", _key("n huge").jwk(n=jws.b64url_uint((1 << 16384) - 1))),
    "e missing": ("RS256", _key("e missing").jwk(e=None)),
    "e zero": ("RS256", _key("e zero").jwk(e="AA")),
    "e one": ("RS256", _key("e one").jwk(e="AQ")),
    "e even": ("RS256", _key("e even").jwk(e="Ag")),
    "e huge": ("RS256", _key("e huge").jwk(e=jws.b64url_uint((1 << 4096) - 1))),
    "x off the curve": ("ES256", _key("x off the curve", "ES256", EC).jwk(x=jws.b64url_uint(1, 32))),
    "x too short": ("ES256", _key("x too short", "ES256", EC).jwk(x="AQ")),
    "x much too long": ("ES256", _key("x much too long", "ES256", EC).jwk(x=jws.b64url(b"\1" + EC.public_key().public_numbers().x.to_bytes(32, "big")))),
    "certificate of another": ("RS256", {"kid": "certificate of another", "kty": "RSA", "x5c": [_certificate(EC)]}),
    "certificate cut": ("RS256", {"kid": "certificate cut", "kty": "RSA", "x5c": [_certificate(RSA)[:400]]}),
    "for X.509 SVIDs": ("RS256", _key("for X.509 SVIDs").jwk(use="x509-svid")),
    "x too long": ("ES256", _key("x too long", "ES256", EC).jwk(x=jws.b64url_uint(1, 33))),
    "y missing": ("ES256", _key("y missing", "ES256", EC).jwk(y=None)),
    "point at zero": ("ES256", _key("point at zero", "ES256", EC).jwk(x=jws.b64url(bytes(32)), y=jws.b64url(bytes(32)))),
    "curve of another": ("ES256", _key("curve of another", "ES256", EC).jwk(crv="P-384")),
    "curve unknown": ("ES256", _key("curve unknown", "ES256", EC).jwk(crv="secp256k1")),
    "Ed x too short": ("EdDSA", _key("Ed x too short", "EdDSA", ED).jwk(x="AQ")),
    "Ed small order": ("EdDSA", _key("Ed small order", "EdDSA", ED).jwk(x=jws.b64url(b"\x01" + bytes(31)))),
    "Ed448": ("EdDSA", _key("Ed448", "EdDSA", ED).jwk(crv="Ed448")),
    "a secret": ("HS256", {"kid": "a secret", "kty": "oct", "k": jws.b64url(b"secret" * 8), "alg": "HS256"}),
}

# Members of the list that are not keys at all.
NONSENSE: list[Any] = [None, 1, "key", [], {}, {"kid": 7, "kty": "RSA"}, {"kid": None}, {"kid": {"a": 1}, "kty": {}}]


@pytest.fixture(scope="module")
def short_key() -> jws.Key:
    """A key of 1024 bits, which can be broken with enough effort."""
    return jws.Key.new("RS256", "1024 bits", bits=1024)


@pytest.fixture(scope="module")
def issuer(short_key: jws.Key) -> Iterator[Issuer]:
    with Issuer() as running:
        running.extra_jwks = [
            *NONSENSE,
            *(jwk for _, jwk in UNUSABLE.values()),
            short_key.jwk(),
            *(jwk for _, jwk in USABLE.values()),
        ]
        yield running


@pytest.fixture(scope="module")
def filtered(header_stop: bool, open_shared_gate: OpenGate, echo: Echo, issuer: Issuer) -> Gate:
    config = issuer.fetched_config(discovery=False)
    clusters = {"idp": Cluster(issuer.port, http2=False)}
    return open_shared_gate(plugin(config), echo.port, clusters=clusters, header_stop=header_stop)


def _signer(kid: str, alg: str) -> jws.Key:
    private = SHORT if kid == "EC x short" else {"RS256": RSA, "ES256": EC, "EdDSA": ED}[alg]
    return _key(kid, alg, private)


@pytest.mark.parametrize("kid", USABLE)
def test_usable_keys_verify_tokens(filtered: Gate, issuer: Issuer, kid: str) -> None:
    allowed(filtered.count(token=issuer.token(key=_signer(kid, USABLE[kid][0]), permissions=READ)))


@pytest.fixture(scope="module")
def answers(filtered: Gate, issuer: Issuer) -> dict[str, Reply]:
    """The answers to a token for each unusable key, all at once: the requests wait for another fetch of the key set."""
    tokens = {
        kid: issuer.token(key=_signer(kid, alg), permissions=READ) for kid, (alg, _) in UNUSABLE.items() if alg != "HS256"
    }
    with ThreadPoolExecutor(len(tokens)) as pool:
        return dict(zip(tokens, pool.map(lambda token: filtered.count(token=token, timeout=15), tokens.values())))


@pytest.mark.parametrize("kid", [kid for kid in UNUSABLE if kid != "a secret"])
def test_unusable_keys_verify_nothing(answers: dict[str, Reply], kid: str) -> None:
    refused(answers[kid], 16)


def test_a_published_secret_is_not_a_key(filtered: Gate, issuer: Issuer) -> None:
    header = {"alg": "HS256", "typ": "JWT", "kid": "a secret"}
    refused(filtered.count(token=jws.hs256(b"secret" * 8, header, issuer.claims(permissions=READ))), 16)


def test_small_order_point_with_the_signature_everybody_can_make(filtered: Gate, issuer: Issuer) -> None:
    """For the identity point as public key, R = identity and S = 0 verify under a lax check, whatever the message."""
    key = _signer("Ed small order", "EdDSA")
    forged = jws.token(key, issuer.claims(permissions=READ), signature=b"\x01" + bytes(63))
    refused(filtered.count(token=forged), 16)


def test_short_rsa_key(filtered: Gate, issuer: Issuer, short_key: jws.Key) -> None:
    refused(filtered.count(token=issuer.token(key=short_key, permissions=READ)), 16)


def test_nothing_trapped(filtered: Gate, issuer: Issuer) -> None:
    allowed(filtered.count(token=issuer.token(permissions=READ)))
    assert "Function: proxy_on" not in filtered.envoy.log_text()

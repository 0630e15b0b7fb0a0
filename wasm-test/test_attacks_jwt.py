"""Published attacks on JWT verifiers, by name, in both header modes; each forgery comes with the honest token that it imitates.

More attacks are in test_token_header.py (none, HMAC with the public key, crit, key references, duplicate members),
test_algorithms.py (signatures), test_bearer.py (spelling, several tokens) and test_registered_claims.py (claims).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from harness import jws
from harness.gate import Gate, allowed, refused
from harness.minter import Minter

READ = ["payroll:read"]
N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
N384 = int("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16)
L25519 = 2**252 + 27742317777372353535851937790883648493

Forge = Callable[[Minter], str]


@pytest.fixture
def gate(header_stop: bool, gate: Gate, gate_b: Gate) -> Gate:
    return gate_b if header_stop else gate


def _claims(corp: Minter) -> dict[str, Any]:
    return corp.claims(permissions=READ)


def _honest(corp: Minter, alg: str) -> str:
    return corp.token(key=corp.key(alg), permissions=READ)


# -- the signature


def _ecdsa(alg: str, r: int, s: int) -> Forge:
    size = {"ES256": 32, "ES384": 48}[alg]
    signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    return lambda corp: jws.token(corp.key(alg), _claims(corp), signature=signature)


def _rsa_number(alg: str, number: Callable[[int, int], int]) -> Forge:
    """A token whose signature is a number made of the modulus and a good signature."""

    def forge(corp: Minter) -> str:
        key = corp.key(alg)
        n = key.private.public_key().public_numbers().n
        for attempt in range(200):
            claims = _claims(corp) | {"jti": str(attempt)}
            good = key.sign(jws.encode({"alg": alg, "typ": "JWT", "kid": key.kid}, claims).encode())
            forged = number(n, int.from_bytes(good, "big"))
            if 0 <= forged < 1 << 2048:
                return jws.token(key, claims, signature=forged.to_bytes(256, "big"))
        raise AssertionError("no signature small enough")

    return forge


def _rsa_digest(header: str, digest: Any) -> Forge:
    """PKCS #1 over a digest other than the one that the header names."""

    def forge(corp: Minter) -> str:
        key, claims = corp.key(header), _claims(corp)
        signed = jws.encode({"alg": header, "typ": "JWT", "kid": key.kid}, claims).encode()
        return jws.token(key, claims, signature=key.private.sign(signed, padding.PKCS1v15(), digest))

    return forge


def _stripped_zero(corp: Minter) -> str:
    """A signature that begins with a zero byte, without that byte: the same number, but not 256 bytes."""
    key = corp.key("RS256")
    for attempt in range(4000):
        claims = _claims(corp) | {"jti": str(attempt)}
        good = key.sign(jws.encode({"alg": "RS256", "typ": "JWT", "kid": key.kid}, claims).encode())
        if good[0] == 0:
            return jws.token(key, claims, signature=good[1:])
    raise AssertionError("no such signature")


def _ed25519_plus_order(corp: Minter) -> str:
    """S and S + L are the same number on the curve: one signature must have one form (RFC 8032 §5.1.7)."""
    key, claims = corp.key("EdDSA"), _claims(corp)
    good = key.sign(jws.encode({"alg": "EdDSA", "typ": "JWT", "kid": key.kid}, claims).encode())
    s = int.from_bytes(good[32:], "little") + L25519
    return jws.token(key, claims, signature=good[:32] + s.to_bytes(32, "little"))


SIGNATURES: dict[str, tuple[str, Forge]] = {
    "ES256 r=0 s=0 (psychic signature)": ("ES256", _ecdsa("ES256", 0, 0)),
    "ES256 r=0": ("ES256", _ecdsa("ES256", 0, 1)),
    "ES256 s=0": ("ES256", _ecdsa("ES256", 1, 0)),
    "ES256 r=1 s=1": ("ES256", _ecdsa("ES256", 1, 1)),
    "ES256 r=n s=n": ("ES256", _ecdsa("ES256", N256, N256)),
    "ES256 r=n+1 s=1": ("ES256", _ecdsa("ES256", N256 + 1, 1)),
    "ES256 all ones": ("ES256", _ecdsa("ES256", 2**256 - 1, 2**256 - 1)),
    "ES384 r=0 s=0 (psychic signature)": ("ES384", _ecdsa("ES384", 0, 0)),
    "ES384 r=n s=n": ("ES384", _ecdsa("ES384", N384, N384)),
    "RS256 zero": ("RS256", _rsa_number("RS256", lambda n, s: 0)),
    "RS256 one": ("RS256", _rsa_number("RS256", lambda n, s: 1)),
    "RS256 n-1": ("RS256", _rsa_number("RS256", lambda n, s: n - 1)),
    "RS256 n": ("RS256", _rsa_number("RS256", lambda n, s: n)),
    "RS256 signature plus n": ("RS256", _rsa_number("RS256", lambda n, s: s + n)),
    "RS256 n minus signature": ("RS256", _rsa_number("RS256", lambda n, s: n - s)),
    "PS256 signature plus n": ("PS256", _rsa_number("PS256", lambda n, s: s + n)),
    "RS256 leading zero byte left out": ("RS256", _stripped_zero),
    "RS256 over SHA-1": ("RS256", _rsa_digest("RS256", hashes.SHA1())),
    "RS256 over SHA-512": ("RS256", _rsa_digest("RS256", hashes.SHA512())),
    "RS512 over SHA-256": ("RS512", _rsa_digest("RS512", hashes.SHA256())),
    "EdDSA s plus the order": ("EdDSA", _ed25519_plus_order),
}


@pytest.mark.parametrize("attack", SIGNATURES)
def test_forged_signatures_are_refused(gate: Gate, corp: Minter, attack: str) -> None:
    alg, forge = SIGNATURES[attack]
    refused(gate.count(token=forge(corp)), 16)
    allowed(gate.count(token=_honest(corp, alg)))


# -- alg


@pytest.mark.parametrize("alg", [" none", "none ", "none\t", "n\0one", "NonE", "null", "RS256 ", " RS256", "rs256", "RS256\0", "RSA", "RS256,none", "RS1"])
def test_alg_in_another_spelling(gate: Gate, corp: Minter, alg: str) -> None:
    """Tokens without a signature, and tokens that are signed as RS256 would be."""
    key, claims = corp.key("RS256"), _claims(corp)
    header = {"alg": alg, "typ": "JWT", "kid": key.kid}
    refused(gate.count(token=jws.unsigned(header, claims)), 16)
    refused(gate.count(token=jws.token(key, claims, header=header, alg="RS256")), 16)
    allowed(gate.count(token=jws.token(key, claims, header=header | {"alg": "RS256"}, alg="RS256")))


@pytest.mark.parametrize("alg", [None, True, 0, [], ["RS256"], {"RS256": 1}], ids=repr)
def test_alg_that_is_not_a_string(gate: Gate, corp: Minter, alg: object) -> None:
    key = corp.key("RS256")
    refused(gate.count(token=jws.token(key, _claims(corp), header={"alg": alg}, alg="RS256")), 16)
    refused(gate.count(token=jws.unsigned({"alg": alg, "kid": key.kid}, _claims(corp))), 16)


def test_alg_in_escapes_is_the_same(gate: Gate, corp: Minter) -> None:
    """JSON has many spellings of one text: `none` in escapes is still none, and RS256 is still RS256."""
    key, claims = corp.key("RS256"), _claims(corp)
    rest = f'"kid":"{key.kid}","typ":"JWT"}}'
    refused(gate.count(token=jws.encode('{"alg":"\\u006eone",' + rest, claims) + "."), 16)
    allowed(gate.count(token=jws.token(key, claims, header='{"alg":"\\u0052S256",' + rest)))


@pytest.mark.parametrize("source", ["RS256", "ES256", "EdDSA"])
def test_public_key_in_other_forms_as_hmac_secret(gate: Gate, corp: Minter, source: str) -> None:
    """Every form of the public key that a verifier may have used as an HMAC secret (test_token_header.py has more for RSA)."""
    key = corp.key(source)
    public = key.private.public_key()
    info, encoding = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.Encoding
    secrets = [public.public_bytes(encoding.DER, info), key.pem(), key.pem().replace(b"\n", b"\r\n"), key.pem().replace(b"\n", b"")]
    if source == "RS256":
        secrets += [public.public_bytes(e, serialization.PublicFormat.PKCS1) for e in (encoding.DER, encoding.PEM)]
        secrets.append(public.public_numbers().n.to_bytes(256, "big"))
    elif source == "ES256":
        secrets.append(public.public_bytes(encoding.X962, serialization.PublicFormat.UncompressedPoint))
    else:
        secrets.append(public.public_bytes(encoding.Raw, serialization.PublicFormat.Raw))
    for secret in secrets:
        for alg in ("HS256", source):
            header = {"alg": alg, "typ": "JWT", "kid": key.kid}
            refused(gate.count(token=jws.hs256(secret, header, _claims(corp))), 16)
    allowed(gate.count(token=_honest(corp, source)))

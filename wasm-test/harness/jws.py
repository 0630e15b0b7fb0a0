"""Keys and tokens, made by hand: a library would refuse to make most of the tokens that the tests need.

`Key` signs with every algorithm the filter accepts; `token` takes any header, any claims (or the raw JSON
text of either, for duplicate members) and any signature.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

Claims = Mapping[str, Any]

RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
ALGORITHMS = (*RSA_ALGORITHMS, "ES256", "ES384", "EdDSA")

_HASHES: dict[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
_CURVES = {"ES256": ("P-256", ec.SECP256R1, 32), "ES384": ("P-384", ec.SECP384R1, 48), "ES512": ("P-521", ec.SECP521R1, 66)}
_kids = itertools.count(1)


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64url_uint(value: int, length: int | None = None) -> str:
    return b64url(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


@dataclass
class Key:
    """A private key and the `kid` under which its public half is published."""

    alg: str
    private: Any
    kid: str

    @classmethod
    def new(cls, alg: str = "RS256", kid: str | None = None, bits: int = 2048) -> Key:
        if alg in RSA_ALGORITHMS:
            private: Any = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        elif alg in _CURVES:
            private = ec.generate_private_key(_CURVES[alg][1]())
        elif alg == "EdDSA":
            private = ed25519.Ed25519PrivateKey.generate()
        else:
            raise ValueError(alg)
        return cls(alg, private, kid or f"key-{next(_kids)}")

    def jwk(self, **members: Any) -> dict[str, Any]:
        """The public half. `members` replace members, or remove them if None."""
        public = self.private.public_key()
        jwk: dict[str, Any] = {"kid": self.kid, "use": "sig", "alg": self.alg}
        if self.alg in RSA_ALGORITHMS:
            numbers = public.public_numbers()
            jwk |= {"kty": "RSA", "n": b64url_uint(numbers.n), "e": b64url_uint(numbers.e)}
        elif self.alg in _CURVES:
            name, _, size = _CURVES[self.alg]
            numbers = public.public_numbers()
            jwk |= {"kty": "EC", "crv": name, "x": b64url_uint(numbers.x, size), "y": b64url_uint(numbers.y, size)}
        else:
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            jwk |= {"kty": "OKP", "crv": "Ed25519", "x": b64url(raw)}
        jwk |= members
        return {name: value for name, value in jwk.items() if value is not None}

    def pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, data: bytes, alg: str | None = None) -> bytes:
        alg = alg or self.alg
        if alg == "EdDSA":
            return self.private.sign(data)
        digest = _HASHES[alg[2:]]()
        if alg.startswith("RS"):
            return self.private.sign(data, padding.PKCS1v15(), digest)
        if alg.startswith("PS"):
            pss = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
            return self.private.sign(data, pss, digest)
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(digest)))
        size = _CURVES[alg][2]
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")


@functools.cache
def shared_key(alg: str = "RS256") -> Key:
    """One key per algorithm for the whole run: generating RSA keys would make the suite slow."""
    return Key.new(alg)


@functools.cache
def stranger_key(alg: str = "RS256") -> Key:
    """A key that no issuer publishes."""
    return Key.new(alg)


def encode(header: Claims | str | bytes, claims: Claims | str | bytes) -> str:
    """The signing input. Text and bytes are used as they are, so they may be malformed."""
    return ".".join(b64url(_json(part)) for part in (header, claims))


def _json(part: Claims | str | bytes) -> bytes:
    if isinstance(part, bytes):
        return part
    if isinstance(part, str):
        return part.encode()
    return json.dumps(part, separators=(",", ":")).encode()


def token(
    key: Key,
    claims: Claims | str | bytes,
    *,
    header: Claims | str | bytes | None = None,
    alg: str | None = None,
    kid: str | None = "",
    typ: str | None = "JWT",
    signature: bytes | None = None,
) -> str:
    """A compact JWS. `kid=None` leaves it out, `kid=""` takes the key's; `header` replaces or extends the header."""
    built: dict[str, Any] = {"alg": alg or key.alg}
    if typ is not None:
        built["typ"] = typ
    if kid is not None:
        built["kid"] = kid or key.kid
    if isinstance(header, Mapping):
        built |= header
    raw = header if isinstance(header, (str, bytes)) else built
    signing_input = encode(raw, claims)
    if signature is None:
        signature = key.sign(signing_input.encode(), alg)
    return f"{signing_input}.{b64url(signature)}"


def hs256(secret: bytes, header: Claims, claims: Claims) -> str:
    """A token for the attack that uses a public key as an HMAC secret."""
    signing_input = encode(header, claims)
    return f"{signing_input}.{b64url(hmac.new(secret, signing_input.encode(), hashlib.sha256).digest())}"


def unsigned(header: Claims, claims: Claims) -> str:
    return encode(header, claims) + "."


def with_claims(signed: str, claims: Claims) -> str:
    """The same header and signature over other claims."""
    header, _, signature = signed.split(".")
    return f"{header}.{b64url(_json(claims))}.{signature}"


def flip_signature(signed: str, index: int = 0) -> str:
    """The token with one bit of the signature flipped."""
    head, _, signature = signed.rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))
    raw[index] ^= 1
    return f"{head}.{b64url(bytes(raw))}"


def now() -> int:
    return int(time.time())

#!/usr/bin/env python3
"""Writes src/authentication/host_verifier_samples.json: a key and a token for each algorithm that Envoy's verify_signature supports.

The filter tries them at start, to find out which algorithms its host can verify. Each run makes new keys and discards the private
halves.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

OUT = Path(__file__).parent.parent / "src" / "authentication" / "host_verifier_samples.json"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int) -> str:
    return b64(value.to_bytes(size, "big"))


def sample(algorithm: str, jwk: dict[str, str], sign: Callable[[bytes], bytes]) -> dict[str, object]:
    header = {"alg": algorithm, "kid": "sample"}
    signed = ".".join(b64(json.dumps(part).encode()) for part in (header, {}))
    return {"key": {"kid": "sample", **jwk}, "token": f"{signed}.{b64(sign(signed.encode()))}"}


def rsa_sample(bits: int) -> dict[str, object]:
    key = rsa.generate_private_key(65537, 2048)
    jwk = {"kty": "RSA", "n": number(key.public_key().public_numbers().n, 256), "e": "AQAB"}
    digest = getattr(hashes, f"SHA{bits}")()
    return sample(f"RS{bits}", jwk, lambda text: key.sign(text, padding.PKCS1v15(), digest))


def ec_sample(bits: int) -> dict[str, object]:
    key = ec.generate_private_key(getattr(ec, f"SECP{bits}R1")())
    at, size = key.public_key().public_numbers(), bits // 8
    jwk = {"kty": "EC", "crv": f"P-{bits}", "x": number(at.x, size), "y": number(at.y, size)}

    def sign(text: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(text, ec.ECDSA(getattr(hashes, f"SHA{bits}")())))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    return sample(f"ES{bits}", jwk, sign)


samples = [*map(rsa_sample, (256, 384, 512)), *map(ec_sample, (256, 384))]
OUT.write_text("[\n" + ",\n".join(json.dumps(one) for one in samples) + "\n]\n")

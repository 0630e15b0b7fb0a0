#!/usr/bin/env python3
"""Writes the files of Wycheproof in tests/conformance/data from a clone: conformance.py [--check] CLONE

Three files are copies. signatures.jsonl.gz has the raw signatures in the form that a JWS uses: tests/conformance/data/README.md.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "tests/conformance/data"
COMMIT = "dac1dd4729fd1f8dd9e1e9f3dce51d783da6c166"
COPIES = ["json_web_signature", "json_web_key", "json_web_encryption"]
# Each set, with the algorithm that it tests.
SETS = (
    {f"rsa_signature_{size}_sha{bits}": f"RS{bits}" for size in (2048, 3072, 4096) for bits in (256, 384, 512)}
    | {"rsa_pss_2048_sha256_mgf1_32": "PS256", "rsa_pss_3072_sha256_mgf1_32": "PS256", "rsa_pss_4096_sha256_mgf1_32": "PS256",
       "rsa_pss_2048_sha384_mgf1_48": "PS384", "rsa_pss_4096_sha384_mgf1_48": "PS384", "rsa_pss_4096_sha512_mgf1_64": "PS512"}
    | {"ecdsa_secp256r1_sha256_p1363": "ES256", "ecdsa_secp384r1_sha384_p1363": "ES384", "ed25519": "EdDSA"}
)
# The good signatures of these sets have parameters other than those of the algorithm (RFC 7518 §3.5), so none may pass.
FOREIGN = {"rsa_pss_2048_sha256_mgf1_0": "PS256", "rsa_pss_2048_sha256_mgf1sha1_20": "PS256", "rsa_pss_4096_sha512_mgf1_32": "PS512"}
# The keys of these sets are outside of the range, so the first good signature of each set is enough.
OUTSIDE = {"rsa_signature_8192_sha256": "RS256", "rsa_signature_8192_sha512": "RS512"}


def read(clone: str, name: str) -> bytes:
    return subprocess.run(["git", "-C", clone, "show", f"{COMMIT}:testvectors_v1/{name}_test.json"], check=True, capture_output=True).stdout


def number(digits: str, size: int | None = None) -> str:
    """A hexadecimal number in base64url, without leading zeros or with a fixed size in bytes."""
    value = int(digits, 16)
    return base64.urlsafe_b64encode(value.to_bytes(size or (value.bit_length() + 7) // 8)).rstrip(b"=").decode()


def jwk(key: dict[str, str]) -> dict[str, str]:
    if "modulus" in key:
        return {"kty": "RSA", "n": number(key["modulus"]), "e": number(key["publicExponent"])}
    if "pk" in key:
        return {"kty": "OKP", "crv": "Ed25519", "x": number(key["pk"], 32)}
    size = {"secp256r1": 32, "secp384r1": 48}[key["curve"]]
    return {"kty": "EC", "crv": f"P-{8 * size}", "x": number(key["wx"], size), "y": number(key["wy"], size)}


def numbers(der: str) -> str | None:
    """r and s of a signature in DER, which has no long lengths here; `None` if a JWS could not contain them."""
    match = re.fullmatch(r"30..02(..)(.*)", der)
    if not match or len(match[2]) < 2 * int(match[1], 16) + 4:
        return None
    length = 2 * int(match[1], 16)
    return f"{int(match[2][:length], 16):x}.{int(match[2][length + 4:], 16):x}"


def encodings(clone: str, name: str) -> dict[tuple[str, str, str | None], str]:
    """The good signatures of the DER set that corresponds to a set in the other form."""
    groups = json.loads(read(clone, name.removesuffix("_p1363")))["testGroups"]
    good = ((group["publicKeyDer"], test) for group in groups for test in group["tests"] if test["result"] == "valid")
    return {(key, test["msg"], numbers(test["sig"])): test["sig"] for key, test in good}


def vectors(clone: str) -> Iterator[dict[str, Any]]:
    for name, algorithm in (SETS | FOREIGN | OUTSIDE).items():
        der = encodings(clone, name) if algorithm.startswith("ES") else {}
        for group in json.loads(read(clone, name))["testGroups"]:
            key = group["publicKey"]
            supported = key.get("publicExponent", "010001") == "010001" and name not in OUTSIDE
            for test in group["tests"]:
                if name in FOREIGN and test["result"] != "valid":
                    continue
                half = len(test["sig"]) // 2
                place = (group["publicKeyDer"], test["msg"], f"{int(test['sig'][:half] or '0', 16):x}.{int(test['sig'][half:] or '0', 16):x}")
                yield {
                    "set": name, "id": test["tcId"], "algorithm": algorithm, "jwk": jwk(key), "spki": group["publicKeyDer"],
                    "message": test["msg"], "signature": test["sig"],
                    **({"der": der[place]} if test["result"] == "valid" and place in der else {}),
                    # Signatures with the result "acceptable" lack a NULL that RFC 8017 §A.2.4 requires.
                    "valid": test["result"] == "valid" and name not in FOREIGN, "supported": supported,
                    "comment": "; ".join(filter(None, [test["comment"], ", ".join(test["flags"])])),
                }
                if name in OUTSIDE:
                    break


def files(clone: str) -> Iterator[tuple[str, bytes]]:
    for name in COPIES:
        yield f"{name}.json.gz", read(clone, name)
    yield "signatures.jsonl.gz", "".join(json.dumps(vector, separators=(",", ":")) + "\n" for vector in vectors(clone)).encode()


def main() -> None:
    *options, clone = sys.argv[1:]
    stale = []
    for name, content in files(clone):
        path = DATA / name
        if not path.exists() or gzip.decompress(path.read_bytes()) != content:
            stale.append(name)
            if not options:
                path.write_bytes(gzip.compress(content, 9, mtime=0))
    print(f"{COMMIT[:7]}: " + (("not current: " if options else "written: ") + ", ".join(stale) if stale else "all files are current"))
    sys.exit(bool(options and stale))


if __name__ == "__main__":
    main()

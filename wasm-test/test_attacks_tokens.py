"""Attacks on the parts of a token other than its signature: kid, encodings, other serializations, tokens in tokens.

They run in both header modes; for each forgery, the honest token passes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from harness import jws
from harness.gate import Gate, allowed, refused
from harness.minter import Minter

READ = ["payroll:read"]


@pytest.fixture
def gate(header_stop: bool, gate: Gate, gate_b: Gate) -> Gate:
    return gate_b if header_stop else gate


def _claims(corp: Minter) -> dict[str, Any]:
    return corp.claims(permissions=READ)


def _token(corp: Minter, **options: Any) -> str:
    return jws.token(corp.key("RS256"), _claims(corp), **options)


KIDS: dict[str, Callable[[str], str]] = {
    "path": lambda kid: "../../../../../../dev/null",
    "absolute path": lambda kid: "/proc/sys/kernel/randomize_va_space",
    "path to the key": lambda kid: "./" + kid,
    "SQL": lambda kid: "x' UNION SELECT 'c2VjcmV0' -- ",
    "SQL behind the kid": lambda kid: kid + "' OR '1'='1",
    "command": lambda kid: kid + "|/usr/bin/id",
    "URL": lambda kid: "http://127.0.0.1/" + kid,
    "LDAP": lambda kid: "*)(kid=*",
    "pattern": lambda kid: kid[:-1] + "*",
    "NUL behind": lambda kid: kid + "\0",
    "NUL and more": lambda kid: kid + "\0.pem",
    "space behind": lambda kid: kid + " ",
    "space before": lambda kid: " " + kid,
    "other case": lambda kid: kid.upper(),
    "look-alike": lambda kid: kid.replace("e", "\u0435"),
    "zero width": lambda kid: kid + "\u200b",
    "prefix": lambda kid: kid[:-1],
    "template": lambda kid: "${jndi:ldap://127.0.0.1/" + kid + "}",
    "format": lambda kid: "%s%s%n{}{0}",
    "20 KB": lambda kid: kid * 3000,
}


@pytest.mark.parametrize("attack", KIDS)
def test_a_kid_is_compared_and_nothing_else(gate: Gate, corp: Minter, attack: str) -> None:
    """A kid is only compared with the published kids: it is not a file, a query or a prefix."""
    key = corp.key("RS256")
    kid = KIDS[attack](key.kid)
    assert kid != key.kid
    header = {"alg": "HS256", "typ": "JWT", "kid": kid}
    for secret in (b"", b"\0", b"2", b"secret", kid.encode()):
        refused(gate.count(token=jws.hs256(secret, header, _claims(corp))), 16)
    refused(gate.count(token=_token(corp, kid=kid)), 16)
    allowed(gate.count(token=_token(corp)))


def test_an_unencoded_payload_is_refused(gate: Gate, corp: Minter) -> None:
    """RFC 7797: with `b64: false` the payload is signed as it is. The filter does not support that, with or without `crit`."""
    key, claims = corp.key("RS256"), json.dumps(_claims(corp), separators=(",", ":"))
    for header in ({"b64": False}, {"b64": False, "crit": ["b64"]}):
        head = jws.b64url(json.dumps({"alg": "RS256", "typ": "JWT", "kid": key.kid} | header).encode())
        signature = jws.b64url(key.sign(f"{head}.{claims}".encode()))
        for payload in (claims, "", jws.b64url(claims.encode())):
            refused(gate.count(token=f"{head}.{payload}.{signature}"), 16)
    allowed(gate.count(token=_token(corp)))


def _spare_bit(part: str) -> str:
    """The same bytes in another spelling: a bit that decoding drops is set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(part) % 4, "no spare bits"
    return part[:-1] + alphabet[alphabet.index(part[-1]) | 1]


def _with_spare_bits(members: dict[str, Any]) -> str:
    """A token of a length that leaves spare bits in the last character."""
    text = json.dumps(members, separators=(",", ":")).encode()
    return jws.b64url(text + b" " * ((1 - len(text)) % 3))


SPELLINGS: dict[str, Callable[[str], str]] = {
    "spare bit": _spare_bit,
    "padded": lambda part: part + "=" * (-len(part) % 4),
    "too much padding": lambda part: part + "====",
    "a character too many": lambda part: part + "AAA",
    "percent": lambda part: part.replace(part[4], f"%{ord(part[4]):02x}", 1),
    "space inside": lambda part: part[:8] + " " + part[8:],
    "empty": lambda part: "",
}


@pytest.mark.parametrize("part", ["header", "claims"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_another_encoding_of_the_signed_part(gate: Gate, corp: Minter, spelling: str, part: str) -> None:
    """The issuer's key signed exactly this text, but a token has only one spelling."""
    key = corp.key("RS256")
    parts = {
        "header": _with_spare_bits({"alg": "RS256", "typ": "JWT", "kid": key.kid}),
        "claims": _with_spare_bits(_claims(corp)),
    }
    signed = lambda text: f"{text}.{jws.b64url(key.sign(text.encode()))}"  # noqa: E731
    allowed(gate.count(token=signed(".".join(parts.values()))))
    parts[part] = SPELLINGS[spelling](parts[part])
    refused(gate.count(token=signed(".".join(parts.values()))), 16)


def _nested(corp: Minter) -> str:
    return jws.token(corp.key("RS256"), _token(corp), header={"cty": "JWT"})


def _quoted(corp: Minter) -> str:
    return jws.token(corp.key("RS256"), json.dumps(_token(corp)), header={"cty": "JWT"})


def _wrapped_by_a_stranger(corp: Minter) -> str:
    """A good token within a token that a stranger signed."""
    return jws.token(jws.stranger_key(), _token(corp), kid=corp.key("RS256").kid, header={"cty": "JWT"})


def _encrypted(corp: Minter) -> str:
    """Five parts: a JWE, which anybody can make for a public key."""
    header = jws.b64url(json.dumps({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": corp.key("RS256").kid, "cty": "JWT"}).encode())
    return f"{header}.{jws.b64url(bytes(256))}.{jws.b64url(bytes(12))}.{_token(corp)[:80].replace('.', '')}.{jws.b64url(bytes(16))}"


def _flattened(corp: Minter) -> str:
    header, payload, signature = _token(corp).split(".")
    return json.dumps({"protected": header, "payload": payload, "signature": signature}, separators=(",", ":"))


def _general(corp: Minter) -> str:
    header, payload, signature = _token(corp).split(".")
    return json.dumps({"payload": payload, "signatures": [{"protected": header, "signature": signature}]}, separators=(",", ":"))


def _detached(corp: Minter) -> str:
    header, _, signature = _token(corp).split(".")
    return f"{header}..{signature}"


def _compressed(corp: Minter) -> str:
    raw = zlib.compress(json.dumps(_claims(corp)).encode())[2:-4]
    return jws.token(corp.key("RS256"), raw, header={"zip": "DEF"})


def _selective_disclosure(corp: Minter) -> str:
    """SD-JWT: claims appended behind a tilde."""
    return _token(corp) + "~" + jws.b64url(b'["salt","permissions",["payroll:admin"]]') + "~"


OTHER_FORMS: dict[str, Callable[[Minter], str]] = {
    "nested": _nested,
    "nested, as a JSON text": _quoted,
    "wrapped by a stranger": _wrapped_by_a_stranger,
    "encrypted": _encrypted,
    "flattened JSON": _flattened,
    "general JSON": _general,
    "detached payload": _detached,
    "compressed": _compressed,
    "selective disclosure": _selective_disclosure,
}


@pytest.mark.parametrize("form", OTHER_FORMS)
def test_other_forms_of_tokens_are_refused(gate: Gate, corp: Minter, form: str) -> None:
    refused(gate.count(token=OTHER_FORMS[form](corp)), 16)
    allowed(gate.count(token=_token(corp)))


def test_big_token_that_nobody_signed(gate: Gate, corp: Minter) -> None:
    """Size makes no difference to the verdict (test_bearer.py has the good ones)."""
    for size in (8_193, 50_000):
        claims = _claims(corp) | {"pad": "x" * (size * 3 // 4)}
        forged = jws.flip_signature(jws.token(corp.key("RS256"), claims))
        assert len(forged) > size
        refused(gate.count(token=forged), 16)
    allowed(gate.count(token=jws.token(corp.key("RS256"), _claims(corp) | {"pad": "x" * 6_200})))

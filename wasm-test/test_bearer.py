"""How a request carries its token: one header, one value, `Bearer` and three parts."""

from __future__ import annotations

import pytest

from harness.gate import Gate, allowed, refused
from harness.grpc_client import Reply
from harness.minter import Minter

READ = ["payroll:read"]


@pytest.fixture
def gate(header_stop: bool, gate: Gate, gate_b: Gate) -> Gate:
    return gate_b if header_stop else gate


@pytest.fixture
def token(corp: Minter) -> str:
    return corp.token(permissions=READ)


def _with(gate: Gate, *values: str | bytes, name: str = "authorization") -> Reply:
    return gate.count(headers=[(name, value) for value in values])


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_scheme_in_any_case(gate: Gate, token: str, scheme: str) -> None:
    allowed(_with(gate, f"{scheme} {token}"))


def test_no_token(gate: Gate) -> None:
    refused(gate.count(), 16)


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "{t}", "Basic {t}", "Bearer  {t}", "Bearer\t{t}", "Bearer {t} x", "Bearer {t},", "Bearer,{t}",
     "Bearer {t}=", "Bearer {t}.", "Bearer .{t}", "Bearer {t}.x", "Bearer a.b", "Bearer a.b.c", "Bearer ..", "Bearer {t} {t}",
     "Bearer Bearer {t}", "Digest Bearer {t}", "Bearer {t}, Bearer {t}", "Bearer={t}"],
)
def test_malformed_headers_are_refused(gate: Gate, token: str, value: str) -> None:
    refused(_with(gate, value.replace("{t}", token)), 16)


def test_base64_of_another_alphabet(gate: Gate, corp: Minter) -> None:
    """Standard base64 instead of base64url, and padding: these are not the bytes that were signed."""
    header, claims, signature = corp.token(permissions=READ, note="\u00ff\u00fe\u00ff>>>???").split(".")
    pad = "=" * (-len(claims) % 4)
    refused(_with(gate, f"Bearer {header}.{claims}{pad}.{signature}="), 16)
    swapped = signature.replace("-", "+").replace("_", "/")
    if swapped != signature:
        refused(_with(gate, f"Bearer {header}.{claims}.{swapped}"), 16)


def test_spare_bits_of_the_signature(gate: Gate, token: str) -> None:
    """256 bytes leave four spare bits in the last character: a token must have exactly one spelling."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = alphabet[alphabet.index(token[-1]) ^ 1]
    refused(_with(gate, f"Bearer {token[:-1]}{other}"), 16)


def test_two_headers_are_refused(gate: Gate, token: str, corp: Minter) -> None:
    """Envoy joins them with a comma: the call has no single caller."""
    other = corp.token("bob", permissions=["payroll:admin"])
    for values in (
        (f"Bearer {token}", f"Bearer {token}"),
        (f"Bearer {token}", f"Bearer {other}"),
        (f"Bearer {token}", "Basic x"),
        ("Basic x", f"Bearer {token}"),
        ("x", f"Bearer {token}"),
        (f"Bearer {token}", ","),
    ):
        refused(_with(gate, *values), 16)


def test_an_empty_header_next_to_the_token(gate: Gate, token: str) -> None:
    """Envoy drops the empty header before any filter sees it: one complete token is left."""
    allowed(_with(gate, "", f"Bearer {token}"))
    refused(_with(gate, "", ""), 16)


@pytest.mark.parametrize("name", ["grpcgateway-authorization", "grpc-metadata-authorization", "authorization-extras", "proxy-authorization", "x-authorization"])
def test_tokens_in_other_headers_are_ignored(gate: Gate, token: str, name: str) -> None:
    refused(_with(gate, f"Bearer {token}", name=name), 16)


def test_big_tokens(gate: Gate, corp: Minter) -> None:
    """Lists of groups make tokens of many KiB; Envoy's limit for all headers is 60 KiB."""
    for size in (5_000, 20_000, 40_000):
        padding = ["g" * 90 for _ in range(size // 123)]
        allowed(gate.count(token=corp.token(permissions=READ, groups=padding)))
        refused(gate.count(token=corp.token(permissions=[], groups=padding)), 7)

"""exp, nbf, iat, iss, aud, sub: they are required, typed, and compared exactly, with the configured leeway."""

from __future__ import annotations

from typing import Any

import pytest

from harness import jws
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin

READ = ["payroll:read"]
LEEWAY = 20
MAX_LIFETIME = 7200


@pytest.fixture(scope="module")
def strict(header_stop: bool, open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    token = {"leeway": f"{LEEWAY}s", "max_lifetime": f"{MAX_LIFETIME}s"}
    return open_shared_gate(plugin(corp.config(token=token)), echo.port, header_stop=header_stop)


def at(seconds: float) -> float:
    """A time relative to now, for `claims` below; it is resolved when the test runs, not when it is collected."""
    return _Relative(seconds)


class _Relative(float):
    pass


def _resolve(members: dict[str, Any]) -> dict[str, Any]:
    return {k: jws.now() + int(v) if isinstance(v, _Relative) else v for k, v in members.items()}


GOOD: dict[str, dict[str, Any]] = {
    "plain": {},
    "expired within the leeway": {"exp": at(-LEEWAY + 10)},
    "not yet valid within the leeway": {"nbf": at(LEEWAY - 10)},
    "nbf in the past": {"nbf": at(-100)},
    "audience among others": {"aud": ["account", "temporal"]},
    "just under the longest lifetime": {"iat": at(0), "exp": at(MAX_LIFETIME - 60)},
}

BAD: dict[str, dict[str, Any]] = {
    "expired": {"exp": at(-LEEWAY - 10)},
    "not yet valid": {"nbf": at(LEEWAY + 30)},
    "no exp": {"exp": None},
    "exp zero": {"exp": 0},
    "exp negative": {"exp": -1},
    "exp a string": {"exp": "9999999999"},
    "exp true": {"exp": True},
    "exp a list": {"exp": [9999999999]},
    "exp beyond every clock": {"exp": 1e300},
    "nbf a string": {"nbf": "0"},
    "nbf beyond every clock": {"nbf": 1e300},
    "lives too long": {"iat": at(0), "exp": at(MAX_LIFETIME + 600)},
    "no iss": {"iss": None},
    "other iss": {"iss": "https://other.test/"},
    "iss without its slash": {"iss": "https://corp.test"},
    "iss in another case": {"iss": "https://CORP.test/"},
    "iss with more behind": {"iss": "https://corp.test/x"},
    "iss a list": {"iss": ["https://corp.test/"]},
    "no aud": {"aud": None},
    "other aud": {"aud": "account"},
    "aud in another case": {"aud": "Temporal"},
    "aud empty list": {"aud": []},
    "aud an object": {"aud": {"temporal": True}},
    "aud with more behind": {"aud": "temporal "},
    "no sub": {"sub": None},
    "sub a fraction": {"sub": 7.5},
    "sub a list": {"sub": ["alice"]},
}


@pytest.mark.parametrize("case", GOOD)
def test_valid_claims_are_accepted(strict: Gate, corp: Minter, case: str) -> None:
    allowed(strict.count(token=corp.token(permissions=READ, **_resolve(GOOD[case]))))


@pytest.mark.parametrize("case", BAD)
def test_invalid_claims_are_refused(strict: Gate, corp: Minter, case: str) -> None:
    refused(strict.count(token=corp.token(permissions=READ, **_resolve(BAD[case]))), 16)


def test_null_members_are_not_values(strict: Gate, corp: Minter) -> None:
    for name in ("exp", "iss", "aud", "sub"):
        claims = corp.claims(permissions=READ) | {name: None}
        refused(strict.count(token=jws.token(corp.keys[0], claims)), 16)


def test_fractions_of_a_second(strict: Gate, corp: Minter) -> None:
    """NumericDate allows them, and issuers send them."""
    allowed(strict.count(token=corp.token(permissions=READ, exp=jws.now() + 600.5, nbf=jws.now() - 0.5)))
    refused(strict.count(token=corp.token(permissions=READ, exp=jws.now() - LEEWAY - 10.5)), 16)


def test_a_token_ends_while_it_is_cached(strict: Gate, corp: Minter) -> None:
    """The token is allowed, and so cached, shortly before it expires, and refused afterwards."""
    from harness.poll import until

    token = corp.token(permissions=READ, exp=jws.now() - LEEWAY + 3)
    allowed(strict.count(token=token))
    until(lambda: strict.count(token=token).grpc_status == 16, 10, "the cached token to end")


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"1", b"null", b'"text"', b"{", b"{}{}", b'{"iss":}', b"\xff\xfe", b"[" * 20000, b'{"a":' * 7000],
    ids=lambda p: repr(p[:10]),
)
def test_claims_that_are_not_an_object(strict: Gate, corp: Minter, payload: bytes) -> None:
    refused(strict.count(token=jws.token(corp.keys[0], payload)), 16)
    allowed(strict.count(token=corp.token(permissions=READ)))


def test_valid_claims_with_trailing_bytes(strict: Gate, corp: Minter) -> None:
    import json

    good = json.dumps(corp.claims(permissions=READ))
    allowed(strict.count(token=jws.token(corp.keys[0], good + " \n")))
    for tail in ("{}", "x", "\0", ","):
        refused(strict.count(token=jws.token(corp.keys[0], good + tail)), 16)

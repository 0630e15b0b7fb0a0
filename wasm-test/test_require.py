"""`require`: an ID token is not an access token, even if the same issuer signed it for the same audience."""

from __future__ import annotations

from typing import Any

import pytest

from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin

READ = ["payroll:read"]


@pytest.fixture(scope="module")
def requiring(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    config = corp.config(token={"require": {"token_use": "access"}, "typ": ["at+jwt"]})
    return open_shared_gate(plugin(config), echo.port)


def _token(corp: Minter, typ: str | None, **claims: Any) -> str:
    from harness import jws

    return jws.token(corp.keys[0], corp.claims(permissions=READ, **claims), typ=typ)


def test_access_token(requiring: Gate, corp: Minter) -> None:
    allowed(requiring.count(token=_token(corp, "at+jwt", token_use="access")))


@pytest.mark.parametrize("use", ["id", "Access", "access ", "", None, ["access", "id"][1:], {"access": 1}], ids=repr)
def test_other_token(requiring: Gate, corp: Minter, use: object) -> None:
    refused(requiring.count(token=_token(corp, "at+jwt", token_use=use)), 16)


@pytest.mark.parametrize("typ", ["JWT", None], ids=repr)
def test_other_typ(requiring: Gate, corp: Minter, typ: str | None) -> None:
    """Only `at+jwt` was configured."""
    refused(requiring.count(token=_token(corp, typ, token_use="access")), 16)

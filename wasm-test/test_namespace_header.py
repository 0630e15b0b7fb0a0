"""The `temporal-namespace` header is only the client's claim: it neither opens nor closes anything."""

from __future__ import annotations

import pytest

from harness.gate import Gate, allowed, refused
from harness.minter import Minter


@pytest.mark.parametrize("name", ["temporal-namespace", "Temporal-Namespace".lower(), "temporal-resource-id"])
@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_the_header_neither_opens_nor_closes_anything(gate: Gate, corp: Minter, name: str, gzip: bool) -> None:
    token = corp.token(permissions=["payroll:read"])
    # The header names the namespace that the caller may read, the request names the other.
    refused(gate.count("finance-reports", token=token, gzip=gzip, headers={name: "payroll"}), 7)
    # The header names the other namespace, the request names the one that the caller may read.
    allowed(gate.count("payroll", token=token, gzip=gzip, headers={name: "finance-reports"}))
    # The header occurs twice.
    refused(gate.count("finance-reports", token=token, gzip=gzip, headers=[(name, "payroll"), (name, "payroll")]), 7)
    refused(gate.count("", token=token, gzip=gzip, headers={name: "payroll"}), 7)

"""Grants that end. Temporal has nothing like it, so it is not asked."""

from typing import Any

from .case import ISSUER, Case, request, ruled

# 2027-01-15T08:00:00Z
NOW = 1_800_000_000_000
CONFIGURATION: dict[str, Any] = {
    "version": 1,
    "issuers": {"corp": ISSUER},
    "grants": [
        {"name": "day-to-day", "who": {"issuer": "corp"}, "role": "reader", "namespaces": ["payroll"]},
        {"name": "break-glass", "who": {"issuer": "corp", "claims": {"groups": "on-call"}}, "role": "writer", "namespaces": ["payroll"], "until": "2027-01-15T08:00:00Z"},
        {"name": "with-an-offset", "who": {"issuer": "corp", "claims": {"groups": "offset"}}, "role": "writer", "namespaces": ["payroll"], "until": "2027-01-15T09:30:00.5+01:30"},
        {"name": "over", "who": {"issuer": "corp", "claims": {"groups": "over"}}, "role": "admin", "system": True, "until": "2026-12-24T18:00:00Z"},
        {"name": "for-long", "who": {"issuer": "corp", "claims": {"groups": "long"}}, "role": "writer", "namespaces": ["payroll"], "until": "2100-01-01T00:00:00Z"},
    ],
}
START, COUNT = "StartWorkflowExecution", "CountWorkflowExecutions"
ON_CALL, OFFSET, OVER, LONG = ({"groups": group} for group in ("on-call", "offset", "over", "long"))
NONE = "default-deny"

# name, method, claims, milliseconds after eight o'clock, rule
ROWS: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("a millisecond before its end", START, ON_CALL, -1, "break-glass"), ("at its end", START, ON_CALL, 0, NONE), ("after its end", START, ON_CALL, 1, NONE),
    ("what others give goes on", COUNT, ON_CALL, 1, "day-to-day"), ("somebody else, before", START, {}, -1, NONE),
    ("with an offset, before", START, OFFSET, 499, "with-an-offset"), ("with an offset, at its end", START, OFFSET, 500, NONE),
    ("long over", START, OVER, 0, NONE), ("long over, in the cluster", "ListNexusEndpoints", OVER, 0, NONE), ("far ahead", START, LONG, 0, "for-long"),
]

CASES: list[Case] = [
    ruled(name, method, request(method, **({} if method == "ListNexusEndpoints" else {"namespace": "payroll"})), claims, rule, set(), NOW + after)
    for name, method, claims, after, rule in ROWS
]

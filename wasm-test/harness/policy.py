"""The plugin configurations that the tests share."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

# Each token lists its own permissions: most tests need no other policy.
BY_PERMISSIONS: list[Json] = [{"name": "permissions", "who": {"issuer": "corp"}, "permissions_claim": "permissions"}]


def plugin(corp: Json, grants: list[Json] | None = None, **members: Any) -> Json:
    """A configuration with one issuer, `corp`. `members` are further top-level fields (None removes one)."""
    config: Json = {
        "version": 1,
        "issuers": {"corp": corp},
        "grants": BY_PERMISSIONS if grants is None else grants,
    } | members
    return {name: value for name, value in config.items() if value is not None}

"""The filter's shared data as another plugin sees it: the names of its entries, and the hostile plugin."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from typing import Any

from . import paths
from .envoy import Envoy
from .envoy_config import Json, wasm_filter
from .poll import until

SAID = "hostile: "

_configurations = itertools.count()


def entry(configuration: Json, issuer: str, what: str = "keys") -> str:
    """The name of an issuer's entry: `keys`, or `lease` for the right to fetch them."""
    digest = hashlib.sha256(json.dumps(configuration).encode()).digest()
    name = hmac.digest(b"temporal-auth name of shared keys", digest, "sha256").hex()[:32]
    return f"temporal-auth/{name}/{issuer}/{what}"


def hostile(*moves: str) -> Json:
    """The plugin as a filter that precedes ours in the chain; hostile-plugin/src/lib.rs documents its configuration."""
    assert paths.HOSTILE.exists(), f"{paths.HOSTILE} is not there: make test-wasm builds it"
    # The host keeps the context of a configuration that is pushed again, so the plugin would not log its moves again.
    return wasm_filter("hostile", paths.HOSTILE, "\n".join([f"# {next(_configurations)}", *moves]))


def let_loose(envoy: Envoy, *moves: str, beside: list[Json] | None = None, **changes: Any) -> None:
    """Puts the plugin into the chain, replacing an earlier one, and waits until it has made each move."""
    mark = envoy.log_mark()
    envoy.push(filters=[hostile(*moves), *(beside or [])], **changes)
    for move in moves:
        until(lambda: SAID + move[:200] in envoy.log_since(mark), 20, f"the hostile plugin to {move[:60]}")


def read(envoy: Envoy, name: str, beside: list[Json] | None = None) -> bytes:
    """An entry's value."""
    mark = envoy.log_mark()
    let_loose(envoy, f"show {name}", beside=beside)
    said = envoy.log_since(mark).rsplit(f"{SAID}show {name} ", 1)[1]
    return bytes.fromhex(said.split(maxsplit=1)[0])

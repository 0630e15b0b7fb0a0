"""The issuer fails after the keys were fetched: the last good keys keep working, for `max_stale` and no longer."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from harness import jws
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed, refused
from harness.issuer import JWKS, Behaviour, Issuer
from harness.policy import plugin
from harness.poll import prompt, until

pytestmark = pytest.mark.waits

READ = ["payroll:read"]
HOLDS = 6  # max_stale, seconds


FAILED = "temporal_auth.keys.fetch_failed"
FLOOD = "ten thousand keys"
REDIRECT = {"location": "/elsewhere"}
DEEP = b'{"keys": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

# Each issuer fails in its own way, all at the same time, with a cluster for each.
VARIANTS: dict[str, Behaviour] = {
    "500": Behaviour(status=500),
    "503 with a good body": Behaviour(status=503),
    "404": Behaviour(status=404),
    "302": Behaviour(status=302, headers=REDIRECT),
    "203": Behaviour(status=203, body=b'{"keys": []}'),
    "hangs": Behaviour(hang=True),
    "reset in mid body": Behaviour(reset_mid_body=True),
    "3 MB": Behaviour(huge=3_000_000),
    "empty": Behaviour(body=b""),
    "html": Behaviour(body=b"<html>login</html>", content_type="text/html"),
    "json null": Behaviour(body=b"null"),
    "json list": Behaviour(body=b"[]"),
    "no keys member": Behaviour(body=b"{}"),
    "no keys in it": Behaviour(body=b'{"keys": []}'),
    "keys an object": Behaviour(body=b'{"keys": {}}'),
    "none usable": Behaviour(body=b'{"keys": [{"kty": "AKP", "kid": "x"}, {"kty": "RSA"}, null]}'),
    "no utf-8": Behaviour(body=b'{"keys": ["\xff"]}'),
    "cut short": Behaviour(body=b'{"keys": [{"kty": "RSA", "kid": "'),
    "deeply nested": Behaviour(body=DEEP),
    "nul bytes": Behaviour(body=bytes(1000)),
}


@pytest.fixture(scope="module")
def issuers() -> Iterator[dict[str, Issuer]]:
    with contextlib.ExitStack() as stack:
        yield {variant: stack.enter_context(Issuer()) for variant in [*VARIANTS, FLOOD]}


@pytest.fixture(scope="module")
def outage(open_shared_gate: OpenGate, echo: Echo, issuers: dict[str, Issuer]) -> Gate:
    """A gate that refreshes every second, so that failures come soon, with a long `max_stale`. All issuers have failed by now."""
    names = {variant: f"i{number}" for number, variant in enumerate(issuers)}
    timing = {"refresh": "1s", "timeout": "1s", "retry": "1s", "max_stale": "1h", "wait": "1s"}
    configuration = plugin({})
    configuration["issuers"] = {
        names[variant]: issuer.fetched_config(names[variant], discovery=False, **timing)
        for variant, issuer in issuers.items()
    }
    configuration["grants"] = [
        {"name": name, "who": {"issuer": name}, "permissions_claim": "permissions"} for name in names.values()
    ]
    clusters = {names[variant]: Cluster(issuer.port, http2=False) for variant, issuer in issuers.items()}
    gate = open_shared_gate(configuration, echo.port, clusters=clusters)
    for issuer in issuers.values():
        until(lambda: gate.count(token=issuer.token(permissions=READ)).grpc_status == 0, 10, "the first keys")
    before = gate.envoy.counter(FAILED)
    for variant, issuer in issuers.items():
        if variant in VARIANTS:
            issuer.behave(VARIANTS[variant])
    _fetched_again(issuers)
    gate.envoy.wait_counter(FAILED, before + len(VARIANTS))
    return gate


def _fetched_again(issuers: dict[str, Issuer]) -> None:
    """Waits for more fetches than there are copies of the filter: then at least one copy has the answer to an earlier fetch."""
    marks = {variant: issuer.fetches(JWKS) for variant, issuer in issuers.items()}
    until(lambda: all(issuer.fetches(JWKS) >= marks[v] + 4 for v, issuer in issuers.items()), 30, "more fetches")


@pytest.mark.parametrize("variant", VARIANTS)
def test_failed_fetch_keeps_the_last_good_keys(outage: Gate, issuers: dict[str, Issuer], variant: str) -> None:
    issuer = issuers[variant]
    # A token that was never seen, so it does not come from the cache of verified tokens.
    token = issuer.token(permissions=READ, jti=variant)
    allowed(outage.count(token=token))
    # The issuer may have replaced its key since, for all that can be known.
    refused(outage.count(token=jws.flip_signature(token)), 14)


def test_a_flood_of_keys_is_a_failure_or_bounded(outage: Gate, issuers: dict[str, Issuer]) -> None:
    """Ten thousand small keys: whether or not they are accepted, the good key works and the proxy is not blocked."""
    jwk = jws.shared_key("EdDSA").jwk()
    issuers[FLOOD].extra_jwks = [{**jwk, "kid": f"k{i}"} for i in range(10_000)]
    _fetched_again({FLOOD: issuers[FLOOD]})
    allowed(prompt(lambda: outage.count(token=issuers[FLOOD].token(permissions=READ, jti=str(time.monotonic_ns()))), 2))
    issuers[FLOOD].extra_jwks = []


def test_recovery(outage: Gate, issuers: dict[str, Issuer]) -> None:
    """Whatever the failure was, new keys are found after it."""
    for issuer in issuers.values():
        issuer.behave(None)
        issuer.keys = [jws.shared_key("ES256")]
    for variant, issuer in issuers.items():
        until(lambda: outage.count(token=issuer.token(permissions=READ)).grpc_status == 0, 40, f"new keys after {variant}")


@pytest.fixture(scope="module")
def bounded(open_shared_gate: OpenGate, echo: Echo) -> Iterator[tuple[Gate, Issuer]]:
    with Issuer() as issuer:
        config = issuer.fetched_config(
            refresh="1s", timeout="1s", retry="1s", max_stale=f"{HOLDS}s", wait="1s", refetch="1s"
        )
        yield open_shared_gate(plugin(config), echo.port, clusters={"idp": Cluster(issuer.port, http2=False)}), issuer


def test_stale_keys_end(bounded: tuple[Gate, Issuer]) -> None:
    gate, issuer = bounded
    token = issuer.token(permissions=READ)
    until(lambda: gate.count(token=token).grpc_status == 0, 10, "the first keys")
    issuer.stop()
    stopped = time.monotonic()
    while time.monotonic() - stopped < HOLDS - 2:
        allowed(gate.count(token=token))
        allowed(gate.count(token=issuer.token(permissions=READ, jti=str(time.monotonic()))))
        time.sleep(0.1)
    # Neither a denial nor "your token is bad": without keys, the filter cannot know.
    until(lambda: gate.count(token=token).grpc_status == 14, HOLDS + 5, "stale keys to end")
    assert time.monotonic() - stopped > HOLDS - 2
    refused(gate.count(token=token), 14)
    issuer.start()
    until(lambda: gate.count(token=token).grpc_status == 0, 40, "recovery", every=0.5)

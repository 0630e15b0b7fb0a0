"""Every way in which an issuer can fail while callers are active: callers whose key is known notice nothing, new callers are
told to retry, connecting clients never need a key, and afterwards all keys are found without a restart.

There are two issuers for each fault: one that worked before, and one that fails from the start. All faults happen at the
same time.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from harness import jws, requests
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import Gate, OpenGate, allowed, refused, refused_in_the_end
from harness.grpc_client import Reply
from harness.issuer import JWKS, Behaviour, Issuer
from harness.policy import plugin
from harness.poll import prompt, until
from harness.traffic import Traffic

pytestmark = pytest.mark.waits

READ = ["payroll:read"]
TIMING = {"refresh": "1s", "timeout": "1s", "retry": "1s", "refetch": "1s", "max_stale": "1h", "wait": "1s"}

REFUSES = "refuses"
FAULTS: dict[str, Behaviour | None] = {
    REFUSES: None,
    "hangs": Behaviour(hang=True),
    "drips": Behaviour(drip=0.2),
    "500": Behaviour(status=500),
    "reset in mid body": Behaviour(reset_mid_body=True),
    "not HTTP": Behaviour(raw=b"220 mail.test ESMTP\r\n"),
    "cut headers": Behaviour(raw=b"HTTP/1.1 200 OK\r\ncontent-le"),
    "login page": Behaviour(body=b"<html>login</html>", content_type="text/html"),
    "empty set": Behaviour(body=b'{"keys": []}'),
    "30 MB": Behaviour(huge=30_000_000),
}
every_fault = pytest.mark.parametrize("fault", FAULTS)


def _fail(issuer: Issuer, fault: str) -> None:
    if fault == REFUSES:
        issuer.stop()
    else:
        issuer.behave(FAULTS[fault])


class Storm:
    """The proxy, the issuers, the honest callers, and the answers that new callers got in the meantime."""

    def __init__(self, gate: Gate, well: dict[str, Issuer], ill: dict[str, Issuer]) -> None:
        self.gate, self.well, self.ill = gate, well, ill
        self.newcomers: dict[tuple[str, str], Reply] = {}
        # From each issuer in turn, a token that was seen before and a token that was not.
        calls: dict[str, Callable[[], Reply]] = {}
        for fault, issuer in well.items():
            calls["seen " + fault] = partial(self.gate.count, token=issuer.token(permissions=READ))
            calls["fresh " + fault] = partial(self._call, issuer, issuer.keys[0])
        self.honest = Traffic(calls)

    def _call(self, issuer: Issuer, key: jws.Key) -> Reply:
        return self.gate.count(token=issuer.token(permissions=READ, jti=str(time.monotonic_ns()), key=key))

    def ask_as_newcomers(self) -> None:
        """Calls with a key that nobody has published yet, and with a key of an issuer whose keys were never fetched."""
        tokens = {("unknown kid", fault): _unpublished(issuer) for fault, issuer in self.well.items()}
        tokens |= {("no keys yet", fault): issuer.token(permissions=READ) for fault, issuer in self.ill.items()}
        with ThreadPoolExecutor(8) as pool:
            replies = pool.map(lambda token: self.gate.count(token=token), tokens.values())
            self.newcomers = dict(zip(tokens, replies))


def _unpublished(issuer: Issuer) -> str:
    return issuer.token(permissions=READ, key=jws.Key.new("ES256"))


@pytest.fixture(scope="module")
def storm(header_stop: bool, open_shared_gate: OpenGate, echo: Echo) -> Iterator[Storm]:
    with contextlib.ExitStack() as stack:
        well = {fault: stack.enter_context(Issuer()) for fault in FAULTS}
        ill = {fault: stack.enter_context(Issuer()) for fault in FAULTS}
        for fault, issuer in ill.items():
            _fail(issuer, fault)
        names = {f"{kind}{number}": issuer for kind, of in (("well", well), ("ill", ill)) for number, issuer in enumerate(of.values())}
        configuration = plugin({})
        configuration["issuers"] = {n: i.fetched_config(n, discovery=False, **TIMING) for n, i in names.items()}
        configuration["grants"] = [{"name": n, "who": {"issuer": n}, "permissions_claim": "permissions"} for n in names]
        clusters = {name: Cluster(issuer.port, http2=False) for name, issuer in names.items()}
        gate = open_shared_gate(configuration, echo.port, clusters=clusters, concurrency=2, header_stop=header_stop)
        for issuer in well.values():
            until(lambda: gate.count(token=issuer.token(permissions=READ)).grpc_status == 0, 10, "the first keys")
        storm = Storm(gate, well, ill)
        with storm.honest:
            for fault, issuer in well.items():
                _fail(issuer, fault)
            _meet_the_fault(well | {"ill " + fault: issuer for fault, issuer in ill.items()})
            storm.ask_as_newcomers()
            yield storm


def _meet_the_fault(issuers: dict[str, Issuer]) -> None:
    """Each issuer was asked twice more, except that an issuer that refuses connections cannot count them."""
    asked = {name: issuer.fetches(JWKS) for name, issuer in issuers.items() if not name.endswith(REFUSES)}
    until(lambda: all(issuers[name].fetches(JWKS) >= count + 2 for name, count in asked.items()), 40, "failed fetches")


@every_fault
@pytest.mark.parametrize("newcomer", ["unknown kid", "no keys yet"])
def test_a_new_caller_is_asked_to_retry(storm: Storm, newcomer: str, fault: str) -> None:
    refused(storm.newcomers[newcomer, fault], 14)


def test_a_connecting_client_needs_no_key(storm: Storm) -> None:
    """This holds for any token: none, a token whose key is known, a token of an issuer without keys, a malformed token."""
    known, unknown = storm.well[REFUSES].token(permissions=READ), storm.ill[REFUSES].token(permissions=READ)
    for token in (None, known, unknown, _unpublished(storm.well["hangs"]), "no.token.atall"):
        for method in ("GetSystemInfo", requests.HEALTH_CHECK):
            allowed(prompt(lambda: storm.gate.call(method, token=token), 0.9))
    # The counterpart: a call that needs a token is not allowed just because there are no keys.
    refused(storm.gate.call("ListNamespaces", token=unknown), 14)


def test_honest_callers_notice_nothing(storm: Storm) -> None:
    storm.honest.more(6 * len(FAULTS), 30)
    storm.honest.all_succeeded()
    for issuer in storm.well.values():
        refused(storm.gate.count(token=jws.flip_signature(issuer.token(permissions=READ))), 14)


def test_recovery_without_a_restart(storm: Storm) -> None:
    """Each issuer publishes another key, and the callers that were told to retry do so."""
    issuers = {"well": storm.well, "ill": storm.ill}
    for issuer in [*storm.well.values(), *storm.ill.values()]:
        issuer.rotate("ES256", keep_old=True)
        issuer.behave(None)
        issuer.start()
    for kind, of in issuers.items():
        for fault, issuer in of.items():
            for key in issuer.keys:
                token = issuer.token(permissions=READ, key=key, jti="after")
                until(lambda: storm.gate.count(token=token).grpc_status == 0, 25, f"{fault} ({kind}) to be over")
            forged = jws.flip_signature(issuer.token(permissions=READ))
            refused_in_the_end(lambda: storm.gate.count(token=forged), 16)
    storm.honest.all_succeeded()

"""`x-forwarded-client-cert` from a hostile client: it neither hides nor replaces the element that the nearest proxy wrote.

There are two Envoys: the one in front terminates TLS and appends to the client's header, as some proxies do; the one behind has
the filter.
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from harness import requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Reply
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal
from harness.tls import Authority, Pair

w = requests.workflow
XFCC = "x-forwarded-client-cert"
CLI, ADMIN = "spiffe://td/ns/payroll/sa/cli", "spiffe://td/ns/payroll/sa/admin"
GRANTS: list[dict[str, Any]] = [
    {"name": "cli", "who": {"peer": CLI}, "role": "reader", "namespaces": ["payroll"]},
    {"name": "admin", "who": {"peer": ADMIN}, "role": "admin", "namespaces": ["payroll"]},
    {"name": "people", "who": {"issuer": "corp"}, "role": "client", "namespaces": ["payroll"]},
]
DENIALS = [{"name": "not-from-the-cli", "effects": ["start"], "who": {"peer": CLI}}]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def behind(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    configuration = plugin(corp.config(), GRANTS, denials=DENIALS, peers={"xfcc": True})
    return open_shared_gate(configuration, rich_temporal.port, forward_client_cert="ALWAYS_FORWARD_ONLY")


@pytest.fixture(scope="module")
def front(open_shared_gate: OpenGate, behind: Gate, authority: Authority) -> Gate:
    return open_shared_gate(
        None, behind.port, name="front", tls=authority.listener(), forward_client_cert="APPEND_FORWARD"
    )


@pytest.fixture(scope="module")
def pairs(authority: Authority) -> dict[str, Pair]:
    return {
        "cli": authority.issue("cli", uris=[CLI]),
        "admin": authority.issue("admin", uris=[ADMIN]),
        "quoted": authority.issue("quoted", uris=[CLI], subject='a"b'),
        "comma": authority.issue("comma", uris=[CLI], subject=f"a,URI={ADMIN}"),
    }


UNREADABLE = {
    "a quote that does not end": 'X="',
    "a quote in the middle": 'URI=spiffe://x"y',
    "no key": f"{CLI}",
    "an empty element": f",URI={CLI}",
    "a key with a space": f"U RI={CLI}",
    "text after a quote": f'URI="{CLI}"x',
    "an escape outside of quotes": "URI=a\\b",
    "nothing": "",
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_an_unreadable_header_refuses_the_call(behind: Gate, straight: Frontend, corp: Minter, case: str) -> None:
    """The call is refused with 16, whatever token it has; anonymous methods need neither."""
    headers = {XFCC: UNREADABLE[case]}
    name = f"w-{uuid.uuid4()}"
    start = requests.start_workflow("payroll", name)
    for token in (None, corp.token(), "a.b.c"):
        mark = behind.envoy.log_mark()
        behind.refused_by_us("StartWorkflowExecution", start, token=token, status=16, headers=headers)
        assert behind.envoy.decision(mark)["reason"] == f"{XFCC} cannot be read"
    assert not straight.exists(name)
    for path in (requests.GET_SYSTEM_INFO, requests.HEALTH_CHECK):
        allowed(behind.call(path, headers=headers))
    # The counterpart: with the header as proxies write it, and without it.
    for good in ({}, {XFCC: "By=spiffe://td/front;Hash=00;URI=spiffe://td/other"}):
        allowed(behind.start(token=corp.token(), headers=good))


def test_two_headers(behind: Gate, corp: Minter) -> None:
    """Envoy joins two headers with a comma before filters see them: the last element is still the nearest proxy's."""
    own, forged = (XFCC, f"URI={CLI}"), (XFCC, f"URI={ADMIN}")
    for token in (None, corp.token()):
        refused(behind.start(token=token, headers=[forged, own]), 7)
    refused(behind.start(headers=[own, (XFCC, 'X="')]), 16)


def test_a_caller_without_a_certificate(behind: Gate, corp: Minter) -> None:
    """A denial of a peer ends here: it matches callers who show that certificate, and a token alone shows none."""
    refused(behind.start(token=corp.token(), headers={XFCC: f"URI={CLI}"}), 7)
    allowed(behind.start(token=corp.token()))


def test_the_first_name_counts(behind: Gate, corp: Minter) -> None:
    """A certificate has two names: neither a denial nor a grant for the second name matches it."""
    both = {XFCC: f"URI={ADMIN};URI={CLI}"}
    allowed(behind.start(token=corp.token(), headers=both))
    refused(behind.start(token=corp.token(), headers={XFCC: f"URI={CLI};URI={ADMIN}"}), 7)
    refused(behind.start(headers={XFCC: f"URI={CLI};URI={ADMIN}"}), 7)


# -- through a proxy that appends


def _calls(front: Gate, authority: Authority, pair: Pair, token: str | None, sent: str | None) -> tuple[Reply, Reply]:
    """A read and a start by this client, which also sends the header."""
    tls, headers = authority.client(pair), {} if sent is None else {XFCC: sent}
    return front.count(token=token, tls=tls, headers=headers), front.start(token=token, tls=tls, headers=headers)


def test_a_peer_is_who_its_certificate_says(front: Gate, authority: Authority, pairs: dict[str, Pair], corp: Minter) -> None:
    # The same with a token, because the denial is about the peer.
    for token in (None, corp.token()):
        read, start = _calls(front, authority, pairs["cli"], token, None)
        allowed(read)
        refused(start, 7)
        read, start = _calls(front, authority, pairs["admin"], token, None)
        allowed(read)
        allowed(start)


# The client's own header -> the statuses of its read and its start without a token, and with one
SAID: dict[str, tuple[str, str, tuple[int, int], tuple[int, int]]] = {
    "somebody else": ("cli", f"URI={ADMIN}", (0, 7), (0, 7)),
    "somebody else, as a proxy would": ("cli", f'By=spiffe://f;Hash=1;Subject="CN=admin";URI={ADMIN}', (0, 7), (0, 7)),
    "to hide in a quote": ("cli", 'X="', (16, 16), (16, 16)),
    "to hide in a quote that ends in the certificate": ("quoted", f'URI={ADMIN};X="', (16, 16), (16, 16)),
    "a quoted subject": ("quoted", f"URI={ADMIN}", (0, 7), (0, 7)),
    "a comma in the subject": ("comma", f"URI={ADMIN}", (0, 7), (0, 7)),
    "a comma in the subject, and a quote": ("comma", 'X="', (16, 16), (16, 16)),
    "an escape at the end": ("cli", 'X="\\', (16, 16), (16, 16)),
}


@pytest.mark.parametrize("case", SAID)
def test_a_clients_own_elements_count_for_nothing(front: Gate, authority: Authority, pairs: dict[str, Pair], corp: Minter, case: str) -> None:
    pair, sent, without, with_token = SAID[case]
    for token, expected in ((None, without), (corp.token(), with_token)):
        replies = _calls(front, authority, pairs[pair], token, sent)
        assert tuple(reply.grpc_status for reply in replies) == expected, [str(reply) for reply in replies]

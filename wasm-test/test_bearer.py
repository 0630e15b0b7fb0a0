"""How a request carries its token: one header, one value, `Bearer` and three parts."""

from __future__ import annotations

import pytest

from harness import grpc_client, jws, requests
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Reply
from harness.minter import Minter
from harness.policy import plugin

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
     "Bearer Bearer {t}", "Digest Bearer {t}", "Bearer {t}, Bearer x", "Bearer={t}"],
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
        (f"Bearer {token}", f"Bearer {other}"),
        (f"Bearer {token}", f"Bearer {token}", f"Bearer {other}"),
        (f"Bearer {token}", "Basic x"),
        ("Basic x", f"Bearer {token}"),
        ("x", f"Bearer {token}"),
        (f"Bearer {token}", ","),
    ):
        refused(_with(gate, *values), 16)


def test_a_repeated_header_counts_once(gate: Gate, token: str) -> None:
    for _ in range(2):
        allowed(_with(gate, f"Bearer {token}", f"Bearer {token}"))
        allowed(_with(gate, f"Bearer {token}, bearer {token}"))


@pytest.fixture(scope="module")
def doors(open_shared_gate: OpenGate, echo: Echo, corp: Minter) -> Gate:
    """Two issuers, each with a header of its own; the identity proxy's counts."""
    proxy = Minter("https://proxy.test/", keys=[jws.shared_key("ES256")])
    config = plugin(corp.config(token={"headers": ["authorization", "x-ui"]}), prefer=["x-proxy"])
    config["issuers"]["proxy"] = proxy.config(token={"headers": ["x-proxy"]})
    config["grants"] = [*config["grants"], {"name": "proxy", "who": {"issuer": "proxy"}, "role": "reader", "namespaces": ["finance"]}]
    return open_shared_gate(config | {"forward_token": True}, echo.port)


def test_of_two_issuers_headers_the_preferred_counts(doors: Gate, echo: Echo, token: str) -> None:
    proxy = Minter("https://proxy.test/", keys=[jws.shared_key("ES256")]).token()
    both = {"authorization": f"Bearer {token}", "x-proxy": proxy}
    marked = grpc_client.test_id()
    allowed(doors.count("finance", headers=both, test_id=marked))
    assert "authorization" not in echo.find(marked).names, "a token that nobody has verified goes on"
    refused(doors.count("payroll", headers=both), 7)
    # A bad token in the preferred header does not fall back to the other.
    refused(doors.count("payroll", headers=both | {"x-proxy": jws.flip_signature(proxy)}), 16)
    # Of two headers without an order none counts, unless only one carries a JWT.
    refused(doors.count("payroll", headers={"authorization": f"Bearer {token}", "x-ui": token}), 16)
    for opaque in ("ya29.a0AfB_byC", "opaque", "Basic x"):
        allowed(doors.count("payroll", headers={"authorization": f"Bearer {token}", "x-proxy": opaque}))
        allowed(doors.count("payroll", headers={"authorization": f"Bearer {opaque}", "x-ui": token}))
    refused(doors.count("payroll", headers={"authorization": "Bearer opaque", "x-ui": "opaque"}), 16)
    # Each alone.
    allowed(doors.count("payroll", headers={"x-ui": token}))
    allowed(doors.count("finance", headers={"x-proxy": proxy}))
    refused(doors.count("payroll", headers={"x-proxy": token}), 16)


def test_a_server_that_wants_tokens_gets_only_the_one_that_counts(open_gate: OpenGate, echo: Echo, corp: Minter) -> None:
    gate = open_gate(plugin(corp.config(token={"headers": ["x-svid", "x-other"]}), forward_token=True), echo.port)
    good, foreign = corp.token(permissions=READ), Minter("https://evil.test/", keys=[jws.shared_key("ES256")]).token()
    marked = grpc_client.test_id()
    allowed(gate.count(headers={"x-svid": good, "authorization": f"Bearer {foreign}"}, test_id=marked))
    seen = echo.find(marked)
    assert seen.get("x-svid") == good.encode() and "authorization" not in seen.names
    # Nobody verifies tokens of anonymous calls: at most the one that would have counted goes on.
    info = requests.GET_SYSTEM_INFO
    for headers, expected in (
        ({"x-svid": foreign, "x-other": foreign, "authorization": f"Bearer {foreign}"}, {"x-svid"}),
        ({"x-other": foreign}, {"x-other"}),
        ({"authorization": f"Bearer {foreign}"}, set()),
    ):
        marked = grpc_client.test_id()
        allowed(gate.call(info, headers=headers, test_id=marked))
        assert echo.find(marked).names & {"x-svid", "x-other", "authorization"} == expected


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

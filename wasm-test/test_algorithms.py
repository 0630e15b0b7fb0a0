"""Every algorithm verifies the tokens that its key signed, and no others."""

from __future__ import annotations

import pytest

from harness import jws
from harness.echo import Echo
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import plugin

READ = ["payroll:read"]

every_algorithm = pytest.mark.parametrize("alg", jws.ALGORITHMS)


@pytest.fixture
def gate(header_stop: bool, gate: Gate, gate_b: Gate) -> Gate:
    return gate_b if header_stop else gate


@every_algorithm
def test_each_algorithm_verifies(gate: Gate, corp: Minter, alg: str) -> None:
    allowed(gate.count(token=corp.token(key=corp.key(alg), permissions=READ)))


@every_algorithm
@pytest.mark.parametrize("byte", [0, -1])
def test_one_bit_of_the_signature_turned(gate: Gate, corp: Minter, alg: str, byte: int) -> None:
    refused(gate.count(token=jws.flip_signature(corp.token(key=corp.key(alg), permissions=READ), byte)), 16)


@every_algorithm
def test_signature_over_other_claims(gate: Gate, corp: Minter, alg: str) -> None:
    token = corp.token(key=corp.key(alg), permissions=[])
    refused(gate.count(token=jws.with_claims(token, corp.claims(permissions=READ))), 16)


@every_algorithm
def test_strangers_key_under_a_known_kid(gate: Gate, corp: Minter, alg: str) -> None:
    imposter = jws.Key(alg, jws.stranger_key(alg).private, corp.key(alg).kid)
    refused(gate.count(token=corp.token(key=imposter, permissions=READ)), 16)


@every_algorithm
@pytest.mark.parametrize("cut", ["empty", "short", "long", "zeros"])
def test_signature_of_wrong_length(gate: Gate, corp: Minter, alg: str, cut: str) -> None:
    key, claims = corp.key(alg), corp.claims(permissions=READ)
    good = key.sign(jws.encode({"alg": alg, "typ": "JWT", "kid": key.kid}, claims).encode())
    signature = {"empty": b"", "short": good[:-1], "long": good + b"\0", "zeros": bytes(len(good))}[cut]
    refused(gate.count(token=jws.token(key, claims, signature=signature)), 16)


def test_ecdsa_signature_in_der(gate: Gate, corp: Minter) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key, claims = corp.key("ES256"), corp.claims(permissions=READ)
    signing_input = jws.encode({"alg": "ES256", "typ": "JWT", "kid": key.kid}, claims).encode()
    der = key.private.sign(signing_input, ec.ECDSA(hashes.SHA256()))
    refused(gate.count(token=jws.token(key, claims, signature=der)), 16)


@pytest.fixture(scope="module")
def default_algorithms(open_shared_gate: OpenGate, echo: Echo) -> Gate:
    """One RSA key without an `alg` of its own: only the issuer's list decides."""
    minter = _rsa_minter()
    keys = {"inline": {"keys": [minter.keys[0].jwk(alg=None)]}}
    return open_shared_gate(plugin(minter.config(keys=keys, algorithms=None)), echo.port)


def _rsa_minter() -> Minter:
    return Minter(keys=[jws.shared_key("RS256")])


def test_algorithm_on_the_default_list(default_algorithms: Gate) -> None:
    allowed(default_algorithms.count(token=_rsa_minter().token(permissions=READ)))


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256", "PS384", "PS512"])
def test_algorithm_not_on_the_list(default_algorithms: Gate, alg: str) -> None:
    """The same key and a correct signature, with an algorithm that the operator did not list."""
    minter = _rsa_minter()
    token = jws.token(minter.keys[0], minter.claims(permissions=READ), alg=alg)
    refused(default_algorithms.count(token=token), 16)


@pytest.mark.parametrize("claimed", ["RS384", "PS256", "ES256", "EdDSA"])
def test_header_names_another_algorithm_than_the_key(gate: Gate, corp: Minter, claimed: str) -> None:
    """The key's own `alg` is respected, and the key's type limits its algorithms."""
    key = corp.key("RS256")
    real = claimed if claimed.startswith(("RS", "PS")) else "RS256"
    header = {"alg": claimed, "typ": "JWT", "kid": key.kid}
    signature = key.sign(jws.encode(header, corp.claims(permissions=READ)).encode(), real)
    refused(gate.count(token=jws.token(key, corp.claims(permissions=READ), header=header, signature=signature)), 16)


@every_algorithm
def test_a_cached_token_does_not_vouch_for_others(gate: Gate, corp: Minter, alg: str) -> None:
    """A token that was verified once passes by comparison of all its bytes."""
    token = corp.token("cached", key=corp.key(alg), permissions=READ)
    for _ in range(3):
        allowed(gate.count(token=token))
    header, claims, signature = token.split(".")
    refused(gate.count(token=jws.flip_signature(token, 0)), 16)
    refused(gate.count(token=jws.flip_signature(token, -1)), 16)
    refused(gate.count(token=jws.with_claims(token, corp.claims("cached", permissions=["payroll:admin"]))), 16)
    refused(gate.count(token=f"{header}.{claims}."), 16)
    refused(gate.count(token=f"{header}.{claims}.{signature[:-4]}"), 16)
    allowed(gate.count(token=token))

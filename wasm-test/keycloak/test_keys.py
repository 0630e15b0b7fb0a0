"""What docs/presets/keycloak.md says about algorithms, and about keys that are replaced and disabled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.envoy_yaml import EnvoyYaml
from harness.gate import allowed, refused, refused_in_the_end
from harness.poll import until
from harness.temporal import Temporal
from realm import Realm, part, with_the_page
from test_the_page import call, refusal


@pytest.fixture
def algorithm(realm: Realm, request: pytest.FixtureRequest) -> Iterator[str]:
    """The realm signs with this algorithm, by a key of its own."""
    realm.keycloak.add_key(request.param, 50)
    realm.keycloak.sign_with(request.param)
    yield request.param
    realm.keycloak.sign_with("RS256")


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"], indirect=True)
def test_algorithms_that_work_as_they_are(realm: Realm, door: EnvoyYaml, algorithm: str) -> None:
    token = realm.worker("orders-worker")
    assert part(token, 0)["alg"] == algorithm
    allowed(call(door, token, "describe"))
    refused(call(door, token, "count"), 7)
    header, claims, signature = token.split(".")
    forged = f"{header}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    refused_in_the_end(lambda: call(door, forged, "describe"), 16)


@pytest.mark.parametrize("algorithm", ["PS256"], indirect=True)
def test_an_algorithm_that_must_be_listed(realm: Realm, door: EnvoyYaml, temporal: Temporal, algorithm: str) -> None:
    token = realm.worker("orders-worker")
    assert part(token, 0)["alg"] == algorithm
    assert "PS256" in refusal(door, token)

    def listed(policy: str) -> str:
        return policy.replace("    audiences:", "    algorithms: [RS256, PS256]\n    audiences:", 1)

    with EnvoyYaml(temporal, realm.keycloak.port, with_the_page(realm.keycloak, listed)) as envoy:
        allowed(call(envoy, token, "describe"))
        refused(call(envoy, token, "count"), 7)


@pytest.mark.parametrize("algorithm", ["ES512"], indirect=True)
def test_an_algorithm_that_does_not_work(realm: Realm, door: EnvoyYaml, algorithm: str) -> None:
    token = realm.worker("orders-worker")
    assert part(token, 0)["alg"] == algorithm
    assert "ES512" in refusal(door, token)


def test_keys_that_are_replaced_and_disabled(realm: Realm, door: EnvoyYaml) -> None:
    keycloak = realm.keycloak
    first = realm.worker("orders-worker")
    allowed(call(door, first, "describe"))
    # Rotation: nobody is refused.
    keycloak.add_key("RS256", 200)
    second = realm.worker("orders-worker")
    assert part(first, 0)["kid"] != part(second, 0)["kid"]
    for token in (second, first):
        allowed(call(door, token, "describe"))
    # The old key is disabled, and the filter has no cause to fetch.
    keycloak.disable_key(part(first, 0)["kid"])
    allowed(call(door, first, "describe"))
    # After a compromise: a new key, the old one disabled, and one call with a token of the new key.
    keycloak.add_key("RS256", 300)
    keycloak.disable_key(part(second, 0)["kid"])
    third = realm.worker("orders-worker")
    assert part(third, 0)["kid"] != part(second, 0)["kid"]
    allowed(call(door, third, "describe"))
    for token in (first, second):
        until(lambda: call(door, token, "describe").grpc_status == 16, 5, "the token of a disabled key to be refused")
        assert "kid" in refusal(door, token)
    allowed(call(door, third, "describe"))

"""Shared fixtures: a Keycloak whose realm is set up by the steps of docs/presets/keycloak.md, and the filter with the page's policy.

`make test-keycloak` runs these tests: Keycloak takes a minute to install, and a minute to start.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness import paths
from harness.envoy_yaml import EnvoyYaml
from harness.keycloak import ESCAPE_SLASHES, Keycloak
from harness.temporal import Temporal
from realm import Realm, with_the_page


def pytest_configure(config: pytest.Config) -> None:
    if paths.keycloak() is None:
        raise pytest.UsageError("Keycloak is not there: make test-keycloak")


@pytest.fixture(scope="session")
def temporal() -> Iterator[Temporal]:
    with Temporal(["orders", "payments", "payroll"]) as running:
        yield running


@pytest.fixture(scope="session")
def realm() -> Iterator[Realm]:
    with Keycloak(ESCAPE_SLASHES) as keycloak:
        yield Realm(keycloak)


@pytest.fixture(scope="session")
def door(realm: Realm, temporal: Temporal) -> Iterator[EnvoyYaml]:
    with EnvoyYaml(temporal, realm.keycloak.port, with_the_page(realm.keycloak)) as envoy:
        yield envoy

"""Shared fixtures: per test process, one Temporal and one echo server, with an Envoy in front of each."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from harness import jws, paths
from harness.echo import Echo
from harness.envoy import Cluster, Envoy, Settings
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate
from harness.minter import Minter
from harness.policy import Json, plugin
from harness.pool import Pool, is_plain
from harness.temporal import EVERYTHING_ON, Temporal, configured

NAMESPACES = ["payroll", "finance-reports", "bitovi-project"]


def pytest_configure(config: pytest.Config) -> None:
    if not paths.MODULE.exists():
        raise pytest.UsageError(f"{paths.MODULE} is not there: make module")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The longest test comes first: it only waits, and the others run at the same time. Files that mostly wait are in the first
    # third, so that they do not run alone at the end. The files are shuffled, always in the same way, because neighbors in the
    # alphabet wait for the same things.
    def place(item: pytest.Item) -> tuple[bool, int]:
        shuffled = zlib.crc32(f"5{item.path.name}".encode())
        waits = item.get_closest_marker("waits") is not None
        return item.get_closest_marker("slow") is None, shuffled // 3 if waits else shuffled

    items.sort(key=place)


@pytest.fixture(scope="session")
def temporal() -> Iterator[Temporal]:
    with Temporal(NAMESPACES) as running:
        yield running


@pytest.fixture(scope="session")
def rich_temporal() -> Iterator[Temporal]:
    """A Temporal with all features switched on, and with queues of several partitions."""
    with Temporal(NAMESPACES, extra=configured(*EVERYTHING_ON)) as running:
        yield running


@pytest.fixture(scope="session")
def straight(rich_temporal: Temporal) -> Frontend:
    """The namespace payroll of that server, without any filter, for setting up and inspecting tests."""
    return Frontend(rich_temporal.port)


@pytest.fixture(scope="session")
def echo() -> Iterator[Echo]:
    with Echo() as running:
        yield running


@pytest.fixture(scope="session")
def corp() -> Minter:
    """The issuer of most tests: it has one key for every algorithm, in the filter's configuration."""
    return Minter("https://corp.test/", [jws.shared_key(alg) for alg in jws.ALGORITHMS])


@pytest.fixture(scope="session")
def gate(temporal: Temporal, corp: Minter) -> Iterator[Gate]:
    """Temporal behind the filter; tokens carry their permissions."""
    with Envoy(Settings({"temporal": Cluster(temporal.port)}, plugin=plugin(corp.config())), "gate") as envoy:
        yield Gate(envoy)


@pytest.fixture(scope="module", params=[False, True], ids=["A", "B"])
def header_stop(request: pytest.FixtureRequest) -> bool:
    """The two header modes, for tests that request this fixture: mode B is `allow_on_headers_stop_iteration`."""
    return bool(request.param)


@pytest.fixture(scope="session")
def gate_b(temporal: Temporal, corp: Minter) -> Iterator[Gate]:
    """The same in header mode B: the body arrives while the headers are held."""
    settings = Settings({"temporal": Cluster(temporal.port)}, plugin=plugin(corp.config()), header_stop=True)
    with Envoy(settings, "gate-b") as envoy:
        yield Gate(envoy)


@pytest.fixture(scope="session")
def echo_gate(echo: Echo, corp: Minter) -> Iterator[Gate]:
    """The echo server behind the filter, with the same policy."""
    with Envoy(Settings({"temporal": Cluster(echo.port)}, plugin=plugin(corp.config())), "echo-gate") as envoy:
        yield Gate(envoy)


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    with Pool() as envoys:
        yield envoys


@pytest.fixture
def open_gate(pool: Pool) -> Iterator[OpenGate]:
    """Opens Envoys for one test; `settings` are further fields of `Settings`.

    An Envoy that has served another test is reused, unless it has to be `fresh`: because exact counts matter, which the
    module reports late; because its memory counts; because it must be seen to start; or because the test stops the process.
    """
    with contextlib.ExitStack() as stack:
        yield _opener(pool, stack)


@pytest.fixture(scope="module")
def open_shared_gate(pool: Pool) -> Iterator[OpenGate]:
    """The same for fixtures that all tests of a file share."""
    with contextlib.ExitStack() as stack:
        yield _opener(pool, stack)


def _opener(pool: Pool, stack: contextlib.ExitStack) -> OpenGate:
    def open_one(
        configuration: Json | str | None,
        upstream: int,
        *,
        clusters: dict[str, Cluster] | None = None,
        name: str = "gate",
        fresh: bool = False,
        **more: Any,
    ) -> Gate:
        all_clusters = {"temporal": Cluster(upstream)} | (clusters or {})
        settings = Settings(all_clusters, plugin=configuration, **more)
        if fresh or not is_plain(settings):
            return Gate(stack.enter_context(Envoy(settings, name)))
        return Gate(stack.enter_context(pool.lease(settings, name)))

    return open_one

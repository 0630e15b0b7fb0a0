"""Shared fixtures of the tests with the real Web UI. `make test-ui` runs them; their parts take some minutes to build."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

import parts
from office import PEOPLE, Door, Office

if TYPE_CHECKING:
    # They need the driver of the browser, which may be missing.
    from browser import Browser, Visitor
    from record import Record


def pytest_configure(config: pytest.Config) -> None:
    if missing := parts.missing():
        raise pytest.UsageError(f"not there: {', '.join(missing)}: make test-ui")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from browser import Browser

    with Browser() as running:
        yield running


@pytest.fixture(scope="session")
def office() -> Iterator[Office]:
    with Office() as running:
        yield running


@pytest.fixture(scope="session")
def record() -> Iterator[Record]:
    from record import Record

    record = Record()
    yield record
    record.write()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[[Door], Visitor]]:
    """Opens a fresh browser at a door."""
    visitors: list[Visitor] = []

    def open_one(door: Door) -> Visitor:
        visitors.append(browser.visitor(door.web_ui))
        return visitors[-1]

    yield open_one
    for visitor in visitors:
        visitor.close()


@pytest.fixture(scope="session")
def logged_in(browser: Browser, office: Office) -> Iterator[Callable[[str], Visitor]]:
    """Somebody who has logged in at the office's door, once for all tests, and stands where the last test left them."""
    known: dict[str, Visitor] = {}

    def somebody(name: str) -> Visitor:
        if name not in known:
            visitor = browser.visitor(office.door.web_ui)
            visitor.visits("/")
            visitor.logs_in(name, PEOPLE[name])
            known[name] = visitor
        if known[name].has_dialog():
            known[name].visits("/")
        return known[name]

    yield somebody
    for visitor in known.values():
        visitor.close()

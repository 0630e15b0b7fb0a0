"""After the login: where one stands, and which namespaces and endpoints one sees."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from browser import Visitor
from office import FIRST, NAMESPACES, PEOPLE, READABLE, Door, Office
from record import Record

Visit = Callable[[Door], Visitor]


@pytest.mark.parametrize("name", [name for name in PEOPLE if READABLE[name]])
def test_after_the_login_one_stands_in_a_namespace_that_one_may_read(
    office: Office, visit: Visit, record: Record, name: str
) -> None:
    visitor = visit(office.door)
    visitor.visits("/")
    assert visitor.is_at_login()
    with record.step(office.door, visitor, name, "login", picture=f"{name}-login") as step:
        visitor.logs_in(name, PEOPLE[name])
    assert step.at == f"/namespaces/{FIRST}/workflows" and not step.denied
    assert FIRST in READABLE[name]
    visitor.sees(f"{FIRST}-run")
    assert visitor.choice() == READABLE[name]
    for namespace in READABLE[name]:
        visitor.picks(namespace)
        assert visitor.path == f"/namespaces/{namespace}/workflows"
        if namespace in NAMESPACES:
            visitor.sees(f"{namespace}-run")
    with record.step(office.door, visitor, name, "namespaces") as step:
        visitor.opens("namespace-button")
    assert not step.denied
    rows = visitor.page.locator("tbody tr")
    assert sorted(row.inner_text().strip() for row in rows.all()) == READABLE[name]


def test_without_a_namespace_for_everybody_one_picks_one(office: Office, visit: Visit, record: Record) -> None:
    """The Web UI's default namespace is closed to bob, and denials are 7: the Web UI asks which namespace he wants."""
    visitor = visit(office.plain_door)
    visitor.visits("/")
    with record.step(office.plain_door, visitor, "bob", "login, default namespace closed", picture="bob-select") as step:
        visitor.logs_in("bob", PEOPLE["bob"])
    assert step.at == "/select-namespace" and step.denied == {"ListWorkflowExecutions(default)"}
    assert visitor.choice() == READABLE["bob"]
    visitor.picks("bitovi-project")
    assert visitor.path == "/namespaces/bitovi-project/workflows"
    visitor.sees("bitovi-project-run")


def test_who_may_read_nothing_sees_nothing(office: Office, visit: Visit, record: Record) -> None:
    visitor = visit(office.door)
    visitor.visits("/")
    with record.step(office.door, visitor, "carol", "login", picture="carol-login") as step:
        visitor.logs_in("carol", PEOPLE["carol"])
    assert not visitor.is_at_login() and step.status("ListWorkflowExecutions") == {5}
    visitor.sees(f"Namespace {FIRST} is not found.")
    assert visitor.choice() in ([], ["No Results"])
    visitor.opens("namespace-button")
    visitor.sees("You do not have access to a Namespace")
    text = visitor.text()
    assert not any(namespace in text for namespace in READABLE["ops"] if namespace != FIRST)


@pytest.mark.parametrize(
    ("name", "endpoints"),
    [("alice", ["tax-office"]), ("bob", ["tax-office"]), ("carol", []), ("ops", ["merger-desk", "outside", "tax-office"])],
)
def test_one_sees_the_endpoints_of_ones_namespaces(
    office: Office, logged_in: Callable[[str], Visitor], record: Record, name: str, endpoints: list[str]
) -> None:
    visitor = logged_in(name)
    visitor.visits("/")
    with record.step(office.door, visitor, name, "Nexus", picture="alice-nexus" if name == "alice" else "") as step:
        visitor.clicks(visitor.page.locator('a[href="/nexus"]'))
    assert step.at == "/nexus" and not step.denied and "ListNexusEndpoints()" in step.allowed
    rows = visitor.page.locator("tbody tr")
    assert sorted(row.inner_text().split()[0] for row in rows.all()) == endpoints

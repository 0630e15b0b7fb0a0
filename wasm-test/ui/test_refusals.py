"""No denial ends in a login loop: what people see who go where they may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from browser import Visitor
from office import FOREIGN, MISSING, PEOPLE, Door, Office
from record import Record

Visit = Callable[[Door], Visitor]

PAGES = ["workflows", "schedules", "batch-operations", "workers", "activities", "archival", ""]


@pytest.mark.parametrize(
    ("namespace", "page"), [*((FOREIGN, page) for page in PAGES), (MISSING, "workflows"), (MISSING, ""), ("default", "workflows")]
)
def test_a_link_to_a_namespace_that_one_may_not_see(
    office: Office, logged_in: Callable[[str], Visitor], record: Record, namespace: str, page: str
) -> None:
    visitor = logged_in("alice")
    picture = "alice-foreign" if (namespace, page) == (FOREIGN, "workflows") else ""
    with record.step(office.door, visitor, "alice", f"{page or 'settings'} of {namespace}", picture=picture) as step:
        visitor.visits(f"/namespaces/{namespace}/{page}".rstrip("/"))
    assert not visitor.is_at_login()
    assert step.status("ListSearchAttributes") == {5} and step.status("DescribeNamespace") == {7}
    assert f"{namespace}-run" not in visitor.text()
    if page:
        # The way back: to the same page, or to the first one. The page of settings has no switcher.
        visitor.picks("payroll")
        assert visitor.path in (f"/namespaces/payroll/{page}", "/namespaces/payroll/workflows")


def test_a_hidden_namespace_looks_like_a_missing_one(office: Office, logged_in: Callable[[str], Visitor]) -> None:
    visitor = logged_in("alice")

    def seen(namespace: str) -> str:
        visitor.visits(f"/namespaces/{namespace}/schedules")
        visitor.sees(f"Namespace {namespace} is not found.")
        # Without the time of the last refresh.
        lines = [line for line in visitor.text().replace(namespace, "…").splitlines() if "UTC" not in line]
        return "\n".join(lines)

    assert seen(FOREIGN) == seen(MISSING)


def test_a_link_to_a_workflow_that_one_may_not_see(
    office: Office, logged_in: Callable[[str], Visitor], record: Record
) -> None:
    run = office.run_of(FOREIGN, f"{FOREIGN}-run")
    visitor = logged_in("alice")
    for page in ("timeline", "history", "query"):
        with record.step(office.door, visitor, "alice", f"{page} of a workflow of {FOREIGN}") as step:
            visitor.visits(f"/namespaces/{FOREIGN}/workflows/{FOREIGN}-run/{run}/{page}")
        assert not step.allowed and not visitor.is_at_login()


def test_whoever_has_nothing_is_not_sent_in_circles(office: Office, logged_in: Callable[[str], Visitor]) -> None:
    visitor = logged_in("carol")
    for path in ("/namespaces/payroll/workflows", "/namespaces/payroll/schedules", "/nexus", "/namespaces", "/"):
        visitor.visits(path)
        assert not visitor.is_at_login(), path


def test_a_link_that_is_followed_before_the_login(office: Office, visit: Visit) -> None:
    for namespace, text in (("payroll", "payroll-run"), (FOREIGN, f"Namespace {FOREIGN} is not found.")):
        visitor = visit(office.door)
        visitor.visits(f"/namespaces/{namespace}/workflows")
        assert visitor.is_at_login()
        visitor.logs_in("alice", PEOPLE["alice"])
        assert visitor.path == f"/namespaces/{namespace}/workflows"
        visitor.sees(text)


def test_without_hidden_namespaces_such_a_link_is_a_loop(office: Office, visit: Visit, record: Record) -> None:
    """The Web UI takes a 7 for the end of the session, whoever sends it: Temporal's own authorizer sends the same."""
    visitor = visit(office.plain_door)
    visitor.visits("/")
    visitor.logs_in("alice", PEOPLE["alice"])
    with record.step(office.plain_door, visitor, "alice", f"workflows of {FOREIGN}, without hide_namespaces") as step:
        visitor.visits(f"/namespaces/{FOREIGN}/workflows")
        visitor.eventually(visitor.is_at_login, "the login page")
    assert step.status("ListSearchAttributes") == {7}
    visitor.continues_to_sso()
    visitor.eventually(visitor.is_at_login, "the login page again")
    # By a click she gets out.
    visitor.visits("/namespaces/payroll/workflows")
    visitor.sees("payroll-run")


def test_a_refused_trigger_is_refused_in_the_dialog(
    office: Office, logged_in: Callable[[str], Visitor], record: Record
) -> None:
    """Web UI servers up to 2.55 show their login page instead: see docs/web-ui.md."""
    visitor = logged_in("bob")
    page = "/namespaces/payroll/schedules/payroll-schedule"
    visitor.visits(page)
    with record.step(office.door, visitor, "bob", "trigger a schedule", picture="bob-trigger") as step:
        visitor.clicks("Schedule Actions")
        visitor.clicks(visitor.page.get_by_test_id("trigger-schedule"))
        visitor.confirms()
    assert step.status("PatchSchedule") == {7} and step.at == page
    visitor.sees("Request unauthorized.")

"""Every page, by clicks: it shows what the person may read, or says plainly that they may not."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from browser import Visitor
from office import Office
from record import Record

# Entry of the side bar, the end of its address, and what the page shows of payroll.
NAMESPACE_PAGES = [
    ("workflow-button", "workflows", "payroll-run"),
    ("activity-button", "activities", "Standalone Activities"),
    ("schedules-button", "schedules", "payroll-schedule"),
    ("batch-operation-button", "batch-operations", "Batch Operations"),
    ("workers-button", "workers", "Workers"),
    ("archives-button", "archival", "not enabled for archival"),
]
# Tab of a workflow's page, the end of its address, and what it shows.
WORKFLOW_TABS = [
    ("timeline-tab", "timeline", "payroll-run"),
    ("history-tab", "history", "Workflow Execution Started"),
    ("relationships-tab", "relationships", "payroll-run"),
    ("workers-tab", "workers", "Identity"),
    ("pending-activities-tab", "pending-activities", "payroll-run"),
    ("call-stack-tab", "call-stack", "Refresh Call Stack"),
    ("queries-tab", "query", "Run Query"),
    ("user-metadata-tab", "user-metadata", "payroll-run"),
    ("search-attributes-tab", "search-attributes", "payroll-run"),
    ("memo-tab", "memo", "payroll-run"),
]

READERS = ["alice", "bob", "dev", "ops"]


def runs_the_query(visitor: Visitor) -> None:
    visitor.clicks(visitor.page.get_by_role("button").filter(has=visitor.page.get_by_test_id("query-select")))
    visitor.clicks(visitor.page.get_by_role("option", name="paid", exact=True))
    visitor.clicks("Run Query")


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(("entry", "end", "text"), NAMESPACE_PAGES, ids=[page[1] for page in NAMESPACE_PAGES])
def test_a_page_of_a_namespace(
    office: Office, logged_in: Callable[[str], Visitor], record: Record, name: str, entry: str, end: str, text: str
) -> None:
    visitor = logged_in(name)
    if not visitor.path.startswith("/namespaces/payroll/"):
        visitor.visits("/")
    picture = f"{name}-{end}" if (name, end) in (("alice", "workflows"), ("bob", "schedules")) else ""
    with record.step(office.door, visitor, name, end, picture=picture) as step:
        visitor.opens(entry)
    assert step.at == f"/namespaces/payroll/{end}" and not step.denied
    visitor.sees(text)


@pytest.mark.parametrize("name", READERS)
def test_a_workflow_with_all_its_tabs(office: Office, logged_in: Callable[[str], Visitor], record: Record, name: str) -> None:
    visitor = logged_in(name)
    visitor.visits("/")
    visitor.clicks(visitor.page.get_by_role("link", name="payroll-run", exact=True))
    for tab, end, text in WORKFLOW_TABS:
        picture = "alice-query" if (name, end) == ("alice", "query") else ""
        with record.step(office.door, visitor, name, f"workflow, {end}", picture=picture) as step:
            visitor.clicks(visitor.page.get_by_test_id(tab))
            visitor.sees(re.compile(text))
            if end == "call-stack":
                visitor.reads("Call Stack", "PayrollRun")
            if end == "query":
                runs_the_query(visitor)
        assert re.fullmatch(rf"/namespaces/payroll/workflows/payroll-run/[0-9a-f-]+/{end}", step.at), step.at
        assert not step.denied
        if end in ("call-stack", "query"):
            assert "QueryWorkflow(payroll)" in step.allowed


@pytest.mark.parametrize("name", READERS)
def test_what_is_linked_from_the_pages(office: Office, logged_in: Callable[[str], Visitor], record: Record, name: str) -> None:
    visitor = logged_in(name)
    for page, path, text in (
        ("settings", "", "Retention"),
        ("deployments", "workers/deployments", "Workers"),
        ("a schedule", "schedules/payroll-schedule", "payroll-schedule"),
        ("a task queue", "task-queues/payroll", "payroll"),
        ("start form", "workflows/start-workflow", "Start Workflow"),
        ("schedule form", "schedules/create", "Create Schedule"),
    ):
        with record.step(office.door, visitor, name, page) as step:
            visitor.visits(f"/namespaces/payroll/{path}".rstrip("/"))
        visitor.sees(text)
        assert not step.denied and not visitor.is_at_login()

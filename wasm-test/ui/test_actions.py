"""What people do: it works, or is refused where they did it, and changes nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from browser import Visitor, visible
from harness.poll import until
from office import Office
from record import Record

REFUSAL = "Request unauthorized."


@dataclass(frozen=True)
class Action:
    """Something that is done on a workflow's page, and what it makes of the workflow."""

    call: str
    does: Callable[[Visitor], None]
    status: str


def chosen(entry: str) -> Callable[[Visitor], None]:
    def act(visitor: Visitor) -> None:
        visitor.clicks("More Actions")
        visitor.clicks(visitor.page.get_by_test_id(entry))

    return act


def signals(visitor: Visitor) -> None:
    chosen("signal-button")(visitor)
    visitor.clicks(visitor.page.get_by_test_id("signal-select-button"))
    visitor.clicks(visitor.page.get_by_role("option", name="approve"))
    visitor.confirms()


def confirmed(entry: str) -> Callable[[Visitor], None]:
    def act(visitor: Visitor) -> None:
        chosen(entry)(visitor)
        visitor.confirms()

    return act


def resets(visitor: Visitor) -> None:
    chosen("reset-button")(visitor)
    visitor.clicks(visitor.page.get_by_test_id("workflow-reset-event-id-select-button"))
    visitor.clicks(visitor.page.get_by_role("option"))
    visitor.confirms()


ACTIONS = {
    "signal": Action("SignalWorkflowExecution", signals, "COMPLETED"),
    "cancel": Action("RequestCancelWorkflowExecution", confirmed("request-cancellation-button"), "CANCELED"),
    "terminate": Action("TerminateWorkflowExecution", confirmed("terminate-button"), "TERMINATED"),
    # The old run ends, and another begins.
    "reset": Action("ResetWorkflowExecution", resets, "RUNNING"),
}
MAY = {"alice": set(ACTIONS), "dev": {"signal", "cancel"}, "bob": set[str]()}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", MAY)
def test_an_action_on_a_workflow(
    office: Office, logged_in: Callable[[str], Visitor], record: Record, name: str, action: str
) -> None:
    workflow = f"{action}-{uuid.uuid4()}"
    office.start_workflow("payroll", workflow)
    run, act = office.run_of("payroll", workflow), ACTIONS[action]
    visitor = logged_in(name)
    visitor.visits(f"/namespaces/payroll/workflows/{workflow}/{run}/timeline")
    picture = "bob-terminate" if (name, action) == ("bob", "terminate") else ""
    with record.step(office.door, visitor, name, action, picture=picture) as step:
        act.does(visitor)
    call = f"{act.call}(payroll)"
    if action in MAY[name]:
        assert call in step.allowed and not step.denied
        until(lambda: office.status_of(workflow) == act.status, 20, f"{workflow} to be {act.status}")
        if action == "reset":
            assert office.run_of("payroll", workflow) != run
        return
    assert step.denied == {call} and step.status(act.call) == {7}
    # In the dialog, which stays open.
    visitor.sees(REFUSAL)
    assert visible(visitor.page.get_by_test_id("confirm-modal-button")).count() == 1
    assert not visitor.is_at_login()
    assert office.status_of(workflow) == "RUNNING" and office.run_of("payroll", workflow) == run


@pytest.mark.parametrize("name", ["alice", "dev", "bob"])
def test_a_start(office: Office, logged_in: Callable[[str], Visitor], record: Record, name: str) -> None:
    visitor, workflow = logged_in(name), f"start-{uuid.uuid4()}"
    visitor.visits("/namespaces/payroll/workflows")
    visitor.clicks("Start Workflow")
    with record.step(office.door, visitor, name, "start") as step:
        visitor.fills("workflowId", workflow)
        visitor.fills("taskQueue", "payroll")
        visitor.fills("workflowType", "PrintSlip")
        visitor.clicks(visitor.page.get_by_test_id("start-workflow-button").and_(visitor.page.get_by_role("button")))
    if name == "bob":
        assert step.denied == {"StartWorkflowExecution(payroll)"}
        visitor.sees(REFUSAL)
        assert not visitor.is_at_login()
        # What he has written is still there.
        assert visitor.page.get_by_test_id("workflowId").input_value() == workflow
    else:
        assert "StartWorkflowExecution(payroll)" in step.allowed and not step.denied
        assert office.run_of("payroll", workflow)


@pytest.mark.parametrize(("name", "button", "may"), [
    ("alice", "bulk-terminate-button", True),
    ("dev", "bulk-cancel-button", True),
    ("dev", "bulk-terminate-button", False),
    ("bob", "bulk-cancel-button", False),
])
def test_a_batch(
    office: Office, logged_in: Callable[[str], Visitor], record: Record, name: str, button: str, may: bool
) -> None:
    mine = f"batch-{uuid.uuid4()}"
    for number in range(2):
        office.start_workflow("payroll", f"{mine}-{number}")
    visitor = logged_in(name)

    def both_are_listed() -> bool:
        visitor.visits(f"/namespaces/payroll/workflows?query=WorkflowId%20STARTS_WITH%20%22{mine}%22")
        return visible(visitor.page.get_by_test_id("batch-checkbox-label")).count() == 2

    until(both_are_listed, 20, "both workflows")
    with record.step(office.door, visitor, name, button.removesuffix("-button").replace("bulk-", "batch ")) as step:
        for number in range(2):
            visitor.clicks(visible(visitor.page.get_by_test_id("batch-checkbox-label")).nth(number))
        visitor.clicks(visitor.page.get_by_test_id(button))
        visitor.confirms()
    if may:
        assert "StartBatchOperation(payroll)" in step.allowed and not step.denied
        until(lambda: office.status_of(f"{mine}-1") != "RUNNING", 30, "the batch to be done")
    else:
        assert step.denied == {"StartBatchOperation(payroll)"}
        visitor.sees(REFUSAL)
        assert not visitor.is_at_login()
        assert office.status_of(f"{mine}-1") == "RUNNING"


@pytest.mark.parametrize("name", ["alice", "dev", "bob"])
def test_a_schedule_is_created(office: Office, logged_in: Callable[[str], Visitor], record: Record, name: str) -> None:
    visitor, schedule = logged_in(name), f"created-{uuid.uuid4()}"
    visitor.visits("/namespaces/payroll/schedules/create")
    with record.step(office.door, visitor, name, "create a schedule") as step:
        visitor.fills("schedule-name-input", schedule)
        visitor.clicks("Daily")
        visitor.fills("schedule-type-input", "PrintSlip")
        visitor.fills("schedule-workflow-id-input", f"{schedule}-run")
        visitor.fills("schedule-task-queue-input", "payroll")
        visitor.clicks(visitor.page.get_by_test_id("create-schedule-button"))
    call = "CreateSchedule(payroll)"
    assert not visitor.is_at_login()
    if name == "bob":
        assert step.denied == {call}
        # What he has written is still there.
        assert visitor.page.get_by_test_id("schedule-name-input").input_value() == schedule
    else:
        assert call in step.allowed and not step.denied
    assert office.has_schedule(schedule) == (name != "bob")


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_a_schedule_is_paused(office: Office, logged_in: Callable[[str], Visitor], record: Record, name: str) -> None:
    """A refusal is silent: the dialog closes, and the schedule is unchanged."""
    schedule = f"pause-{uuid.uuid4()}"
    office.create_schedule("payroll", schedule)
    visitor = logged_in(name)
    visitor.visits(f"/namespaces/payroll/schedules/{schedule}")
    with record.step(office.door, visitor, name, "pause a schedule") as step:
        visitor.clicks(visitor.page.locator("#schedule-actions-primary-button"))
        visitor.fills("pause-reason", "a test")
        visitor.confirms()
    assert not visitor.is_at_login()
    call = "PatchSchedule(payroll)"
    assert call in (step.allowed if name == "alice" else step.denied)
    assert office.is_paused(schedule) == (name == "alice")


def test_a_schedule_is_triggered(office: Office, logged_in: Callable[[str], Visitor], record: Record) -> None:
    """The deny twin is in test_refusals.py: the Web UI shows its login page."""
    schedule = f"trigger-{uuid.uuid4()}"
    office.create_schedule("payroll", schedule)
    visitor = logged_in("alice")
    visitor.visits(f"/namespaces/payroll/schedules/{schedule}")
    with record.step(office.door, visitor, "alice", "trigger a schedule") as step:
        visitor.clicks("Schedule Actions")
        visitor.clicks(visitor.page.get_by_test_id("trigger-schedule"))
        visitor.confirms()
    assert "PatchSchedule(payroll)" in step.allowed and not step.denied and not visitor.is_at_login()


@pytest.mark.parametrize("name", ["alice", "ops"])
def test_a_nexus_endpoint_is_created(
    office: Office, logged_in: Callable[[str], Visitor], record: Record, name: str
) -> None:
    visitor, endpoint = logged_in(name), f"desk-{uuid.uuid4().hex[:8]}"
    visitor.visits("/nexus")
    visitor.clicks("Create Nexus Endpoint")
    with record.step(office.door, visitor, name, "create a Nexus endpoint") as step:
        visitor.fills("name", endpoint)
        visitor.clicks(visitor.page.locator("#target-namespace"))
        visitor.clicks(visitor.page.get_by_role("option", name="payroll"))
        visitor.fills("task-queue", "payroll")
        visitor.clicks(visitor.page.get_by_test_id("nexus-form-submit-button"))
    call = "CreateNexusEndpoint()"
    if name == "ops":
        assert call in step.allowed and not step.denied
    else:
        assert step.denied == {call} and not visitor.is_at_login()
        visitor.sees(REFUSAL)

"""`schedule_ids`, alone and with `workflow_ids`: a schedule starts workflows, so its action's workflow id counts as well."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from harness import requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.temporal import Temporal

w = requests.workflow
LIMITS = {
    "both": {"schedule_ids": ["red-*"], "workflow_ids": ["red-*"]},
    "schedules": {"schedule_ids": ["red-*"]},
    "workflows": {"workflow_ids": ["red-*"]},
}
GRANTS = [
    {"name": name, "who": {"issuer": "corp", "claims": {"limit": name}}, "role": "client", "namespaces": ["payroll"], **limits}
    for name, limits in LIMITS.items()
]


@pytest.fixture(scope="module")
def shared(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS), rich_temporal.port)


def _schedule(method: str, schedule: str, workflow: str | None) -> tuple[str, Any]:
    """A CreateSchedule or UpdateSchedule request; with `None`, its schedule has no action."""
    request = getattr(w, method + "Request")(namespace="payroll", schedule_id=schedule, request_id=str(uuid.uuid4()))
    if workflow is not None:
        action = request.schedule.action.start_workflow
        action.workflow_id, action.workflow_type.name, action.task_queue.name = workflow, "Some", "nobody-polls-here"
    return method, request


def _trigger(schedule: str) -> tuple[str, Any]:
    request = w.PatchScheduleRequest(namespace="payroll", schedule_id=schedule, request_id=str(uuid.uuid4()))
    request.patch.trigger_immediately.SetInParent()
    return "PatchSchedule", request


def _others(schedule: str) -> list[tuple[str, Any]]:
    """Requests that name a schedule and no workflow; the deletion comes last."""
    named: dict[str, Any] = {"namespace": "payroll", "schedule_id": schedule}
    return [
        _trigger(schedule),
        ("DescribeSchedule", w.DescribeScheduleRequest(**named)),
        ("ListScheduleMatchingTimes", w.ListScheduleMatchingTimesRequest(**named)),
        ("DeleteSchedule", w.DeleteScheduleRequest(**named)),
    ]


@pytest.mark.parametrize("limit", ["both", "schedules"])
def test_a_teams_own_schedule(shared: Gate, straight: Frontend, corp: Minter, limit: str) -> None:
    """It is created, updated, triggered, described and deleted; the workflow that it starts matches the limit too."""
    token, name = corp.token(limit=limit), f"red-{uuid.uuid4()}"
    allowed(shared.call(*_schedule("CreateSchedule", name, f"{name}-run"), token=token))
    allowed(shared.call(*_schedule("UpdateSchedule", name, f"{name}-again"), token=token))
    allowed(shared.call(*_trigger(name), token=token))
    describe = w.DescribeScheduleRequest(namespace="payroll", schedule_id=name)
    until(lambda: straight.ask("DescribeSchedule", describe).info.recent_actions, 20, "the schedule's action")
    started = straight.ask("DescribeSchedule", describe).info.recent_actions[0].start_workflow_result.workflow_id
    assert started.startswith(f"{name}-")
    for method, request in _others(name):
        reply = shared.call(method, request, token=token)
        assert reply.grpc_status == (3 if method == "ListScheduleMatchingTimes" else 0), f"{method}: {reply}"


@pytest.mark.parametrize("limit", ["both", "schedules"])
def test_another_teams_schedule(shared: Gate, straight: Frontend, corp: Minter, limit: str) -> None:
    token = corp.token(limit=limit)
    foreign = f"blue-{uuid.uuid4()}"
    straight.ask(*_schedule("CreateSchedule", foreign, f"{foreign}-run"))
    for method in ("CreateSchedule", "UpdateSchedule"):
        for name in (foreign, "", "red-"):
            shared.refused_by_us(*_schedule(method, name, "red-run"), token=token, status=7)
    for method, request in _others(foreign):
        shared.refused_by_us(method, request, token=token, status=7)
    assert straight.ask("DescribeSchedule", w.DescribeScheduleRequest(namespace="payroll", schedule_id=foreign)).info.action_count == 0


@pytest.mark.parametrize("method", ["CreateSchedule", "UpdateSchedule"])
def test_the_workflow_of_its_action(shared: Gate, straight: Frontend, corp: Minter, method: str) -> None:
    """Under both limits it must be named and match; under schedule_ids alone, any workflow is allowed."""
    name = f"red-{uuid.uuid4()}"
    if method == "UpdateSchedule":
        straight.ask(*_schedule("CreateSchedule", name, "red-run"))
    for workflow in ("blue-run", "red-", "", None):
        mark = shared.envoy.log_mark()
        shared.refused_by_us(*_schedule(method, name, workflow), token=corp.token(limit="both"), status=7)
        reason = shared.envoy.decision(mark)["reason"]
        assert reason.endswith(f'workflow id "{workflow}" does not match workflow_ids' if workflow else "the request names no workflow id")
    allowed(shared.call(*_schedule(method, name, "blue-run"), token=corp.token(limit="schedules")))
    if method == "UpdateSchedule":
        allowed(shared.call(*_schedule(method, name, "red-run"), token=corp.token(limit="both")))


def test_workflow_ids_alone_cover_no_schedule(shared: Gate, corp: Minter) -> None:
    token, name = corp.token(limit="workflows"), f"red-{uuid.uuid4()}"
    for method, request in [_schedule("CreateSchedule", name, "red-run"), _schedule("UpdateSchedule", name, "red-run"), *_others(name)]:
        shared.refused_by_us(method, request, token=token, status=7)


def test_lists_name_none(shared: Gate, corp: Minter) -> None:
    for limit in LIMITS:
        for method in ("ListSchedules", "CountSchedules"):
            request = getattr(w, method + "Request")(namespace="payroll")
            shared.refused_by_us(method, request, token=corp.token(limit=limit), status=7)


def test_schedule_ids_say_nothing_of_the_rest(shared: Gate, straight: Frontend, corp: Minter) -> None:
    name = f"blue-{uuid.uuid4()}"
    allowed(shared.call("StartWorkflowExecution", requests.start_workflow("payroll", name), token=corp.token(limit="schedules")))
    assert straight.status(name) == "RUNNING"


@pytest.mark.parametrize("method", ["ListWorkflowExecutions", "CountWorkflowExecutions", "ScanWorkflowExecutions"])
def test_a_list_of_workflows_may_be_one_of_schedules(shared: Gate, straight: Frontend, corp: Minter, method: str) -> None:
    """With a query for their division, it shows everybody's schedules: their ids, memos and search attributes."""
    query = "TemporalNamespaceDivision = 'TemporalScheduler'"
    straight.ask(*_schedule("CreateSchedule", f"blue-{uuid.uuid4()}", "blue-run"))
    count = w.CountWorkflowExecutionsRequest(namespace="payroll", query=query)
    until(lambda: straight.ask("CountWorkflowExecutions", count).count, 20, "a schedule among the workflows")
    request = getattr(w, method + "Request")(namespace="payroll", query=query)
    shared.refused_by_us(method, request, token=corp.token(limit="schedules"), status=7)


def test_the_schedulers_workflow_cannot_be_used_to_get_around(shared: Gate, straight: Frontend, corp: Minter) -> None:
    """A schedule is a workflow, and its id would match a careless pattern; but it is Temporal's own."""
    name = f"red-{uuid.uuid4()}"
    straight.ask(*_schedule("CreateSchedule", name, "red-run"))
    request = w.SignalWorkflowExecutionRequest(namespace="payroll", signal_name="patch")
    request.workflow_execution.workflow_id = f"temporal-sys-scheduler:{name}"
    for limit in LIMITS:
        shared.refused_by_us("SignalWorkflowExecution", request, token=corp.token(limit=limit), status=7)

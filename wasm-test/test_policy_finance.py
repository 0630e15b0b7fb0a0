"""Only finance starts workflows in payroll: every way to start a workflow, by people who may do everything else there, including
system admins.

The tests use a real Temporal, which shows that nothing was started.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message

from harness import commands, requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.requests import ACCEPTED
from harness.temporal import Temporal

w = requests.workflow
FINANCE: dict[str, Any] = {"groups": ["finance"], "gty": "password"}
GRANTS: list[dict[str, Any]] = [
    {"name": "platform", "who": {"issuer": "corp", "claims": {"groups": "platform"}}, "role": "admin", "system": True},
    {"name": "everybody", "who": {"issuer": "corp"}, "role": "writer", "namespaces": ["*"]},
]


def _denial(commands: bool, claim: str) -> dict[str, Any]:
    return {
        "name": f"only-finance-{claim}",
        "who": {"issuer": "corp", "claims": {"policy": claim}},
        "effects": ["start"],
        "namespaces": ["payroll"],
        "unless": {"issuer": "corp", "kind": "human", "claims": {"groups": "finance"}},
        "commands": commands,
    }


@pytest.fixture(scope="module")
def office(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    config = corp.config(service_when=[{"gty": "client-credentials"}])
    denials = [_denial(False, "mild"), _denial(True, "strict")]
    return open_shared_gate(plugin(config, GRANTS, denials=denials), rich_temporal.port)


class Stage:
    """The id of a workflow that does not exist yet, and the resources that finance has created."""

    def __init__(self, straight: Frontend) -> None:
        self.straight, self.new = straight, f"new-{uuid.uuid4()}"
        self.schedule, self.old = f"payday-{uuid.uuid4()}", f"old-{uuid.uuid4()}"
        straight.ask(*self.scheduled("CreateSchedule"))
        straight.start(self.old, self.old)
        straight.ask("RespondWorkflowTaskCompleted", commands.answer(straight.workflow_task(self.old).task_token, commands.complete()))

    def scheduled(self, method: str) -> tuple[str, Any]:
        request = getattr(w, method + "Request")(namespace="payroll", schedule_id=self.schedule, request_id=str(uuid.uuid4()))
        action = request.schedule.action.start_workflow
        action.workflow_id, action.workflow_type.name, action.task_queue.name = f"run-{self.schedule}", "Some", "nobody-polls-here"
        return method, request

    def nothing_was_started(self) -> bool:
        describe = w.DescribeScheduleRequest(namespace="payroll", schedule_id=self.schedule)
        runs = self.straight.ask("DescribeSchedule", describe).info.recent_actions
        activity = w.DescribeActivityExecutionRequest(namespace="payroll", activity_id=self.new)
        return (
            not self.straight.exists(self.new)
            and not runs
            and self.straight.status(self.old) == "COMPLETED"
            and self.straight.call("DescribeActivityExecution", activity).grpc_status == 5
        )


def _signal_with_start(stage: Stage) -> tuple[str, Message]:
    request = w.SignalWithStartWorkflowExecutionRequest(namespace="payroll", workflow_id=stage.new, signal_name="x")
    request.workflow_type.name, request.task_queue.name = "Some", "nobody-polls-here"
    return "SignalWithStartWorkflowExecution", request


def _multi(stage: Stage) -> tuple[str, Message]:
    request = w.ExecuteMultiOperationRequest(namespace="payroll")
    request.operations.add().start_workflow.CopyFrom(requests.start_workflow("payroll", stage.new, workflow_id_conflict_policy=2))
    update = request.operations.add().update_workflow
    update.namespace, update.workflow_execution.workflow_id, update.request.input.name = "payroll", stage.new, "u"
    update.request.meta.update_id, update.wait_policy.lifecycle_stage = "u", ACCEPTED
    return "ExecuteMultiOperation", request


def _trigger(stage: Stage) -> tuple[str, Message]:
    request = w.PatchScheduleRequest(namespace="payroll", schedule_id=stage.schedule, request_id=str(uuid.uuid4()))
    request.patch.trigger_immediately.SetInParent()
    return "PatchSchedule", request


def _create(stage: Stage) -> tuple[str, Message]:
    method, request = stage.scheduled("CreateSchedule")
    request.schedule_id = f"other-{stage.schedule}"
    request.initial_patch.trigger_immediately.SetInParent()
    return method, request


def _update(stage: Stage) -> tuple[str, Message]:
    method, request = stage.scheduled("UpdateSchedule")
    request.schedule.spec.interval.add().interval.FromSeconds(1)
    return method, request


def _reset(stage: Stage) -> tuple[str, Message]:
    request = w.ResetWorkflowExecutionRequest(namespace="payroll", workflow_task_finish_event_id=4, request_id=str(uuid.uuid4()))
    request.workflow_execution.workflow_id = stage.old
    return "ResetWorkflowExecution", request


def _reset_batch(stage: Stage) -> tuple[str, Message]:
    request = w.StartBatchOperationRequest(namespace="payroll", job_id=str(uuid.uuid4()), reason="x")
    request.executions.add(workflow_id=stage.old)
    request.reset_operation.options.first_workflow_task.SetInParent()
    return "StartBatchOperation", request


def _activity(stage: Stage) -> tuple[str, Message]:
    request = w.StartActivityExecutionRequest(namespace="payroll", activity_id=stage.new, request_id=stage.new, identity="x")
    request.activity_type.name, request.task_queue.name = "some", "nobody-polls-here"
    request.start_to_close_timeout.FromSeconds(60)
    request.schedule_to_close_timeout.FromSeconds(60)
    return "StartActivityExecution", request


WAYS: dict[str, Callable[[Stage], tuple[str, Message]]] = {
    "start": lambda stage: ("StartWorkflowExecution", requests.start_workflow("payroll", stage.new)),
    "signal with start": _signal_with_start,
    "update with start": _multi,
    "create a schedule": _create,
    "trigger finance's schedule": _trigger,
    "rewrite finance's schedule": _update,
    "reset what is over": _reset,
    "reset it in a batch": _reset_batch,
    "a standalone activity": _activity,
}
STRANGERS: dict[str, dict[str, Any]] = {
    "another team": {"groups": ["hr"]},
    "a system admin": {"groups": ["platform"]},
    "a robot in the group": {"groups": ["finance"], "gty": "client-credentials"},
    "a robot, perhaps": {"groups": ["finance"], "gty": ["CLIENT-CREDENTIALS"]},
    "finance in one text": {"groups": "finance,hr"},
    "finance in capitals": {"groups": ["Finance"]},
}


@pytest.mark.parametrize("way", WAYS)
def test_nobody_else_starts_anything(office: Gate, straight: Frontend, corp: Minter, way: str) -> None:
    stage = Stage(straight)
    for stranger in ("another team", "a system admin"):
        mark = office.envoy.log_mark()
        token = corp.token(policy="mild", **STRANGERS[stranger])
        office.refused_by_us(*WAYS[way](stage), token=token, status=7)
        assert office.envoy.decision(mark)["rule"] == "only-finance-mild"
    assert stage.nothing_was_started()
    reply = office.call(*WAYS[way](stage), token=corp.token(policy="mild", **FINANCE), grpc_timeout=2)
    # Nobody answers the update, but its workflow runs.
    assert reply.grpc_status == 0 or way == "update with start", str(reply)
    if way != "create a schedule":
        until(lambda: not stage.nothing_was_started(), 20, "what finance has started")


@pytest.mark.parametrize("who", STRANGERS)
def test_lookalikes_are_not_finance(office: Gate, straight: Frontend, corp: Minter, who: str) -> None:
    name = f"new-{uuid.uuid4()}"
    start = requests.start_workflow("payroll", name)
    office.refused_by_us("StartWorkflowExecution", start, token=corp.token(policy="mild", **STRANGERS[who]), status=7)
    assert not straight.exists(name)
    # They may do everything else there, and everything in other namespaces.
    allowed(office.count(token=corp.token(policy="mild", **STRANGERS[who])))
    allowed(office.start("finance-reports", token=corp.token(policy="mild", **STRANGERS[who])))


def test_payrolls_own_workers(office: Gate, straight: Frontend, corp: Minter) -> None:
    """The policy ends here: through their answers they start children, unless the denial says `commands: true`."""
    name, child = f"w-{uuid.uuid4()}", f"new-{uuid.uuid4()}"
    straight.start(name, name)
    answer = commands.answer(straight.workflow_task(name).task_token, commands.child(child))
    worker: dict[str, Any] = {"groups": ["workers"], "gty": "client-credentials"}
    mark = office.envoy.log_mark()
    office.refused_by_us("RespondWorkflowTaskCompleted", answer, token=corp.token(policy="strict", **worker), status=7)
    assert office.envoy.decision(mark)["rule"] == "only-finance-strict"
    assert not straight.exists(child)
    allowed(office.call("RespondWorkflowTaskCompleted", answer, token=corp.token(policy="mild", **worker)))
    until(lambda: straight.exists(child), 20, "the child")

"""A schedule on a real Temporal, and the calls that act on it at once: a trigger, a backfill."""

from __future__ import annotations

import time
import uuid
from typing import Any

from temporalio.api.schedule.v1 import SchedulePatch

from . import requests
from .frontend import Frontend
from .poll import until

w = requests.workflow
TERMINATE_OTHER, ALLOW_ALL = 5, 6


class Schedule:
    """A schedule whose every action terminates the workflow before it; its first workflow runs, and then it is paused."""

    def __init__(self, straight: Frontend, spec: int = 0) -> None:
        self.straight, self.name = straight, f"schedule-{uuid.uuid4()}"
        create = w.CreateScheduleRequest(namespace="payroll", schedule_id=self.name, request_id=self.name)
        action = create.schedule.action.start_workflow
        action.workflow_id, action.workflow_type.name, action.task_queue.name = f"run-{self.name}", "Some", "nobody-polls-here"
        create.schedule.policies.overlap_policy = TERMINATE_OTHER  # type: ignore[assignment]
        create.schedule.state.paused = True
        if spec:
            create.schedule.spec.interval.add().interval.FromSeconds(spec)
        straight.ask("CreateSchedule", create)
        straight.ask(*self.patch(trigger()))
        until(self.runs, 20, "the first workflow")
        self.first = self.runs()[0]

    def patch(self, patch: SchedulePatch) -> tuple[str, Any]:
        number = str(uuid.uuid4())
        return "PatchSchedule", w.PatchScheduleRequest(namespace="payroll", schedule_id=self.name, request_id=number, patch=patch)

    def describe(self) -> Any:
        return self.straight.ask("DescribeSchedule", w.DescribeScheduleRequest(namespace="payroll", schedule_id=self.name))

    def runs(self) -> list[tuple[str, str]]:
        results = [action.start_workflow_result for action in self.describe().info.recent_actions]
        return [(result.workflow_id, result.run_id) for result in results]

    def first_is(self, status: str) -> None:
        until(lambda: self.straight.status(*self.first) == status, 20, f"the first workflow to be {status}")


def trigger(policy: int = 0) -> SchedulePatch:
    patch = SchedulePatch()
    patch.trigger_immediately.overlap_policy = policy  # type: ignore[assignment]
    patch.trigger_immediately.SetInParent()
    return patch


def backfill(policy: int = 0) -> SchedulePatch:
    patch, now = SchedulePatch(), int(time.time())
    request = patch.backfill_request.add()
    request.start_time.FromSeconds(now - 200)
    request.end_time.FromSeconds(now - 100)
    request.overlap_policy = policy  # type: ignore[assignment]
    return patch

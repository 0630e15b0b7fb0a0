"""The workflows that the demo's worker runs: a payroll, which does everything that a worker usually does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from temporalio import activity, workflow

TASK_QUEUE = "payroll"


@dataclass
class Payroll:
    employees: list[str] = field(default_factory=lambda: ["ann", "bob"])
    needs_approval: bool = False


@activity.defn
async def pay(employee: str) -> str:
    return f"{employee} is paid"


@workflow.defn
class PrintSlip:
    @workflow.run
    async def run(self, line: str) -> str:
        return f"* {line}"


@workflow.defn
class PayrollRun:
    def __init__(self) -> None:
        self._paid = 0
        self._approved = False

    @workflow.run
    async def run(self, payroll: Payroll) -> list[str]:
        if payroll.needs_approval:
            await workflow.wait_condition(lambda: self._approved)
        slips = []
        for employee in payroll.employees:
            line = await workflow.execute_activity(pay, employee, start_to_close_timeout=timedelta(seconds=10))
            slips.append(await workflow.execute_child_workflow(PrintSlip.run, line))
            self._paid += 1
        return slips

    @workflow.signal
    def approve(self) -> None:
        self._approved = True

    @workflow.query
    def paid(self) -> int:
        return self._paid

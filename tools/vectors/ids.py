"""Limits on workflow ids, schedule ids, signals, queries and updates. Temporal has nothing like it, so it is not asked."""

from functools import partial
from typing import Any

from harness.proto import text

from .case import ISSUER, Case, request, ruled, task
from .commands import PROTOBUF, answer, cancel, command, data, operation, signal
from .tokens import queue

CONFIGURATION: dict[str, Any] = {
    "version": 1,
    "issuers": {"corp": ISSUER | {"service_when": [{"gty": "client-credentials"}]}},
    "grants": [
        {"name": "ids", "who": {"issuer": "corp", "claims": {"groups": "{team}-clients"}}, "role": "writer", "namespaces": ["payroll"], "workflow_ids": ["{team}-*"]},
        {"name": "ids-and-schedules", "who": {"issuer": "corp", "claims": {"teams": "{team}"}}, "role": "writer", "namespaces": ["payroll"],
         "workflow_ids": ["{team}-*"], "schedule_ids": ["{team}-*"]},
        {"name": "schedules", "who": {"issuer": "corp", "claims": {"groups": "planners"}}, "role": "writer", "namespaces": ["payroll"], "schedule_ids": ["red-*"]},
        {"name": "messages", "who": {"issuer": "corp", "claims": {"groups": "messengers"}}, "role": "writer", "namespaces": ["payroll"],
         "signals": ["approve", "hint-*"], "queries": ["state"], "updates": ["amend"]},
        {"name": "both", "who": {"issuer": "corp", "claims": {"groups": "narrow"}}, "role": "writer", "namespaces": ["payroll"], "workflow_ids": ["red-*"], "task_queues": ["red-*"]},
        {"name": "people", "who": {"issuer": "corp", "claims": {"groups": "people"}}, "role": "writer", "namespaces": ["payroll"]},
    ],
    "denials": [
        {"name": "services-signal-hints", "effects": ["signal"], "who": {"kind": "service"}, "outside": {"signals": ["hint-*"]}},
    ],
}
DENIALS = {"services-signal-hints"}
NONE = "default-deny"
case = partial(ruled, denials=DENIALS)
RED, TEAM, PLANNER = {"groups": ["red-clients"]}, {"teams": "red"}, {"groups": ["planners"]}
MESSENGER, NARROW, SERVICE = {"groups": ["messengers"]}, {"groups": ["narrow"]}, {"groups": ["people"], "gty": "client-credentials"}
START, COMPLETED, WITH_START = "StartWorkflowExecution", "RespondWorkflowTaskCompleted", "SignalWithStartWorkflowExecution"


def of(method: str, **fields: Any) -> tuple[str, Any]:
    return method, request(method, namespace="payroll", **fields)


def on(method: str, workflow_id: str, field: str = "workflow_execution", **fields: Any) -> tuple[str, Any]:
    return of(method, **{field: {"workflow_id": workflow_id}}, **fields)


def answered(*commands: dict[str, Any], token: bytes = task("red-1")) -> tuple[str, Any]:
    return COMPLETED, request(COMPLETED, namespace="payroll", task_token=token, commands=list(commands))


def schedule(method: str, schedule_id: str, workflow_id: str | None = None) -> tuple[str, Any]:
    workflow = {"workflow_type": {"name": "T"}} | ({} if workflow_id is None else {"workflow_id": workflow_id})
    return of(method, schedule_id=schedule_id, schedule={"action": {"start_workflow": workflow}})


def multi(start: str, update: str, name: str = "amend") -> tuple[str, Any]:
    return of("ExecuteMultiOperation", operations=[
        {"start_workflow": {"namespace": "payroll", "workflow_id": start}},
        {"update_workflow": {"namespace": "payroll", "workflow_execution": {"workflow_id": update}, "request": {"input": {"name": name}}}},
    ])


def pairs() -> list[tuple[str, tuple[str, Any], dict[str, Any], str]]:
    """Each call that names a workflow: with an id that matches, and with an id that does not."""
    calls = {
        "start": lambda id: of(START, workflow_id=id), "signal with start": lambda id: of(WITH_START, workflow_id=id),
        "multi-operation": lambda id: multi(id, id), "signal": lambda id: on("SignalWorkflowExecution", id),
        "query": lambda id: on("QueryWorkflow", id, "execution"), "update": lambda id: on("UpdateWorkflowExecution", id),
        "poll of an update": lambda id: of("PollWorkflowExecutionUpdate", update_ref={"workflow_execution": {"workflow_id": id}}),
        "cancel": lambda id: on("RequestCancelWorkflowExecution", id), "terminate": lambda id: on("TerminateWorkflowExecution", id),
        "delete": lambda id: on("DeleteWorkflowExecution", id), "reset": lambda id: on("ResetWorkflowExecution", id),
        "describe": lambda id: on("DescribeWorkflowExecution", id, "execution"), "history": lambda id: on("GetWorkflowExecutionHistory", id, "execution"),
        "history in reverse": lambda id: on("GetWorkflowExecutionHistoryReverse", id, "execution"),
        "options": lambda id: on("UpdateWorkflowExecutionOptions", id), "pause": lambda id: of("PauseWorkflowExecution", workflow_id=id),
        "rule for one workflow": lambda id: on("TriggerWorkflowRule", id, "execution"), "an activity's options": lambda id: on("UpdateActivityOptions", id, "execution"),
        "pause of an activity": lambda id: of("PauseActivityExecution", workflow_id=id, activity_id="a"),
        "answer by id": lambda id: of("RespondActivityTaskCompletedById", workflow_id=id, activity_id="a"),
        "answer by token": lambda id: of("RespondActivityTaskCompleted", task_token=task(id)),
        "heartbeat by token": lambda id: of("RecordActivityTaskHeartbeat", task_token=task(id)),
        "a worker's child": lambda id: answered(command("start_child_workflow_execution", workflow_id=id)),
        "a worker's signal": lambda id: answered(signal(execution={"workflow_id": id})),
        "a worker's cancel": lambda id: answered(command("request_cancel_external_workflow_execution", workflow_id=id, child_workflow_only=True)),
        "a worker's signal with start": lambda id: (COMPLETED, operation(PROTOBUF + data(workflow_id=id), token=task("red-1"))),
    }
    return [
        (f"{name}: {what}", call(workflow_id), RED, rule)
        for name, call in calls.items()
        for what, workflow_id, rule in [("inside", "red-1", "ids"), ("outside", "blue-1", NONE)]
    ]


# name, call, claims, rule
ROWS: list[tuple[str, tuple[str, Any], dict[str, Any], str]] = pairs() + [
    ("a colon in an id", of(START, workflow_id="red-1:x"), RED, "ids"),
    ("an id in capitals", of(START, workflow_id="RED-1"), RED, NONE),
    ("an empty id", of(START, workflow_id=""), RED, NONE),
    ("an activity of no workflow, by id", of("RespondActivityTaskCompletedById", workflow_id="", activity_id="a"), RED, NONE),
    ("one id of two outside", multi("red-1", "blue-1"), RED, NONE),
    ("one command of two outside", answered(signal(execution={"workflow_id": "red-2"}), signal(execution={"workflow_id": "blue-1"})), RED, NONE),
    ("a token of another's workflow", answered(token=task("blue-1")), RED, NONE),
    ("a token of a standalone activity", of("RespondActivityTaskCompleted", task_token=task("red-1", text(14, "x"))), RED, NONE),
    ("an answer to a query", of("RespondQueryTaskCompleted", task_token=queue("q")), RED, "ids"),
    ("an answer to a Nexus task", of("RespondNexusTaskCompleted", task_token=queue("q")), RED, "ids"),
    ("a poll", of("PollWorkflowTaskQueue", task_queue={"name": "q"}), RED, "ids"),
    ("the namespace", of("DescribeNamespace"), RED, "ids"),
    ("a list", of("ListWorkflowExecutions"), RED, NONE),
    ("a count", of("CountWorkflowExecutions"), RED, NONE),
    ("a batch", of("StartBatchOperation", job_id="red-1", executions=[{"workflow_id": "red-1"}], signal_operation={"signal": "s"}), RED, NONE),
    ("a standalone activity", of("StartActivityExecution", activity_id="red-1", task_queue={"name": "q"}), RED, NONE),
    ("a standalone Nexus operation", of("StartNexusOperationExecution", operation_id="red-1", endpoint="e"), RED, NONE),
    ("a rule for many", of("CreateWorkflowRule"), RED, NONE),
    ("a deployment", of("SetWorkerDeploymentCurrentVersion", deployment_name="red-1"), RED, NONE),
    ("a schedule, without a limit on schedules", schedule("CreateSchedule", "red-s", "red-1"), RED, NONE),
    ("a schedule", schedule("CreateSchedule", "red-s", "red-1"), TEAM, "ids-and-schedules"),
    ("a schedule, changed", schedule("UpdateSchedule", "red-s", "red-1"), TEAM, "ids-and-schedules"),
    ("a schedule of another id", schedule("CreateSchedule", "blue-s", "red-1"), TEAM, NONE),
    ("a schedule that starts another id", schedule("UpdateSchedule", "red-s", "blue-1"), TEAM, NONE),
    ("a schedule that starts no id", schedule("CreateSchedule", "red-s"), TEAM, NONE),
    ("a trigger", of("PatchSchedule", schedule_id="red-s", patch={"trigger_immediately": {}}), TEAM, "ids-and-schedules"),
    ("a trigger, without a limit on schedules", of("PatchSchedule", schedule_id="red-s", patch={"trigger_immediately": {}}), RED, NONE),
    ("a trigger of another schedule", of("PatchSchedule", schedule_id="blue-s", patch={"trigger_immediately": {}}), TEAM, NONE),
    ("a start under both limits", of(START, workflow_id="red-1"), TEAM, "ids-and-schedules"),
    ("a schedule under schedule ids alone", schedule("CreateSchedule", "red-s", "blue-1"), PLANNER, "schedules"),
    ("another schedule", of("DeleteSchedule", schedule_id="blue-s"), PLANNER, NONE),
    ("the list of schedules", of("ListSchedules"), PLANNER, NONE),
    ("the list of workflows, schedules among them", of("ListWorkflowExecutions"), PLANNER, NONE),
    ("a start under schedule ids alone", of(START, workflow_id="blue-1"), PLANNER, "schedules"),
    ("a schedule's workflow is the schedule", on("DescribeWorkflowExecution", "temporal-sys-scheduler:red-s", "execution"), PLANNER, "schedules"),
    ("another schedule's workflow", on("DescribeWorkflowExecution", "temporal-sys-scheduler:blue-s", "execution"), PLANNER, NONE),
    ("a signal of that name", on("SignalWorkflowExecution", "w", signal_name="approve"), MESSENGER, "messages"),
    ("a signal of another name", on("SignalWorkflowExecution", "w", signal_name="reject"), MESSENGER, NONE),
    ("a signal without a name", on("SignalWorkflowExecution", "w"), MESSENGER, NONE),
    ("a start with a signal", of(WITH_START, workflow_id="w", signal_name="hint-1"), MESSENGER, "messages"),
    ("a start with another signal", of(WITH_START, workflow_id="w", signal_name="hints"), MESSENGER, NONE),
    ("a batch that signals", of("StartBatchOperation", signal_operation={"signal": "approve"}), MESSENGER, "messages"),
    ("a batch that signals otherwise", of("StartBatchOperation", signal_operation={"signal": "reject"}), MESSENGER, NONE),
    ("a batch that cancels", of("StartBatchOperation", cancellation_operation={}), MESSENGER, "messages"),
    ("a batch of nothing known", of("StartBatchOperation"), MESSENGER, NONE),
    ("a reset that signals", on("ResetWorkflowExecution", "w", post_reset_operations=[{"signal_workflow": {"signal_name": "approve"}}]), MESSENGER, "messages"),
    ("a reset that signals otherwise", on("ResetWorkflowExecution", "w", post_reset_operations=[{"signal_workflow": {"signal_name": "reject"}}]), MESSENGER, NONE),
    ("a command that signals", (COMPLETED, answer(command("signal_external_workflow_execution", signal_name="approve"))), MESSENGER, "messages"),
    ("a command that signals otherwise", (COMPLETED, answer(command("signal_external_workflow_execution", signal_name="reject"))), MESSENGER, NONE),
    ("a command to Temporal's own endpoint", (COMPLETED, operation(PROTOBUF + data(signal_name="approve"))), MESSENGER, "messages"),
    ("a command to it, another signal", (COMPLETED, operation(data(signal_name="reject") + PROTOBUF)), MESSENGER, NONE),
    ("a query of that type", on("QueryWorkflow", "w", "execution", query={"query_type": "state"}), MESSENGER, "messages"),
    ("a built-in query", on("QueryWorkflow", "w", "execution", query={"query_type": "__stack_trace"}), MESSENGER, NONE),
    ("an update of that name", on("UpdateWorkflowExecution", "w", request={"input": {"name": "amend"}}), MESSENGER, "messages"),
    ("an update of another name", on("UpdateWorkflowExecution", "w", request={"input": {"name": "drop"}}), MESSENGER, NONE),
    ("an update with a start", multi("w", "w", "amend"), MESSENGER, "messages"),
    ("another update with a start", multi("w", "w", "drop"), MESSENGER, NONE),
    ("a cancel, which sends nothing", on("RequestCancelWorkflowExecution", "w"), MESSENGER, "messages"),
    ("a start under two limits", of(START, workflow_id="red-1", task_queue={"name": "red-q"}), NARROW, "both"),
    ("a start under two limits, another queue", of(START, workflow_id="red-1", task_queue={"name": "blue-q"}), NARROW, NONE),
    ("a start under two limits, another id", of(START, workflow_id="blue-1", task_queue={"name": "red-q"}), NARROW, NONE),
    ("what is known by its id, under two limits", on("SignalWorkflowExecution", "red-1"), NARROW, NONE),
    ("outside: a service's hint", on("SignalWorkflowExecution", "w", signal_name="hint-1"), SERVICE, "people"),
    ("outside: another signal of a service", on("SignalWorkflowExecution", "w", signal_name="approve"), SERVICE, "services-signal-hints"),
    ("outside: a service's query", on("QueryWorkflow", "w", "execution"), SERVICE, "people"),
    ("outside: a cancel by a service's worker", (COMPLETED, answer(cancel())), SERVICE, "people"),
]

CASES: list[Case] = [case(name, method, message, claims, rule) for name, (method, message), claims, rule in ROWS] + [
    Case("a token that is no protobuf", COMPLETED, 3, answered(token=b"{}")[1], [], RED),
]

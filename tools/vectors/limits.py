"""Limits on task queues, workflow types and Nexus endpoints, of grants and of denials. Temporal has nothing like it, so it is not asked."""

from typing import Any

from .case import ISSUER, TOKEN, Case, request
from .inside import batch, completed

CONFIGURATION: dict[str, Any] = {
    "version": 1,
    "issuers": {"corp": ISSUER | {"service_when": [{"gty": "client-credentials"}]}},
    "grants": [
        {"name": "runners", "who": {"issuer": "corp", "subject": "{team}-runner"}, "role": "worker", "namespaces": ["payroll"], "task_queues": ["{team}-*"]},
        {"name": "starters", "who": {"issuer": "corp", "claims": {"groups": "starters"}}, "role": "writer", "namespaces": ["payroll"],
         "task_queues": ["red-*"], "workflow_types": ["Pay*"]},
        {"name": "callers", "who": {"issuer": "corp", "claims": {"groups": "callers"}}, "role": "writer", "namespaces": ["payroll"], "nexus_endpoints": ["tax-office"]},
        {"name": "people", "who": {"issuer": "corp", "claims": {"groups": "people"}}, "role": "writer", "namespaces": ["payroll"]},
        {"name": "handlers", "who": {"issuer": "corp", "claims": {"groups": "handlers"}}, "role": "writer", "namespaces": ["payroll"], "may_call_back": True},
    ],
    "denials": [
        {"name": "services-on-listed-queues", "who": {"kind": "service"}, "namespaces": ["payroll"], "outside": {"task_queues": ["red-*"]}},
    ],
}
RUNNER, STARTER, CALLER, PERSON = {"sub": "red-runner"}, {"groups": ["starters"]}, {"groups": ["callers"]}, {"groups": ["people"]}
SERVICE, HANDLER = PERSON | {"gty": "client-credentials"}, {"groups": ["handlers"]}
DENIED = "services-on-listed-queues"
STICKY = "7@host-0f8fad5bd9cb469fa16570867728950e"
NORMAL_KIND, STICKY_KIND, COMMANDS_KIND = 1, 2, 3
COMPLETED, START = "RespondWorkflowTaskCompleted", "StartWorkflowExecution"


def queue(name: str, kind: int = 0, normal: str = "") -> dict[str, Any]:
    return {"name": name, "kind": kind, "normal_name": normal}


def poll(what: str, *parts: Any) -> tuple[str, Any]:
    method = f"Poll{what}TaskQueue"
    return method, request(method, namespace="payroll", task_queue=queue(*parts))


def start(name: str | None, type_: str = "PayDay", **fields: Any) -> tuple[str, Any]:
    if name is not None:
        fields["task_queue"] = queue(name)
    return START, request(START, namespace="payroll", workflow_id="w", workflow_type={"name": type_}, **fields)


def child(name: str, type_: str = "PayDay") -> tuple[str, Any]:
    return COMPLETED, completed("start_child_workflow_execution", workflow_type={"name": type_}, task_queue=queue(name))


def sticky(*parts: Any) -> tuple[str, Any]:
    attributes = {"worker_task_queue": queue(*parts)}
    return COMPLETED, request(COMPLETED, namespace="payroll", task_token=TOKEN, sticky_attributes=attributes)


def operation(endpoint: str) -> tuple[str, Any]:
    return COMPLETED, completed("schedule_nexus_operation", endpoint=endpoint, service="s", operation="o")


def standalone(endpoint: str) -> tuple[str, Any]:
    method = "StartNexusOperationExecution"
    return method, request(method, namespace="payroll", endpoint=endpoint)


def of(method: str, **fields: Any) -> tuple[str, Any]:
    return method, request(method, namespace="payroll", **fields)


def calls_back(url: str) -> tuple[str, Any]:
    return start("red-main", completion_callbacks=[{"nexus": {"url": url}}])


# name, call, claims, rule
ROWS: list[tuple[str, tuple[str, Any], dict[str, Any], str | None]] = [
    ("workflow poll", poll("Workflow", "red-main", NORMAL_KIND), RUNNER, "runners"),
    ("workflow poll, another queue", poll("Workflow", "blue-main", NORMAL_KIND), RUNNER, None),
    ("workflow poll, another queue said to be sticky", poll("Workflow", "blue-main", STICKY_KIND, "red-main"), RUNNER, None),
    ("workflow poll, sticky", poll("Workflow", STICKY, STICKY_KIND, "red-main"), RUNNER, "runners"),
    ("workflow poll, sticky of another queue", poll("Workflow", STICKY, STICKY_KIND, "blue-main"), RUNNER, None),
    ("workflow poll, no queue", of("PollWorkflowTaskQueue"), RUNNER, None),
    ("activity poll", poll("Activity", "red-main", NORMAL_KIND), RUNNER, "runners"),
    ("activity poll, another queue said to be sticky", poll("Activity", "blue-main", STICKY_KIND, "red-main"), RUNNER, None),
    ("activity poll, sticky", poll("Activity", STICKY, STICKY_KIND, "red-main"), RUNNER, None),
    ("Nexus poll", poll("Nexus", "red-main", NORMAL_KIND), RUNNER, "runners"),
    ("Nexus poll, another queue", poll("Nexus", "blue-main", NORMAL_KIND), RUNNER, None),
    ("Nexus poll, commands to a worker", poll("Nexus", "/temporal-sys/worker-commands/payroll/7", COMMANDS_KIND), RUNNER, "runners"),
    ("Nexus poll, another queue said to be of commands", poll("Nexus", "blue-main", COMMANDS_KIND), RUNNER, None),
    ("answer, sticky attributes", sticky(STICKY, STICKY_KIND, "red-main"), RUNNER, "runners"),
    ("answer, sticky attributes of another queue", sticky("blue-main", STICKY_KIND, "red-main"), RUNNER, None),
    ("answer, child on its queue", child("red-other"), RUNNER, "runners"),
    ("answer, child on the inherited queue", child(""), RUNNER, "runners"),
    ("answer, child on another queue", child("blue-main"), RUNNER, None),
    ("answer by id", of("RespondActivityTaskCompletedById", workflow_id="w", activity_id="a"), RUNNER, None),
    ("answer by token", of("RespondActivityTaskCompleted", task_token=TOKEN), RUNNER, "runners"),
    ("history", of("GetWorkflowExecutionHistory", execution={"workflow_id": "w"}), RUNNER, "runners"),
    ("namespace", of("DescribeNamespace"), RUNNER, "runners"),
    ("shutdown", of("ShutdownWorker", sticky_task_queue=STICKY, task_queue="red-main"), RUNNER, "runners"),
    ("shutdown on another queue", of("ShutdownWorker", sticky_task_queue=STICKY, task_queue="blue-main"), RUNNER, None),
    ("start", start("red-main"), STARTER, "starters"),
    ("start on another queue", start("blue-main"), STARTER, None),
    ("start of another type", start("red-main", "Fire"), STARTER, None),
    ("start that attaches to what runs", start("red-main", workflow_id_conflict_policy=2, on_conflict_options={"attach_request_id": True}), STARTER, None),
    ("start that uses what runs", start("red-main", workflow_id_conflict_policy=2), STARTER, "starters"),
    ("deployment", of("SetWorkerDeploymentCurrentVersion", deployment_name="d"), STARTER, None),
    ("start without a queue", start(None), STARTER, None),
    ("start that terminates", start("red-main", workflow_id_conflict_policy=3), STARTER, None),
    ("start that terminates, without limits", start("red-main", workflow_id_conflict_policy=3), PERSON, "people"),
    ("signal with start reaches what runs", of("SignalWithStartWorkflowExecution", task_queue=queue("red-main")), STARTER, None),
    ("signal", of("SignalWorkflowExecution", workflow_execution={"workflow_id": "w"}), STARTER, None),
    ("list", of("ListWorkflowExecutions"), STARTER, None),
    ("batch", ("StartBatchOperation", batch(signal_operation={"signal": "s"})), STARTER, None),
    ("describe a queue", of("DescribeTaskQueue", task_queue=queue("red-main")), STARTER, "starters"),
    ("describe another queue", of("DescribeTaskQueue", task_queue=queue("blue-main")), STARTER, None),
    ("schedule", of("CreateSchedule", schedule_id="s", schedule={"action": {"start_workflow": {
        "workflow_type": {"name": "PayDay"}, "task_queue": queue("red-main")}}}), STARTER, "starters"),
    ("schedule on another queue", of("CreateSchedule", schedule_id="s", schedule={"action": {"start_workflow": {
        "workflow_type": {"name": "PayDay"}, "task_queue": queue("blue-main")}}}), STARTER, None),
    ("endpoint", operation("tax-office"), CALLER, "callers"),
    ("another endpoint", operation("bank"), CALLER, None),
    ("endpoint in another case", operation("Tax-Office"), CALLER, None),
    ("standalone operation", standalone("tax-office"), CALLER, "callers"),
    ("standalone operation, another endpoint", standalone("bank"), CALLER, None),
    ("endpoints do not limit what is known by id", of("SignalWorkflowExecution", workflow_execution={"workflow_id": "w"}), CALLER, "callers"),
    ("outside: a service on another queue", start("blue-main"), SERVICE, DENIED),
    ("outside: a service on a listed queue", start("red-main"), SERVICE, "people"),
    ("outside: a person", start("blue-main"), PERSON, "people"),
    ("outside: a service's signal", of("SignalWorkflowExecution", workflow_execution={"workflow_id": "w"}), SERVICE, DENIED),
    ("callback into Temporal", calls_back("temporal://system"), PERSON, None),
    ("callback into Temporal, by who may", calls_back("temporal://system"), HANDLER, "handlers"),
    ("callback to a queue of its own", start("red-main", completion_callbacks=[{"nexus_handler": {"task_queue_name": "red-other"}}]), STARTER, "starters"),
    ("callback to another queue", start("red-main", completion_callbacks=[{"nexus_handler": {"task_queue_name": "blue-main"}}]), STARTER, None),
    ("Nexus operation of its own", of("StartNexusOperationExecution", endpoint="e"), STARTER, "starters"),
    ("Nexus operation that attaches to what runs", of("StartNexusOperationExecution", endpoint="e", on_conflict_options={"attach_request_id": True}), STARTER, None),
    ("shutdown with the queue of commands", of("ShutdownWorker", sticky_task_queue=STICKY, task_queue="temporal-sys/worker-commands/payroll/7"), RUNNER, "runners"),
    ("poll for activities on the queue of commands", poll("Activity", "temporal-sys/worker-commands/payroll/7", NORMAL_KIND), RUNNER, None),
    ("start of an activity that attaches to what runs", of("StartActivityExecution", activity_id="a", task_queue=queue("red-main"), on_conflict_options={"attach_request_id": True}), STARTER, None),
    ("start of an activity", of("StartActivityExecution", activity_id="a", task_queue=queue("red-main")), STARTER, "starters"),
    ("callback elsewhere", calls_back("https://example.com/"), PERSON, "people"),
]

CASES = [
    Case(name, method, 0 if rule not in (None, DENIED) else 7, message, [], claims, rule, denied_by=rule or "default-deny")
    for name, (method, message), claims, rule in ROWS
]

"""Task tokens, which anybody can write: those of Temporal's own workflows and queues are for admins of the cluster."""

from typing import Any

from harness.proto import text

from .case import PERMISSIONS, Case, request, task

CONFIGURATION = PERMISSIONS
SYSTEM, SCHEDULER = ["temporal-system:admin"], "temporal-sys-scheduler:payday"
COMPLETED, QUERY, NEXUS = "RespondWorkflowTaskCompleted", "RespondQueryTaskCompleted", "RespondNexusTaskCompleted"
TASKS = [
    COMPLETED, "RespondWorkflowTaskFailed", "RecordActivityTaskHeartbeat", "RespondActivityTaskCompleted", "RespondActivityTaskFailed", "RespondActivityTaskCanceled",
]



def queue(name: str) -> bytes:
    """The token of a query or a Nexus task: namespace id, partition, task id."""
    return text(1, "6e1b1b6c-0000-4000-8000-000000000000") + text(2, name) + text(3, "t")


def answer(method: str, token: bytes, **fields: Any) -> Any:
    return request(method, namespace="payroll", task_token=token, **fields)


def case(name: str, method: str, token: bytes, status: int = 0, permissions: list[str] | None = None) -> Case:
    return Case(name, method, status, answer(method, token), permissions or ["payroll:worker"])


OWN_IDS = [SCHEDULER, SCHEDULER.upper(), "t\u00e9mporal-sys-scheduler:payday", "temporal-\u017fy\u017f-x", "temporal-sys\u0301-x", "\uff54emporal-sys-x"]
OWN_QUEUES = ["temporal-sys-per-ns-tq", "/_sys/temporal-sys-per-ns-tq/3", "/_sys/Temporal-Sys-per-ns-tq/3", "t\u00e9mporal-sys-per-ns-tq"]
QUEUES = ["payroll-q", "/_sys/payroll-q/2", "/_sys/team/payroll-q/3", "7@host-0f8fad5bd9cb469fa16570867728950e", "/temporal-sys/worker-commands/payroll/7", ""]

CASES = [case(f"{method}: a workflow's", method, task("payday")) for method in TASKS]
CASES += [case(f"{method}: a scheduler's", method, task(SCHEDULER), 7) for method in TASKS]
CASES += [case(f"{method}: a scheduler's, system admin", method, task(SCHEDULER), 0, SYSTEM) for method in TASKS[:2]]
CASES += [case(f"task of {name!r}", COMPLETED, task(name), 7) for name in OWN_IDS[1:]]
CASES += [case(f"task of {name!r}", COMPLETED, task(name)) for name in ("my-temporal-sys-x", "temporal-sys", "/_sys/payroll/1", "", "\u0437\u0430\u043a\u0430\u0437-17", "\u00e9\u00e9\u00e9\u00e9\u00e9-1")]
for method in (QUERY, NEXUS, "RespondNexusTaskFailed"):
    CASES += [case(f"{method}: {name!r}", method, queue(name)) for name in QUEUES]
    CASES += [case(f"{method}: {name!r}", method, queue(name), 7) for name in OWN_QUEUES]
    CASES += [case(f"{method}: {name!r}, system admin", method, queue(name), 0, SYSTEM) for name in OWN_QUEUES[1:2]]
CASES += [
    case("a standalone activity's", "RespondActivityTaskCompleted", task("payday", text(14, "x"))),
    case("a standalone activity's, of a scheduler", "RespondActivityTaskCompleted", task(SCHEDULER, text(14, "x")), 7),
    case("workflow id twice", COMPLETED, task("payday", text(2, SCHEDULER)), 3),
    case("workflow id twice, the same", COMPLETED, task("payday", text(2, "payday")), 3),
    case("component twice", "RespondActivityTaskCompleted", task("payday", text(14, "x") + text(14, "")), 3),
    case("other fields twice", COMPLETED, task("payday", text(3, "r2"))),
    case("workflow id that is not UTF-8", COMPLETED, task(b"pay\xffday"), 3),
    case("no protobuf", COMPLETED, b'{"workflowId": "payday"}', 3),
    case("no protobuf, system admin", COMPLETED, b'{"workflowId": "payday"}', 3, SYSTEM),
    case("no protobuf, of a query", QUERY, b"token", 3),
    case("cut off", COMPLETED, task("payday")[:-1], 3),
    case("a field number within a group that is one for protobuf-go only", COMPLETED, task("payday", b"\xa3\x06\x80\x80\x80\x80\x10\x00\xa4\x06")),
    case("a tag whose number some readers cut to 2", COMPLETED, b"\x92\x80\x80\x80\x80\x01" + text(2, SCHEDULER)[1:], 3),
    case("a long name", COMPLETED, task("x" * 1100), 3),
    case("nothing", COMPLETED, b""),
    Case("token twice", COMPLETED, 3, text(1, task("payday")) + text(1, task("payday")) + text(9, "payroll"), ["payroll:worker"]),
    Case("a child of a type of Temporal's own", COMPLETED, 7, answer(COMPLETED, task("payday"), commands=[
        {"start_child_workflow_execution_command_attributes": {"workflow_id": "c", "workflow_type": {"name": "temporal-sys-scheduler-workflow"}}}])),
    Case("a child of another type", COMPLETED, 0, answer(COMPLETED, task("payday"), commands=[
        {"start_child_workflow_execution_command_attributes": {"workflow_id": "c", "workflow_type": {"name": "Pay"}}}])),
]

"""Denials that reach the commands in a worker's answers, and the operation by which a workflow starts and signals another. Temporal has
nothing like it, so it is not asked."""

from functools import partial
from typing import Any

from harness.proto import number, text

from .case import ISSUER, Case, request, ruled, task

CONFIGURATION: dict[str, Any] = {
    "version": 1,
    "issuers": {"corp": ISSUER},
    "grants": [
        {"name": "admins", "who": {"issuer": "corp", "claims": {"groups": "admins"}}, "role": "admin", "system": True},
        {"name": "workers", "who": {"issuer": "corp"}, "role": "worker", "namespaces": ["payroll", "orders"]},
        {"name": "replacers", "who": {"issuer": "corp", "claims": {"groups": "replacers"}}, "role": "writer", "namespaces": ["payroll", "orders"]},
    ],
    "denials": [
        {"name": "no-starts", "effects": ["start"], "namespaces": ["payroll"], "unless": {"issuer": "corp", "claims": {"groups": "finance"}}, "commands": True},
        {"name": "no-cancels", "effects": ["cancel"], "who": {"claims": {"groups": "careful"}}, "commands": True},
        {"name": "no-signals", "effects": ["signal"], "who": {"claims": {"groups": "silent"}}, "commands": True},
        {"name": "no-nexus", "effects": ["nexus"], "who": {"claims": {"groups": "local"}}, "commands": True},
        {"name": "no-client-signals", "effects": ["signal"], "who": {"claims": {"groups": "replacers"}}},
    ],
}
DENIALS = {"no-starts", "no-cancels", "no-signals", "no-nexus", "no-client-signals"}
NONE, COMPLETED = "default-deny", "RespondWorkflowTaskCompleted"
case = partial(ruled, denials=DENIALS)
FINANCE, ADMIN, LOCAL, REPLACER = ({"groups": ["finance", group]} for group in ("", "admins", "local", "replacers"))
CAREFUL, SILENT = {"groups": ["finance", "careful"]}, {"groups": ["finance", "silent"]}

SERVICE, OPERATION = "temporal.api.workflowservice.v1.WorkflowService", "SignalWithStartWorkflowExecution"


def answer(*commands: dict[str, Any], namespace: str = "payroll") -> Any:
    return request(COMPLETED, namespace=namespace, task_token=task("w"), commands=list(commands))


def command(kind: str, **attributes: Any) -> dict[str, Any]:
    return {f"{kind}_command_attributes": attributes}


def child(**attributes: Any) -> dict[str, Any]:
    return command("start_child_workflow_execution", workflow_id="c", **attributes)


def signal(**attributes: Any) -> dict[str, Any]:
    return command("signal_external_workflow_execution", signal_name="go", **attributes)


def cancel(**attributes: Any) -> dict[str, Any]:
    return command("request_cancel_external_workflow_execution", workflow_id="w", **attributes)


def nexus(**attributes: Any) -> dict[str, Any]:
    return command("schedule_nexus_operation", **({"endpoint": "bank", "service": "s", "operation": "o"} | attributes))


def entry(key: str, value: str) -> bytes:
    return text(1, text(1, key) + text(2, value))


PROTOBUF = entry("encoding", "binary/protobuf")


def operation(
    payload: bytes | None, service: str | None = SERVICE, name: str = OPERATION, endpoint: str = "__temporal_system", before: bytes = b"", token: bytes = task("w"),
) -> bytes:
    """An answer with a command to Temporal's own endpoint, built field by field."""
    parts = [text(1, endpoint), b"" if service is None else text(2, service), text(3, name), b"" if payload is None else text(4, payload)]
    attributes = before + b"".join(parts)
    return text(1, token) + text(2, text(18, attributes)) + text(9, "payroll")


def data(**fields: Any) -> bytes:
    return text(2, request(OPERATION, **({"workflow_id": "o", "signal_name": "go", "workflow_type": {"name": "T"}} | fields)).SerializeToString())


# name, answer, claims, rule
ROWS: list[tuple[str, Any, dict[str, Any], str]] = [
    ("a child", answer(child()), {}, "no-starts"),
    ("a child, by finance", answer(child()), FINANCE, "workers"),
    ("a child in another namespace", answer(child(), namespace="orders"), {}, "workers"),
    ("a child beside others", answer(command("start_timer", timer_id="t"), child()), {}, "no-starts"),
    ("an admin's child", answer(child()), {"groups": ["admins"]}, "no-starts"),
    ("what a worker does to its own workflow", answer(
        command("complete_workflow_execution"), command("fail_workflow_execution"), command("cancel_workflow_execution"),
        command("continue_as_new_workflow_execution", workflow_type={"name": "T"}), command("schedule_activity_task", activity_id="a"), command("start_timer", timer_id="t"),
        command("request_cancel_activity_task"), command("request_cancel_nexus_operation"), command("record_marker"),
    ), {"groups": "careful,silent,local"}, "workers"),
    ("a cancel", answer(cancel()), CAREFUL, "no-cancels"),
    ("a cancel of its own children", answer(cancel(child_workflow_only=True)), CAREFUL, "workers"),
    ("a cancel, by somebody else", answer(cancel()), {}, "workers"),
    ("a signal", answer(signal()), SILENT, "no-signals"),
    ("a signal to a child", answer(signal(child_workflow_only=True)), SILENT, "no-signals"),
    ("a signal, by somebody else", answer(signal()), {}, "workers"),
    ("a Nexus operation", answer(nexus()), LOCAL, "no-nexus"),
    ("a Nexus operation, by somebody else", answer(nexus()), {}, "workers"),
    ("a denial that does not say commands", answer(signal()), REPLACER, "workers"),
    ("the call of a scheduler, which may start anything", request("SignalWorkflowExecution", namespace="payroll", workflow_execution={"workflow_id": "temporal-sys-scheduler:x"}), {"groups": ["admins"]}, "no-starts"),
    ("the call of a scheduler by finance", request("SignalWorkflowExecution", namespace="payroll", workflow_execution={"workflow_id": "temporal-sys-scheduler:x"}), ADMIN, "admins"),
    ("the call of another workflow", request("SignalWorkflowExecution", namespace="payroll", workflow_execution={"workflow_id": "w"}), {"groups": ["admins"]}, "admins"),
    ("the call into the namespace of Temporal's own", request("SignalWorkflowExecution", namespace="temporal-system", workflow_execution={"workflow_id": "w"}), {"groups": ["admins"]}, "no-starts"),
    ("the call that such a denial is about", request("SignalWorkflowExecution", namespace="payroll"), REPLACER, "no-client-signals"),
    ("a child that replaces, by a worker", answer(child(workflow_id_reuse_policy=4)), FINANCE, NONE),
    ("a child that replaces, by a writer", answer(child(workflow_id_reuse_policy=4)), REPLACER, "replacers"),
    ("an operation of Temporal's own", operation(PROTOBUF + data()), FINANCE, "workers"),
    ("the same, data first", operation(data() + PROTOBUF), FINANCE, "workers"),
    ("the same with more metadata", operation(entry("messageType", "x") + data() + PROTOBUF), FINANCE, "workers"),
    ("the same starts", operation(PROTOBUF + data()), {}, "no-starts"),
    ("the same starts, data first", operation(data() + PROTOBUF), {}, "no-starts"),
    ("the same signals", operation(PROTOBUF + data()), SILENT, "no-signals"),
    ("the same is no operation of somebody's", operation(PROTOBUF + data()), LOCAL, "workers"),
    ("the same, with the namespace of the request", operation(PROTOBUF + data(namespace="payroll")), FINANCE, "workers"),
    ("the same into another namespace", operation(PROTOBUF + data(namespace="orders")), FINANCE, NONE),
    ("the same that replaces, by a worker", operation(PROTOBUF + data(workflow_id_reuse_policy=4)), FINANCE, NONE),
    ("the same that replaces, by a writer", operation(PROTOBUF + data(workflow_id_conflict_policy=3)), REPLACER, "replacers"),
    ("the same on a queue of Temporal's own", operation(PROTOBUF + data(task_queue={"name": "temporal-sys-per-ns-tq"})), FINANCE, NONE),
    ("the same of a workflow of Temporal's own", operation(PROTOBUF + data(workflow_id="temporal-sys-scheduler:x")), FINANCE, NONE),
    ("as JSON", operation(entry("encoding", "json/protobuf") + text(2, '{"workflowId": "o"}')), FINANCE, NONE),
    ("as JSON, by an admin", operation(entry("encoding", "json/protobuf") + text(2, '{"workflowId": "o"}')), ADMIN, "admins"),
    ("as JSON, by an admin who must not signal", operation(entry("encoding", "json/protobuf") + text(2, "{}")), {"groups": ["finance", "admins", "silent"]}, "no-signals"),
    ("as JSON, by an admin who must not start", operation(entry("encoding", "json/protobuf") + text(2, "{}")), {"groups": ["admins"]}, "no-starts"),
    ("without an encoding", operation(data()), FINANCE, NONE),
    ("with two encodings", operation(PROTOBUF + entry("encoding", "json/plain") + data()), FINANCE, NONE),
    ("with data twice", operation(PROTOBUF + data() + data()), FINANCE, NONE),
    ("without an input", operation(None), FINANCE, NONE),
    ("another operation", operation(PROTOBUF + data(), name="TerminateWorkflowExecution"), FINANCE, NONE),
    ("another service", operation(PROTOBUF + data(), service="x"), FINANCE, NONE),
    ("its service before its endpoint", operation(PROTOBUF + data(), service=None, before=text(2, SERVICE)), FINANCE, NONE),
    ("at an endpoint of another case", operation(PROTOBUF + data(), endpoint="__Temporal_System"), FINANCE, "workers"),
]

CASES = [case(name, "SignalWorkflowExecution" if name.startswith("the call") else COMPLETED, message, claims, rule) for name, message, claims, rule in ROWS] + [
    Case("an input that cannot be read", COMPLETED, 3, operation(PROTOBUF + text(2, b"\xff")), [], FINANCE),
    Case("an input with its workflow id twice", COMPLETED, 3, operation(PROTOBUF + text(2, text(2, "a") + text(2, "b"))), [], FINANCE),
    Case("an endpoint twice", COMPLETED, 3, operation(PROTOBUF + data(), before=text(1, "bank")), [], FINANCE),
    Case("a service twice", COMPLETED, 3, operation(PROTOBUF + data(), before=text(2, "s")), [], FINANCE),
]
CASES += [Case("a flag of another wire type is none", COMPLETED, 7, text(1, task("w")) + text(2, text(9, text(5, "x"))) + text(9, "payroll"), [], CAREFUL, denied_by="no-cancels")]
CASES += [Case("a cancel of its own children, said by 2", COMPLETED, 0, text(1, task("w")) + text(2, text(9, number(5, 2))) + text(9, "payroll"), [], CAREFUL, "workers")]

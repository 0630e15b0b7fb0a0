"""Denials, what they are about, and whom they spare. Temporal has nothing like it, so it is not asked."""

from typing import Any

from .case import ISSUER, TOKEN, Case, request
from .inside import batch, completed, multi

CONFIGURATION: dict[str, Any] = {
    "version": 1,
    "issuers": {"corp": ISSUER | {"service_when": [{"gty": "client-credentials"}]}},
    "grants": [
        {"name": "platform", "who": {"issuer": "corp", "claims": {"groups": "platform-admins"}}, "role": "admin", "system": True},
        {"name": "everybody", "who": {"issuer": "corp"}, "role": "writer", "namespaces": ["*"]},
    ],
    "denials": [
        {"name": "only-finance-starts-payroll", "effects": ["start"], "namespaces": ["payroll"], "unless": {"issuer": "corp", "claims": {"groups": "finance"}}},
        {"name": "teams-never-terminate", "effects": ["terminate", "delete", "reset"], "who": {"issuer": "corp", "claims": {"groups": "team-*"}}},
        {"name": "no-service-in-archive", "who": {"kind": "service"}, "namespaces": ["archive*"]},
        {"name": "nobody-renames", "effects": ["UpdateNamespace"]},
        {"name": "tried-out", "effects": ["query"], "shadow": True},
    ],
    "authenticated": ["GetClusterInfo"],
    "admin_service": True,
}
FINANCE, TEAM, ADMIN = {"groups": ["finance"]}, {"groups": ["team-red"]}, {"groups": ["platform-admins"]}
SERVICE = {"gty": "client-credentials"}
START, STOP, QUERY, COUNT = "StartWorkflowExecution", "TerminateWorkflowExecution", "QueryWorkflow", "CountWorkflowExecutions"
ONLY, NEVER, ARCHIVE = "only-finance-starts-payroll", "teams-never-terminate", "no-service-in-archive"
REPLACE = request(START, namespace="orders", workflow_id_conflict_policy=3)
COMPLETED = "RespondWorkflowTaskCompleted"
CHILD = "start_child_workflow_execution"


def within(method: str, namespace: str) -> Any:
    return request(method, namespace=namespace)


def case(name: str, method: str, message: Any, claims: dict[str, Any], rule: str) -> Case:
    """`rule` is a grant's name, or a denial's."""
    allowed = rule in ("everybody", "platform", "authenticated")
    return Case(name, method, 0 if allowed else 7, message, [], claims, rule, denied_by=rule)


CASES = [
    case("spared by unless", START, within(START, "payroll"), FINANCE, "everybody"),
    case("not spared", START, within(START, "payroll"), TEAM, ONLY),
    case("system admins are not spared", START, within(START, "payroll"), ADMIN, ONLY),
    case("without the claim that spares", START, within(START, "payroll"), {}, ONLY),
    case("another namespace", START, within(START, "orders"), TEAM, "everybody"),
    case("the namespace in capitals", START, within(START, "Payroll"), TEAM, ONLY),
    case("the namespace with a space behind it", START, within(START, "payroll "), TEAM, ONLY),
    case("the namespace with an accent", START, within(START, "p\u00e4yroll"), TEAM, ONLY),
    case("another namespace in another script", START, within(START, "\u652f\u4ed8"), TEAM, "everybody"),
    case("another effect", COUNT, within(COUNT, "payroll"), TEAM, "everybody"),
    case("signal with start starts", "SignalWithStartWorkflowExecution", within("SignalWithStartWorkflowExecution", "payroll"), TEAM, ONLY),
    case("a multi-operation starts", "ExecuteMultiOperation", within("ExecuteMultiOperation", "payroll"), TEAM, ONLY),
    case("a schedule starts", "CreateSchedule", within("CreateSchedule", "payroll"), TEAM, ONLY),
    case("a multi-operation that starts there", "ExecuteMultiOperation", multi("orders"), TEAM, ONLY),
    case("a child is part of the answer", COMPLETED, completed(CHILD, namespace="payroll"), TEAM, "everybody"),
    case("a child in the namespace from another", COMPLETED, request(
        COMPLETED, namespace="orders", task_token=TOKEN, commands=[{f"{CHILD}_command_attributes": {"namespace": "payroll"}}],
    ), TEAM, ONLY),
    case("terminate", STOP, within(STOP, "orders"), TEAM, NEVER),
    case("terminate, another group", STOP, within(STOP, "orders"), FINANCE, "everybody"),
    case("start that terminates", START, REPLACE, TEAM, NEVER),
    case("start that terminates, another group", START, REPLACE, FINANCE, "everybody"),
    case("child that terminates", COMPLETED, completed(CHILD, namespace="payroll", workflow_id_reuse_policy=4), TEAM, NEVER),
    case("batch that terminates", "StartBatchOperation", batch(termination_operation={"identity": "i"}), TEAM, NEVER),
    case("batch that signals", "StartBatchOperation", batch(signal_operation={"signal": "s"}), TEAM, "everybody"),
    case("batch of nothing known", "StartBatchOperation", batch(), TEAM, ONLY),
    case("schedule that terminates", "CreateSchedule", request(
        "CreateSchedule", namespace="orders", schedule={"policies": {"overlap_policy": 5}},
    ), TEAM, NEVER),
    case("everything, for services", COUNT, within(COUNT, "archive-2025"), SERVICE, ARCHIVE),
    case("everything, a person", COUNT, within(COUNT, "archive-2025"), {}, "everybody"),
    case("unseen namespaces match, by id", "DeleteNamespace", request("DeleteNamespace", namespace_id="u"), ADMIN | SERVICE, ARCHIVE),
    case("unseen namespaces, a person", "DeleteNamespace", request("DeleteNamespace", namespace_id="u"), ADMIN, "platform"),
    case("a description by id is left to its answer", "DescribeNamespace", request("DescribeNamespace", id="u"), ADMIN | SERVICE, "platform"),
    case("to change the cluster may reach any namespace", "DeleteNexusEndpoint", request("DeleteNexusEndpoint"), ADMIN | SERVICE, ARCHIVE),
    case("to read from the cluster reaches none", "ListClusters", request("ListClusters"), ADMIN, "platform"),
    case("authenticated", "GetClusterInfo", request("GetClusterInfo"), SERVICE, "authenticated"),
    case("a single method", "UpdateNamespace", within("UpdateNamespace", "orders"), ADMIN, "nobody-renames"),
    case("in shadow", QUERY, within(QUERY, "orders"), TEAM, "everybody"),
]

"""What a request does beside what its method says: other namespaces in it, options that terminate, Temporal's own names."""

from typing import Any

from temporalio.api.enums.v1 import CommandType, WorkflowIdConflictPolicy, WorkflowIdReusePolicy

from .case import PERMISSIONS, TOKEN, Case, request

CONFIGURATION = PERMISSIONS
COMPLETED = "RespondWorkflowTaskCompleted"
BOTH = ["payroll:write", "finance:write"]
SYSTEM = ["temporal-system:write"]


def completed(kind: str, **attributes: Any) -> Any:
    """The completion of a workflow task with one command."""
    command = {
        "command_type": CommandType.Value(f"COMMAND_TYPE_{kind.upper()}"),
        f"{kind}_command_attributes": attributes,
    }
    return request(COMPLETED, namespace="payroll", task_token=TOKEN, commands=[command])


def commands() -> list[Case]:
    cases = []
    for kind in ("start_child_workflow_execution", "signal_external_workflow_execution", "request_cancel_external_workflow_execution"):
        cases += [
            Case(f"{kind}: own namespace", COMPLETED, 0, completed(kind, namespace="payroll")),
            Case(f"{kind}: none", COMPLETED, 0, completed(kind)),
            Case(f"{kind}: another", COMPLETED, 7, completed(kind, namespace="finance")),
            Case(f"{kind}: another, granted there", COMPLETED, 0, completed(kind, namespace="finance"), BOTH),
            Case(f"{kind}: another, worker there", COMPLETED, 7, completed(kind, namespace="finance"), ["payroll:write", "finance:worker"]),
            Case(f"{kind}: another, worker here", COMPLETED, 0, completed(kind, namespace="finance"), ["payroll:worker", "finance:write"]),
            Case(f"{kind}: another, system", COMPLETED, 0, completed(kind, namespace="finance"), SYSTEM),
        ]
    return cases


def multi(inner: str) -> Any:
    operations = [{"start_workflow": {"namespace": inner, "workflow_id": "w"}}, {"update_workflow": {"namespace": "payroll"}}]
    return request("ExecuteMultiOperation", namespace="payroll", operations=operations)


def signal(workflow_id: str) -> Any:
    return request("SignalWorkflowExecution", namespace="payroll", workflow_execution={"workflow_id": workflow_id})


def start(queue: str) -> Any:
    return request("StartWorkflowExecution", namespace="payroll", workflow_id="w", task_queue={"name": queue})


def batch(**operation: Any) -> Any:
    return request("StartBatchOperation", namespace="payroll", job_id="j", **operation)


def signals(count: int) -> Any:
    """The completion of a workflow task with a signal into each of several namespaces."""
    kind = "signal_external_workflow_execution"
    commands = [
        {"command_type": CommandType.Value(f"COMMAND_TYPE_{kind.upper()}"), f"{kind}_command_attributes": {"namespace": f"n{place}"}}
        for place in range(count)
    ]
    return request(COMPLETED, namespace="payroll", task_token=TOKEN, commands=commands)


def alias(attribute: str) -> Any:
    return request("UpdateNamespace", namespace="payroll", config={"custom_search_attribute_aliases": {attribute: "Mine"}})


def handled_on(queue: str) -> Any:
    return request("StartWorkflowExecution", namespace="payroll", completion_callbacks=[{"nexus_handler": {"task_queue_name": queue}}])


SOME = ["payroll:worker", *(f"n{place}:write" for place in range(20))]
SCHEDULER = "temporal-sys-scheduler:payday"
REPLACE = request(
    "StartWorkflowExecution", namespace="payroll",
    workflow_id_conflict_policy=WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING,
)
CHILD = completed(
    "start_child_workflow_execution", namespace="payroll",
    workflow_id_reuse_policy=WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING,
)
LINK = {"workflow_event": {"namespace": "finance", "workflow_id": "w"}}

CASES = commands() + [
    Case("multi-operation: own namespace", "ExecuteMultiOperation", 0, multi("payroll")),
    Case("multi-operation: another inside", "ExecuteMultiOperation", 7, multi("finance")),
    Case("multi-operation: another inside, granted there", "ExecuteMultiOperation", 0, multi("finance"), BOTH),
    Case("seventeen namespaces", COMPLETED, 7, signals(17), SOME),
    Case("sixteen namespaces", COMPLETED, 0, signals(16), SOME),
    Case("links do not count", "StartWorkflowExecution", 0, request("StartWorkflowExecution", namespace="payroll", links=[LINK])),
    Case("start that terminates: writer", "StartWorkflowExecution", 0, REPLACE),
    Case("start that terminates: reader", "StartWorkflowExecution", 7, REPLACE, ["payroll:read"]),
    Case("child that terminates: writer", COMPLETED, 0, CHILD),
    Case("child that terminates: worker", COMPLETED, 7, CHILD, ["payroll:worker"]),
    Case("child: worker", COMPLETED, 0, completed("start_child_workflow_execution", namespace="payroll"), ["payroll:worker"]),
    Case("signal to a workflow", "SignalWorkflowExecution", 0, signal("payday")),
    Case("signal to a scheduler", "SignalWorkflowExecution", 7, signal(SCHEDULER)),
    Case("signal to a scheduler in capitals", "SignalWorkflowExecution", 7, signal(SCHEDULER.upper())),
    Case("signal to a scheduler, system admin", "SignalWorkflowExecution", 0, signal(SCHEDULER), ["temporal-system:admin"]),
    Case("start on a queue", "StartWorkflowExecution", 0, start("payroll")),
    Case("start on a queue of Temporal's own", "StartWorkflowExecution", 7, start("temporal-sys-batcher-taskqueue")),
    Case("start in Temporal's own namespace", "StartWorkflowExecution", 7, request("StartWorkflowExecution", namespace="temporal-system"), SYSTEM),
    Case("start in Temporal's own namespace in capitals", "StartWorkflowExecution", 7, request("StartWorkflowExecution", namespace="Temporal-System"), SYSTEM),
    Case("start in Temporal's own namespace, system admin", "StartWorkflowExecution", 0,
         request("StartWorkflowExecution", namespace="temporal-system"), ["temporal-system:admin"]),
    Case("batch over Temporal's own workflows", "StartBatchOperation", 7,
         batch(visibility_query="`TemporalNamespaceDivision` = 'TemporalScheduler'", signal_operation={"signal": "patch"})),
    Case("batch over one's own", "StartBatchOperation", 0, batch(visibility_query="WorkflowType = 'X'", signal_operation={"signal": "patch"})),
    Case("poll of a queue of Temporal's own", "PollActivityTaskQueue", 7,
         request("PollActivityTaskQueue", namespace="payroll", task_queue={"name": "/_sys/payroll/1"})),
    Case("alias for the division of Temporal's own workflows", "UpdateNamespace", 7, alias("TemporalNamespaceDivision"), ["payroll:admin"]),
    Case("alias for another attribute", "UpdateNamespace", 0, alias("Keyword01"), ["payroll:admin"]),
    Case("alias for the division, system admin", "UpdateNamespace", 0, alias("TemporalNamespaceDivision"), ["temporal-system:admin"]),
    Case("start in Temporal's own namespace with an accent", "StartWorkflowExecution", 7, request("StartWorkflowExecution", namespace="t\u00e9mporal-system"), SYSTEM),
    Case("signal to a scheduler with an accent", "SignalWorkflowExecution", 7, signal("t\u00e9mporal-sys-scheduler:payday")),
    Case("signal to a workflow in another script", "SignalWorkflowExecution", 0, signal("\u0437\u0430\u043a\u0430\u0437-17")),
    Case("a type of Temporal's own", "StartWorkflowExecution", 7, request("StartWorkflowExecution", namespace="payroll", workflow_type={"name": "temporal-sys-scheduler-workflow"})),
    Case("another type", "StartWorkflowExecution", 0, request("StartWorkflowExecution", namespace="payroll", workflow_type={"name": "Pay"})),
    Case("callback to a queue", "StartWorkflowExecution", 0, handled_on("payroll-q")),
    Case("callback to a queue of Temporal's own", "StartWorkflowExecution", 7, handled_on("temporal-sys-per-ns-tq")),
    Case("the first task with the start: writer", "StartWorkflowExecution", 0, request("StartWorkflowExecution", namespace="payroll", request_eager_execution=True)),
    *[case for method in ("SoftDeleteNamespace", "RestoreNamespace") for case in (
        Case(f"{method}: admin", method, 0, request(method, namespace="payroll"), ["payroll:admin"]),
        Case(f"{method}: writer", method, 7, request(method, namespace="payroll")),
        Case(f"{method}: by id", method, 7, request(method, namespace="payroll", namespace_id="u"), ["payroll:admin"]),
        Case(f"{method}: by id, system", method, 0, request(method, namespace_id="u"), ["temporal-system:admin"]),
    )],
    Case("DescribeNamespaceRestore: reader", "DescribeNamespaceRestore", 0, request("DescribeNamespaceRestore", namespace="payroll"), ["payroll:read"]),
    Case("DescribeNamespaceRestore: worker", "DescribeNamespaceRestore", 7, request("DescribeNamespaceRestore", namespace="payroll"), ["payroll:worker"]),
    Case("compute configuration: writer", "UpdateWorkerDeploymentVersionComputeConfig", 7, request("UpdateWorkerDeploymentVersionComputeConfig", namespace="payroll")),
    Case("compute configuration: admin", "UpdateWorkerDeploymentVersionComputeConfig", 0, request("UpdateWorkerDeploymentVersionComputeConfig", namespace="payroll"), ["payroll:admin"]),
    Case("batch of nothing known", "StartBatchOperation", 0, batch()),
    Case("batch of nothing known: reader", "StartBatchOperation", 7, batch(), ["payroll:read"]),
    Case("batch that terminates", "StartBatchOperation", 0, batch(termination_operation={"identity": "i"})),
    Case("batch that terminates: worker", "StartBatchOperation", 7, batch(termination_operation={"identity": "i"}), ["payroll:worker"]),
]

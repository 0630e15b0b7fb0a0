"""Roles by Temporal's permissions claim: for each allowed call its denied twin."""

from .case import PERMISSIONS, Case, request

CONFIGURATION = PERMISSIONS
NAMESPACES = {"own": "payroll", "another": "finance"}
# What each role may call in its namespace, and what it may not.
MAY = {
    "read": ["DescribeNamespace", "CountWorkflowExecutions", "GetWorkflowExecutionHistory", "QueryWorkflow"],
    "worker": ["DescribeNamespace", "PollWorkflowTaskQueue", "RespondActivityTaskCompleted", "GetWorkflowExecutionHistory"],
    "write": ["CountWorkflowExecutions", "StartWorkflowExecution", "TerminateWorkflowExecution", "PollActivityTaskQueue"],
    "admin": ["StartWorkflowExecution", "UpdateNamespace", "AddSearchAttributes", "DeleteNamespace"],
}
MAY_NOT = {
    "read": ["StartWorkflowExecution", "PollWorkflowTaskQueue", "SignalWorkflowExecution", "UpdateNamespace"],
    "worker": ["StartWorkflowExecution", "TerminateWorkflowExecution", "SignalWorkflowExecution", "ListWorkflowExecutions"],
    "write": ["UpdateNamespace", "DeleteNamespace", "AddSearchAttributes"],
    "admin": ["RegisterNamespace"],
}
CLUSTER = {
    "read": (["ListNamespaces", "GetClusterInfo"], ["ListNexusEndpoints"]),
    "write": (["ListNamespaces"], ["CreateNexusEndpoint"]),
    "admin": (["ListNamespaces", "CreateNexusEndpoint", "RegisterNamespace"], []),
}


def in_namespaces() -> list[Case]:
    cases = []
    for role, methods in MAY.items():
        for method in methods:
            for where, namespace in NAMESPACES.items():
                message = request(method, namespace=namespace)
                status = 0 if where == "own" else 7
                cases.append(Case(f"{role}: {method} in {where} namespace", method, status, message, [f"payroll:{role}"]))
    for role, methods in MAY_NOT.items():
        for method in methods:
            message = request(method, namespace="payroll")
            cases.append(Case(f"{role}: not {method}", method, 7, message, [f"payroll:{role}"]))
    return cases


def in_the_cluster() -> list[Case]:
    cases = []
    for role, (may, may_not) in CLUSTER.items():
        for method in may + may_not:
            status = 0 if method in may else 7
            permission = f"temporal-system:{role}"
            cases.append(Case(f"system {role}: {method}", method, status, request(method), [permission]))
            cases.append(Case(f"{role} of a namespace: not {method}", method, 7, request(method), [f"payroll:{role}"]))
        start = request("CountWorkflowExecutions", namespace="finance")
        name = f"system {role}: reads every namespace"
        cases.append(Case(name, "CountWorkflowExecutions", 0, start, [f"temporal-system:{role}"]))
    return cases


COUNT = request("CountWorkflowExecutions", namespace="payroll")
WORDS = [
    ("upper case", ["payroll:READ"], 0), ("unknown role", ["payroll:owner"], 7), ("no role", ["payroll"], 7),
    ("empty role", ["payroll:"], 7), ("blank before the role", ["payroll: read"], 7), ("role and more", ["payroll:read:write"], 7),
    ("other case of the namespace", ["Payroll:read"], 7), ("a star is a name", ["*:read"], 7), ("none", [], 7),
    ("no namespace", [":read"], 7), ("one of several", ["finance:admin", "payroll:read"], 0),
]

CASES = in_namespaces() + in_the_cluster() + [
    Case(f"permission: {name}", "CountWorkflowExecutions", status, COUNT, permissions) for name, permissions, status in WORDS
]

"""Tokens whose signature is good: what else must be right. And methods that need none, or that nobody may call."""

from typing import Any

from .case import PERMISSIONS, Case, request

CONFIGURATION = PERMISSIONS
COUNT = "CountWorkflowExecutions"
OWN = request(COUNT, namespace="payroll")

# name, claims in addition to the good claims, status. The time is 2027-01-15T08:00:00Z.
TOKENS: list[tuple[str, dict[str, Any], int]] = [
    ("good", {}, 0), ("audience among others", {"aud": ["account", "temporal"]}, 0), ("another audience", {"aud": "account"}, 16),
    ("expired", {"exp": 1600000000}, 16), ("expiry as text", {"exp": "4102444800"}, 16), ("expiry 0", {"exp": 0}, 16),
    ("expiry with a fraction", {"exp": 4102444800.5}, 0), ("begins later", {"nbf": 4102444700}, 16), ("began", {"nbf": 1600000000}, 0),
    ("issued later", {"iat": 4102444700}, 16), ("another issuer", {"iss": "https://oracle.test"}, 16), ("subject a whole number", {"sub": 7}, 0),
    ("subject of another type", {"sub": ["alice"]}, 16), ("subject a fraction", {"sub": 7.5}, 16),
    ("empty subject", {"sub": ""}, 16), ("subject", {"sub": "bob"}, 0),
]
HEALTH = "/grpc.health.v1.Health/"

CASES = [Case(f"token: {name}", COUNT, status, OWN, ["payroll:read"], claims) for name, claims, status in TOKENS] + [
    Case("no token", COUNT, 16, OWN, claims=None),
    Case("GetSystemInfo without a token", "GetSystemInfo", 0, claims=None, rule="anonymous"),
    Case("GetClusterInfo without a token", "GetClusterInfo", 16, claims=None),
    Case("unknown method", "/temporal.api.workflowservice.v1.WorkflowService/Nothing", 12),
    Case("unknown service", "/temporal.api.workflowservice.v2.WorkflowService/StartWorkflowExecution", 12),
    Case("path with a slash too many", "//temporal.api.workflowservice.v1.WorkflowService/StartWorkflowExecution", 12),
    Case("AdminService", "/temporal.server.api.adminservice.v1.AdminService/DescribeCluster", 7, permissions=["temporal-system:admin"], denied_by=None),
    Case("reflection", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", 7, permissions=["temporal-system:admin"], denied_by=None),
    Case("Health/Check", f"{HEALTH}Check", 0, claims=None, rule="anonymous"),
    Case("Health/Watch", f"{HEALTH}Watch", 7, permissions=["temporal-system:admin"], denied_by=None),
]

"""Grants by claims, captures, kind and subject, and roles of one's own. Temporal has nothing like it, so it is not asked."""

from typing import Any

from .case import ISSUER, Case, request

CONFIGURATION: dict[str, Any] = {
    "version": 1,
    "issuers": {"corp": ISSUER | {"service_when": [{"gty": "client-credentials"}]}},
    "roles": {"developer": {"from": "writer", "minus": ["terminate", "delete", "reset"]}},
    "grants": [
        {"name": "platform", "who": {"issuer": "corp", "claims": {"groups": "platform-admins"}}, "role": "admin", "system": True},
        {"name": "finance", "who": {"issuer": "corp", "kind": "human", "claims": {"groups": "finance"}}, "role": "writer", "namespaces": ["payroll"]},
        {"name": "developers", "who": {"issuer": "corp", "claims": {"groups": "team-{team}"}}, "role": "developer", "namespaces": ["{team}-*"]},
        {"name": "runners", "who": {"issuer": "corp", "kind": "service", "subject": "{team}-runner"}, "role": "worker", "namespaces": ["{team}"]},
        {"name": "nested", "who": {"issuer": "corp", "claims": {"/realm_access/roles": "auditor"}}, "role": "reader", "namespaces": ["*"]},
        {"name": "mail", "who": {"issuer": "corp", "claims": {"email": "*@example.com"}}, "role": "reader", "namespaces": ["payroll"]},
        {"name": "scoped", "who": {"issuer": "corp", "claims": {"scope": "temporal.read"}}, "role": "reader", "namespaces": ["payroll"]},
    ],
}
SERVICE = {"gty": "client-credentials"}
START, COUNT, POLL, STOP = "StartWorkflowExecution", "CountWorkflowExecutions", "PollWorkflowTaskQueue", "TerminateWorkflowExecution"

# name, method, namespace, claims, rule that allows or None
ROWS: list[tuple[str, str, str, dict[str, Any], str | None]] = [
    ("person of the group", START, "payroll", {"groups": ["finance"]}, "finance"),
    ("a group as a string", START, "payroll", {"groups": "finance"}, "finance"),
    ("service of the group", START, "payroll", {"groups": ["finance"]} | SERVICE, None),
    ("another group", START, "payroll", {"groups": ["marketing"]}, None),
    ("the group in another namespace", START, "finance-reports", {"groups": ["finance"]}, None),
    ("no groups", START, "payroll", {}, None),
    ("capture", START, "red-dev", {"groups": ["team-red"]}, "developers"),
    ("capture, another team's", START, "blue-dev", {"groups": ["team-red"]}, None),
    ("capture, second group", START, "blue-dev", {"groups": ["team-red", "team-blue"]}, "developers"),
    ("capture of nothing", START, "-dev", {"groups": ["team-"]}, None),
    ("capture of a star", START, "red-dev", {"groups": ["team-*"]}, None),
    ("capture of a star, literally", START, "*-dev", {"groups": ["team-*"]}, "developers"),
    ("capture of a colon", START, "a:b-dev", {"groups": ["team-a:b"]}, None),
    ("role without terminate", STOP, "red-dev", {"groups": ["team-red"]}, None),
    ("subject", POLL, "red", {"sub": "red-runner"} | SERVICE, "runners"),
    ("subject of a person", POLL, "red", {"sub": "red-runner"}, None),
    ("subject in another namespace", POLL, "blue", {"sub": "red-runner"} | SERVICE, None),
    ("worker starts nothing", START, "red", {"sub": "red-runner"} | SERVICE, None),
    ("JSON pointer", COUNT, "payroll", {"realm_access": {"roles": ["auditor"]}}, "nested"),
    ("JSON pointer, another role", COUNT, "payroll", {"realm_access": {"roles": ["user"]}}, None),
    ("a flat claim of the pointer's last name", COUNT, "payroll", {"roles": ["auditor"]}, None),
    ("verified mail", COUNT, "payroll", {"email": "ann@example.com", "email_verified": True}, "mail"),
    ("mail that is not verified", COUNT, "payroll", {"email": "ann@example.com"}, None),
    ("mail verified as text", COUNT, "payroll", {"email": "ann@example.com", "email_verified": "true"}, "mail"),
    ("mail verified as another text", COUNT, "payroll", {"email": "ann@example.com", "email_verified": "yes"}, None),
    ("scope", COUNT, "payroll", {"scope": "openid temporal.read"}, "scoped"),
    ("scope with more to it", COUNT, "payroll", {"scope": "temporal.readwrite"}, None),
    ("admin of everything", STOP, "payroll", {"groups": ["platform-admins"]}, "platform"),
]

CASES = [
    Case(name, method, 0 if rule else 7, request(method, namespace=namespace), [], claims, rule)
    for name, method, namespace, claims, rule in ROWS
] + [
    Case("cluster: admin", "ListNexusEndpoints", 0, request("ListNexusEndpoints"), [], {"groups": ["platform-admins"]}, "platform"),
    Case("cluster: anybody else", "ListNexusEndpoints", 7, request("ListNexusEndpoints"), [], {"groups": ["finance"]}),
]

"""Requests with what is newer than the filter's table, where that is refused. Temporal has nothing like it, so it is not asked."""

from functools import partial
from typing import Any

from harness.proto import number, text

from .case import ISSUER, Case, request, ruled, task
from .commands import PROTOBUF, data, operation

CONFIGURATION: dict[str, Any] = {
    "version": 1,
    "issuers": {"corp": ISSUER},
    "grants": [
        {"name": "everybody", "who": {"issuer": "corp"}, "role": "writer", "namespaces": ["payroll"]},
        {"name": "limited", "who": {"issuer": "corp", "claims": {"groups": "limited"}}, "role": "worker", "namespaces": ["orders"], "task_queues": ["red-*"]},
        {"name": "unlimited", "who": {"issuer": "corp", "claims": {"groups": "unlimited"}}, "role": "worker", "namespaces": ["orders"]},
        {"name": "platform", "who": {"issuer": "corp", "claims": {"groups": "platform"}}, "role": "admin", "system": True},
    ],
    "newer_fields": "refuse",
}
NONE, LIMITED, UNLIMITED, PLATFORM = "default-deny", {"groups": "limited"}, {"groups": "unlimited"}, {"groups": "platform"}
START, COMPLETED, BATCH, POLL = "StartWorkflowExecution", "RespondWorkflowTaskCompleted", "StartBatchOperation", "PollActivityTaskQueue"
NEWER = text(2000, "x")


def of(method: str, more: bytes = b"", namespace: str = "payroll", **fields: Any) -> tuple[str, bytes]:
    return method, request(method, namespace=namespace, **fields).SerializeToString() + more


def answered(command: bytes = b"") -> tuple[str, bytes]:
    return COMPLETED, text(1, task("w")) + text(2, command) + text(9, "payroll")


case = partial(ruled, denials=set())
# name, call, claims, rule
ROWS: list[tuple[str, tuple[str, bytes], dict[str, Any], str]] = [
    ("a start", of(START), {}, "everybody"), ("a start with a newer field", of(START, NEWER), {}, NONE),
    ("a newer field of a number", of(START, number(99, 1)), {}, NONE), ("a known field of another wire type", of(START, number(2, 1)), {}, "everybody"),
    ("a newer field in a message that is entered", of(START, text(3, text(1, "T") + NEWER)), {}, NONE),
    ("a newer field in one that is not", of(START, text(5, NEWER)), {}, "everybody"),
    ("a value of an enum that decides", of(START, number(11, 2)), {}, "everybody"), ("a newer value of it", of(START, number(11, 9)), {}, NONE),
    ("a negative one", of(START, number(11, (1 << 64) - 1)), {}, NONE), ("a newer value of another enum", of(COMPLETED, number(17, 99)), {}, "everybody"),
    ("a list with a newer field", of("ListWorkflowExecutions", NEWER), {}, "everybody"), ("a query with one", of("QueryWorkflow", NEWER), {}, "everybody"),
    ("a heartbeat with one", of("RecordActivityTaskHeartbeat", NEWER), {}, "everybody"), ("an activity's answer with one", of("RespondActivityTaskCompleted", NEWER), {}, NONE),
    ("a worker's heartbeat with one", of("RecordWorkerHeartbeat", NEWER), {}, "everybody"),
    ("an answer", answered(text(12, text(2, "c"))), {}, "everybody"), ("an answer with a newer command", answered(text(400, "")), {}, NONE),
    ("an answer with a newer field in a command", answered(text(12, text(2, "c") + NEWER)), {}, NONE),
    ("an operation of Temporal's own", (COMPLETED, operation(PROTOBUF + data())), {}, "everybody"),
    ("the same with a newer field", (COMPLETED, operation(PROTOBUF + data()) + NEWER), {}, NONE),
    ("the same with one inside", (COMPLETED, operation(PROTOBUF + text(2, text(2, "o") + NEWER))), {}, NONE),
    ("a newer field in a task token", (COMPLETED, text(1, task("w", NEWER)) + text(9, "payroll")), {}, "everybody"),
    ("a poll with one", of(POLL, NEWER, "orders", task_queue={"name": "red-q"}), UNLIMITED, "unlimited"),
    ("a poll under limits", of(POLL, b"", "orders", task_queue={"name": "red-q"}), LIMITED, "limited"),
    ("a poll under limits with one", of(POLL, NEWER, "orders", task_queue={"name": "red-q"}), LIMITED, NONE),
    ("a batch with a newer operation", of(BATCH, text(23, "")), PLATFORM, NONE), ("a batch", of(BATCH, signal_operation={"signal": "s"}), PLATFORM, "everybody"),
    ("a request that is not read", ("ListNexusEndpoints", NEWER), PLATFORM, "platform"),
    ("what is denied anyway", of("UpdateNamespace", NEWER), {}, NONE),
]

CASES: list[Case] = [case(name, method, message, claims, rule) for name, (method, message), claims, rule in ROWS]

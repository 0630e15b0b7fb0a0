"""Which namespace a request names: what encoders write, and what they do not."""

from harness.proto import group, number, tag, text, varint

from .case import PERMISSIONS, TOKEN, Case, request

CONFIGURATION = PERMISSIONS
COUNT = "CountWorkflowExecutions"
OWN, FOREIGN, NONE = text(1, "payroll"), text(1, "finance"), text(1, "")
QUERY = text(2, "WorkflowType = 'x'")
FIELD_9 = request("RespondWorkflowTaskCompleted", task_token=TOKEN, namespace="payroll")
WRONG_9 = request("RespondWorkflowTaskCompleted", task_token=TOKEN, namespace="finance")

BYTES = [
    ("own", OWN + QUERY, 0), ("another", FOREIGN + QUERY, 7), ("after other fields", QUERY + OWN, 0),
    ("none", QUERY, 7), ("empty", NONE, 7), ("empty message", b"", 7),
    ("own, then another", OWN + FOREIGN, 3), ("another, then own", FOREIGN + OWN, 3), ("own twice", OWN + OWN, 3),
    ("own, then empty", OWN + NONE, 3), ("empty, then own", NONE + OWN, 3),
    ("as a number beside the right one", number(1, 7) + OWN, 0), ("as a number only", number(1, 7), 7),
    ("as a group beside the right one", group(1, FOREIGN) + OWN, 0), ("within an unknown group", OWN + group(99, FOREIGN), 0),
    ("in an unknown field", OWN + text(99, FOREIGN), 0),
    ("tag longer than needed", varint(0x0A, 3) + OWN[1:], 0), ("length longer than needed", OWN[:1] + varint(7, 4) + OWN[2:], 0),
    ("tag of eleven bytes", varint(0x0A, 11) + OWN[1:], 3), ("field number 0", OWN + tag(0, 0) + b"\0", 3),
    ("field number 2^29", OWN + varint(1 << 32) + b"\0", 3), ("wire type 6", OWN + b"\x16", 3),
    ("not UTF-8", text(1, b"pay\xffroll"), 3), ("cut off", OWN[:-1], 3), ("longer than the message", b"\x0a\x20payroll", 3),
    ("group without an end", OWN + tag(99, 3), 3), ("end of a group that did not begin", OWN + tag(99, 4), 3),
    ("longer than Temporal's limit", text(1, "x" * 1001), 3), ("other case", text(1, "PAYROLL"), 7), ("blank after it", text(1, "payroll "), 7),
    ("a zero byte after it", text(1, "payroll\0"), 7),
]

CASES = [Case(f"namespace: {name}", COUNT, status, message) for name, message, status in BYTES] + [
    Case("namespace in field 9", "RespondWorkflowTaskCompleted", 0, FIELD_9),
    Case("namespace in field 9, another", "RespondWorkflowTaskCompleted", 7, WRONG_9),
    Case("by id", "DescribeNamespace", 0, text(2, "6e1b1b6c-0000-4000-8000-000000000000")),
    Case("deletion by id", "DeleteNamespace", 7, text(2, "6e1b1b6c-0000-4000-8000-000000000000")),
    Case("own and by id", "DescribeNamespace", 7, OWN + text(2, "6e1b1b6c-0000-4000-8000-000000000000")),
    Case("by id, system", "DescribeNamespace", 0, text(2, "6e1b1b6c-0000-4000-8000-000000000000"), ["temporal-system:read"]),
    Case("task token alone", "RespondWorkflowTaskCompleted", 7, text(1, TOKEN)),
    Case("task token alone, system", "RespondWorkflowTaskCompleted", 0, text(1, TOKEN), ["temporal-system:write"]),
]

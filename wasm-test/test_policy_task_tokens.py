"""Task tokens are plain protobuf, and the server trusts them: tokens of Temporal's own workflows need an admin of the cluster."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.message import Message
from temporalio.api.enums.v1 import EventType

from harness import commands, proto, requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import BY_PERMISSIONS, plugin
from harness.poll import until
from harness.task_tokens import Task, of_queue
from harness.temporal import Temporal

w = requests.workflow
GRANTS = [
    *BY_PERMISSIONS,
    {
        "name": "limited",
        "who": {"issuer": "corp", "claims": {"limited": "{limit}"}},
        "role": "worker",
        "namespaces": ["payroll"],
        "task_queues": ["{limit}"],
    },
    {
        "name": "by-id",
        "who": {"issuer": "corp", "claims": {"by_id": True}},
        "role": "worker",
        "namespaces": ["payroll"],
        "workflow_ids": ["*"],
    },
]


@pytest.fixture(scope="module")
def shop(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS), rich_temporal.port)


@pytest.fixture(scope="module")
def namespace_id(straight: Frontend) -> str:
    return straight.namespace_id()


@pytest.fixture(scope="module")
def scheduler(straight: Frontend, namespace_id: str) -> Task:
    """The token of the first task of a real scheduler's workflow, which is over."""
    schedule = f"payday-{uuid.uuid4()}"
    create = w.CreateScheduleRequest(namespace="payroll", schedule_id=schedule, request_id=schedule)
    action = create.schedule.action.start_workflow
    action.workflow_id, action.workflow_type.name, action.task_queue.name = f"run-{schedule}", "Payday", "nobody-polls-here"
    straight.ask("CreateSchedule", create)
    workflow = f"temporal-sys-scheduler:{schedule}"
    describe = w.DescribeWorkflowExecutionRequest(namespace="payroll")
    describe.execution.workflow_id = workflow
    execution = straight.ask("DescribeWorkflowExecution", describe).workflow_execution_info.execution
    history = w.GetWorkflowExecutionHistoryRequest(namespace="payroll", execution=execution)
    # Until then, the server accepts an answer to it.
    until(
        lambda: any(
            event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
            for event in straight.ask("GetWorkflowExecutionHistory", history).history.events
        ),
        60,
        "the scheduler's first task to be answered",
    )
    return Task(namespace_id, workflow, execution.run_id, 2)


def _request(method: str, token: bytes) -> Message:
    request: Message = getattr(w, method + "Request")(namespace="payroll")
    requests.set_field(request, "task_token", token)
    return request


TASK_METHODS = (
    "RespondWorkflowTaskCompleted",
    "RespondWorkflowTaskFailed",
    "RecordActivityTaskHeartbeat",
    "RespondActivityTaskCompleted",
    "RespondActivityTaskFailed",
    "RespondActivityTaskCanceled",
)
QUEUE_METHODS = ("RespondQueryTaskCompleted", "RespondNexusTaskCompleted", "RespondNexusTaskFailed")


def _servers(shop: Gate, method: str, request: Message, token: str) -> Any:
    """The call reaches the server, whether or not the server accepts the token."""
    reply = shop.call(method, request, token=token)
    assert reply.grpc_status not in (0, 7, 16) and "Malformed request" not in reply.grpc_message, str(reply)
    return reply


@pytest.mark.parametrize("method", TASK_METHODS)
def test_a_task_of_a_scheduler(shop: Gate, corp: Minter, scheduler: Task, method: str) -> None:
    request = _request(method, scheduler.encode())
    for role in ("worker", "write", "admin"):
        mark = shop.envoy.log_mark()
        shop.refused_by_us(method, request, token=corp.token(permissions=[f"payroll:{role}"]), status=7)
        assert "the task is of a workflow of Temporal's own" in shop.envoy.decision(mark)["reason"]
    # The server accepts it as a token: the workflow exists, and this task of it is over.
    admin = _servers(shop, method, request, corp.token(permissions=["temporal-system:admin"]))
    assert admin.grpc_status == 5, str(admin)


def test_a_forged_task_of_the_scheduler_starts_no_batch(shop: Gate, corp: Minter, scheduler: Task) -> None:
    """The batch is a child of the scheduler: it would inherit the internal queue, and run as Temporal itself."""
    child = commands.child("x", queue="", type_="temporal-sys-batch-workflow-protobuf")
    answer = commands.answer(scheduler.encode(), child)
    for permission in ("payroll:worker", "payroll:admin"):
        shop.refused_by_us("RespondWorkflowTaskCompleted", answer, token=corp.token(permissions=[permission]), status=7)


SPELLINGS: dict[str, Callable[[Task], bytes]] = {
    "in capitals": lambda t: Task(t.namespace_id, t.workflow_id.upper(), t.run_id, 2).encode(),
    "with an accent": lambda t: Task(t.namespace_id, t.workflow_id.replace("temporal", "témporal"), t.run_id, 2).encode(),
    "with a component": lambda t: Task(t.namespace_id, t.workflow_id, t.run_id, 2, component_ref=b"\x0a\x01x").encode(),
    "the id last": lambda t: proto.text(1, t.namespace_id) + proto.number(5, 1) + proto.text(2, t.workflow_id),
    "long forms of numbers": lambda t: proto.varint(2 << 3 | 2, 4) + proto.varint(len(t.workflow_id), 3) + t.workflow_id.encode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("method", ["RespondWorkflowTaskCompleted", "RespondActivityTaskCompleted"])
def test_other_spellings_of_temporals_own_ids(shop: Gate, corp: Minter, scheduler: Task, method: str, spelling: str) -> None:
    request = _request(method, SPELLINGS[spelling](scheduler))
    shop.refused_by_us(method, request, token=corp.token(permissions=["payroll:admin"]), status=7)


@pytest.mark.parametrize("method", TASK_METHODS)
def test_workflows_that_only_look_alike(shop: Gate, corp: Minter, namespace_id: str, method: str) -> None:
    for name in ("my-temporal-sys-scheduler:x", "temporal-system-check", "/_sys/payroll/1"):
        task = Task(namespace_id, name, str(uuid.uuid4()), 2)
        _servers(shop, method, _request(method, task.encode()), corp.token(permissions=["payroll:worker"]))


# -- queries and Nexus tasks, whose tokens name a queue


INTERNAL = ("temporal-sys-per-ns-tq", "/_sys/temporal-sys-per-ns-tq/2", "/_sys/TEMPORAL-SYS-x/3", "temporal-sys-batcher-taskqueue")
HONEST = ("payroll-q", "/_sys/payroll-q/2", "host:0f8fad5b-d9cb-469f-a165-70867728950e", "/temporal-sys/worker-commands/payroll/x",
          "temporal-sys/worker-commands/payroll/x", "/_sys/a/temporal-sys-x/1")


@pytest.mark.parametrize("method", QUEUE_METHODS)
def test_tasks_of_queues(shop: Gate, corp: Minter, namespace_id: str, method: str) -> None:
    worker = corp.token(permissions=["payroll:worker"])
    for queue in INTERNAL:
        mark = shop.envoy.log_mark()
        shop.refused_by_us(method, _request(method, of_queue(namespace_id, queue)), token=worker, status=7)
        assert "the task is of a task queue of Temporal's own" in shop.envoy.decision(mark)["reason"], queue
    for queue in HONEST:
        _servers(shop, method, _request(method, of_queue(namespace_id, queue)), worker)
    system = corp.token(permissions=["temporal-system:admin"])
    _servers(shop, method, _request(method, of_queue(namespace_id, INTERNAL[0])), system)


# -- tokens that can be read in two ways, or not at all


TWICE = proto.text(2, "a") + proto.text(2, "b")
AMBIGUOUS: dict[str, tuple[str, bytes]] = {
    "two workflows": ("RespondWorkflowTaskCompleted", TWICE),
    "the same workflow twice": ("RespondActivityTaskCompleted", proto.text(2, "a") * 2),
    "no workflow last": ("RespondWorkflowTaskFailed", proto.text(2, "temporal-sys-scheduler:x") + proto.text(2, "")),
    "two components": ("RespondActivityTaskFailed", proto.text(2, "a") + proto.text(14, b"x") + proto.text(14, b"")),
    "two queues": ("RespondQueryTaskCompleted", TWICE),
    "two queues, nexus": ("RespondNexusTaskFailed", TWICE),
    "no UTF-8": ("RespondWorkflowTaskCompleted", proto.text(2, b"temporal-sys-\xff")),
    "no UTF-8 in a queue": ("RespondNexusTaskCompleted", proto.text(2, b"q\xff")),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_a_deciding_field_must_occur_once(shop: Gate, corp: Minter, case: str) -> None:
    method, token = AMBIGUOUS[case]
    for claims in ({"permissions": ["payroll:worker"]}, {"limited": "x"}, {"by_id": True}, {"permissions": ["temporal-system:admin"]}):
        shop.refused_by_us(method, _request(method, token), token=corp.token(**claims), status=3)


JUNK = {"no protobuf": b"junk", "cut short": b"\x12\x20wf", "wire type 7": b"\x17", "json": b'{"workflowId": "temporal-sys-x"}'}


@pytest.mark.parametrize("case", JUNK)
@pytest.mark.parametrize("method", [*TASK_METHODS, *QUEUE_METHODS])
def test_a_token_that_is_not_protobuf_is_refused(shop: Gate, straight: Frontend, corp: Minter, method: str, case: str) -> None:
    """The answer is 3, like the server's, but the filter must not leave it to the server: where two readers disagree, a token would
    pass unread."""
    request = _request(method, JUNK[case])
    assert straight.call(method, request).grpc_status == 3
    for claims in ({"permissions": ["payroll:worker"]}, {"limited": "x"}, {"by_id": True}, {"permissions": ["temporal-system:admin"]}):
        shop.refused_by_us(method, request, token=corp.token(**claims), status=3)


def _group(number: int) -> bytes:
    """A group that no message has, with a field of this number in it."""
    return proto.group(100, proto.number(number, 0))


@pytest.mark.parametrize("method", ["RespondWorkflowTaskCompleted", "RecordActivityTaskHeartbeat", "RespondActivityTaskCompleted"])
def test_a_number_that_only_groups_may_have(shop: Gate, straight: Frontend, corp: Minter, scheduler: Task, method: str) -> None:
    """protobuf-go accepts field numbers up to 2³¹-1 within a group: the server accepts such a token, so the filter reads it too."""
    scheduler = replace(scheduler, rest=_group(1 << 29))
    request = _request(method, scheduler.encode())
    assert straight.call(method, request).grpc_status == 5, "the server reads it"
    shop.refused_by_us(method, request, token=corp.token(permissions=["payroll:admin"]), status=7)
    honest = _request(method, Task(scheduler.namespace_id, "w", str(uuid.uuid4()), 2, rest=_group((1 << 31) - 1)).encode())
    _servers(shop, method, honest, corp.token(permissions=["payroll:worker"]))


@pytest.mark.parametrize("rest", [proto.varint(((1 << 32) + 2) << 3 | 2) + b"\x01x", proto.number(1 << 29, 1), _group(1 << 31)], ids=["wraps", "large", "larger"])
def test_a_number_that_no_field_may_have(shop: Gate, straight: Frontend, corp: Minter, scheduler: Task, rest: bytes) -> None:
    """Other decoders keep the low bits of such a number, and read another field."""
    request = _request("RespondWorkflowTaskCompleted", replace(scheduler, rest=rest).encode())
    assert straight.call("RespondWorkflowTaskCompleted", request).grpc_status == 3
    shop.refused_by_us("RespondWorkflowTaskCompleted", request, token=corp.token(permissions=["payroll:worker"]), status=3)


def test_a_real_task(shop: Gate, straight: Frontend, corp: Minter) -> None:
    """The same answers with an honest token, with and without limits."""
    for claims in ({"permissions": ["payroll:worker"]}, {"by_id": True}, {"limited": f"q-{uuid.uuid4()}"}):
        queue = claims.get("limited", f"q-{uuid.uuid4()}")
        straight.start(queue, queue)  # type: ignore[arg-type]
        worker = Frontend(shop.port, token=corp.token(**claims))
        task = worker.workflow_task(queue)  # type: ignore[arg-type]
        allowed(worker.call("RespondWorkflowTaskCompleted", commands.answer(task.task_token, commands.complete())))
        assert straight.status(queue) == "COMPLETED"  # type: ignore[arg-type]


def test_the_task_of_a_batch_job_is_like_any_other(shop: Gate, corp: Minter, namespace_id: str) -> None:
    """The policy ends here: a batch runs under the id that its user chose, so its token looks like any workflow's."""
    request = _request("RespondWorkflowTaskCompleted", Task(namespace_id, f"job-{uuid.uuid4()}", str(uuid.uuid4()), 2).encode())
    assert _servers(shop, "RespondWorkflowTaskCompleted", request, corp.token(permissions=["payroll:worker"])).grpc_status == 5


# -- workflow types


def _start(type_: str) -> tuple[str, Message]:
    request = requests.start_workflow("payroll", f"w-{uuid.uuid4()}")
    request.workflow_type.name = type_
    return "StartWorkflowExecution", request


def _signal_with_start(type_: str) -> tuple[str, Message]:
    request = w.SignalWithStartWorkflowExecutionRequest(namespace="payroll", workflow_id=f"w-{uuid.uuid4()}", signal_name="x")
    request.workflow_type.name, request.task_queue.name = type_, "nobody-polls-here"
    return "SignalWithStartWorkflowExecution", request


def _schedule(type_: str) -> tuple[str, Message]:
    request = w.CreateScheduleRequest(namespace="payroll", schedule_id=f"s-{uuid.uuid4()}", request_id=str(uuid.uuid4()))
    action = request.schedule.action.start_workflow
    action.workflow_id, action.workflow_type.name, action.task_queue.name = "w", type_, "nobody-polls-here"
    return "CreateSchedule", request


def _child(type_: str) -> tuple[str, Message]:
    return "RespondWorkflowTaskCompleted", commands.answer(Task("n", "w", "r", 2).encode(), commands.child("x", type_=type_))


def _continued(type_: str) -> tuple[str, Message]:
    return "RespondWorkflowTaskCompleted", commands.answer(Task("n", "w", "r", 2).encode(), commands.continue_as_new("q", type_))


@pytest.mark.parametrize("build", [_start, _signal_with_start, _schedule, _child, _continued])
def test_a_type_of_temporals_own(shop: Gate, corp: Minter, build: Callable[[str], tuple[str, Message]]) -> None:
    for type_ in ("temporal-sys-batch-workflow-protobuf", "Temporal-Sys-scheduler-workflow", "témporal-sys-x"):
        method, request = build(type_)
        for permission in ("payroll:write", "payroll:admin"):
            shop.refused_by_us(method, request, token=corp.token(permissions=[permission]), status=7)
    method, request = build("my-temporal-sys-type")
    assert shop.call(method, request, token=corp.token(permissions=["payroll:write"])).grpc_status not in (7, 16)

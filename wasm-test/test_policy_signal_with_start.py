"""SignalWithStart from a workflow: a Nexus operation of Temporal's own, whose input says which workflow is started and signalled.

The tests use a real Temporal with `history.enableSignalWithStartFromWorkflow`. A worker may use that one operation; any other
operation at the endpoint `__temporal_system`, or an encoding that the filter does not read, needs an admin of the cluster.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.worker import Worker

from harness import commands, requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.temporal import Temporal

w = requests.workflow
ENDPOINT, SERVICE, OPERATION = "__temporal_system", "temporal.api.workflowservice.v1.WorkflowService", "SignalWithStartWorkflowExecution"
METHOD = "RespondWorkflowTaskCompleted"
LIMITS = {
    "queue": {"task_queues": ["red-*"]},
    "id": {"workflow_ids": ["red-*"]},
    "type": {"workflow_types": ["Red*"]},
    "signal": {"signals": ["red-*"]},
}


def _grant(name: str, role: str, **more: Any) -> dict[str, Any]:
    where = {} if more.get("system") else {"namespaces": ["payroll"]}
    return {"name": name, "who": {"issuer": "corp", "claims": {"caller": name}}, "role": role} | where | more


GRANTS = [
    _grant("worker", "worker"),
    _grant("terminator", "terminator"),
    _grant("system", "admin", system=True),
    *(_grant(name, "worker", **limits) for name, limits in LIMITS.items()),
]
ROLES = {"terminator": {"from": "worker", "plus": ["terminate"]}}


@pytest.fixture(scope="module")
def shop(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS, roles=ROLES), rich_temporal.port)


# -- with the Python SDK


@workflow.defn(sandboxed=False)
class Target:
    def __init__(self) -> None:
        self.got: list[str] = []

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: bool(self.got))
        return self.got

    @workflow.signal
    def poke(self, text: str) -> None:
        self.got.append(text)


@workflow.defn(sandboxed=False)
class Sender:
    @workflow.run
    async def run(self, target: str) -> None:
        await workflow.signal_with_start_workflow(
            Target.run, id=target, task_queue=workflow.info().task_queue, signal=Target.poke, signal_args="hello"
        )


def test_with_the_sdk(shop: Gate, rich_temporal: Temporal, corp: Minter) -> None:
    async def run() -> None:
        queue, target = f"red-{uuid.uuid4()}", f"target-{uuid.uuid4()}"
        boss = await Client.connect(rich_temporal.address, namespace="payroll")
        token = corp.token("sws-worker", caller="worker")
        client = await Client.connect(f"127.0.0.1:{shop.port}", namespace="payroll", api_key=token, tls=False)
        async with Worker(client, task_queue=queue, workflows=[Sender, Target]):
            await boss.execute_workflow(Sender.run, target, id=queue, task_queue=queue)
            assert await boss.get_workflow_handle(target).result() == ["hello"]

    mark = shop.envoy.log_mark()
    asyncio.run(asyncio.wait_for(run(), 60))
    assert not [line for line in shop.envoy.decisions(mark) if line["subject"] == "sws-worker"]


# -- by hand


class Stage:
    """A task that a worker has polled, and the id of a workflow that it may start."""

    def __init__(self, gate: Gate, straight: Frontend, corp: Minter) -> None:
        self.gate, self.straight, self.corp = gate, straight, corp
        name, self.target = f"w-{uuid.uuid4()}", f"red-{uuid.uuid4()}"
        straight.start(name, name)
        self.task = straight.workflow_task(name).task_token

    def inner(self, **fields: Any) -> Any:
        request = w.SignalWithStartWorkflowExecutionRequest(namespace="payroll", workflow_id=self.target, signal_name="red-hello")
        request.workflow_type.name, request.task_queue.name = "RedThing", "red-queue"
        for name, value in fields.items():
            requests.set_field(request, name, value)
        return request

    def denied(self, answer: Any, reason: str, caller: str = "worker", status: int = 7) -> None:
        mark = self.gate.envoy.log_mark()
        self.gate.refused_by_us(METHOD, answer, token=self.corp.token(caller=caller), status=status)
        said = self.gate.envoy.decision(mark)["reason"]
        assert reason in said, said

    def works(self, answer: Any, caller: str = "worker") -> None:
        allowed(self.gate.call(METHOD, answer, token=self.corp.token(caller=caller)))
        until(self.done, 20, "the workflow to be started and signalled")

    def done(self) -> bool:
        return self.straight.exists(self.target) and self.straight.signals(self.target) == ["red-hello"]


@pytest.fixture
def stage(shop: Gate, straight: Frontend, corp: Minter) -> Stage:
    return Stage(shop, straight, corp)


def _payload(message: Any, encoding: bytes = b"binary/protobuf") -> Payload:
    return Payload(metadata={"encoding": encoding, "messageType": b"x"}, data=message.SerializeToString())


def _answer(stage: Stage, payload: Payload | None, service: str = SERVICE, operation: str = OPERATION) -> Any:
    return commands.answer(stage.task, commands.nexus(ENDPOINT, service, operation, payload))


def test_it_works(stage: Stage) -> None:
    stage.works(_answer(stage, _payload(stage.inner())))


def test_without_a_namespace_it_is_in_the_workflows_own(stage: Stage) -> None:
    stage.works(_answer(stage, _payload(stage.inner(namespace=""))))


OTHERS: dict[str, tuple[Callable[[Stage], Any], str]] = {
    "another service": (
        lambda s: _answer(s, _payload(s.inner()), service="temporal.api.operatorservice.v1.OperatorService"),
        "an operation of Temporal's own is not of the service that a workflow may call",
    ),
    "another operation": (
        lambda s: _answer(s, _payload(s.inner()), operation="StartWorkflowExecution"),
        "an operation of Temporal's own is not SignalWithStartWorkflowExecution",
    ),
    "the operation in capitals": (
        lambda s: _answer(s, _payload(s.inner()), operation=OPERATION.upper()),
        "an operation of Temporal's own is not SignalWithStartWorkflowExecution",
    ),
    "no input": (lambda s: _answer(s, None), "an operation of Temporal's own has no input"),
    "no encoding": (
        lambda s: _answer(s, Payload(data=s.inner().SerializeToString())),
        "an operation of Temporal's own has an input whose encoding is not binary/protobuf",
    ),
    "json": (
        lambda s: _answer(s, Payload(metadata={"encoding": b"json/protobuf"}, data=_json(s))),
        "an operation of Temporal's own has an input whose encoding is not binary/protobuf",
    ),
    "plain json": (
        lambda s: _answer(s, Payload(metadata={"encoding": b"json/plain"}, data=_plain_json(s))),
        "an operation of Temporal's own has an input whose encoding is not binary/protobuf",
    ),
    "encrypted": (
        lambda s: _answer(s, Payload(metadata={"encoding": b"binary/encrypted"}, data=b"\x00\x01")),
        "an operation of Temporal's own has an input whose encoding is not binary/protobuf",
    ),
    "another namespace": (
        lambda s: _answer(s, _payload(s.inner(namespace="finance-reports"))),
        "an operation of Temporal's own names another namespace",
    ),
    "a workflow of Temporal's own": (
        lambda s: _answer(s, _payload(s.inner(workflow_id="temporal-sys-scheduler:x"))), "the request names what is Temporal's own"
    ),
}


def _json(stage: Stage) -> bytes:
    text = (
        f'{{"workflowId": "{stage.target}", "signalName": "red-hello",'
        ' "workflowType": {"name": "RedThing"}, "taskQueue": {"name": "red-queue"}}'
    )
    return text.encode()


def _plain_json(stage: Stage) -> bytes:
    return _json(stage).replace(b"workflowId", b"workflow_id").replace(b"signalName", b"signal_name")


@pytest.mark.parametrize("case", OTHERS)
def test_any_other_operation_there_needs_cluster_admin(stage: Stage, case: str) -> None:
    build, reason = OTHERS[case]
    stage.denied(build(stage), reason)
    assert not stage.straight.exists(stage.target)
    reply = stage.gate.call(METHOD, build(stage), token=stage.corp.token(caller="system"))
    assert reply.grpc_status not in (7, 16), str(reply)


def test_json_would_work(stage: Stage) -> None:
    """The control: the server accepts it too, which is why the filter does not allow it unread."""
    build, _ = OTHERS["json"]
    stage.works(build(stage), caller="system")


INTERNAL = {
    "type": {"workflow_type": "temporal-sys-batch-workflow-protobuf"},
    "queue": {"task_queue": "temporal-sys-per-ns-tq"},
    "partition": {"task_queue": "/_sys/red-queue/1"},
}


@pytest.mark.parametrize("case", INTERNAL)
def test_names_of_temporals_own_inside(stage: Stage, case: str) -> None:
    inner = stage.inner()
    for field, name in INTERNAL[case].items():
        getattr(inner, field).name = name
    stage.denied(_answer(stage, _payload(inner)), "the request names what is Temporal's own")


@pytest.mark.parametrize("policy", [{"workflow_id_conflict_policy": 3}, {"workflow_id_reuse_policy": 4}], ids=str)
def test_terminating_options_need_terminate(stage: Stage, policy: dict[str, int]) -> None:
    run = stage.straight.start(stage.target)
    answer = _answer(stage, _payload(stage.inner(**policy)))
    stage.denied(answer, 'no grant covers terminate in namespace "payroll"')
    assert stage.straight.status(stage.target, run) == "RUNNING"
    stage.works(answer, caller="terminator")
    assert stage.straight.status(stage.target, run) == "TERMINATED"


def _named(inner: Any, what: str, name: str) -> Any:
    match what:
        case "queue":
            inner.task_queue.name = name
        case "id":
            inner.workflow_id = name
        case "type":
            inner.workflow_type.name = name
        case "signal":
            inner.signal_name = name
    return inner


@pytest.mark.parametrize("limit", LIMITS)
def test_limits_apply_inside(shop: Gate, straight: Frontend, corp: Minter, limit: str) -> None:
    """The worker's own task matches each limit, so the names in the operation decide."""
    stage = Stage(shop, straight, corp)
    if limit == "id":
        name = f"red-{uuid.uuid4()}"
        straight.start(name, name)
        stage.task = straight.workflow_task(name).task_token
    outside = {"queue": "blue-queue", "id": f"blue-{uuid.uuid4()}", "type": "BlueThing", "signal": "blue-hello"}[limit]
    stage.denied(_answer(stage, _payload(_named(stage.inner(), limit, outside))), f'"{outside}" does not match', caller=limit)
    assert not straight.exists(stage.target)
    stage.works(_answer(stage, _payload(stage.inner())), caller=limit)


@pytest.mark.parametrize("name", ["__Temporal_System", "__temporal_system ", "an-endpoint"])
def test_another_endpoint_is_not_read(stage: Stage, name: str) -> None:
    """An operation of an ordinary endpoint may have the same name, and its input is not read."""
    payload = Payload(metadata={"encoding": b"json/plain"}, data=b'"temporal-sys-scheduler:x"')
    answer = commands.answer(stage.task, commands.nexus(name, SERVICE, OPERATION, payload))
    reply = stage.gate.call(METHOD, answer, token=stage.corp.token(caller="worker"))
    assert reply.grpc_status not in (7, 16), str(reply)

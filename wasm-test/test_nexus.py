"""A Nexus operation from one namespace into another, with real workers that each have their own namespace only.

The platform creates the endpoint. The caller's worker schedules the operation in its answer to a workflow task, and the
handler's worker polls for it: neither may do anything in the other's namespace, and the server connects them.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from google.protobuf.message import Message
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker import Worker

from harness import grpc_client, paths, requests, task_tokens
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import BY_PERMISSIONS, plugin
from harness.poll import until
from harness.temporal import Temporal

sys.path.append(str(paths.ROOT / "demo"))
import nexus

w, o = requests.workflow, requests.operator
CALLER, HANDLER, ELSEWHERE = "payroll", "finance-reports", "bitovi-project"

# What the handler's worker of a workflow-backed operation needs beyond the role `worker`; and too little of it.
HANDLER_ROLE, STARTER_ROLE, SILENT_ROLE = "nexus-handler", "starter", "no-callbacks"
ROLES = {
    HANDLER_ROLE: {"from": "worker", "plus": ["start", "nexus"]},
    STARTER_ROLE: {"from": "worker", "plus": ["start"]},
    SILENT_ROLE: {"from": "worker", "plus": ["start", "nexus"]},
}
GRANTS = [
    *BY_PERMISSIONS,
    *(
        {
            "name": role,
            "who": {"issuer": "corp", "claims": {"role": role}},
            "role": role,
            "namespaces": [HANDLER],
            "may_call_back": role != SILENT_ROLE,
        }
        for role in ROLES
    ),
]

STANDALONE = "nexusoperation.enableStandalone=true"
# A new endpoint is there for the very next call; otherwise it comes to the server's other parts a little later.
AT_ONCE = "system.forceNexusEndpointRefreshOnRead=true"

# The server retries an operation with growing delays: on a slow machine this takes several attempts.
pytestmark = pytest.mark.timeout(300)
PATIENCE = 120

Token = Callable[[Minter], str]


def of(*permissions: str) -> Token:
    return lambda corp: corp.token(permissions=list(permissions))


@pytest.fixture(scope="module")
def own_temporal() -> Iterator[Temporal]:
    """A Temporal whose endpoints belong to this file, with standalone operations switched on."""
    extra = ("--dynamic-config-value", STANDALONE, "--dynamic-config-value", AT_ONCE)
    with Temporal([CALLER, HANDLER, ELSEWHERE], extra=extra) as running:
        yield running


@pytest.fixture(scope="module")
def nexus_gate(open_shared_gate: OpenGate, own_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS, roles=ROLES), own_temporal.port)


@pytest.fixture
def stage(nexus_gate: Gate, corp: Minter) -> Stage:
    return Stage(nexus_gate, corp)


class Stage:
    """Clients through the filter, each with a subject of its own, by which its denials are found; also an endpoint and queues
    of its own, so that no test gets another test's leftovers."""

    def __init__(self, gate: Gate, corp: Minter) -> None:
        self.gate, self.corp, self.mark = gate, corp, gate.envoy.log_mark()
        name = str(uuid.uuid4())
        self.caller, self.handler, self.boss = f"caller-{name}", f"handler-{name}", f"boss-{name}"
        self.endpoint, self.queue, self.caller_queue = f"office-{name}", f"office-queue-{name}", f"caller-queue-{name}"
        # The platform creates it through the filter, like everything here.
        request = nexus.endpoint_to(HANDLER, self.queue, self.endpoint)
        allowed(gate.call("CreateNexusEndpoint", request, token=of("temporal-system:admin")(corp)))

    async def client(self, subject: str, namespace: str, **claims: Any) -> Client:
        token = self.corp.token(subject, **claims)
        return await Client.connect(f"127.0.0.1:{self.gate.port}", namespace=namespace, api_key=token, tls=False)

    async def writer(self) -> Client:
        return await self.client(self.boss, CALLER, permissions=[f"{CALLER}:write"])

    @asynccontextmanager
    async def calling(self, **claims: Any) -> AsyncIterator[None]:
        """The caller's worker: it has `worker` in the caller's namespace and nothing else, or the given grants."""
        client = await self.client(self.caller, CALLER, **(claims or {"permissions": [f"{CALLER}:worker"]}))
        async with Worker(client, task_queue=self.caller_queue, workflows=nexus.CALLERS):
            yield

    @asynccontextmanager
    async def handling(self, **claims: Any) -> AsyncIterator[None]:
        """The handler's worker: it has `worker` in the handler's namespace, or the given grants."""
        claims = claims or {"permissions": [f"{HANDLER}:worker"]}
        async with nexus.handler(await self.client(self.handler, HANDLER, **claims), self.queue):
            yield

    async def ask(self, workflow: Any, client: Client | None = None, endpoint: str = "") -> WorkflowHandle[Any, Any]:
        client = client or await self.writer()
        arguments = [1000, endpoint or self.endpoint]
        return await client.start_workflow(workflow, args=arguments, id=f"ask-{uuid.uuid4()}", task_queue=self.caller_queue)

    def denied(self, *subjects: str) -> set[str]:
        """The methods that were denied to these subjects since this stage was created."""
        return {
            d["method"].rsplit("/", 1)[1]
            for d in self.gate.envoy.decisions(self.mark)
            if d["verdict"] == "deny" and d["subject"] in subjects
        }

    def wait_denied(self, subject: str, method: str) -> None:
        until(lambda: method in self.denied(subject), 60, f"{method} denied to {subject}")


async def outcome(handle: WorkflowHandle[Any, Any]) -> Any:
    return await asyncio.wait_for(handle.result(), PATIENCE)


# -- operations that a workflow schedules


def test_an_operation_between_namespaces(stage: Stage) -> None:
    async def run() -> None:
        async with stage.handling(), stage.calling():
            assert await outcome(await stage.ask(nexus.NetSalary.run)) == 600

    asyncio.run(run())
    assert not stage.denied(stage.caller, stage.handler, stage.boss)


def test_an_operation_backed_by_a_workflow(stage: Stage) -> None:
    """The handler's worker starts the workflow with a completion callback; `worker` is not enough for that."""

    async def run() -> None:
        async with stage.handling(role=HANDLER_ROLE), stage.calling():
            assert await outcome(await stage.ask(nexus.AuditedSalary.run)) == "audited 1000"

    asyncio.run(run())
    assert not stage.denied(stage.caller, stage.handler, stage.boss)


@pytest.mark.parametrize(
    "too_little",
    [{"permissions": [f"{HANDLER}:worker"]}, {"permissions": [f"{HANDLER}:admin"]}, {"role": STARTER_ROLE}, {"role": SILENT_ROLE}],
    ids=str,
)
def test_an_operation_whose_workflow_may_not_be_started(stage: Stage, too_little: dict[str, Any]) -> None:
    """A completion callback needs `nexus` in addition to `start`, and this callback arrives wherever a token in its header says,
    which no role covers. A handler that may do all of it takes over, and the operation completes."""

    async def run() -> None:
        async with stage.calling():
            async with stage.handling(**too_little):
                handle = await stage.ask(nexus.AuditedSalary.run)
                await asyncio.to_thread(stage.wait_denied, stage.handler, "StartWorkflowExecution")
            assert stage.denied(stage.handler) == {"StartWorkflowExecution"}
            async with stage.handling(role=HANDLER_ROLE):
                assert await outcome(handle) == "audited 1000"

    asyncio.run(run())
    assert not stage.denied(stage.caller, stage.boss)


def test_handler_of_another_namespace(stage: Stage) -> None:
    """It exits before it polls, the operation waits, and the right handler answers it."""

    async def run() -> None:
        async with stage.calling():
            handle = await stage.ask(nexus.NetSalary.run)
            intruder = await stage.client("intruder", HANDLER, permissions=[f"{CALLER}:worker", f"{ELSEWHERE}:admin"])
            with pytest.raises(RuntimeError, match="Request unauthorized"):
                await asyncio.wait_for(nexus.handler(intruder, stage.queue).run(), PATIENCE)
            async with stage.handling():
                assert await outcome(handle) == 600

    asyncio.run(run())
    stage.wait_denied("intruder", "DescribeNamespace")
    assert not stage.denied(stage.caller, stage.handler, stage.boss)


def test_the_callers_worker_may_not_start_it(stage: Stage) -> None:
    async def run() -> None:
        client = await stage.client(stage.caller, CALLER, permissions=[f"{CALLER}:worker"])
        with pytest.raises(RPCError, match="Request unauthorized"):
            await stage.ask(nexus.NetSalary.run, client)

    asyncio.run(run())
    stage.wait_denied(stage.caller, "StartWorkflowExecution")


# -- tasks, by hand


def poll(queue: str = nexus.TASK_QUEUE) -> Message:
    request = w.PollNexusTaskQueueRequest(namespace=HANDLER, identity="test")
    request.task_queue.name = queue
    return request


def answer(namespace: str = HANDLER, task_token: bytes = task_tokens.SOME) -> Message:
    request = w.RespondNexusTaskCompletedRequest(namespace=namespace, identity="test", task_token=task_token)
    payload = request.response.start_operation.sync_success.payload
    payload.metadata["encoding"], payload.data = b"json/plain", b"1"
    return request


def schedule() -> Message:
    request = w.RespondWorkflowTaskCompletedRequest(namespace=CALLER, task_token=task_tokens.SOME)
    attributes = request.commands.add().schedule_nexus_operation_command_attributes
    attributes.endpoint, attributes.service, attributes.operation = nexus.ENDPOINT, "TaxOffice", "withhold"
    return request


BY_HAND: dict[str, tuple[str, Callable[[], Message], Token]] = {
    "poll, worker elsewhere": ("PollNexusTaskQueue", poll, of(f"{CALLER}:worker")),
    "poll, admin elsewhere": ("PollNexusTaskQueue", poll, of(f"{CALLER}:admin", f"{ELSEWHERE}:admin")),
    "poll, reader": ("PollNexusTaskQueue", poll, of(f"{HANDLER}:read")),
    "poll, stranger": ("PollNexusTaskQueue", poll, of()),
    "answer, worker elsewhere": ("RespondNexusTaskCompleted", answer, of(f"{CALLER}:worker")),
    "answer, reader": ("RespondNexusTaskCompleted", answer, of(f"{HANDLER}:read")),
    "schedule, the handler's worker": ("RespondWorkflowTaskCompleted", schedule, of(f"{HANDLER}:worker")),
    "schedule, reader": ("RespondWorkflowTaskCompleted", schedule, of(f"{CALLER}:read")),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_tasks_of_other_namespaces_are_denied(nexus_gate: Gate, corp: Minter, case: str) -> None:
    method, build, token = BY_HAND[case]
    nexus_gate.refused_by_us(method, build(), token=token(corp), status=7)


def test_a_stolen_task(stage: Stage) -> None:
    """The task's token says to which namespace the task belongs: the filter checks the caller against the namespace in the
    request, and Temporal checks that namespace against the token. The task's owner can still answer it."""
    gate, corp = stage.gate, stage.corp

    def steal() -> bytes:
        headers, token = {"grpc-timeout": "60S"}, of(f"{HANDLER}:worker")(corp)
        reply = gate.call("PollNexusTaskQueue", poll(stage.queue), token=token, headers=headers, timeout=60)
        task = w.PollNexusTaskQueueResponse.FromString(allowed(reply).message)
        assert task.request.endpoint == stage.endpoint
        return task.task_token

    async def run() -> None:
        async with stage.calling():
            handle = await stage.ask(nexus.NetSalary.run)
            stolen = await asyncio.to_thread(steal)
            refused(gate.call("RespondNexusTaskCompleted", answer(HANDLER, stolen), token=of(f"{CALLER}:worker")(corp)), 7)
            own = gate.call("RespondNexusTaskCompleted", answer(CALLER, stolen), token=of(f"{CALLER}:worker")(corp))
            assert own.grpc_status == 3 and "different namespace" in own.grpc_message, str(own)
            # On a slow machine the task may have timed out: then the server hands it out again.
            gate.call("RespondNexusTaskCompleted", answer(HANDLER, stolen), token=of(f"{HANDLER}:worker")(corp))
            async with stage.handling():
                assert await outcome(handle) in (999, 600)

    asyncio.run(run())


# -- endpoints


def test_endpoints_are_the_platforms(nexus_gate: Gate, corp: Minter) -> None:
    """Nobody else may create, find, change or delete them, by id and version."""
    platform = of("temporal-system:admin")(corp)
    others = [
        of()(corp),
        of(f"{CALLER}:admin")(corp),
        of(f"{HANDLER}:admin", f"{CALLER}:admin")(corp),
        of(f"{HANDLER}:worker")(corp),
        of("temporal-system:write")(corp),
    ]

    def call(method: str, message: Message) -> grpc_client.Reply:
        for token in others:
            nexus_gate.refused_by_us(method, message, token=token, status=7)
        return allowed(nexus_gate.call(method, message, token=platform))

    create = nexus.endpoint_to(HANDLER, name=f"e-{uuid.uuid4()}")
    made = o.CreateNexusEndpointResponse.FromString(call("CreateNexusEndpoint", create).message).endpoint
    found = o.ListNexusEndpointsResponse.FromString(
        call("ListNexusEndpoints", o.ListNexusEndpointsRequest(name=create.spec.name)).message
    )
    assert [e.id for e in found.endpoints] == [made.id]
    call("GetNexusEndpoint", o.GetNexusEndpointRequest(id=made.id))
    spec = nexus.endpoint_to(CALLER, name=create.spec.name).spec
    update = o.UpdateNexusEndpointRequest(id=made.id, version=made.version, spec=spec)
    changed = o.UpdateNexusEndpointResponse.FromString(call("UpdateNexusEndpoint", update).message).endpoint
    assert changed.spec.target.worker.namespace == CALLER
    call("DeleteNexusEndpoint", o.DeleteNexusEndpointRequest(id=made.id, version=changed.version))


# -- operations that no workflow schedules


def test_a_standalone_operation(stage: Stage) -> None:
    """A caller with `write` in the caller's namespace needs no workflow, and no grant in the handler's namespace."""

    async def run() -> None:
        async with stage.handling():
            office = (await stage.writer()).create_nexus_client(nexus.TaxOffice, stage.endpoint)
            operation = office.execute_operation(
                nexus.TaxOffice.withhold, 1000, id=str(uuid.uuid4()), schedule_to_close_timeout=nexus.PATIENCE
            )
            assert await asyncio.wait_for(operation, PATIENCE) == 400

    asyncio.run(run())
    assert not stage.denied(stage.handler, stage.boss)


def standalone(endpoint: str) -> Message:
    return w.StartNexusOperationExecutionRequest(
        namespace=CALLER, operation_id=str(uuid.uuid4()), request_id=str(uuid.uuid4()), identity="test",
        endpoint=endpoint, service="TaxOffice", operation="withhold",
    )


@pytest.mark.parametrize(
    "permissions",
    [[], [f"{CALLER}:read"], [f"{CALLER}:worker"], [f"{HANDLER}:write"], [f"{HANDLER}:admin", f"{ELSEWHERE}:admin"]],
    ids=", ".join,
)
def test_a_standalone_operation_needs_write_in_the_callers_namespace(nexus_gate: Gate, corp: Minter, permissions: list[str]) -> None:
    token = corp.token(permissions=permissions)
    nexus_gate.refused_by_us("StartNexusOperationExecution", standalone(nexus.ENDPOINT), token=token, status=7)


NOT_ITS_NAME = {
    "upper case": str.upper,
    "space behind": lambda name: name + " ",
    "space before": lambda name: " " + name,
    "dot": lambda name: name + ".",
}


def test_the_name_is_exact(stage: Stage) -> None:
    """Temporal compares an endpoint's name byte by byte, so a list of allowed endpoints may do the same."""
    token = of(f"{CALLER}:write")(stage.corp)
    for change in NOT_ITS_NAME:
        request = standalone(NOT_ITS_NAME[change](stage.endpoint))
        reply = stage.gate.call("StartNexusOperationExecution", request, token=token)
        assert reply.grpc_status == 5 and "could not find Nexus endpoint" in reply.grpc_message, f"{change}: {reply}"
    allowed(stage.gate.call("StartNexusOperationExecution", standalone(stage.endpoint), token=token))

"""The calls of the demo: who calls what, and how the call must end. Each allowed call has a counterpart that is denied."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.api.enums.v1 import CommandType, TaskQueueKind
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    ListNamespacesRequest,
    PollNexusTaskQueueRequest,
    PollWorkflowTaskQueueRequest,
    RespondWorkflowTaskCompletedRequest,
)
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

import nexus
from harness import http_client, paths
from harness.http_client import HttpReply
from stage import WORKER, Stage, clean_environment
from tokens import edited
from workflows import TASK_QUEUE, Payroll, PayrollRun

ALLOWED = "allowed"
DENIED = "denied (7)"
WHO_ARE_YOU = "refused (16)"

Call = Callable[["Cast"], Awaitable[None]]


@dataclass(frozen=True)
class Row:
    who: str
    call: str
    namespace: str  # empty: the cluster
    method: str  # the method in the API, by which the decision log is searched
    expected: str
    run: Call


class Cast:
    """Everybody's clients, all of them through Envoy."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._tokens: dict[str, str | None] = {"nobody": None, "garbage": "not.a.token"}
        self._clients: dict[tuple[str, str], Client] = {}

    def token(self, who: str) -> str | None:
        if who not in self._tokens:
            self._tokens[who] = (
                edited(self.stage.token("stranger"), groups=["platform-admins"])
                if who == "forger"
                else self.stage.token(who)
            )
        return self._tokens[who]

    async def client(self, who: str, namespace: str) -> Client:
        if (who, namespace) not in self._clients:
            self._clients[who, namespace] = await Client.connect(
                self.stage.address, namespace=namespace, api_key=self.token(who), tls=False
            )
        return self._clients[who, namespace]

    async def workflow(self, who: str, namespace: str, workflow_id: str) -> WorkflowHandle[Any, Any]:
        return (await self.client(who, namespace)).get_workflow_handle(workflow_id)

    async def cli(self, who: str, *arguments: str) -> None:
        """The real `temporal` command line; raises CliError when it fails."""
        argv = [str(paths.temporal_binary()), *arguments, "--address", self.stage.address, "--tls=false"]
        token = self.token(who)
        if token is not None:
            argv += ["--api-key", token]
        done = await asyncio.to_thread(
            subprocess.run, argv, capture_output=True, text=True, timeout=60, env=clean_environment()
        )
        if done.returncode:
            raise CliError(done.stderr.strip())


    async def http(self, who: str, verb: str, path: str) -> None:
        """A call of the HTTP API; raises HttpRefused when it fails."""
        body = "{}" if verb == "POST" else None
        reply = await asyncio.to_thread(http_client.send, self.stage.ports.listener, verb, path, body, token=self.token(who))
        if reply.status != 200:
            raise HttpRefused(reply)


class CliError(Exception):
    """The error message of the command line."""


class HttpRefused(Exception):
    """An answer of the HTTP API that is not a good one."""

    def __init__(self, reply: HttpReply) -> None:
        super().__init__(str(reply))
        self.status = reply.status


def outcome(error: BaseException | None) -> str:
    """The outcome in the words of the table; a failure that is not a denial is shown as it is."""
    if error is None:
        return ALLOWED
    text = str(error)
    status = error.status.value if isinstance(error, RPCError) else None
    if isinstance(error, HttpRefused) and error.status in (401, 403):
        return DENIED if error.status == 403 else WHO_ARE_YOU
    if status == 7 or (isinstance(error, CliError) and "Request unauthorized." in text):
        return DENIED
    if status == 16 or (isinstance(error, CliError) and "Request unauthenticated." in text):
        return WHO_ARE_YOU
    return f"{type(error).__name__} {status or ''}: {text}"


# -- calls


def start(who: str, namespace: str, workflow_id: str, payroll: Payroll | None = None) -> Call:
    async def call(cast: Cast) -> None:
        client = await cast.client(who, namespace)
        await client.start_workflow(PayrollRun.run, payroll or Payroll(), id=workflow_id, task_queue=TASK_QUEUE)

    return call


def result(who: str, namespace: str, workflow_id: str, expected: list[str]) -> Call:
    async def call(cast: Cast) -> None:
        handle = await cast.workflow(who, namespace, workflow_id)
        got = await asyncio.wait_for(handle.result(), 30)
        assert got == expected, got

    return call


def describe(who: str, namespace: str, workflow_id: str) -> Call:
    async def call(cast: Cast) -> None:
        await (await cast.workflow(who, namespace, workflow_id)).describe()

    return call


def query(who: str, namespace: str, workflow_id: str) -> Call:
    async def call(cast: Cast) -> None:
        await (await cast.workflow(who, namespace, workflow_id)).query(PayrollRun.paid)

    return call


def approve(who: str, namespace: str, workflow_id: str) -> Call:
    async def call(cast: Cast) -> None:
        await (await cast.workflow(who, namespace, workflow_id)).signal(PayrollRun.approve)

    return call


def terminate(who: str, namespace: str, workflow_id: str) -> Call:
    async def call(cast: Cast) -> None:
        await (await cast.workflow(who, namespace, workflow_id)).terminate("demo")

    return call


def fail_its_task(who: str, namespace: str) -> Call:
    """The answer to a workflow task that ends its workflow. The token is real; another caller polled it."""

    async def call(cast: Cast) -> None:
        admin = await cast.client("platform-admin", namespace)
        queue = TaskQueue(name=TASK_QUEUE, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL)
        poll = PollWorkflowTaskQueueRequest(namespace=namespace, task_queue=queue, identity="platform-admin")
        task = await admin.workflow_service.poll_workflow_task_queue(poll, timeout=timedelta(seconds=10))
        assert task.task_token, "no task is waiting"
        request = RespondWorkflowTaskCompletedRequest(namespace=namespace, task_token=task.task_token, identity=who)
        command = request.commands.add(command_type=CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION)
        command.fail_workflow_execution_command_attributes.failure.message = "over"
        await (await cast.client(who, namespace)).workflow_service.respond_workflow_task_completed(request)

    return call


def list_workflows(who: str, namespace: str) -> Call:
    async def call(cast: Cast) -> None:
        async for _ in (await cast.client(who, namespace)).list_workflows():
            pass

    return call


def list_namespaces(who: str, *expected: str) -> Call:
    """All namespaces that the caller sees are the expected ones, if any are named."""

    async def call(cast: Cast) -> None:
        client = await cast.client(who, "payroll")
        answer = await client.workflow_service.list_namespaces(ListNamespacesRequest(page_size=100))
        seen = {entry.namespace_info.name for entry in answer.namespaces}
        assert not expected or seen == set(expected), f"{who} sees {sorted(seen)}"

    return call


def describe_namespace(who: str, namespace: str) -> Call:
    async def call(cast: Cast) -> None:
        client = await cast.client(who, namespace)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))

    return call


def poll(who: str, namespace: str, queue_name: str = TASK_QUEUE, sticky_of: str = "") -> Call:
    """Polls a queue. `sticky_of` claims that it is the sticky queue of another queue: the server would poll it all the same."""

    async def call(cast: Cast) -> None:
        client = await cast.client(who, namespace)
        kind = TaskQueueKind.TASK_QUEUE_KIND_STICKY if sticky_of else TaskQueueKind.TASK_QUEUE_KIND_NORMAL
        queue = TaskQueue(name=queue_name, kind=kind, normal_name=sticky_of)
        request = PollWorkflowTaskQueueRequest(namespace=namespace, task_queue=queue, identity=who)
        await client.workflow_service.poll_workflow_task_queue(request, timeout=timedelta(seconds=10))

    return call


def create_endpoint(who: str) -> Call:
    async def call(cast: Cast) -> None:
        client = await cast.client(who, "payroll")
        await client.operator_service.create_nexus_endpoint(nexus.endpoint_to("finance-reports"))

    return call


def net_salary(workflow_id: str) -> Call:
    """Alice starts a workflow that calls the tax office, whose worker runs in the meantime."""

    async def call(cast: Cast) -> None:
        alice, office = await cast.client("alice", "payroll"), await cast.client(TAX_OFFICE, "finance-reports")
        async with nexus.handler(office):
            handle = await alice.start_workflow(nexus.NetSalary.run, 1000, id=workflow_id, task_queue=TASK_QUEUE)
            got = await asyncio.wait_for(handle.result(), 30)
        assert got == 600, got

    return call


def schedule(who: str, endpoint: str) -> Call:
    """A worker's answer to a task with which its workflow would call this endpoint."""

    async def call(cast: Cast) -> None:
        client = await cast.client(who, "payroll")
        # A forged token, which contains only the workflow's id: that is enough for the filter, but not for Temporal.
        request = RespondWorkflowTaskCompletedRequest(namespace="payroll", task_token=b"\x12\x05net-1", identity=who)
        attributes = request.commands.add().schedule_nexus_operation_command_attributes
        attributes.endpoint, attributes.service, attributes.operation = endpoint, "Bank", "transfer"
        await client.workflow_service.respond_workflow_task_completed(request)

    return call


def poll_nexus(who: str) -> Call:
    async def call(cast: Cast) -> None:
        client = await cast.client(who, "finance-reports")
        queue = TaskQueue(name=nexus.TASK_QUEUE, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL)
        request = PollNexusTaskQueueRequest(namespace="finance-reports", task_queue=queue, identity=who)
        await client.workflow_service.poll_nexus_task_queue(request, timeout=timedelta(seconds=10))

    return call


def worked() -> Call:
    """The worker is a process of its own: the decision log shows which of its calls were allowed in the meantime."""

    async def call(cast: Cast) -> None:
        assert any(
            decision["subject"] == WORKER and decision["method"].endswith("/RespondActivityTaskCompleted")
            for decision in cast.stage.envoy.decisions()
        ), "no activity was completed"

    return call


def cli(who: str, *arguments: str) -> Call:
    async def call(cast: Cast) -> None:
        await cast.cli(who, *arguments)

    return call


def over_http(who: str, verb: str, path: str) -> Call:
    async def call(cast: Cast) -> None:
        await cast.http(who, verb, f"/api/v1/namespaces/{path}")

    return call


# -- the table

SLIPS = ["* ann is paid", "* bob is paid"]
LATER = Payroll(needs_approval=True)
TAX_OFFICE = "finance-reports-worker"

ROWS = [
    # Finance may run the payroll, and the worker does the work.
    Row("alice", "start a payroll run", "payroll", "StartWorkflowExecution", ALLOWED, start("alice", "payroll", "run-1")),
    Row("alice", "wait for its result", "payroll", "GetWorkflowExecutionHistory", ALLOWED, result("alice", "payroll", "run-1", SLIPS)),
    Row(WORKER, "poll and answer tasks", "payroll", "RespondActivityTaskCompleted", ALLOWED, worked()),
    Row("alice", "start one that waits", "payroll", "StartWorkflowExecution", ALLOWED, start("alice", "payroll", "run-2", LATER)),
    Row("alice", "list workflows", "payroll", "ListWorkflowExecutions", ALLOWED, list_workflows("alice", "payroll")),
    Row("alice", "start a workflow", "finance-reports", "StartWorkflowExecution", DENIED, start("alice", "finance-reports", "run-1")),
    Row("alice", "list workflows", "finance-reports", "ListWorkflowExecutions", DENIED, list_workflows("alice", "finance-reports")),
    # Of the list of namespaces, each caller sees their own.
    Row("alice", "list namespaces: payroll only", "", "ListNamespaces", ALLOWED, list_namespaces("alice", "payroll")),
    Row("nobody", "list namespaces", "", "ListNamespaces", WHO_ARE_YOU, list_namespaces("nobody")),
    # Only finance starts payroll: the denial also applies to the platform team; and only people are exempt, not services.
    Row("platform-admin", "start a payroll run", "payroll", "StartWorkflowExecution", DENIED, start("platform-admin", "payroll", "run-3")),
    Row("finance-bot", "start a payroll run", "payroll", "StartWorkflowExecution", DENIED, start("finance-bot", "payroll", "run-3")),
    # A caller whose token says in another form that it is a service's is not a person either.
    Row("finance-script", "start a payroll run", "payroll", "StartWorkflowExecution", DENIED, start("finance-script", "payroll", "run-3")),
    # A developer may look at payroll; changes are for the team's own namespaces.
    Row("dev", "describe a run", "payroll", "DescribeWorkflowExecution", ALLOWED, describe("dev", "payroll", "run-2")),
    Row("dev", "query a run", "payroll", "QueryWorkflow", ALLOWED, query("dev", "payroll", "run-2")),
    Row("dev", "start a payroll run", "payroll", "StartWorkflowExecution", DENIED, start("dev", "payroll", "run-3")),
    Row("dev", "approve (signal) a run", "payroll", "SignalWorkflowExecution", DENIED, approve("dev", "payroll", "run-2")),
    Row("dev", "terminate a run", "payroll", "TerminateWorkflowExecution", DENIED, terminate("dev", "payroll", "run-2")),
    Row("dev", "start a workflow", "bitovi-project", "StartWorkflowExecution", ALLOWED, start("dev", "bitovi-project", "try-1")),
    Row("dev", "signal it", "bitovi-project", "SignalWorkflowExecution", ALLOWED, approve("dev", "bitovi-project", "try-1")),
    Row("dev", "terminate it", "bitovi-project", "TerminateWorkflowExecution", DENIED, terminate("dev", "bitovi-project", "try-1")),
    # A developer also cannot poll the workflow's task, as a worker would, and answer that the workflow has failed.
    Row("dev", "poll its workflow task", "bitovi-project", "PollWorkflowTaskQueue", DENIED, poll("dev", "bitovi-project")),
    Row("dev", "answer: the workflow failed", "bitovi-project", "RespondWorkflowTaskCompleted", DENIED, fail_its_task("dev", "bitovi-project")),
    Row("dev", "describe a workflow", "finance-reports", "DescribeWorkflowExecution", DENIED, describe("dev", "finance-reports", "run-1")),
    # The HTTP API gives nobody more than gRPC does.
    Row("dev", "describe it over HTTP", "bitovi-project", "DescribeWorkflowExecution", ALLOWED, over_http("dev", "GET", "bitovi-project/workflows/try-1")),
    Row("dev", "terminate it over HTTP", "bitovi-project", "TerminateWorkflowExecution", DENIED, over_http("dev", "POST", "bitovi-project/workflows/try-1/terminate")),
    Row("nobody", "describe it over HTTP", "bitovi-project", "DescribeWorkflowExecution", WHO_ARE_YOU, over_http("nobody", "GET", "bitovi-project/workflows/try-1")),
    # A worker's token is good for working in its namespace, and for nothing else.
    Row(WORKER, "describe its namespace", "payroll", "DescribeNamespace", ALLOWED, describe_namespace(WORKER, "payroll")),
    Row(WORKER, "describe another one", "finance-reports", "DescribeNamespace", DENIED, describe_namespace(WORKER, "finance-reports")),
    Row(WORKER, "poll for tasks", "bitovi-project", "PollWorkflowTaskQueue", DENIED, poll(WORKER, "bitovi-project")),
    # Only on its queues, whatever else it claims about them.
    Row(WORKER, "poll another queue", "payroll", "PollWorkflowTaskQueue", DENIED, poll(WORKER, "payroll", "audit")),
    Row(WORKER, "poll it as a sticky queue", "payroll", "PollWorkflowTaskQueue", DENIED, poll(WORKER, "payroll", "audit", TASK_QUEUE)),
    Row(WORKER, "start a payroll run", "payroll", "StartWorkflowExecution", DENIED, start(WORKER, "payroll", "run-3")),
    Row(WORKER, "approve (signal) a run", "payroll", "SignalWorkflowExecution", DENIED, approve(WORKER, "payroll", "run-2")),
    Row(WORKER, "query a run", "payroll", "QueryWorkflow", DENIED, query(WORKER, "payroll", "run-2")),
    Row(WORKER, "terminate a run", "payroll", "TerminateWorkflowExecution", DENIED, terminate(WORKER, "payroll", "run-2")),
    Row(WORKER, "list workflows", "payroll", "ListWorkflowExecutions", DENIED, list_workflows(WORKER, "payroll")),
    # A Nexus operation crosses namespaces: each worker has a token for its own namespace, and the endpoint belongs to the platform.
    Row("platform-admin", "create a Nexus endpoint", "", "CreateNexusEndpoint", ALLOWED, create_endpoint("platform-admin")),
    Row("alice", "create a Nexus endpoint", "", "CreateNexusEndpoint", DENIED, create_endpoint("alice")),
    Row(WORKER, "schedule a Nexus operation", "payroll", "RespondWorkflowTaskCompleted", ALLOWED, net_salary("net-1")),
    Row(TAX_OFFICE, "answer a Nexus operation", "finance-reports", "RespondNexusTaskCompleted", ALLOWED, net_salary("net-2")),
    Row(WORKER, "schedule one elsewhere", "payroll", "RespondWorkflowTaskCompleted", DENIED, schedule(WORKER, "bank")),
    Row(WORKER, "poll for Nexus operations", "finance-reports", "PollNexusTaskQueue", DENIED, poll_nexus(WORKER)),
    # A known caller without grants, and unknown callers.
    Row("stranger", "describe the namespace", "payroll", "DescribeNamespace", DENIED, describe_namespace("stranger", "payroll")),
    Row("stranger", "start a payroll run", "payroll", "StartWorkflowExecution", DENIED, start("stranger", "payroll", "run-3")),
    Row("stranger", "read a run's result", "payroll", "GetWorkflowExecutionHistory", DENIED, result("stranger", "payroll", "run-1", SLIPS)),
    Row("nobody", "start, without a token", "payroll", "StartWorkflowExecution", WHO_ARE_YOU, start("nobody", "payroll", "run-3")),
    Row("garbage", "start, token is garbage", "payroll", "StartWorkflowExecution", WHO_ARE_YOU, start("garbage", "payroll", "run-3")),
    Row("forger", "start, claims edited", "payroll", "StartWorkflowExecution", WHO_ARE_YOU, start("forger", "payroll", "run-3")),
    # The command line, with the same tokens.
    Row("alice", "temporal workflow list", "payroll", "ListWorkflowExecutions", ALLOWED, cli("alice", "workflow", "list", "-n", "payroll")),
    Row("stranger", "temporal workflow list", "payroll", "ListWorkflowExecutions", DENIED, cli("stranger", "workflow", "list", "-n", "payroll")),
    Row("nobody", "temporal workflow list", "payroll", "ListWorkflowExecutions", WHO_ARE_YOU, cli("nobody", "workflow", "list", "-n", "payroll")),
    Row("platform-admin", "temporal operator namespace list", "", "ListNamespaces", ALLOWED, cli("platform-admin", "operator", "namespace", "list")),
    Row("dev", "temporal operator namespace list", "", "ListNamespaces", ALLOWED, cli("dev", "operator", "namespace", "list")),
    # The platform team may do everything, everywhere: the calls that others were denied above succeed.
    Row("platform-admin", "list namespaces", "", "ListNamespaces", ALLOWED, list_namespaces("platform-admin")),
    Row("platform-admin", "list workflows", "finance-reports", "ListWorkflowExecutions", ALLOWED, list_workflows("platform-admin", "finance-reports")),
    Row("platform-admin", "start a workflow", "finance-reports", "StartWorkflowExecution", ALLOWED, start("platform-admin", "finance-reports", "run-1")),
    Row("platform-admin", "terminate dev's workflow", "bitovi-project", "TerminateWorkflowExecution", ALLOWED, terminate("platform-admin", "bitovi-project", "try-1")),
    # After all the callers who were not allowed to touch it, run-2 still waits; alice approves it, and it is paid.
    Row("alice", "approve (signal) her run", "payroll", "SignalWorkflowExecution", ALLOWED, approve("alice", "payroll", "run-2")),
    Row("alice", "wait for its result", "payroll", "GetWorkflowExecutionHistory", ALLOWED, result("alice", "payroll", "run-2", SLIPS)),
]

"""The roles of docs/presets/tools.md, with the calls of the worker controller, of KEDA and of the Terraform provider, in the order in
which their sources make them: a rollout of a real worker, its gate workflow, and the deletion of what was rolled out; a namespace
that is created and changed, and not destroyed."""

from __future__ import annotations

import asyncio
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from google.protobuf.message import Message
from temporalio.api.enums.v1 import NamespaceState, TaskQueueType, WorkflowExecutionStatus
from temporalio.api.workflow.v1 import VersioningOverride
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig

from harness import paths, requests
from harness.gate import Gate, OpenGate, allowed, refused
from harness.grpc_client import Reply
from harness.minter import Minter
from harness.policy import plugin
from harness.poll import until
from harness.temporal import Temporal
from worker_load import Child, produce

w = requests.workflow
PAGE = (paths.ROOT / "docs" / "presets" / "tools.md").read_text()
SERVICE: dict[str, Any] = {"gty": "client-credentials"}
CONTROLLER = "temporal-worker-controller/one"


def role(name: str) -> dict[str, Any]:
    """A role as the page has it: `NAME: {plus: [A, B]}`, or with one method a line."""
    found = re.search(rf"^  {name}:(?: {{plus: \[(.*)\]}}|\n    plus:\n((?:    - \w+\n)+))", PAGE, re.MULTILINE)
    assert found, name
    return {"plus": re.findall(r"\w+", found[1] or found[2])}


ROLES = {name: role(name) for name in ("scaler", "controller", "gate", "registrar")}


def grant(name: str, subject: str, **members: Any) -> dict[str, Any]:
    return {"name": name, "who": {"issuer": "corp", "kind": "service", "subject": subject}, "namespaces": ["payroll"]} | members


GRANTS = [
    grant("keda", "keda", role="scaler"),
    grant("controller", "payroll-rollout", role="controller"),
    grant("controller-gates", "payroll-rollout", role="gate", workflow_ids=["test-*"]),
    grant("workers", "payroll-worker", role="worker"),
    grant("terraform", "terraform", role="registrar", namespaces=["team-*"], may_register=True),
]


@pytest.fixture(scope="module")
def shop(open_shared_gate: OpenGate, temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(service_when=[SERVICE]), GRANTS, roles=ROLES), temporal.port)


class Caller:
    """Calls in the namespace payroll, unless they name another one."""

    def __init__(self, gate: Gate, token: str) -> None:
        self.gate, self.token = gate, token

    # Positional, because one field is called `self`.
    def call(self, method: str, /, **fields: Any) -> Reply:
        message = getattr(w, f"{method}Request")(**{"namespace": "payroll"} | fields)
        return self.gate.call(method, message, token=self.token)

    def ask(self, method: str, /, **fields: Any) -> Any:
        """Allowed, by the filter and by the server."""
        response: Message = getattr(w, f"{method}Response")()
        response.ParseFromString(allowed(self.call(method, **fields)).message)
        return response


@contextmanager
def running(gate: Gate, token: str, deployment: str, queue: str, build: str) -> Iterator[None]:
    """A worker of this version, whose token is a worker's and nothing else, behind the filter."""
    stop = threading.Event()
    failed: list[BaseException] = []

    async def work() -> None:
        client = await Client.connect(f"127.0.0.1:{gate.port}", namespace="payroll", api_key=token, tls=False)
        config = WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(deployment, build),
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.PINNED,
        )
        async with Worker(client, task_queue=queue, workflows=[Child], activities=[produce], deployment_config=config):
            while not stop.is_set():
                await asyncio.sleep(0.05)

    def run() -> None:
        try:
            asyncio.run(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    assert not failed and not thread.is_alive(), failed


def test_a_rollout_and_its_end(shop: Gate, temporal: Temporal, corp: Minter) -> None:
    controller = Caller(shop, corp.token("payroll-rollout", **SERVICE))
    worker = Caller(shop, corp.token("payroll-worker", **SERVICE))
    deployment, queue = f"shop-{uuid.uuid4().hex}", f"queue-{uuid.uuid4().hex}"
    described: dict[str, Any] = {"deployment_name": deployment}
    version: dict[str, Any] = {"deployment_version": {"deployment_name": deployment, "build_id": "v1"}}
    changed: dict[str, Any] = {"identity": CONTROLLER, **described}
    gate_id = f"test-{deployment}:v1-{queue}"

    # Nothing there yet: the server's own answer, so the filter has let the call pass.
    assert controller.call("DescribeWorkerDeployment", **described).grpc_status == 5
    with running(shop, worker.token, deployment, queue, "v1"):
        until(lambda: controller.call("DescribeWorkerDeployment", **described).grpc_status == 0, 30, "the deployment")
        until(lambda: controller.call("DescribeWorkerDeploymentVersion", **version).grpc_status == 0, 30, "its version")
        controller.ask("DescribeTaskQueue", task_queue={"name": queue}, task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)

        execution = {"execution": {"workflow_id": gate_id}}
        assert controller.call("DescribeWorkflowExecution", **execution).grpc_status == 5
        pinned = VersioningOverride()
        pinned.pinned.behavior = VersioningOverride.PINNED_OVERRIDE_BEHAVIOR_PINNED
        pinned.pinned.version.deployment_name, pinned.pinned.version.build_id = deployment, "v1"
        start = {
            "workflow_type": {"name": "Child"},
            "task_queue": {"name": queue},
            "request_id": str(uuid.uuid4()),
            "versioning_override": pinned,
            "input": {"payloads": [{"metadata": {"encoding": b"json/plain"}, "data": b"1"}]},
        }
        controller.ask("StartWorkflowExecution", workflow_id=gate_id, **start)
        refused(controller.call("StartWorkflowExecution", workflow_id="order-1", **start), 7)

        def gate_is_done() -> bool:
            seen = controller.ask("DescribeWorkflowExecution", **execution).workflow_execution_info.status
            return bool(seen == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED)

        until(gate_is_done, 30, "the gate workflow")

        controller.ask("SetWorkerDeploymentManager", self=True, **changed)
        controller.ask("SetWorkerDeploymentRampingVersion", build_id="v1", percentage=10, **changed)
        controller.ask("SetWorkerDeploymentCurrentVersion", build_id="v1", **changed)
        metadata = {"controller": {"metadata": {"encoding": b"json/plain"}, "data": b'"one"'}}
        controller.ask("UpdateWorkerDeploymentVersionMetadata", identity=CONTROLLER, upsert_entries=metadata, **version)

        # It took effect: a workflow without an override runs on the current version.
        async def work() -> int:
            client = await Client.connect(temporal.address, namespace="payroll")
            return await client.execute_workflow(Child.run, 1, id=str(uuid.uuid4()), task_queue=queue)

        assert asyncio.run(work()) == 101

        # The worker has a token of its own, and cannot roll anything out.
        rollout: dict[str, dict[str, Any]] = {
            "SetWorkerDeploymentManager": {"self": True, **changed},
            "SetWorkerDeploymentRampingVersion": {"build_id": "v1", "percentage": 20, **changed},
            "SetWorkerDeploymentCurrentVersion": {"build_id": "", **changed},
            "UpdateWorkerDeploymentVersionMetadata": {"identity": CONTROLLER, **version},
            "DeleteWorkerDeploymentVersion": {"identity": CONTROLLER, "skip_drainage": True, **version},
            "DeleteWorkerDeployment": changed,
        }
        for method, more in rollout.items():
            refused(worker.call(method, **more), 7)
            refused(controller.call(method, **more, namespace="finance-reports"), 7)

    # The resource is deleted: nothing is routed to the version any more, then the version and the deployment go.
    controller.ask("SetWorkerDeploymentCurrentVersion", build_id="", ignore_missing_task_queues=True, **changed)
    # The server keeps a version for minutes after its last poll, and the controller retries: its own answer will do here.
    for method in ("DeleteWorkerDeploymentVersion", "DeleteWorkerDeployment"):
        assert controller.call(method, **rollout[method]).grpc_status in {0, 9}


@pytest.mark.parametrize(
    "method",
    ["TerminateWorkflowExecution", "ListWorkflowExecutions", "GetWorkflowExecutionHistory", "PollWorkflowTaskQueue", "SignalWorkflowExecution",
     "UpdateWorkerDeploymentVersionComputeConfig", "DescribeNamespace", "StartBatchOperation"],
)
def test_neither_tool_may_do_more(shop: Gate, corp: Minter, method: str) -> None:
    for subject in ("payroll-rollout", "keda"):
        refused(Caller(shop, corp.token(subject, **SERVICE)).call(method), 7)


def test_the_calls_of_keda(shop: Gate, corp: Minter) -> None:
    keda = Caller(shop, corp.token("keda", **SERVICE))
    keda.ask("DescribeTaskQueue", task_queue={"name": "orders"}, report_stats=True)
    keda.ask("CountWorkflowExecutions", query="ExecutionStatus = 'Running'")
    version = {"deployment_name": "none", "build_id": "v1"}
    assert keda.call("DescribeWorkerDeploymentVersion", deployment_version=version, report_task_queue_stats=True).grpc_status == 5
    refused(keda.call("SetWorkerDeploymentCurrentVersion", deployment_name="none", build_id="v1"), 7)
    # A person of that name is not the service.
    refused(Caller(shop, corp.token("keda")).call("CountWorkflowExecutions"), 7)


def test_the_calls_of_terraform(shop: Gate, corp: Minter) -> None:
    terraform = Caller(shop, corp.token("terraform", **SERVICE))
    name = f"team-{uuid.uuid4().hex}"
    terraform.ask("RegisterNamespace", namespace=name, owner_email="a@example.com", workflow_execution_retention_period={"seconds": 7 * 86400})
    until(lambda: terraform.call("DescribeNamespace", namespace=name).grpc_status == 0, 30, "the namespace")
    update = {"update_info": {"owner_email": "b@example.com"}, "config": {"workflow_execution_retention_ttl": {"seconds": 9 * 86400}}}
    terraform.ask("UpdateNamespace", namespace=name, **update)
    assert terraform.ask("DescribeNamespace", namespace=name).namespace_info.owner_email == "b@example.com"

    delete = requests.operator.DeleteNamespaceRequest(namespace=name)
    refused(shop.call("DeleteNamespace", delete, token=terraform.token), 7)
    for call in (
        lambda: terraform.call("RegisterNamespace", namespace=f"other-{name}"),
        lambda: terraform.call("UpdateNamespace", **update),
        lambda: terraform.call("ListWorkflowExecutions", namespace=name),
        # An update that is a deletion.
        lambda: terraform.call("UpdateNamespace", namespace=name, update_info={"state": NamespaceState.NAMESPACE_STATE_DELETED}),
        lambda: Caller(shop, corp.token("terraform")).call("RegisterNamespace", namespace=f"{name}-2"),
    ):
        refused(call(), 7)

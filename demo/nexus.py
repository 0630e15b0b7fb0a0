"""A Nexus operation from one namespace into another: payroll's workflow calls the tax office, whose worker is in another namespace.

The caller's worker only *names* the endpoint, in a command of its answer to a workflow task; the endpoint determines the
target namespace and task queue, so neither worker ever needs a grant in the other's namespace. The role of the handler's
worker limits its operations: with `worker` alone, an operation can only answer synchronously, while an operation that is
backed by a workflow has to start that workflow, with a completion callback.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from temporalio import nexus, workflow
from temporalio.api.nexus.v1 import EndpointSpec
from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    import nexusrpc
    import nexusrpc.handler

ENDPOINT = "tax-office"
TASK_QUEUE = "finance-reports-tax"
# How long the server retries an operation that nobody answers, or that the handler's worker may not carry out.
PATIENCE = timedelta(minutes=5)


@nexusrpc.service
class TaxOffice:
    withhold: nexusrpc.Operation[int, int]
    audit: nexusrpc.Operation[int, str]


@workflow.defn
class Audit:
    """The workflow behind the operation `audit`, in the handler's namespace."""

    @workflow.run
    async def run(self, salary: int) -> str:
        return f"audited {salary}"


@nexusrpc.handler.service_handler(service=TaxOffice)
class TaxOfficeHandler:
    @nexusrpc.handler.sync_operation
    async def withhold(self, _: nexusrpc.handler.StartOperationContext, salary: int) -> int:
        return salary * 40 // 100

    @nexus.workflow_run_operation
    async def audit(self, context: nexus.WorkflowRunOperationContext, salary: int) -> nexus.WorkflowHandle[str]:
        return await context.start_workflow(Audit.run, salary, id=f"audit-{uuid.uuid4()}")


@workflow.defn
class NetSalary:
    """The caller. The starter chooses the endpoint, so that the demo can also try an endpoint that is not allowed."""

    @workflow.run
    async def run(self, salary: int, endpoint: str = ENDPOINT) -> int:
        office = workflow.create_nexus_client(service=TaxOffice, endpoint=endpoint)
        return salary - await office.execute_operation(TaxOffice.withhold, salary, schedule_to_close_timeout=PATIENCE)


@workflow.defn
class AuditedSalary:
    """The same with an operation that is backed by a workflow."""

    @workflow.run
    async def run(self, salary: int, endpoint: str = ENDPOINT) -> str:
        office = workflow.create_nexus_client(service=TaxOffice, endpoint=endpoint)
        return await office.execute_operation(TaxOffice.audit, salary, schedule_to_close_timeout=PATIENCE)


CALLERS = [NetSalary, AuditedSalary]


def endpoint_to(namespace: str, task_queue: str = TASK_QUEUE, name: str = ENDPOINT) -> CreateNexusEndpointRequest:
    """The endpoint, which a caller with a system grant creates once."""
    spec = EndpointSpec(name=name)
    spec.target.worker.namespace, spec.target.worker.task_queue = namespace, task_queue
    return CreateNexusEndpointRequest(spec=spec)


def handler(client: Client, task_queue: str = TASK_QUEUE) -> Worker:
    """The tax office's worker, in the namespace of `client`."""
    return Worker(client, task_queue=task_queue, workflows=[Audit], nexus_service_handlers=[TaxOfficeHandler()])

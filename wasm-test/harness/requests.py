"""A request for every method of the API, built from the SDK's generated messages.

Only the fields that authorization reads are filled in: the namespace, if the message has one (whatever its field
number), and further fields where a server would otherwise wait or crash.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from typing import Any

import temporalio.api.operatorservice.v1 as operator
import temporalio.api.workflowservice.v1 as workflow
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage

from . import paths

WORKFLOW_SERVICE = "temporal.api.workflowservice.v1.WorkflowService"
OPERATOR_SERVICE = "temporal.api.operatorservice.v1.OperatorService"
ADMIN_SERVICE = "temporal.server.api.adminservice.v1.AdminService"
GET_SYSTEM_INFO = f"/{WORKFLOW_SERVICE}/GetSystemInfo"
HEALTH_CHECK = "/grpc.health.v1.Health/Check"
HEALTH_WATCH = "/grpc.health.v1.Health/Watch"

# An update whose caller waits until it is accepted.
ACCEPTED = UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED

_MODULES = {WORKFLOW_SERVICE: workflow, OPERATOR_SERVICE: operator}


@dataclass(frozen=True)
class Method:
    """One row of the repository's method table."""

    service: str
    name: str
    scope: str  # namespace | cluster
    access: str  # readonly | write | admin
    polling: str  # none | capable | always

    @property
    def path(self) -> str:
        return f"/{self.service}/{self.name}"

    def __str__(self) -> str:
        return f"{self.service.rsplit('.', 1)[1].removesuffix('Service')}.{self.name}"


@cache
def methods() -> tuple[Method, ...]:
    """Every WorkflowService and OperatorService method of the table."""
    with open(paths.TEMPORAL_DATA / "api_metadata.tsv", newline="") as table:
        rows = csv.DictReader(table, delimiter="\t")
        return tuple(
            Method(row["service"], row["method"], row["scope"], row["access"], row["polling"])
            for row in rows
            if row["service"] in _MODULES and row["method"] != "*"
        )


def path(name: str) -> str:
    """`StartWorkflowExecution` -> its gRPC path; WorkflowService first, then OperatorService."""
    service = WORKFLOW_SERVICE if hasattr(workflow, name + "Request") else OPERATOR_SERVICE
    return f"/{service}/{name}"


def message_class(service: str, name: str) -> type[Message]:
    found: type[Message] | None = getattr(_MODULES[service], name + "Request", None)
    return found or newest(f"{service.rpartition('.')[0]}.{name}Request")


@cache
def _descriptors() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet.FromString((paths.TEMPORAL_DATA / "api.binpb").read_bytes())
    for file in files.file:
        pool.Add(file)
    return pool


def newest(full_name: str) -> type[Message]:
    """A message as in the repository's descriptor set, which may be newer than the SDK's."""
    return message_factory.GetMessageClass(_descriptors().FindMessageTypeByName(full_name))


def build(method: Method, namespace: str = "") -> Message:
    """An otherwise empty request, with its namespace set if the message has one."""
    message = message_class(method.service, method.name)()
    if has_namespace(message):
        set_field(message, "namespace", namespace)
    return message


def has_namespace(message: Message) -> bool:
    field = message.DESCRIPTOR.fields_by_name.get("namespace")
    return field is not None and field.message_type is None


def set_field(message: Message, name: str, value: Any) -> None:
    setattr(message, name, value)


def start_workflow(namespace: str, workflow_id: str = "wf", **fields: Any) -> workflow.StartWorkflowExecutionRequest:
    """A start that a real server accepts."""
    request = workflow.StartWorkflowExecutionRequest(
        namespace=namespace, workflow_id=workflow_id, request_id=workflow_id, identity="test"
    )
    request.workflow_type.name = "Some"
    request.task_queue.name = "nobody-polls-here"
    for name, value in fields.items():
        set_field(request, name, value)
    return request

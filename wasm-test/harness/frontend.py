"""Temporal's frontend for one caller in one namespace: for setting up and inspecting tests, and for acting as a worker."""

from __future__ import annotations

import time
import uuid
from typing import Any

from google.protobuf.message import Message
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.history.v1 import HistoryEvent

from . import grpc_client, requests
from .gate import allowed
from .grpc_client import Reply
from .poll import until

w = requests.workflow


class Frontend:
    """Calls Temporal directly, or through a gate's port with a token."""

    def __init__(self, port: int, namespace: str = "payroll", token: str | None = None) -> None:
        self.port, self.namespace, self.token = port, namespace, token

    def call(self, method: str, request: Message, **options: Any) -> Reply:
        options = {"timeout": 30} | options
        return grpc_client.call(self.port, requests.path(method), request.SerializeToString(), token=self.token, **options)

    def ask(self, method: str, request: Message, **options: Any) -> Any:
        """The answer to a call that must succeed."""
        reply = allowed(self.call(method, request, **options))
        module = w if hasattr(w, method + "Response") else requests.operator
        return getattr(module, method + "Response").FromString(reply.message)

    def namespace_id(self) -> str:
        answer = self.ask("DescribeNamespace", w.DescribeNamespaceRequest(namespace=self.namespace))
        return str(answer.namespace_info.id)

    def start(self, workflow_id: str = "", queue: str = "nobody-polls-here", type_: str = "Some", **fields: Any) -> str:
        """Starts a workflow and returns its run id."""
        request = requests.start_workflow(self.namespace, workflow_id or f"w-{uuid.uuid4()}", **fields)
        request.request_id, request.task_queue.name, request.workflow_type.name = str(uuid.uuid4()), queue, type_
        return str(self.ask("StartWorkflowExecution", request).run_id)

    def workflow_task(self, queue: str) -> Any:
        """The next workflow task of a queue."""
        request = w.PollWorkflowTaskQueueRequest(namespace=self.namespace, identity="by hand")
        request.task_queue.name = queue
        return self._poll("PollWorkflowTaskQueue", request)

    def activity_task(self, queue: str) -> Any:
        request = w.PollActivityTaskQueueRequest(namespace=self.namespace, identity="by hand")
        request.task_queue.name = queue
        return self._poll("PollActivityTaskQueue", request)

    def nexus_task(self, queue: str) -> Any:
        request = w.PollNexusTaskQueueRequest(namespace=self.namespace, identity="by hand")
        request.task_queue.name = queue
        return self._poll("PollNexusTaskQueue", request)

    def _poll(self, method: str, request: Message) -> Any:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = self.ask(method, request, grpc_timeout=20, timeout=30)
            if answer.task_token:
                return answer
        raise AssertionError(f"{method}: no task")

    def status(self, workflow_id: str, run_id: str = "") -> str:
        """`RUNNING`, `FAILED` and so on."""
        request = w.DescribeWorkflowExecutionRequest(namespace=self.namespace)
        request.execution.workflow_id, request.execution.run_id = workflow_id, run_id
        answer = self.ask("DescribeWorkflowExecution", request)
        name: str = WorkflowExecutionStatus.Name(answer.workflow_execution_info.status)
        return name.removeprefix("WORKFLOW_EXECUTION_STATUS_")

    def wait_status(self, workflow_id: str, wanted: str, run_id: str = "", timeout: float = 30) -> None:
        until(lambda: self.status(workflow_id, run_id) == wanted, timeout, f"{workflow_id} to be {wanted}", every=0.2)

    def events(self, workflow_id: str, run_id: str = "") -> list[HistoryEvent]:
        request = w.GetWorkflowExecutionHistoryRequest(namespace=self.namespace)
        request.execution.workflow_id, request.execution.run_id = workflow_id, run_id
        return list(self.ask("GetWorkflowExecutionHistory", request).history.events)

    def signals(self, workflow_id: str) -> list[str]:
        """The names of the signals that the workflow has received."""
        field: Any = "workflow_execution_signaled_event_attributes"
        return [getattr(event, field).signal_name for event in self.events(workflow_id) if event.HasField(field)]

    def exists(self, workflow_id: str) -> bool:
        request = w.DescribeWorkflowExecutionRequest(namespace=self.namespace)
        request.execution.workflow_id = workflow_id
        return self.call("DescribeWorkflowExecution", request).grpc_status == 0

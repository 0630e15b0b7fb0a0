"""Answers to workflow tasks, command by command, as a worker without an SDK would write them."""

from __future__ import annotations

from typing import Any

from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import CommandType

from . import requests


def answer(task_token: bytes, *commands: Command, namespace: str = "payroll") -> Any:
    request = requests.workflow.RespondWorkflowTaskCompletedRequest(
        namespace=namespace, task_token=task_token, identity="by hand"
    )
    request.commands.extend(commands)
    return request


def _command(kind: str) -> Command:
    return Command(command_type=CommandType.Value(f"COMMAND_TYPE_{kind}"))


def complete() -> Command:
    command = _command("COMPLETE_WORKFLOW_EXECUTION")
    command.complete_workflow_execution_command_attributes.SetInParent()
    return command


def fail(message: str = "by hand") -> Command:
    command = _command("FAIL_WORKFLOW_EXECUTION")
    command.fail_workflow_execution_command_attributes.failure.message = message
    return command


def cancel() -> Command:
    command = _command("CANCEL_WORKFLOW_EXECUTION")
    command.cancel_workflow_execution_command_attributes.SetInParent()
    return command


def continue_as_new(queue: str, type_: str = "Some") -> Command:
    command = _command("CONTINUE_AS_NEW_WORKFLOW_EXECUTION")
    attributes = command.continue_as_new_workflow_execution_command_attributes
    attributes.workflow_type.name, attributes.task_queue.name = type_, queue
    return command


def timer(timer_id: str = "timer", seconds: int = 3600) -> Command:
    command = _command("START_TIMER")
    attributes = command.start_timer_command_attributes
    attributes.timer_id = timer_id
    attributes.start_to_fire_timeout.FromSeconds(seconds)
    return command


def activity(activity_id: str, queue: str, seconds: int = 60) -> Command:
    command = _command("SCHEDULE_ACTIVITY_TASK")
    attributes = command.schedule_activity_task_command_attributes
    attributes.activity_id, attributes.activity_type.name, attributes.task_queue.name = activity_id, "some", queue
    attributes.start_to_close_timeout.FromSeconds(seconds)
    attributes.schedule_to_close_timeout.FromSeconds(seconds)
    return command


def child(workflow_id: str, queue: str = "nobody-polls-here", type_: str = "Some", **fields: Any) -> Command:
    command = _command("START_CHILD_WORKFLOW_EXECUTION")
    attributes = command.start_child_workflow_execution_command_attributes
    attributes.workflow_id, attributes.workflow_type.name, attributes.task_queue.name = workflow_id, type_, queue
    for name, value in fields.items():
        requests.set_field(attributes, name, value)
    return command


def signal(workflow_id: str, name: str = "hello", child_only: bool = False) -> Command:
    command = _command("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION")
    attributes = command.signal_external_workflow_execution_command_attributes
    attributes.execution.workflow_id, attributes.signal_name, attributes.child_workflow_only = workflow_id, name, child_only
    return command


def cancel_other(workflow_id: str, child_only: bool = False) -> Command:
    command = _command("REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION")
    attributes = command.request_cancel_external_workflow_execution_command_attributes
    attributes.workflow_id, attributes.child_workflow_only = workflow_id, child_only
    return command


def nexus(endpoint: str, service: str = "Service", operation: str = "operation", payload: Payload | None = None) -> Command:
    command = _command("SCHEDULE_NEXUS_OPERATION")
    attributes = command.schedule_nexus_operation_command_attributes
    attributes.endpoint, attributes.service, attributes.operation = endpoint, service, operation
    if payload is not None:
        attributes.input.CopyFrom(payload)
    return command

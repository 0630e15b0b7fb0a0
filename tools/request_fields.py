"""Writes data/temporal/request_fields.tsv: where every request carries the fields that the filter reads, from the descriptors of
Temporal's API.

This is a second opinion. It shares no code and no rules with tools/methods.py, whose table the tests compare with it: this
program looks only at the names and types of fields.
"""

import csv
import io
import re
from collections.abc import Iterator

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorSet, MethodOptions, ServiceDescriptorProto

SERVICES = (
    "temporal.api.workflowservice.v1.WorkflowService",
    "temporal.api.operatorservice.v1.OperatorService",
    "temporal.server.api.adminservice.v1.AdminService",
)
# Every request of a worker may carry one, and nothing acts on it.
SKIPPED = {".temporal.api.failure.v1.Failure"}
LINK = ".temporal.api.common.v1.Link"
PATHS = (
    "other_namespace_paths", "task_token_paths", "task_queue_paths", "workflow_type_paths", "workflow_id_paths", "activity_type_paths",
    "nexus_paths", "resource_id_header", "link_namespace_paths", "tq_kind_and_normal_name_paths", "schedule_id_paths", "signal_paths",
    "query_type_paths", "update_name_paths",
)  # fmt: skip
COLUMNS = ("service", "method", "request_type", "namespace_field_no", *PATHS)
# Extension `temporal.api.protometa.v1.request_header` of a method's options: the header's name and the template of its value.
REQUEST_HEADER = 7234001
# Requests whose field `id` is a namespace's id.
BY_ID = ("DescribeNamespaceRequest", "GetNamespaceRequest")


def render(descriptors: bytes) -> str:
    """The table, from a serialized FileDescriptorSet."""
    messages: dict[str, DescriptorProto] = {}
    services: dict[str, ServiceDescriptorProto] = {}

    def enter(name: str, message: DescriptorProto) -> None:
        messages[name] = message
        for nested in message.nested_type:
            enter(f"{name}.{nested.name}", nested)

    for file in FileDescriptorSet.FromString(descriptors).file:
        for message in file.message_type:
            enter(f".{file.package}.{message.name}", message)
        services |= {f"{file.package}.{service.name}": service for service in file.service}
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE)
    writer.writeheader()
    for name in SERVICES:
        for method in services[name].method:
            found: dict[str, list[str]] = {column: [] for column in PATHS}
            for column, path in paths(messages, method.input_type, "", "", (method.input_type,), link=False):
                found[column].append(path)
            own = (str(field.number) for field in messages[method.input_type].field if field.name == "namespace")
            row = {"service": name, "method": method.name, "request_type": method.input_type[1:], "namespace_field_no": next(own, "-")}
            row |= {column: ";".join(values) or "-" for column, values in found.items()}
            writer.writerow(row | {"resource_id_header": request_header(method.options)})
    return out.getvalue()


def paths(
    messages: dict[str, DescriptorProto], type_: str, names: str, numbers: str, stack: tuple[str, ...], *, link: bool
) -> Iterator[tuple[str, str]]:
    """The column and the path of every relevant field below this message. `stack` holds the types around the field."""
    link = link or type_ == LINK
    for field in messages[type_].field:
        name = f"{names}{field.name}{'[]' if field.label == FieldDescriptorProto.LABEL_REPEATED else ''}"
        number = f"{numbers}{field.number}"
        if field.type == FieldDescriptorProto.TYPE_MESSAGE:
            if field.type_name in SKIPPED or field.type_name in stack:
                continue
            if field.type_name.endswith(".taskqueue.v1.TaskQueue"):
                yield "task_queue_paths", f"{name}.name({number}.1)"
                yield "tq_kind_and_normal_name_paths", f"{name}.kind({number}.2)/{name}.normal_name({number}.3)"
            elif field.type_name.endswith(".common.v1.WorkflowType"):
                yield "workflow_type_paths", f"{name}.name({number}.1)"
            elif field.type_name.endswith(".common.v1.ActivityType"):
                yield "activity_type_paths", f"{name}.name({number}.1)"
            else:
                yield from paths(messages, field.type_name, f"{name}.", f"{number}.", (*stack, field.type_name), link=link)
        elif column := column_of(field, type_, top=len(stack) == 1, link=link):
            yield column, f"{name}({number})"


def column_of(field: FieldDescriptorProto, type_: str, *, top: bool, link: bool) -> str | None:
    """The column of a field that is not a message, by its name and type."""
    name = field.name
    if field.type == FieldDescriptorProto.TYPE_BYTES:
        return "task_token_paths" if re.fullmatch("(.+_)?token", name) and name != "next_page_token" else None
    if field.type != FieldDescriptorProto.TYPE_STRING:
        return None
    if link:
        return "link_namespace_paths" if name == "namespace" else None
    if name == "namespace_id" or (name == "namespace" and not top) or (name == "id" and top and type_.endswith(BY_ID)):
        return "other_namespace_paths"
    if re.fullmatch("(.+_)?task_queue(_name)?", name):
        return "task_queue_paths"
    if name == "name" and type_ == ".temporal.api.update.v1.Input":
        return "update_name_paths"
    return {
        "workflow_id": "workflow_id_paths", "business_id": "workflow_id_paths", "endpoint": "nexus_paths", "schedule_id": "schedule_id_paths",
        "signal_name": "signal_paths", "signal": "signal_paths", "query_type": "query_type_paths",
    }.get(name)  # fmt: skip


def request_header(options: MethodOptions) -> str:
    """The headers that the API asks clients to set. The extension's descriptor is not available here."""
    found = []
    for number, value in length_delimited(options.SerializeToString()):
        if number == REQUEST_HEADER:
            header = dict(length_delimited(value))
            found.append(f"{header[1].decode()}={header[2].decode()}")
    return ";".join(found) or "-"


def length_delimited(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a message whose other fields are all varints."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = varint()
        size = varint()
        if tag & 7 == 2:
            yield tag >> 3, message[at : at + size]
            at += size
        elif tag & 7:
            raise ValueError(f"wire type {tag & 7} in the options of a method")

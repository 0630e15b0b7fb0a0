"""The generated method table, the descriptor set and the copies of Temporal's own tables agree.

The table is read back from the Rust source with a parser of its own, so that a fault of the generator cannot hide here.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data/temporal"
TABLE = ROOT / "src/temporal/generated/methods.rs"
SERVICES = ("temporal.api.workflowservice.v1.WorkflowService", "temporal.api.operatorservice.v1.OperatorService")
WORKFLOW = "/temporal.api.workflowservice.v1.WorkflowService/"

WORKER = {"POLL", "RESPOND", "HISTORY", "DESCRIBE_NAMESPACE"}
READER = {"DESCRIBE_NAMESPACE", "READ", "HISTORY", "QUERY", "CLUSTER_READ"}
WRITER = READER | WORKER | {"START", "SIGNAL", "UPDATE", "CANCEL", "TERMINATE", "DELETE", "RESET", "PAUSE", "SCHEDULE", "BATCH",
                            "OPTIONS", "DEPLOY", "NEXUS"}
# Here, only admins may hand the server a compute configuration, whatever role upstream requires.
COMPUTE = {f"{WORKFLOW}{verb}WorkerDeploymentVersionComputeConfig" for verb in ("Update", "Validate")}

# The methods that workers of the Python, Go, Java, TypeScript and Rust SDKs call.
WORKER_CALLS = ["DescribeNamespace", "PollWorkflowTaskQueue", "PollActivityTaskQueue", "PollNexusTaskQueue", "RespondWorkflowTaskCompleted", "RespondWorkflowTaskFailed", "RespondQueryTaskCompleted", "RespondActivityTaskCompleted", "RespondActivityTaskCompletedById", "RespondActivityTaskFailed", "RespondActivityTaskFailedById", "RespondActivityTaskCanceled", "RespondActivityTaskCanceledById", "RespondNexusTaskCompleted", "RespondNexusTaskFailed", "RecordActivityTaskHeartbeat", "RecordActivityTaskHeartbeatById", "RecordWorkerHeartbeat", "ShutdownWorker", "GetWorkflowExecutionHistory", "GetWorkflowExecutionHistoryReverse", "ResetStickyTaskQueue"]


@dataclass
class Row:
    scope: str
    access: str
    effects: set[str]
    namespace_field: int
    limited: str
    ids: str
    schedules: str
    request: str


@dataclass
class Entered:
    """A message that the table reads."""

    type: str
    command: set[str]
    known: list[tuple[int, int]]
    fields: list[tuple[int, str, str, str]]  # number, name, "[]" or "", kind


@dataclass
class Table:
    """The generated Rust file, read back."""

    methods: dict[str, Row]
    messages: dict[str, Entered]  # by the name of the static
    version: str

    @classmethod
    def parse(cls, source: str) -> "Table":
        rows = re.findall(r'^ +Method::new\("(.+)", Scope::(\w+), Access::(\w+), (.+), (\d+), LimitRule::(\w+), WorkflowIdRule::(\w+), LimitRule::(\w+), &(\w+)\),$',
                          source, re.M)
        methods = {path: Row(scope, access, effects(expression), int(number), *limits)
                   for path, scope, access, expression, number, *limits in rows}
        messages = {}
        for type_, static, command, known, body in re.findall(
                r'^/// (\S+)\nstatic (\w+): Message = Message \{ name: [^\n]*, command: ([^\n]*), known: &\[([^\n]*)\], fields: &\[(.*?)\] \};$', source, re.M | re.S):
            fields = re.findall(r"^ +WatchedField \{ name: \"\w+\", oneof: \d+, number: (\d+), repeated: (\w+), meaning: (.+) \}, // (\w+)$", body, re.M)
            messages[static] = Entered(type_, effects(command), [(int(one), int(other)) for one, other in re.findall(r"\((\d+), (\d+)\)", known)],
                                       [(int(number), name, "[]" if repeated == "true" else "", kind) for number, repeated, kind, name in fields])
        version = re.search(r'^pub const API_VERSION: &str = "(.+)";$', source, re.M)
        count = re.search(r"^pub\(in crate::temporal\) static METHODS: \[Method; (\d+)\]", source, re.M)
        assert version and count and int(count[1]) == len(methods) == len(rows)
        return cls(methods, messages, version[1])

    def leaves(self, static: str, kinds: str, names: str = "", numbers: str = "") -> Iterator[str]:
        """The paths of a request's fields whose kind matches, written as in request_fields.tsv."""
        for number, name, many, kind in self.messages[static].fields:
            if inside := re.search(r"&(\w+)\)$", kind):
                yield from self.leaves(inside[1], kinds, f"{names}{name}{many}.", f"{numbers}{number}.")
            elif re.match(kinds, kind):
                yield f"{names}{name}{many}({numbers}{number})"


def effects(expression: str) -> set[str]:
    return set(re.findall(r"EffectSet::(\w+)", expression)) - {"NONE"}


def rows(name: str) -> dict[str, dict[str, str]]:
    """The rows of a copied table by gRPC path, for the two services only."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return {f"/{row['service']}/{row['method']}": row for row in csv.DictReader(file, delimiter="\t")
                if row["service"] in SERVICES and row["method"] != "*"}


def descriptors() -> FileDescriptorSet:
    return FileDescriptorSet.FromString((DATA / "api.binpb").read_bytes())


def disagreements(table: Table) -> list[str]:
    """All differences between the table and the descriptor set, the server's method table and the list of request fields."""
    metadata, listed = rows("api_metadata.tsv"), rows("request_fields.tsv")
    files = descriptors().file
    messages = {f".{file.package}.{message.name}": message for file in files for message in file.message_type}
    requests = {f"/{file.package}.{service.name}/{method.name}": method.input_type
                for file in files for service in file.service if f"{file.package}.{service.name}" in SERVICES for method in service.method}
    found = [f"{path}: not everywhere" for path in {*table.methods, *metadata, *listed, *requests}
             if not all(path in source for source in (table.methods, metadata, listed, requests))]
    for path in table.methods.keys() & metadata.keys() & listed.keys() & requests.keys():
        row, fields = table.methods[path], {field.name: field.number for field in messages[requests[path]].field}
        number = row.namespace_field
        access = metadata[path]["access"] if metadata[path]["listed"] == "yes" else "unlisted"
        if row.scope.lower() != metadata[path]["scope"] or row.access.lower() != access:
            found.append(f"{path}: scope or access")
        if number != fields.get("namespace", 0) or listed[path]["namespace_field_no"] != str(number or "-"):
            found.append(f"{path}: namespace field")
        if requests[path] != f".{listed[path]['request_type']}":
            found.append(f"{path}: request type")
        paths = ";".join(sorted(table.leaves(row.request, r"FieldMeaning::(OtherNamespace|NamespaceId)"))) or "-"
        if paths != ";".join(sorted(listed[path]["other_namespace_paths"].split(";"))):
            found.append(f"{path}: other namespaces: {paths}")
        for column, kinds in NAMED.items():
            ours = {path for path in table.leaves(row.request, kinds) if not NOT_LISTED.search(path)}
            theirs = {path for path in listed[path][column].split(";") if path != "-" and not NOT_LIMITED.search(path)}
            if ours != theirs:
                found.append(f"{path}: {column}: {sorted(ours ^ theirs)}")
        upstreams = row.effects - {"COMPUTE"}
        level = "readonly" if upstreams <= READER else "write" if upstreams <= WRITER else "admin"
        if level != metadata[path]["access"] or not upstreams or ("COMPUTE" in row.effects) != (path in COMPUTE):
            found.append(f"{path}: effects {sorted(row.effects)} under {row.access}")
    types, _ = every_type()
    for static, message in table.messages.items():
        described = types[f".{message.type}"]
        numbers = {field.number for field in described.field} | {n for gone in described.reserved_range for n in range(gone.start, gone.end)}
        if numbers != {n for first, last in message.known for n in range(first, last + 1)}:
            found.append(f"{static}: not the fields that {message.type} has")
    return found


# Columns of request_fields.tsv, and the meanings that correspond to them. Names that limits ignore are in ignored.tsv; the list
# lacks the providers of compute, and the queues of reachability queries.
NAMED = {"task_queue_paths": r"FieldMeaning::QueueName\(", "workflow_type_paths": r"FieldMeaning::LimitedName\(Limit::WorkflowTypes", "nexus_paths": r"FieldMeaning::LimitedName\(Limit::NexusEndpoints",
         "workflow_id_paths": r"FieldMeaning::LimitedName\(Limit::WorkflowIds", "schedule_id_paths": r"FieldMeaning::LimitedName\(Limit::ScheduleIds", "signal_paths": r"FieldMeaning::LimitedName\(Limit::Signals",
         "query_type_paths": r"FieldMeaning::LimitedName\(Limit::Queries", "update_name_paths": r"FieldMeaning::LimitedName\(Limit::Updates", "task_token_paths": r"FieldMeaning::TaskToken\("}
NOT_LIMITED = re.compile(r"heartbeat|worker_control_task_queue|spec\.target|serialization_context|execution_filter|business_id|(conflict|long_poll)_token")

NOT_LISTED = re.compile(r"nexus_endpoint|^task_queues")

# Words that suggest that a decision depends on a field: in the name of the field, or of the message around it.
SPEAKING = re.compile(r"(.+_)?(namespace(_id)?|workflow_id|business_id|schedule_id|task_queues?|task_queue_name|workflow_type|activity_type|endpoint|url"
                      r"|signal_name|query_type|update_name)")
NAMED_TYPES = {".temporal.api.taskqueue.v1.TaskQueue", ".temporal.api.common.v1.WorkflowType", ".temporal.api.common.v1.ActivityType"}


def every_type() -> tuple[dict[str, DescriptorProto], dict[str, EnumDescriptorProto]]:
    """All messages and enums of the descriptor set, including nested types."""
    messages: dict[str, DescriptorProto] = {}
    enums: dict[str, EnumDescriptorProto] = {}

    def enter(name: str, message: DescriptorProto) -> None:
        messages[name] = message
        enums.update({f"{name}.{enum.name}": enum for enum in message.enum_type})
        for nested in message.nested_type:
            enter(f"{name}.{nested.name}", nested)

    for file in descriptors().file:
        enums.update({f".{file.package}.{enum.name}": enum for enum in file.enum_type})
        for message in file.message_type:
            enter(f".{file.package}.{message.name}", message)
    return messages, enums


def undecided(table: Table, ignored: set[tuple[str, str]]) -> list[str]:
    """Every field of every request, at any depth, on which a decision may depend by its name, and which the table neither reads
    nor has a reason to ignore."""
    messages, enums = every_type()
    listed, found = rows("request_fields.tsv"), []

    def walk(type_: str, static: str | None, path: str, stack: tuple[str, ...]) -> None:
        read = {number: kind for number, _, _, kind in table.messages[static].fields} if static else {}
        for field in messages[type_].field:
            key, here = (type_[1:], field.name), f"{path}.{field.name}"
            if key in ignored or (field.type_name[1:], "*") in ignored or field.type_name in stack:
                continue
            if field.type == FieldDescriptorProto.TYPE_MESSAGE:
                inside = re.search(r"&(\w+)\)$", read.get(field.number, ""))
                walk(field.type_name, inside[1] if inside else None, here, (*stack, field.type_name))
            elif field.number in read or (path.count(".") == 0 and field.name == "namespace"):
                continue
            elif field.type == FieldDescriptorProto.TYPE_ENUM:
                values = [value.name for value in enums[field.type_name].value]
                if any(re.search("TERMINATE|CANCEL|DELETE|START", value) for value in values):
                    found.append(here)
            elif field.type == FieldDescriptorProto.TYPE_STRING:
                if SPEAKING.fullmatch(field.name) or (type_ in NAMED_TYPES and field.name == "name"):
                    found.append(here)

    for path, row in table.methods.items():
        request = f".{listed[path]['request_type']}"
        walk(request, row.request, path.rsplit("/", 1)[1], (request,))
    return found


def ignored_fields() -> set[tuple[str, str]]:
    with (DATA / "ignored.tsv").open(encoding="utf-8", newline="") as file:
        return {(row["message"], row["field"]) for row in csv.DictReader(file, delimiter="\t")}


def test_no_field_that_speaks_of_a_decision_is_left_unread() -> None:
    table = Table.parse(TABLE.read_text())
    assert undecided(table, ignored_fields()) == []


@pytest.mark.parametrize("line", ["meaning: FieldMeaning::LimitedName(Limit::NexusEndpoints) }, // endpoint", "meaning: FieldMeaning::LimitedName(Limit::WorkflowTypes) }, // name",
                                  "// workflow_id_reuse_policy", "meaning: FieldMeaning::CallbackUrl }, // url", "// overlap_policy", "&TASK_QUEUE) }, // task_queue",
                                  "// workflow_id", "// schedule_id", "// signal_name", "// query_type", "// task_queue_name"])
def test_a_field_left_unread_is_noticed(line: str) -> None:
    source = TABLE.read_text()
    assert line in source
    without = "\n".join(row for row in source.splitlines() if not row.endswith(line)) + "\n"
    assert undecided(Table.parse(without), ignored_fields())


@pytest.mark.parametrize("key", [("temporal.api.nexus.v1.Link", "url"), ("google.protobuf.Any", "type_url"),
                                 ("temporal.api.common.v1.ActivityType", "name"), ("temporal.api.common.v1.Link", "*")])
def test_a_field_that_nobody_ignores_any_more_is_noticed(key: tuple[str, str]) -> None:
    assert undecided(Table.parse(TABLE.read_text()), ignored_fields() - {key})


def test_table_agrees_with_descriptors_and_with_temporal() -> None:
    table = Table.parse(TABLE.read_text())
    assert disagreements(table) == []
    assert (DATA / "api_version").read_text() == f"{table.version}\n"
    assert list(table.methods) == sorted(table.methods, key=lambda path: (len(path), path))
    assert all([field[0] for field in message.fields] == sorted({field[0] for field in message.fields}) for message in table.messages.values())


@pytest.mark.parametrize(("old", "new"), [
    ('QueryWorkflow", Scope::Namespace', 'QueryWorkflow", Scope::Cluster'),
    ('QueryWorkflow", Scope::Namespace, Access::ReadOnly', 'QueryWorkflow", Scope::Namespace, Access::Write'),
    ("EffectSet::QUERY", "EffectSet::START"), ("EffectSet::TERMINATE, 1,", "EffectSet::READ, 1,"),
    ("EffectSet::RESPOND, 9,", "EffectSet::RESPOND, 1,"), ("EffectSet::CLUSTER_READ, 0,", "EffectSet::CLUSTER_READ, 1,"),
    ("meaning: FieldMeaning::OtherNamespace(EffectSet::START) }, // namespace", "meaning: FieldMeaning::Enum(&E, &[], &[]) }, // namespace"),
    ("EffectSet::COMPUTE.with(EffectSet::DEPLOY)", "EffectSet::DEPLOY"), ("Access::Unlisted", "Access::Admin"),
    ("meaning: FieldMeaning::TaskToken(TaskTokenKind::Nexus) }, // task_token", "meaning: FieldMeaning::UnlimitedName }, // task_token"),
    ("meaning: FieldMeaning::LimitedName(Limit::Signals) }, // signal_name", "meaning: FieldMeaning::LimitedName(Limit::Queries) }, // signal_name"),
    ("known: &[(1, 31)]", "known: &[(1, 30)]"),
    ("number: 2, repeated: false, meaning: FieldMeaning::NamespaceId", "number: 3, repeated: false, meaning: FieldMeaning::NamespaceId"),
    ("/QueryWorkflow\"", "/QueryWorkflows\""),
])
def test_a_wrong_table_is_noticed(old: str, new: str) -> None:
    source = TABLE.read_text()
    assert old in source and disagreements(Table.parse(source.replace(old, new)))


def test_what_a_worker_does_to_its_own_workflow_is_no_effect_and_what_it_does_to_others_is() -> None:
    effects = {message.type.rsplit(".", 1)[1]: message.command for message in Table.parse(TABLE.read_text()).messages.values() if message.command}
    assert effects == {"StartChildWorkflowExecutionCommandAttributes": {"START"}, "SignalExternalWorkflowExecutionCommandAttributes": {"SIGNAL"},
                       "RequestCancelExternalWorkflowExecutionCommandAttributes": {"CANCEL"}, "ScheduleNexusOperationCommandAttributes": {"NEXUS"}}


def test_a_worker_may_make_every_call_of_an_sdk_and_no_other() -> None:
    methods = Table.parse(TABLE.read_text()).methods
    assert {path for path, row in methods.items() if row.effects <= WORKER} == {WORKFLOW + name for name in WORKER_CALLS}


def test_describing_a_namespace_is_an_effect_of_its_own() -> None:
    methods = Table.parse(TABLE.read_text()).methods
    assert [path for path, row in methods.items() if "DESCRIBE_NAMESPACE" in row.effects] == [WORKFLOW + "DescribeNamespace"]

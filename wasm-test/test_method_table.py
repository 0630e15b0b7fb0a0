"""The generated method table, the descriptor set and the copies of Temporal's own tables agree, and the generator notices when they do not.

The table is read back from the Rust source with a parser of its own, so that a fault of the generator cannot hide here.
"""

import csv
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data/temporal"
TABLE = ROOT / "src/temporal/table.rs"
GENERATOR = ROOT / "tools/methods.py"
SERVICES = ("temporal.api.workflowservice.v1.WorkflowService", "temporal.api.operatorservice.v1.OperatorService")
WORKFLOW = "/temporal.api.workflowservice.v1.WorkflowService/"

WORKER = {"POLL", "RESPOND", "HISTORY", "DESCRIBE_NAMESPACE"}
READER = {"DESCRIBE_NAMESPACE", "READ", "HISTORY", "QUERY", "CLUSTER_READ"}
WRITER = READER | WORKER | {"START", "SIGNAL", "UPDATE", "CANCEL", "TERMINATE", "DELETE", "RESET", "PAUSE", "SCHEDULE", "BATCH",
                            "OPTIONS", "DEPLOY", "NEXUS"}

# What the workers of the Python, Go, Java, TypeScript and Rust SDKs call.
WORKER_CALLS = """DescribeNamespace PollWorkflowTaskQueue PollActivityTaskQueue PollNexusTaskQueue RespondWorkflowTaskCompleted
    RespondWorkflowTaskFailed RespondQueryTaskCompleted RespondActivityTaskCompleted RespondActivityTaskCompletedById
    RespondActivityTaskFailed RespondActivityTaskFailedById RespondActivityTaskCanceled RespondActivityTaskCanceledById
    RespondNexusTaskCompleted RespondNexusTaskFailed RecordActivityTaskHeartbeat RecordActivityTaskHeartbeatById
    RecordWorkerHeartbeat ShutdownWorker GetWorkflowExecutionHistory GetWorkflowExecutionHistoryReverse ResetStickyTaskQueue""".split()


@dataclass
class Row:
    scope: str
    access: str
    effects: set[str]
    namespace_field: int
    limited: str
    request: str


@dataclass
class Table:
    """table.rs, read back."""

    methods: dict[str, Row]
    messages: dict[str, list[tuple[int, str, str, str]]]  # static → (number, name, "[]" or "", kind)
    version: str

    @classmethod
    def parse(cls, source: str) -> "Table":
        rows = re.findall(r'^ +Method::new\("(.+)", Scope::(\w+), Access::(\w+), (.+), (\d+), Limited::(\w+), &(\w+)\),$', source, re.M)
        methods = {path: Row(scope, access, effects(expression), int(number), limited, request)
                   for path, scope, access, expression, number, limited, request in rows}
        messages = {}
        for static, body in re.findall(r"^static (\w+): Message = Message \{ names_only: \w+, fields: &\[(.*?)\] \};$", source, re.M | re.S):
            fields = re.findall(r"^ +Field \{ number: (\d+), repeated: (\w+), kind: (.+) \}, // (\w+)$", body, re.M)
            messages[static] = [(int(number), name, "[]" if repeated == "true" else "", kind) for number, repeated, kind, name in fields]
        version = re.search(r'^pub const API_VERSION: &str = "(.+)";$', source, re.M)
        count = re.search(r"^pub\(super\) static METHODS: \[Method; (\d+)\]", source, re.M)
        assert version and count and int(count[1]) == len(methods) == len(rows)
        return cls(methods, messages, version[1])

    def leaves(self, static: str, kinds: str, names: str = "", numbers: str = "") -> Iterator[str]:
        """Where a request has fields whose kind matches, written as in request_fields.tsv."""
        for number, name, many, kind in self.messages[static]:
            if inside := re.search(r"&(\w+)\)$", kind):
                yield from self.leaves(inside[1], kinds, f"{names}{name}{many}.", f"{numbers}{number}.")
            elif re.match(kinds, kind):
                yield f"{names}{name}{many}({numbers}{number})"


def effects(expression: str) -> set[str]:
    return set(re.findall(r"EffectSet::(\w+)", expression)) - {"NONE"}


def rows(name: str) -> dict[str, dict[str, str]]:
    """A copied table by gRPC path, the two services only."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return {f"/{row['service']}/{row['method']}": row for row in csv.DictReader(file, delimiter="\t")
                if row["service"] in SERVICES and row["method"] != "*"}


def descriptors() -> FileDescriptorSet:
    return FileDescriptorSet.FromString(next(DATA.glob("*.binpb")).read_bytes())


def disagreements(table: Table) -> list[str]:
    """Everything in which the table differs from the descriptor set, the server's method table and the list of request fields."""
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
        if row.scope.lower() != metadata[path]["scope"] or row.access.lower() != metadata[path]["access"]:
            found.append(f"{path}: scope or access")
        if number != fields.get("namespace", 0) or listed[path]["namespace_field_no"] != str(number or "-"):
            found.append(f"{path}: namespace field")
        if requests[path] != f".{listed[path]['request_type']}":
            found.append(f"{path}: request type")
        paths = ";".join(sorted(table.leaves(row.request, r"Kind::(OtherNamespace|NamespaceId)"))) or "-"
        if paths != ";".join(sorted(listed[path]["other_namespace_paths"].split(";"))):
            found.append(f"{path}: other namespaces: {paths}")
        for column, kinds in NAMED.items():
            ours = {path for path in table.leaves(row.request, kinds) if not NOT_LISTED.search(path)}
            theirs = {path for path in listed[path][column].split(";") if path != "-" and not NOT_LIMITED.search(path)}
            if ours != theirs:
                found.append(f"{path}: {column}: {sorted(ours ^ theirs)}")
        level = "ReadOnly" if row.effects <= READER else "Write" if row.effects <= WRITER else "Admin"
        if level != row.access or not row.effects:
            found.append(f"{path}: effects {sorted(row.effects)} under {row.access}")
    return found


# Columns of request_fields.tsv, and the kinds that stand for them. What limits leave alone is in ignored.tsv; the list lacks the
# providers of compute, and the queues whose reachability is asked for.
NAMED = {"task_queue_paths": r"Kind::Queue\(", "workflow_type_paths": r"Kind::WorkflowType", "nexus_paths": r"Kind::Endpoint"}
NOT_LIMITED = re.compile(r"heartbeat|worker_control_task_queue|spec\.target|callback|^nexus_operation|operation_id")

NOT_LISTED = re.compile(r"nexus_endpoint|^task_queues")

# Names that a request may have for what a decision depends on: the words of the field, or of the message around it.
SPEAKING = re.compile(r"(.+_)?(namespace(_id)?|workflow_id|business_id|task_queues?|task_queue_name|workflow_type|activity_type|endpoint|url)")
NAMED_TYPES = {".temporal.api.taskqueue.v1.TaskQueue", ".temporal.api.common.v1.WorkflowType", ".temporal.api.common.v1.ActivityType"}


def every_type() -> tuple[dict[str, DescriptorProto], dict[str, EnumDescriptorProto]]:
    """All messages and enums of the descriptor set, nested ones too."""
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
    """Every field of every request, however deep, that speaks of what a decision depends on, and that the table does not read
    there although nobody said why."""
    messages, enums = every_type()
    listed, found = rows("request_fields.tsv"), []

    def walk(type_: str, static: str | None, path: str, stack: tuple[str, ...]) -> None:
        read = {number: kind for number, _, _, kind in table.messages.get(static or "", [])}
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
                if any(re.search("TERMINATE|CANCEL|DELETE|START", value) and (*key, value) not in ignored for value in values):
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


@pytest.mark.parametrize("line", ["kind: Kind::Endpoint }, // endpoint", "kind: Kind::WorkflowType }, // name", "// workflow_id_reuse_policy",
                                  "kind: Kind::CallbackUrl }, // url", "// overlap_policy", "&TASK_QUEUE) }, // task_queue", "// workflow_id"])
def test_a_field_left_unread_is_noticed(line: str) -> None:
    source = TABLE.read_text()
    assert line in source
    without = "\n".join(row for row in source.splitlines() if not row.endswith(line)) + "\n"
    assert undecided(Table.parse(without), ignored_fields())


@pytest.mark.parametrize("key", [("temporal.api.nexus.v1.Link", "url"), ("google.protobuf.Any", "type_url"),
                                 ("temporal.api.common.v1.ActivityType", "name"), ("temporal.api.common.v1.Link", "*")])
def test_a_field_that_nobody_ignores_any_more_is_noticed(key: tuple[str, str]) -> None:
    assert undecided(Table.parse(TABLE.read_text()), ignored_fields() - {key})


def generate(*arguments: object) -> tuple[int, str]:
    done = subprocess.run([sys.executable, GENERATOR, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_table_is_what_the_generator_makes_of_the_data() -> None:
    code, output = generate("--check")
    assert code == 0, output


def test_check_shows_what_is_out_of_date(tmp_path: Path) -> None:
    edited = tmp_path / "table.rs"
    edited.write_text(TABLE.read_text().replace("EffectSet::QUERY", "EffectSet::READ"))
    code, output = generate("--check", "--out", edited)
    assert code == 1 and re.search(r"^\+.*QueryWorkflow.*EffectSet::QUERY", output, re.M), output


def test_table_agrees_with_descriptors_and_with_temporal() -> None:
    table = Table.parse(TABLE.read_text())
    assert disagreements(table) == []
    assert [file.name for file in DATA.glob("*.binpb")] == [f"api-v{table.version}.binpb"]
    assert list(table.methods) == sorted(table.methods, key=lambda path: (len(path), path))
    assert all([field[0] for field in fields] == sorted({field[0] for field in fields}) for fields in table.messages.values())


@pytest.mark.parametrize(("old", "new"), [
    ('QueryWorkflow", Scope::Namespace', 'QueryWorkflow", Scope::Cluster'),
    ('QueryWorkflow", Scope::Namespace, Access::ReadOnly', 'QueryWorkflow", Scope::Namespace, Access::Write'),
    ("EffectSet::QUERY", "EffectSet::START"), ("EffectSet::TERMINATE, 1,", "EffectSet::READ, 1,"),
    ("EffectSet::RESPOND, 9,", "EffectSet::RESPOND, 1,"), ("EffectSet::CLUSTER_READ, 0,", "EffectSet::CLUSTER_READ, 1,"),
    ("kind: Kind::OtherNamespace(EffectSet::START) }, // namespace", "kind: Kind::Enum(&[]) }, // namespace"),
    ("number: 2, repeated: false, kind: Kind::NamespaceId", "number: 3, repeated: false, kind: Kind::NamespaceId"),
    ("QueryWorkflow", "QueryWorkflows"),
])
def test_a_wrong_table_is_noticed(old: str, new: str) -> None:
    source = TABLE.read_text()
    assert old in source and disagreements(Table.parse(source.replace(old, new)))


def test_a_worker_may_make_every_call_of_an_sdk_and_no_other() -> None:
    methods = Table.parse(TABLE.read_text()).methods
    assert {path for path, row in methods.items() if row.effects <= WORKER} == {WORKFLOW + name for name in WORKER_CALLS}


def test_describing_a_namespace_is_an_effect_of_its_own() -> None:
    methods = Table.parse(TABLE.read_text()).methods
    assert [path for path, row in methods.items() if "DESCRIBE_NAMESPACE" in row.effects] == [WORKFLOW + "DescribeNamespace"]


@pytest.mark.parametrize(("file", "old", "new", "complaint"), [
    ("effects.tsv", "\tQueryWorkflow\tquery", "\tQueryWorkflow\tsignal", "readonly upstream, but its effects make it write"),
    ("effects.tsv", "\tSignalWorkflowExecution\tsignal", "\tSignalWorkflowExecution\tread", "write upstream, but its effects make it readonly"),
    ("effects.tsv", "\tUpdateNamespace\tnamespace", "\tUpdateNamespace\tdeploy", "admin upstream, but its effects make it write"),
    ("effects.tsv", "\tQueryWorkflow\tquery", "\tQueryWorkflow\tqeury", "unknown effects ['qeury']"),
    ("effects.tsv", "\tQueryWorkflow\tquery", "\tQueryWorkflow\t", "wrong number of columns"),
    ("effects.tsv", "\tDescribeWorker\tread", "\tDescribeWorker\tdescribe-namespace", "the effect of DescribeNamespace, and of nothing else"),
    ("effects.tsv", "\tQueryWorkflow\t", "\tQueryWorkflows\t", "QueryWorkflow: not in both effects.tsv"),
    ("effects.tsv", "\tListSchedules\t", "\tCountSchedules\t", "two rows with the same service, method"),
    ("api_metadata.tsv", "\tQueryWorkflow\t", "\tQueryWorkflows\t", "QueryWorkflow: not in both api_metadata.tsv"),
    ("api_metadata.tsv", "\tQueryWorkflow\tnamespace", "\tQueryWorkflow\tcluster", "scope cluster, and a namespace field"),
    ("inside.tsv", "SchedulePolicies\toverlap_policy\tSCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER", "SchedulePolicies\toverlap_policy\tX",
     "SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER may have an effect"),
    ("inside.tsv", "SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER", "X", "'X'): matches nothing"),
    ("inside.tsv", "\tsignal_operation\t", "\tidentity\t", "signal_operation'): no effect, unlike other arms"),
    ("inside.tsv", "Request\tcompletion_callbacks\t*", "Request\tcompletion_callbacks\t-", "'-'): matches nothing"),
    ("inside.tsv", "temporal.api.update.v1.Request\t", "temporal.api.update.v1.Response\t", "no effect, unlike other fields of type"),
    ("namespaces.tsv", "Attributes\tnamespace\tother", "Attributes\tnamespace\tanother", "may name a namespace"),
    ("namespaces.tsv", "\tid\tid\t", "\tweak_consistency\tid\t", "matches nothing"),
    ("names.tsv", "Attributes\tendpoint\t", "Attributes\tservice\t", "'endpoint'): may name what limits speak of"),
    ("names.tsv", "WorkflowType\tname\tworkflow-type", "WorkflowType\tname\ttype", "kind 'type'"),
    ("ignored.tsv", "ActivityType\tname\tlimit", "ActivityType\tname\tname", "'name'): may name what limits speak of"),
    ("effects.tsv", "QueryWorkflow\tquery\tuntold", "QueryWorkflow\tquery\tmaybe", "limits 'maybe'"),
    ("ignored.tsv", "temporal.api.common.v1.Link\t*\t*", "temporal.api.common.v1.Link\t*\t-", "Link.Workflow', 'namespace'): may name a namespace"),
    ("ignored.tsv", "failure.v1.Failure\t*\t*", "failure.v1.Failure\t*\t-", "ChildWorkflowExecutionFailureInfo', 'namespace'): may name a namespace"),
    ("ignored.tsv", "PARENT_CLOSE_POLICY_TERMINATE", "PARENT_CLOSE_POLICY_ABANDON", "PARENT_CLOSE_POLICY_TERMINATE may have an effect"),
])
def test_the_generator_refuses_to_guess(tmp_path: Path, file: str, old: str, new: str, complaint: str) -> None:
    data = copy(tmp_path)
    text = (data / file).read_text()
    assert old in text
    (data / file).write_text(text.replace(old, new))
    refused(data, complaint)


START = "temporal.api.workflowservice.v1.StartWorkflowExecutionRequest"
SIGNAL = "temporal.api.workflowservice.v1.SignalWorkflowExecutionRequest"
PAYLOADS = "temporal.api.common.v1.Payloads"
POLICIES = "temporal.api.schedule.v1.SchedulePolicies"


def add_field(message: DescriptorProto, name: str, number: int, type_: str = "", **more: object) -> None:
    kind = {"type": FieldDescriptorProto.TYPE_STRING}
    if type_:
        kind = {"type": FieldDescriptorProto.TYPE_MESSAGE, "type_name": f".{type_}"}
    message.field.add(name=name, number=number, **{"label": FieldDescriptorProto.LABEL_OPTIONAL, **kind, **more})


class Api:
    """The descriptor set, to be changed into that of a newer Temporal."""

    def __init__(self) -> None:
        self.set = descriptors()

    def message(self, full_name: str) -> DescriptorProto:
        package, _, name = full_name.rpartition(".")
        return next(message for file in self.set.file if file.package == package for message in file.message_type if message.name == name)

    def enum(self, name: str) -> EnumDescriptorProto:
        return next(enum for file in self.set.file for enum in file.enum_type if enum.name == name)

    def add(self, message: str, name: str, type_: str = "", **more: object) -> None:
        """A new optional string field, or one of that message type."""
        add_field(self.message(message), name, max(field.number for field in self.message(message).field) + 1, type_, **more)

    def method(self, name: str) -> None:
        request = ".temporal.api.workflowservice.v1.QueryWorkflowRequest"
        service = next(service for file in self.set.file for service in file.service if service.name == "WorkflowService")
        service.method.add(name=name, input_type=request, output_type=request)

    def map_of_policies(self) -> None:
        entry = self.message(START).nested_type.add(name="PoliciesEntry")
        entry.options.map_entry = True
        add_field(entry, "key", 1)
        add_field(entry, "value", 2, POLICIES)
        self.add(START, "policies", f"{START}.PoliciesEntry", label=FieldDescriptorProto.LABEL_REPEATED)

    def repeat(self, message: str, name: str) -> None:
        next(field for field in self.message(message).field if field.name == name).label = FieldDescriptorProto.LABEL_REPEATED


@pytest.mark.parametrize(("change", "complaint"), [
    (lambda api: api.method("QueryTwice"), "QueryTwice: not in both effects.tsv"),
    (lambda api: api.add(PAYLOADS, "target_namespace"), "target_namespace'): may name a namespace"),
    (lambda api: api.add(SIGNAL, "namespace_id"), "namespace_id'): may name a namespace"),
    (lambda api: api.add(SIGNAL, "callback", "temporal.api.common.v1.Callback"), "callback'): no effect, unlike other fields of type"),
    (lambda api: api.add("temporal.api.workflowservice.v1.StartBatchOperationRequest", "forget_operation", PAYLOADS, oneof_index=0),
     "forget_operation'): no effect, unlike other arms"),
    (lambda api: api.enum("WorkflowIdConflictPolicy").value.add(name="WORKFLOW_ID_CONFLICT_POLICY_CANCEL_EXISTING", number=4),
     "WORKFLOW_ID_CONFLICT_POLICY_CANCEL_EXISTING may have an effect"),
    (lambda api: api.add("temporal.api.workflow.v1.PostResetOperation", "then", "temporal.api.workflow.v1.PostResetOperation"),
     "PostResetOperation: recursive, with watched fields inside"),
    (lambda api: api.repeat(POLICIES, "overlap_policy"), "a watched enum that is repeated"),
    (lambda api: api.repeat(SIGNAL, "namespace"), "namespace is not a single string"),
    (lambda api: api.map_of_policies(), "a watched field inside a map"),
    (lambda api: [api.add(SIGNAL, f"policies_{n}", POLICIES) for n in range(64)], "more than 64 watched fields"),
])
def test_a_newer_api_must_be_looked_at(tmp_path: Path, change: Callable[[Api], object], complaint: str) -> None:
    data, api = copy(tmp_path), Api()
    change(api)
    next(data.glob("*.binpb")).write_bytes(api.set.SerializeToString())
    refused(data, complaint)


def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def refused(data: Path, complaint: str) -> None:
    untouched = data / "table.rs"
    code, output = generate("--data", data, "--out", untouched)
    assert code == 1 and complaint in output and not untouched.exists(), output

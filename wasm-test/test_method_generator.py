"""The generator of the method table follows the data, and reports an error instead of guessing if the data or a newer API leaves a
question open."""

import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FieldDescriptorProto

from test_method_table import DATA, ROOT, TABLE, descriptors

GENERATOR = ROOT / "tools/methods.py"


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
    ("request_effects.tsv", "SchedulePolicies\toverlap_policy\tSCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER", "SchedulePolicies\toverlap_policy\tX",
     "SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER may have an effect"),
    ("request_effects.tsv", "SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER", "X", "'X'): matches nothing"),
    ("request_effects.tsv", "\tsignal_operation\t", "\tidentity\t", "signal_operation'): no effect, unlike other arms"),
    ("request_effects.tsv", "Request\tcompletion_callbacks\t*", "Request\tcompletion_callbacks\t-", "'-'): matches nothing"),
    ("request_effects.tsv", "temporal.api.update.v1.Request\t", "temporal.api.update.v1.Response\t", "no effect, unlike other fields of type"),
    ("namespaces.tsv", "Attributes\tnamespace\tother", "Attributes\tnamespace\tanother", "may name a namespace"),
    ("namespaces.tsv", "\tid\tid\t", "\tweak_consistency\tid\t", "matches nothing"),
    ("limited_fields.tsv", "Attributes\tendpoint\t", "Attributes\tnexus_header\t", "'endpoint'): may name what limits speak of"),
    ("limited_fields.tsv", "WorkflowType\tname\tworkflow-type", "WorkflowType\tname\ttype", "kind 'type'"),
    ("ignored.tsv", "ActivityType\tname\tlimit", "ActivityType\tname\tname", "'name'): may name what limits speak of"),
    ("effects.tsv", "QueryWorkflow\tquery\tnever", "QueryWorkflow\tquery\tmaybe", "limits 'maybe'"),
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
    kind: dict[str, Any] = {"type": FieldDescriptorProto.TYPE_STRING}
    if type_:
        kind = {"type": FieldDescriptorProto.TYPE_MESSAGE, "type_name": f".{type_}"}
    message.field.add(name=name, number=number, **{"label": FieldDescriptorProto.LABEL_OPTIONAL, **kind, **more})


class Api:
    """The descriptor set, which tests change into that of a newer Temporal."""

    def __init__(self) -> None:
        self.set = descriptors()

    def message(self, full_name: str) -> DescriptorProto:
        package, _, name = full_name.rpartition(".")
        return next(message for file in self.set.file if file.package == package for message in file.message_type if message.name == name)

    def enum(self, name: str) -> EnumDescriptorProto:
        return next(enum for file in self.set.file for enum in file.enum_type if enum.name == name)

    def add(self, message: str, name: str, type_: str = "", **more: object) -> None:
        """Adds an optional string field, or a field of that message type."""
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
    (data / "api.binpb").write_bytes(api.set.SerializeToString())
    refused(data, complaint)


def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def refused(data: Path, complaint: str) -> None:
    untouched = data / "table.rs"
    code, output = generate("--data", data, "--out", untouched)
    assert code == 1 and complaint in output and not untouched.exists(), output


@pytest.mark.parametrize(("one", "other", "overlaps"), [
    ("/namespaces/{namespace}/workflows/{workflow_id}", "/namespaces/{namespace}/workflows/count", True),
    ("/namespaces/{namespace}/a", "/namespaces/{namespace}/b", False),
    ("/namespaces/{namespace}", "/namespaces/{namespace}/a", False),
    ("/namespaces/a", "/namespaces/a", True),
])
def test_overlapping_http_routes_are_noticed(monkeypatch: pytest.MonkeyPatch, one: str, other: str, overlaps: bool) -> None:
    """Which of two overlapping routes a server takes depends on its version."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    http_routes = importlib.import_module("http_routes")
    routes = [http_routes.Route("Get", template, False, template) for template in (one, other)]
    assert http_routes.overlap(*routes) == overlaps
    assert not http_routes.overlap(routes[0], http_routes.Route("Delete", other, False, other))


def test_every_route_of_the_descriptors_is_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read back from the table, against the annotations."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    http_routes = importlib.import_module("http_routes")
    pool = descriptor_pool.DescriptorPool()
    for file in descriptors().file:
        pool.AddSerializedFile(file.SerializeToString())
    services = [pool.FindServiceByName(f"temporal.api.{name}") for name in ("workflowservice.v1.WorkflowService", "operatorservice.v1.OperatorService")]
    problems: list[str] = []
    annotated = http_routes.read(pool, [method for service in services for method in service.methods], problems)
    table = re.findall(r'Verb::(\w+), prefixes: &\[(.*?)\], template: "(.+?)", method: "(.+?)"', (ROOT / "src/temporal/generated/http.rs").read_text())
    listed = [(verb, prefix + template, method) for verb, prefixes, template, method in table for prefix in re.findall(r'"(.*?)"', prefixes)]
    assert sorted(listed) == sorted((route.verb, route.template, route.method) for route in annotated)
    assert len(listed) == len(set(listed)) > 200 and not problems

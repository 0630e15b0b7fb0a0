"""The calls of the comparison: every method of the table by every caller, and calls that are not in the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from google.protobuf.message import Message

from harness import proto, requests
from harness.issuer import Issuer
from harness.requests import ADMIN_SERVICE, HEALTH_CHECK, HEALTH_WATCH, WORKFLOW_SERVICE, Method
from test_method_matrix import UNLISTED
from tokens import NOWHERE, OTHER, OWN, SYSTEM, Caller, callers, odd_callers

UUID = "8c1b7c5e-2a7e-4d6b-9a52-3f7d7b0c2f10"
COUNT = requests.path("CountWorkflowExecutions")

# (method, caller): ends the server process if it is allowed, here as well as upstream.
KILLS_THE_SERVER = {("AddOrUpdateRemoteCluster", "system admin")}
# Called with a namespace that does not exist, because the others are still needed.
DESTROYS_ITS_NAMESPACE = {"DeleteNamespace", "DeprecateNamespace"}


@dataclass(frozen=True)
class Call:
    """A call; `label` says what is special about the message, or which namespace it names."""

    path: str
    label: str
    caller: Caller
    message: bytes
    method: Method | None = None  # None: not a row of the table; called by its path
    timeout: float = 0.5

    @property
    def name(self) -> str:
        return self.method.name if self.method else self.path.rsplit("/", 1)[-1]

    def __str__(self) -> str:
        return f"{self.path} ({self.label}) by {self.caller.name}"


def all_calls(issuer: Issuer) -> Iterator[Call]:
    # First, because some of these tokens begin or end about now, and must still have the age that their names say.
    yield from _by_their_token(issuer)
    everybody = callers(issuer)
    by_name = {caller.name: caller for caller in everybody}
    for method in requests.methods():
        yield from _of_method(method, everybody)
    yield from _beside_the_table(everybody)
    yield from _by_their_message(by_name)


def _by_their_token(issuer: Issuer) -> Iterator[Call]:
    count = requests.build(_row("CountWorkflowExecutions"), OWN).SerializeToString()
    describe = requests.workflow.DescribeNamespaceRequest(id=UUID).SerializeToString()
    for caller in odd_callers(issuer):
        yield Call(COUNT, "token", caller, count)
        if caller.name == "permission of no namespace":
            yield Call(requests.path("DescribeNamespace"), "token", caller, describe)
        if caller.name == "role with a Turkish I":
            update = requests.workflow.UpdateNamespaceRequest(namespace=OWN).SerializeToString()
            yield Call(requests.path("UpdateNamespace"), "token", caller, update)


def _row(name: str) -> Method:
    return next(method for method in requests.methods() if method.name == name)


def named_namespaces(method: Method) -> Mapping[str, str]:
    """The namespaces in which the method is called, by what is special about them."""
    if requests.has_namespace(requests.message_class(method.service, method.name)()):
        named: Mapping[str, str] = {"own": OWN, "other": OTHER, "none": "", "system": SYSTEM}
        if method.name in UNLISTED:
            # No server knows it, and each says so at the headers, before there is a verdict on the body.
            named = {"own": OWN}
        if method.name in DESTROYS_ITS_NAMESPACE:
            named = {"own": NOWHERE, "other": NOWHERE + "2", "none": ""}
    else:
        named = {"-": ""}
    return named


def _of_method(method: Method, everybody: list[Caller]) -> Iterator[Call]:
    for label, namespace in named_namespaces(method).items():
        message = requests.build(method, namespace).SerializeToString()
        for caller in everybody:
            if (method.name, caller.name) not in KILLS_THE_SERVER:
                yield Call(method.path, label, caller, message, method)


def _beside_the_table(everybody: list[Caller]) -> Iterator[Call]:
    """Other services, unknown methods, and paths that are almost a method's."""
    paths = {
        "health": [HEALTH_CHECK],
        "stream": [
            HEALTH_WATCH,
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ],
        "admin service": [f"/{ADMIN_SERVICE}/DescribeCluster", f"/{ADMIN_SERVICE}/ListClusters"],
        "unknown": [
            f"/{WORKFLOW_SERVICE}/NoSuchMethod",
            f"/{WORKFLOW_SERVICE}/",
            "/no.such.Service/Method",
            f"{COUNT}/",
            f"{COUNT}?x",
            COUNT.replace("Count", "%43ount"),
            COUNT.replace("Count", "count"),
        ],
    }
    for label, group in paths.items():
        for path in group:
            for caller in everybody:
                yield Call(path, label, caller, b"")


def _by_their_message(who: Mapping[str, Caller]) -> Iterator[Call]:
    """Messages in which more than the namespace field decides, and broken messages."""
    for label, (name, message, names) in _messages().items():
        raw = message.SerializeToString() if isinstance(message, Message) else message
        for caller in names:
            yield Call(requests.path(name), label, who[caller], raw)


def _messages() -> dict[str, tuple[str, Message | bytes, tuple[str, ...]]]:
    w = requests.workflow
    start = requests.start_workflow
    foreign_command = w.RespondWorkflowTaskCompletedRequest(namespace=OWN)
    command = foreign_command.commands.add()
    attributes = command.signal_external_workflow_execution_command_attributes
    attributes.namespace = OTHER
    own_command = w.RespondWorkflowTaskCompletedRequest(namespace=OWN)
    own_command.commands.add().signal_external_workflow_execution_command_attributes.namespace = OWN
    several = w.ExecuteMultiOperationRequest(namespace=OWN)
    several.operations.add().start_workflow.CopyFrom(start(OTHER, "several"))
    several.operations.add().update_workflow.namespace = OTHER
    internal_signal = w.SignalWorkflowExecutionRequest(namespace=OWN, signal_name="patch")
    internal_signal.workflow_execution.workflow_id = "temporal-sys-scheduler:mine"
    version = w.CreateWorkerDeploymentVersionRequest(namespace=OWN, request_id="parity")
    version.deployment_version.deployment_name, version.deployment_version.build_id = "no-such-deployment", "1"
    version.compute_config.scaling_groups["a"].provider.type = "no-such-provider"
    internal_queue = start(OWN, "internal")
    internal_queue.task_queue.name = "temporal-sys-batcher-taskqueue"
    most = ("nobody", "read", "write", "admin", "system read", "system admin")
    broken = ("garbage", "read", "write", "system read")
    return {
        "a start": ("StartWorkflowExecution", start(OWN, "parity"), ("read", "write")),
        "a start elsewhere": ("StartWorkflowExecution", start(OTHER, "parity"), ("read", "write")),
        "a start that terminates": (
            "StartWorkflowExecution", start(OWN, "parity-2", workflow_id_conflict_policy=3), ("read", "write")
        ),
        "namespace by id": ("DescribeNamespace", w.DescribeNamespaceRequest(id=UUID), most),
        "namespace by name and id": ("DescribeNamespace", w.DescribeNamespaceRequest(namespace=OWN, id=UUID), most),
        "deletion by id": ("DeleteNamespace", requests.operator.DeleteNamespaceRequest(namespace_id=UUID), most[:4]),
        "command into another namespace": ("RespondWorkflowTaskCompleted", foreign_command, most),
        "command into its own namespace": ("RespondWorkflowTaskCompleted", own_command, most),
        "operations in another namespace": ("ExecuteMultiOperation", several, most),
        "signal to Temporal's own workflow": ("SignalWorkflowExecution", internal_signal, most),
        "start on Temporal's own queue": ("StartWorkflowExecution", internal_queue, ("read", "write", "admin")),
        "a version with a compute configuration": ("CreateWorkerDeploymentVersion", version, ("read", "write", "admin")),
        "namespace twice": ("CountWorkflowExecutions", proto.text(1, OTHER) + proto.text(1, OWN), broken),
        "namespace twice, the other last": ("CountWorkflowExecutions", proto.text(1, OWN) + proto.text(1, OTHER), broken),
        "cut short": ("CountWorkflowExecutions", b"\x0a\x20payroll", broken),
        "no UTF-8 in the namespace": ("CountWorkflowExecutions", proto.text(1, b"pay\xff"), broken),
        "no UTF-8 elsewhere": ("CountWorkflowExecutions", proto.text(1, OWN) + proto.text(2, b"\xff"), broken),
        "wire type 7": ("CountWorkflowExecutions", proto.text(1, OWN) + b"\x17", broken),
        "namespace as a number": ("CountWorkflowExecutions", proto.number(1, 7), broken),
    }

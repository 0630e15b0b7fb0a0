"""The repository's envoy.yaml itself, on other ports: the tests run the file that operators copy."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import Any

import pytest

from harness import grpc_client, http_client, paths, requests
from harness.envoy import envoy_argv, render_envoy_yaml, run_directory
from harness.issuer import Issuer
from harness.ports import free_ports
from harness.procs import Process
from harness.temporal import Temporal

LISTENER, ADMIN, TEMPORAL, TEMPORAL_HTTP, IDP = 7533, 9901, 7233, 7243, 7535
SERVICE: dict[str, Any] = {"gty": "client-credentials"}

PEOPLE: dict[str, dict[str, Any]] = {
    "admin": {"groups": ["platform-admins"]},
    "finance": {"groups": ["finance"]},
    "finance robot": {"groups": ["finance"]} | SERVICE,
    "developer": {"groups": ["team-bitovi"]},
    "worker": {"sub": "payroll-worker"} | SERVICE,
    "human worker": {"sub": "payroll-worker"},
    "stranger": {},
}
CALLS = {
    "read": "CountWorkflowExecutions",
    "start": "StartWorkflowExecution",
    "terminate": "TerminateWorkflowExecution",
    "poll": "PollActivityTaskQueue",
    "namespace": "UpdateNamespace",
    "cluster": "ListClusters",
    "info": "GetClusterInfo",
    "list": "ListNamespaces",
}
ALL = set(CALLS)
CLIENT = {"read", "start", "terminate"}

# (person, namespace) -> the calls that work; the cluster's methods that are open work with every good token
MAY: dict[tuple[str, str], set[str]] = {
    ("admin", "payroll"): ALL - {"start"},  # only finance starts payroll
    ("admin", "bitovi-project"): ALL,
    ("finance", "payroll"): CLIENT,
    ("developer", "payroll"): {"read"},
    ("developer", "bitovi-project"): CLIENT - {"terminate"},
    ("worker", "payroll"): {"poll"},
}


@pytest.fixture(scope="module")
def office(temporal: Temporal) -> Iterator[tuple[int, Issuer, Process]]:
    port, admin = free_ports(2)
    with Issuer(path="") as issuer:
        text = (paths.ROOT / "envoy.yaml").read_text()
        ports = {LISTENER: port, ADMIN: admin, TEMPORAL: temporal.port, TEMPORAL_HTTP: temporal.http_port, IDP: issuer.port}
        directory = run_directory("envoy-yaml")
        config = directory / "envoy.yaml"
        config.write_text(render_envoy_yaml(text, ports, module=paths.MODULE))
        with Process("envoy.yaml", envoy_argv(config), directory / "envoy.log", cwd=paths.ROOT) as process:
            process.wait_ready(lambda: _live(admin))
            yield port, issuer, process


def _live(admin: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", admin, timeout=2)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().read().strip() == b"LIVE"
    finally:
        connection.close()


@pytest.mark.parametrize("namespace", ["payroll", "finance-reports", "bitovi-project"])
@pytest.mark.parametrize("person", PEOPLE)
def test_each_person_has_the_access_that_the_policy_gives(office: tuple[int, Issuer, Process], person: str, namespace: str) -> None:
    port, issuer, _ = office
    token = issuer.token(**({"sub": person} | PEOPLE[person]))
    works = MAY.get((person, namespace), ALL if person == "admin" else set()) | {"info", "list"}
    for call, name in CALLS.items():
        method = next(m for m in requests.methods() if m.name == name)
        message = requests.build(method, namespace)
        if call == "start":
            message = requests.start_workflow(namespace, grpc_client.test_id())
        if call == "poll":
            message.task_queue.name = f"{namespace}-a"  # type: ignore[attr-defined]
        reply = grpc_client.call(port, method.path, message.SerializeToString(), token=token, gzip=True, grpc_timeout=0.3)
        if call in works:
            assert reply.grpc_status not in (7, 16, 14), f"{call}: {reply}"
        else:
            assert reply.grpc_status == 7, f"{call}: {reply}"


def test_a_worker_polls_its_teams_queues_only(office: tuple[int, Issuer, Process]) -> None:
    port, issuer, _ = office
    token = issuer.token(**({"sub": "worker"} | PEOPLE["worker"]))
    for queue, allowed in (("payroll", True), ("payroll-a", True), ("payrolls", False), ("finance", False), ("", False)):
        poll = requests.workflow.PollActivityTaskQueueRequest(namespace="payroll")
        poll.task_queue.name = queue
        path = requests.path("PollActivityTaskQueue")
        reply = grpc_client.call(port, path, poll.SerializeToString(), token=token, grpc_timeout=0.3)
        assert (reply.grpc_status != 7) == allowed and reply.grpc_status not in (14, 16), f"{queue}: {reply}"


def test_the_http_api_is_on_the_same_listener(office: tuple[int, Issuer, Process]) -> None:
    port, issuer, _ = office
    finance, stranger = (issuer.token(**PEOPLE[name]) for name in ("finance", "stranger"))
    path = "/api/v1/namespaces/payroll/workflows"
    assert http_client.send(port, "GET", path, token=finance).status == 200
    for token, status in ((stranger, 403), (None, 401)):
        assert http_client.send(port, "GET", path, token=token).status == status
    assert http_client.send(port, "GET", "/swagger.json", token=finance).status == 404


def test_without_a_token(office: tuple[int, Issuer, Process]) -> None:
    port, _, _ = office
    assert grpc_client.call(port, requests.GET_SYSTEM_INFO).grpc_status == 0
    assert grpc_client.call(port, requests.path("GetClusterInfo")).grpc_status == 16


def test_the_access_log_names_the_caller(office: tuple[int, Issuer, Process]) -> None:
    from harness.poll import until

    port, issuer, process = office
    token = issuer.token("carol-of-finance", groups=["finance"])
    path = requests.path("CountWorkflowExecutions")
    assert grpc_client.call(port, path, b"\x0a\x07payroll", token=token).grpc_status == 0
    line = until(
        lambda: next((line for line in process.log_text().splitlines() if path in line and "carol-of-finance" in line), None),
        5,
        "an access-log line",
    )
    assert '"verdict":"allow"' in line and '"rule":"finance"' in line and "grpc=0" in line
    assert token not in process.log_text()

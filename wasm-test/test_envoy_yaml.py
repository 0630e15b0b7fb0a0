"""The repository's envoy.yaml itself, on other ports: the tests run the file that operators copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from harness import grpc_client, http_client, requests
from harness.envoy_yaml import EnvoyYaml, with_tls
from harness.gate import allowed, refused
from harness.issuer import HOST, Issuer
from harness.poll import until
from harness.procs import Process
from harness.temporal import Temporal
from harness.tls import Authority

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


class Office(NamedTuple):
    port: int
    admin: int
    issuer: Issuer
    process: Process

    def sent_to_temporal(self) -> dict[str, int]:
        """How many requests went on, to each of Temporal's two ports."""
        body = http_client.send(self.admin, "GET", "/stats?filter=^cluster.temporal.*.upstream_rq_total$").body.decode()
        found = {name: int(count) for name, _, count in (line.partition(": ") for line in body.splitlines())}
        assert len(found) == 2, found
        return found


@pytest.fixture(scope="module")
def office(temporal: Temporal) -> Iterator[Office]:
    with Issuer(path="") as issuer, EnvoyYaml(temporal, issuer.port) as envoy:
        yield Office(envoy.port, envoy.admin_port, issuer, envoy.process)


@pytest.mark.parametrize("namespace", ["payroll", "finance-reports", "bitovi-project"])
@pytest.mark.parametrize("person", PEOPLE)
def test_each_person_has_the_access_that_the_policy_gives(office: Office, person: str, namespace: str) -> None:
    port, issuer = office.port, office.issuer
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


def test_a_worker_polls_its_teams_queues_only(office: Office) -> None:
    port, issuer = office.port, office.issuer
    token = issuer.token(**({"sub": "worker"} | PEOPLE["worker"]))
    for queue, works in (("payroll", True), ("payroll-a", True), ("payrolls", False), ("finance", False), ("", False)):
        poll = requests.workflow.PollActivityTaskQueueRequest(namespace="payroll")
        poll.task_queue.name = queue
        path = requests.path("PollActivityTaskQueue")
        reply = grpc_client.call(port, path, poll.SerializeToString(), token=token, grpc_timeout=0.3)
        assert (reply.grpc_status != 7) == works and reply.grpc_status not in (14, 16), f"{queue}: {reply}"


def test_the_http_api_is_on_the_same_listener(office: Office) -> None:
    port, issuer = office.port, office.issuer
    finance, stranger = (issuer.token(**PEOPLE[name]) for name in ("finance", "stranger"))
    path = "/api/v1/namespaces/payroll/workflows"
    assert http_client.send(port, "GET", path, token=finance).status == 200
    for token, status in ((stranger, 403), (None, 401)):
        assert http_client.send(port, "GET", path, token=token).status == status
    assert http_client.send(port, "GET", "/swagger.json", token=finance).status == 404


def test_without_a_token(office: Office) -> None:
    port = office.port
    assert grpc_client.call(port, requests.GET_SYSTEM_INFO).grpc_status == 0
    assert grpc_client.call(port, requests.path("GetClusterInfo")).grpc_status == 16


def test_the_access_log_names_the_caller(office: Office) -> None:
    port, issuer, process = office.port, office.issuer, office.process
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


def over_tls(issuer: Issuer, root: Path, without: str = "nothing") -> Callable[[str], str]:
    """Edits the file as its comment says, for an issuer with a host name; lines of the comment may be left out."""

    def comment(members: str) -> str:
        lines = [line for line in members.splitlines(keepends=True) if not line.strip().startswith(without)]
        return "".join(lines).replace("idp.example.com", HOST).replace("/etc/ssl/certs/ca-certificates.crt", str(root))

    def edit(text: str) -> str:
        text = with_tls(text, comment).replace(f"issuer: http://127.0.0.1:{issuer.port}", f"issuer: {issuer.origin}")
        return text.replace(f"address: 127.0.0.1, port_value: {issuer.port}", f"address: {HOST}, port_value: {issuer.port}")

    return edit


def test_the_comment_about_tls_brings_keys_of_a_name_with_an_ipv6_address(temporal: Temporal, tmp_path: Path) -> None:
    """Envoy resolves `*.localhost` to ::1 and 127.0.0.1, and the issuer listens on the latter alone."""
    authority, stranger = (Authority(tmp_path / name) for name in ("authority", "stranger"))
    with Issuer(path="", tls=authority.serving(HOST)) as issuer:
        token = issuer.token("alice", groups=["finance"])
        with EnvoyYaml(temporal, issuer.port, over_tls(issuer, authority.root_file)) as envoy:
            allowed(until(lambda: reply if (reply := envoy.count("payroll", token)).grpc_status == 0 else None, 10, "keys"))
            refused(envoy.count("finance-reports", token), 7)
        for edit in (over_tls(issuer, authority.root_file, "dns_lookup_family"), over_tls(issuer, stranger.root_file)):
            with EnvoyYaml(temporal, issuer.port, edit) as envoy:
                refused(envoy.count("payroll", token), 14)


NAMESPACES = "/api/v1/namespaces"


def test_a_load_balancers_probe_is_answered_and_leaves_no_trace(office: Office) -> None:
    mark, before = len(office.process.log_text()), office.sent_to_temporal()
    for _ in range(20):
        assert http_client.send(office.port, "GET", "/healthz").status == 200
    # Over HTTP/2, which some load balancers probe with.
    for content_type in (None, "application/grpc"):
        with grpc_client.Connection(office.port) as connection:
            headers = grpc_client.request_headers("/healthz", method="GET", content_type=content_type)
            assert connection.reply(connection.open(headers, end_stream=True), 10).status == 200
    # The next call is logged after whatever the probes would have logged.
    assert grpc_client.call(office.port, requests.path("GetClusterInfo")).grpc_status == 16
    until(lambda: "grpc=16" in office.process.log_text()[mark:], 5, "the access log of the call")
    lines = office.process.log_text()[mark:]
    assert "healthz" not in lines and lines.count("temporal-auth {") == 1, lines
    assert office.sent_to_temporal() == before


def test_a_proxy_can_be_taken_out(office: Office) -> None:
    def probe() -> int:
        return http_client.send(office.port, "GET", "/healthz").status

    try:
        assert http_client.send(office.admin, "POST", "/healthcheck/fail").status == 200
        assert probe() == 503
    finally:
        assert http_client.send(office.admin, "POST", "/healthcheck/ok").status == 200
    assert probe() == 200


@pytest.mark.parametrize(
    "verb, target",
    [
        *((verb, "/healthz") for verb in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS")),
        *(
            ("GET", target)
            for target in (
                "/healthz/",
                "//healthz",
                "/healthz?x=1",
                "/healthz;x",
                "/HEALTHZ",
                "/%68ealthz",
                "/healthz/..%2fapi/v1/namespaces",
                f"/healthz/..{NAMESPACES}",
                f"/healthz{NAMESPACES}",
                f"{NAMESPACES}/../../../healthz",
                f"{NAMESPACES}?/healthz",
            )
        ),
    ],
)
def test_only_that_one_request_is_a_probe(office: Office, verb: str, target: str) -> None:
    before = office.sent_to_temporal()
    reply = http_client.send(office.port, verb, target)
    assert reply.status in (400, 401, 404), reply
    assert office.sent_to_temporal() == before


def test_nothing_of_a_probe_goes_on(office: Office) -> None:
    """Whatever it carries: another path in headers, a call in its body, or a good token."""
    before = office.sent_to_temporal()
    admin = office.issuer.token(**PEOPLE["admin"])
    start = requests.path("StartWorkflowExecution")
    named = [(name, start) for name in ("x-envoy-original-path", "x-http-method-override", "x-original-url", "x-rewrite-url")]
    hidden = f"GET {NAMESPACES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {admin}\r\n\r\n".encode()
    for token in (None, admin):
        for body in (None, b"", hidden):
            reply = http_client.send(office.port, "GET", "/healthz", body, token=token, headers=named)
            assert (reply.status, reply.body) == (200, b""), reply
        assert http_client.send(office.port, "GET", "/healthz", token=token, chunks=[hidden, hidden]).status == 200
    message = requests.start_workflow("payroll", grpc_client.test_id()).SerializeToString()
    answer = grpc_client.call(office.port, "/healthz", message, method="GET", token=admin)
    assert answer.status == 200 and not answer.body, answer
    # A gRPC call of that path is no probe.
    answer = grpc_client.call(office.port, "/healthz", message, token=admin)
    assert answer.grpc_status not in (0, None), answer
    assert office.sent_to_temporal() == before

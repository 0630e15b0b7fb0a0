"""The access log as log records, sent by OTLP to a collector, with the pieces of monitoring/ pasted into envoy.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from harness import collector, grpc_client, http_client, paths, requests
from harness.collector import Collector, Record
from harness.envoy import render_envoy_yaml
from harness.envoy_yaml import EnvoyYaml
from harness.gate import allowed, refused
from harness.issuer import Issuer
from harness.poll import until
from harness.temporal import Temporal

pytestmark = pytest.mark.skipif(not collector.is_installed(), reason="no gRPC for Python: scripts/monitoring.sh")

ACCESS_LOG = "          access_log:\n"
START = requests.path("StartWorkflowExecution")


class Scene(NamedTuple):
    envoy: EnvoyYaml
    collector: Collector
    issuer: Issuer

    def start(self, namespace: str, token: str | None) -> tuple[grpc_client.Reply, Record]:
        """A start, and the record of this very call."""
        before = len(self.collector.records)
        message = requests.start_workflow(namespace, grpc_client.test_id()).SerializeToString()
        reply = grpc_client.call(self.envoy.port, START, message, token=token)
        until(lambda: len(self.collector.records) > before, 10, "a log record")
        assert len(self.collector.records) == before + 1
        return reply, self.collector.records[-1]


def _with_access_log(text: str) -> str:
    """What an operator does: the element of the file is the first one under `access_log`."""
    element = (paths.ROOT / "monitoring" / "otlp-access-log.yaml").read_text()
    indented = "".join(f"{' ' * 10}{line}" for line in element.splitlines(keepends=True))
    assert text.count(ACCESS_LOG) == 1
    return text.replace(ACCESS_LOG, ACCESS_LOG + indented)


@pytest.fixture(scope="module")
def scene(temporal: Temporal) -> Iterator[Scene]:
    cluster = (paths.ROOT / "monitoring" / "otlp-collector.yaml").read_text()
    with (
        Issuer(path="") as issuer,
        Collector() as receiver,
        EnvoyYaml(temporal, issuer.port, _with_access_log, lambda _: render_envoy_yaml(cluster, {4317: receiver.port})) as envoy,
    ):
        token = issuer.token("finance-person", groups=["finance"])
        until(lambda: envoy.count("payroll", token).grpc_status == 0, 10, "keys")
        receiver.record(lambda record: record["rpc.grpc.status_code"] == "0")
        yield Scene(envoy, receiver, issuer)


def _state(record: Record) -> Any:
    return json.loads(record["temporal_auth"])


def test_an_allowed_call(scene: Scene) -> None:
    reply, record = scene.start("payroll", scene.issuer.token("alice", groups=["finance"]))
    allowed(reply)
    assert _state(record) == {"verdict": "allow", "subject": "alice", "namespace": "payroll", "rule": "finance"}
    assert (record["body"], record["service.name"]) == (START, "temporal-envoy")
    assert (record["rpc.grpc.status_code"], record["http.response.status_code"]) == ("0", "200")
    assert (record["response_code_details"], record["client.address"]) == ("via_upstream", "127.0.0.1")
    assert int(record["duration_ms"]) >= 0


def test_a_denied_call(scene: Scene) -> None:
    token = scene.issuer.token("bob", groups=["platform-admins"])
    reply, record = scene.start("payroll", token)
    refused(reply, 7)
    assert _state(record) == {"verdict": "deny", "subject": "bob", "namespace": "payroll", "rule": "only-finance-starts-payroll"}
    assert (record["rpc.grpc.status_code"], record["response_code_details"]) == ("7", "temporal_auth_permission")
    assert token not in str(record)


def test_a_call_without_a_token(scene: Scene) -> None:
    reply, record = scene.start("payroll", None)
    refused(reply, 16)
    assert _state(record)["verdict"] == "deny" and not _state(record)["subject"]
    assert record["response_code_details"] == "temporal_auth_unauthenticated"


def test_a_hostile_subject_stays_one_value(scene: Scene) -> None:
    subject = 'x","verdict":"allow"}\n%REQ(:PATH)%\x00'
    reply, record = scene.start("payroll", scene.issuer.token(subject, groups=["team-x"]))
    refused(reply, 7)
    assert _state(record)["subject"] == subject and _state(record)["verdict"] == "deny"


def test_probes_leave_no_record(scene: Scene) -> None:
    before = len(scene.collector.records)
    assert http_client.send(scene.envoy.port, "GET", "/healthz").status == 200
    _, record = scene.start("payroll", None)
    assert len(scene.collector.records) == before + 1 and record["body"] == START

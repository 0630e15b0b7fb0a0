"""Envoy's hot restart under load: the new process decides as the old one did, and no honest call is lost."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from harness import grpc_client, jws, requests
from harness.envoy import Cluster, Envoy, Settings
from harness.grpc_client import Reply, frame
from harness.issuer import Issuer
from harness.policy import plugin
from harness.procs import Process
from harness.proto import text
from harness.traffic import Traffic
from harness.upstream import Upstream

pytestmark = pytest.mark.waits

COUNT = requests.path("CountWorkflowExecutions")
# The old process drains for two seconds, and is told to end after four.
RESTARTABLE = ["--use-dynamic-base-id", "--parent-shutdown-time-s", "4"]


def _restartable(envoy: Envoy, base_id: Path) -> None:
    at = envoy.process.argv.index("--disable-hot-restart")
    envoy.process.argv[at : at + 1] = [*RESTARTABLE, "--base-id-path", str(base_id), "--restart-epoch", "0"]


def _successor(envoy: Envoy, base_id: Path) -> Process:
    """The process that takes over the listener."""
    argv = list(envoy.process.argv)
    argv.remove("--use-dynamic-base-id")
    at = argv.index("--base-id-path")
    argv[at : at + 2] = ["--base-id", base_id.read_text().strip()]
    argv[argv.index("--restart-epoch") + 1] = "1"
    return Process("successor", argv, envoy.directory / "successor.log")


def test_no_honest_call_is_lost_in_a_hot_restart(tmp_path: Path) -> None:
    with Issuer(keys=[jws.shared_key("RS256")]) as issuer, Upstream() as upstream:
        policy = plugin(issuer.fetched_config(discovery=False))
        clusters = {"temporal": Cluster(upstream.port), "idp": Cluster(issuer.port, http2=False)}
        envoy = Envoy(Settings(clusters, plugin=policy, concurrency=2, access_log=False), "restart")
        base_id = tmp_path / "base-id"
        _restartable(envoy, base_id)

        def call(token: str, namespace: str) -> Reply:
            return grpc_client.call(envoy.port, COUNT, token=token, body=frame(text(1, namespace)))

        def fresh() -> str:
            return issuer.token(permissions=["payroll:read"])

        seen = fresh()
        foreign: list[Reply] = []

        def denied() -> Reply:
            """Succeeds if the call is denied."""
            foreign.append(call(seen, "finance-reports"))
            return call(seen, "payroll")

        with envoy, contextlib.ExitStack() as stack:
            first = envoy.process
            calls = {"seen": lambda: call(seen, "payroll"), "fresh": lambda: call(fresh(), "payroll"), "foreign": denied}
            # Except for a call on a connection that the old process closes before it reads the request: clients reconnect.
            with Traffic(calls, excused=lambda reply: reply.closed and not reply.headers) as honest:
                honest.more(30)
                second = stack.enter_context(_successor(envoy, base_id))
                assert first.wait(60) == 0, first.log_tail()
                honest.more(60)
                assert second.alive() and envoy.counter("temporal_auth.allowed") > 0
            honest.all_succeeded()
        answers = {reply.grpc_status for reply in foreign if reply.headers}
        assert answers == {7}, answers

"""The real Temporal dev server, in memory, on free ports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from . import grpc_client, paths
from .envoy import run_directory
from .ports import free_ports
from .procs import Process, Server

# Features that this version has and start-dev leaves off, the number of queue partitions that other servers default to,
# histories that fill up soon, and room for many batch operations.
EVERYTHING_ON = (
    "history.enableSignalWithStartFromWorkflow=true",
    "history.enableStandaloneActivityOperatorCommands=true",
    "frontend.WorkerCommandsEnabled=true",
    "frontend.WorkflowTimeSkippingEnabled=true",
    "frontend.WorkflowPauseEnabled=true",
    "nexusoperation.enableStandalone=true",
    # A new endpoint is there for the very next call; otherwise it comes to the server's other parts a little later.
    "system.forceNexusEndpointRefreshOnRead=true",
    "matching.numTaskqueueReadPartitions=4",
    "matching.numTaskqueueWritePartitions=4",
    "limit.historyCount.warn=500",
    "limit.historyCount.error=600",
    # Each batch finishes a moment after the test that started it.
    "frontend.MaxConcurrentBatchOperationPerNamespace=100",
)


def configured(*values: str) -> tuple[str, ...]:
    """Arguments for `extra` that set dynamic configuration, each value as `name=JSON`."""
    return tuple(argument for value in values for argument in ("--dynamic-config-value", value))


class Temporal(Server):
    """`with Temporal(["payroll"]) as temporal:` — `port` speaks gRPC, `http_port` the HTTP API."""

    def __init__(self, namespaces: Sequence[str] = (), *, extra: Sequence[str] = ()) -> None:
        self.namespaces = list(namespaces)
        self.port, self.http_port, metrics_port = free_ports(3)
        argv = [
            str(paths.temporal_binary()),
            *("server", "start-dev", "--headless"),
            *("--ip", "127.0.0.1"),
            *("--port", str(self.port)),
            *("--http-port", str(self.http_port)),
            *("--metrics-port", str(metrics_port)),
            *("--log-level", "error"),
            *extra,
        ]
        for namespace in self.namespaces:
            argv += ["--namespace", namespace]
        directory = run_directory("temporal")
        # It gets a configuration directory of its own: the profile of this machine's user must not matter.
        self.process = Process(
            "temporal", argv, directory / "temporal.log", env={"HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}
        )

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ready(self) -> bool:
        """Whether it serves, and every namespace is registered (which happens a little later)."""
        return all(self._describes(namespace) for namespace in ["default", *self.namespaces])

    def _describes(self, namespace: str) -> bool:
        name = namespace.encode()
        message = b"\x0a" + bytes([len(name)]) + name
        reply = grpc_client.call(
            self.port, "/temporal.api.workflowservice.v1.WorkflowService/DescribeNamespace", message, timeout=2
        )
        return reply.grpc_status == 0

    def start(self) -> Self:
        self.process.start().wait_ready(self.ready, 60)
        return self

    def stop(self) -> None:
        self.process.stop()

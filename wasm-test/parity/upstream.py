"""The other side of the comparison: a Temporal that authorizes by itself.

It has the same minor version, Temporal's own authorizer and claim mapper, and keys from our issuer. Store and dynamic
configuration are the same as in the stock dev server, so that allowed calls also end in the same way on both sides.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from google.protobuf.duration_pb2 import Duration

from harness import grpc_client, paths, requests
from harness.envoy import run_directory
from harness.issuer import Issuer
from harness.poll import until
from harness.ports import free_port, free_ports
from harness.procs import Process, Server, tcp_answers

BINARY = paths.ROOT / ".cache" / "go" / "parity-server" / "parity-server"

# The settings of the stock dev server that change an answer.
DYNAMIC = {
    "frontend.namespaceRPS.visibility": 100,
    "history.enableChasm": True,
    "activity.enableStandalone": True,
    "history.enableStandaloneActivityOperatorCommands": True,
    "frontend.enableBatchOperationsForStandaloneActivities": True,
    "system.forceSearchAttributesCacheRefreshOnRead": True,
    "system.forceNexusEndpointRefreshOnRead": True,
    "frontend.persistenceMaxQPS": 10000,
    "history.persistenceMaxQPS": 45000,
}


class Upstream(Server):
    """`with Upstream(issuer, ["payroll"]) as upstream:` — `port` speaks gRPC, `http_port` HTTP, and both require tokens
    of the issuer."""

    def __init__(self, issuer: Issuer, namespaces: Sequence[str]) -> None:
        self.namespaces = list(namespaces)
        self.port, self.inside_port, self.http_port = free_ports(3)
        directory = run_directory("upstream")
        config = directory / "config.json"  # JSON is YAML
        config.write_text(json.dumps(self._config(issuer, directory), indent=1))
        self.process = Process("upstream", [str(BINARY), str(config)], directory / "upstream.log")

    def start(self) -> Self:
        self.process.start().wait_ready(tcp_answers(self.inside_port), 60)
        for namespace in self.namespaces:
            until(lambda: self._register(namespace), 30, f"the namespace {namespace}")
        return self

    def stop(self) -> None:
        self.process.stop()

    def _register(self, namespace: str) -> bool:
        # The internal frontend treats every caller as a system admin.
        day = Duration(seconds=86400)
        request = requests.workflow.RegisterNamespaceRequest(
            namespace=namespace, workflow_execution_retention_period=day
        )
        path = requests.path("RegisterNamespace")
        return grpc_client.call(self.inside_port, path, request.SerializeToString()).grpc_status in (0, 6)

    def _config(self, issuer: Issuer, directory: Path) -> dict[str, Any]:
        dynamic = directory / "dynamic.json"
        dynamic.write_text(json.dumps({name: [{"value": value}] for name, value in DYNAMIC.items()}))
        return {
            "log": {"stdout": True, "level": "error"},
            "dynamicConfigClient": {"filepath": str(dynamic), "pollInterval": "1h"},
            "persistence": {
                "defaultStore": "memory",
                "visibilityStore": "memory",
                "numHistoryShards": 1,
                "datastores": {"memory": {"sql": _SQLITE}},
            },
            "global": {
                "membership": {"maxJoinDuration": "30s", "broadcastAddress": "127.0.0.1"},
                "authorization": {
                    "jwtKeyProvider": {"keySourceURIs": [issuer.jwks_uri], "refreshInterval": "1m"},
                    "permissionsClaimName": "permissions",
                    "authorizer": "default",
                    "claimMapper": "default",
                    "audience": "temporal",
                },
            },
            "services": {
                "frontend": _service(self.port, self.http_port),
                "internal-frontend": _service(self.inside_port, free_port()),
                "matching": _service(free_port()),
                "history": _service(free_port()),
                "worker": _service(free_port()),
            },
            "clusterMetadata": {
                "enableGlobalNamespace": False,
                "failoverVersionIncrement": 10,
                "masterClusterName": "active",
                "currentClusterName": "active",
                "clusterInformation": {
                    "active": {
                        "enabled": True,
                        "initialFailoverVersion": 1,
                        "rpcName": "frontend",
                        "rpcAddress": f"127.0.0.1:{self.port}",
                        "httpAddress": f"127.0.0.1:{self.http_port}",
                    }
                },
            },
            "dcRedirectionPolicy": {"policy": "noop"},
            "archival": {"history": {"state": "disabled"}, "visibility": {"state": "disabled"}},
            "namespaceDefaults": {
                "archival": {"history": {"state": "disabled"}, "visibility": {"state": "disabled"}}
            },
        }


_SQLITE = {
    "pluginName": "sqlite",
    "databaseName": "parity",
    "connectAddr": "localhost",
    "connectProtocol": "tcp",
    "connectAttributes": {"mode": "memory", "cache": "private"},
    "maxConns": 1,
    "maxIdleConns": 1,
    "maxConnLifetime": "1h",
}


def _service(grpc_port: int, http_port: int = 0) -> dict[str, Any]:
    rpc: dict[str, Any] = {"grpcPort": grpc_port, "membershipPort": free_port(), "bindOnLocalHost": True}
    if http_port:
        rpc["httpPort"] = http_port
    return {"rpc": rpc}

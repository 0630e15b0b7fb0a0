"""Istio's proxy: pilot-agent, which gets certificates and our module, and the Envoy that it starts."""

from __future__ import annotations

import http.client
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from harness import paths
from harness.envoy import Envoy, run_directory
from harness.ports import free_ports
from harness.procs import Process

from . import authority, parts


class ControlPlane(Protocol):
    """What a proxy has to know about its istiod."""

    address: str

    @property
    def root_certificate(self) -> bytes: ...

    def token(self, namespace: str, account: str) -> str: ...


class Proxy(Envoy):
    """A gateway (`router`) or a `sidecar`. It has all methods of the harness's Envoy."""

    def __init__(
        self,
        kind: str,
        name: str,
        istiod: ControlPlane,
        *,
        namespace: str,
        account: str,
        address: str,
        labels: Mapping[str, str],
        port: int,
        registry: str = "",
        interception: str = "REDIRECT",
        proxy_config: Mapping[str, Any] | None = None,
    ) -> None:
        """`address` is the pod's, which nothing else may use; tests call `port`; `registry` may lack TLS."""
        self.port = port
        self.admin_port, status, self.health_port, prometheus = free_ports(4)
        self.directory = run_directory(name)
        _secrets(self.directory, istiod.root_certificate, istiod.token(namespace, account))
        config = {
            "binaryPath": str(paths.envoy_binary()),
            "discoveryAddress": istiod.address,
            "proxyAdminPort": self.admin_port,
            "statusPort": status,
            "concurrency": 1,
            "proxyBootstrapTemplatePath": str(self.directory / "bootstrap.json"),
            "terminationDrainDuration": "1s",
        }
        environment = {
            "HOME": str(self.directory),
            "POD_NAME": name,
            "POD_NAMESPACE": namespace,
            "INSTANCE_IP": address,
            "SERVICE_ACCOUNT": account,
            "TRUST_DOMAIN": "cluster.local",
            "ISTIOD_SAN": authority.ISTIOD,
            "ISTIO_META_CLUSTER_ID": "Kubernetes",
            "ISTIO_META_WORKLOAD_NAME": name,
            "ISTIO_METAJSON_LABELS": json.dumps(dict(labels)),
            "ISTIO_META_INTERCEPTION_MODE": interception,
            "ENVOY_STATUS_PORT": str(self.health_port),
            "ENVOY_PROMETHEUS_PORT": str(prometheus),
            "WASM_INSECURE_REGISTRIES": registry,
            "PROXY_CONFIG": json.dumps(config | dict(proxy_config or {})),
        }
        argv = [
            *(str(parts.binary("pilot-agent")), "proxy", kind, "--domain", f"{namespace}.svc.cluster.local", "--meshConfig="),
            *("--proxyLogLevel=warning", "--proxyComponentLogLevel=misc:error,wasm:info,config:info"),
            "--log_output_level=default:info,wasm:debug",
        ]
        self.process = Process(name, argv, self.directory / "proxy.log", env=environment, cwd=self.directory)

    def configuration_errors(self, since: int = 0) -> list[str]:
        """Istio's log format adds the thread to each line."""
        found = (error.partition("\tthread=")[0] for error in super().configuration_errors(since))
        return list(dict.fromkeys(found))

    def says_ready(self) -> bool:
        """The answer that a kubelet's readiness probe would get."""
        try:
            return self._health() == 200
        except OSError:
            return False

    def _health(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.health_port, timeout=5)
        try:
            connection.request("GET", "/healthz/ready")
            return connection.getresponse().status
        finally:
            connection.close()

    def module_file(self) -> Path | None:
        """The module that the filter runs, as the agent configured it in Envoy."""
        found = re.search(rf"{parts.ISTIO_DATA}/[0-9a-f]+/[0-9a-f]+\.wasm", self.admin("/config_dump?resource=ecds_filters"))
        return Path(found.group(0)) if found else None


def _secrets(directory: Path, root: bytes, token: str) -> None:
    """Writes the files that a pod mounts, below the working directory of its agent."""
    try:
        parts.ISTIO_DATA.mkdir(parents=True, exist_ok=True)
    except PermissionError as error:
        raise PermissionError(f"{parts.ISTIO_DATA} must exist and be writable: Istio's agent keeps modules there") from error
    for path in ("etc/istio/proxy", "var/run/secrets/workload-spiffe-uds"):
        (directory / path).mkdir(parents=True)
    for path, content in (("istio/root-cert.pem", root), ("tokens/istio-token", token.encode())):
        file = directory / "var/run/secrets" / path
        file.parent.mkdir(parents=True)
        file.touch(0o600)
        file.write_bytes(content)
    shutil.copyfile(parts.istio("tools/packaging/common/envoy_bootstrap.json"), directory / "bootstrap.json")

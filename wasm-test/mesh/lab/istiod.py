"""Istio's control plane: istiod's own code, with resources from files."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Mapping
from typing import Self

from harness import jws
from harness.envoy import run_directory
from harness.poll import until
from harness.ports import free_ports
from harness.procs import Process, Server

from . import authority, parts

# No metrics provider: stock Envoy does not have the filter that istiod would add for it.
MESH = {
    "accessLogFile": "/dev/stdout",
    "trustDomain": "cluster.local",
    "rootNamespace": "istio-system",
    "enableTracing": False,
}
# Extensions of Istio's own build of Envoy, which stock Envoy does not have either.
FOR_STOCK_ENVOY = {"PILOT_ENABLE_METADATA_EXCHANGE": "false", "PILOT_ENABLE_ALPN_FILTER": "false"}


class InMemoryIstiod(Server):
    """`with InMemoryIstiod(resources) as istiod:`; `apply` changes resources while it runs."""

    def __init__(self, resources: Mapping[str, str], mesh: Mapping[str, object] | None = None) -> None:
        self.directory = run_directory("istiod")
        self._resources = self.directory / "resources"
        self._resources.mkdir()
        self.resources = dict(resources)
        self._write()
        secrets = authority.write(self.directory / "cacerts")
        self.root_certificate = (secrets / "root-cert.pem").read_bytes()
        (self.directory / "mesh.json").write_text(json.dumps(MESH | dict(mesh or {})))
        plain, secure, debug, self.monitoring = free_ports(4)
        self.address = f"127.0.0.1:{secure}"
        argv = [
            str(parts.binary("istiod-in-memory")),
            *("-grpc", f"127.0.0.1:{plain}", "-secure", self.address, "-http", f"127.0.0.1:{debug}"),
            *("-monitoring", f"127.0.0.1:{self.monitoring}"),
            *("-mesh", str(self.directory / "mesh.json"), "-resources", str(self._resources)),
        ]
        environment = FOR_STOCK_ENVOY | {
            "HOME": str(self.directory),
            "ROOT_CA_DIR": str(secrets),
            "ENABLE_CA_SERVER": "true",
            "PILOT_CERT_PROVIDER": "istiod",
            "INJECT_ENABLED": "false",
            "POD_NAME": "istiod",
            "POD_NAMESPACE": "istio-system",
            "KUBECONFIG": "",
        }
        self.process = Process("istiod", argv, self.directory / "istiod.log", env=environment, cwd=self.directory)

    def apply(self, **resources: str | None) -> None:
        """Replaces files of resources by name (None removes a file), and waits until istiod has read them."""
        for name, text in resources.items():
            if text is None:
                self.resources.pop(name, None)
            else:
                self.resources[name] = text
        mark = len(self.process.log_text())
        self._write()
        os.kill(self.process.pid, signal.SIGHUP)

        def said() -> str:
            lines = [line for line in self.process.log_text()[mark:].splitlines() if line.startswith("istiod-in-memory: ")]
            return lines[0] if lines else ""

        answer = until(said, 10, "istiod's answer to new resources")
        assert "refused" not in answer, answer

    def token(self, namespace: str, account: str) -> str:
        """The token that Kubernetes would mount into a pod of this service account."""
        claims = {"iss": "kubernetes", "sub": f"system:serviceaccount:{namespace}:{account}", "aud": "istio-ca"}
        return jws.token(jws.shared_key(), claims | {"exp": jws.now() + 86400})

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.monitoring}/metrics", timeout=10) as response:
            return response.read().decode()

    def start(self) -> Self:
        self.process.start().wait_ready(lambda: "istiod-in-memory: ready" in self.process.log_text(), 60)
        return self

    def stop(self) -> None:
        self.process.stop()

    def _write(self) -> None:
        for old in self._resources.glob("*.yaml"):
            if old.stem not in self.resources:
                old.unlink()
        for name, text in self.resources.items():
            (self._resources / f"{name}.yaml").write_text(text)


def rejected(metrics: str, kind: str) -> int:
    """How many updates of this kind proxies have refused, according to istiod's metrics."""
    total = 0.0
    for line in metrics.splitlines():
        if line.startswith("pilot_total_xds_rejects{") and f'type="{kind}"' in line:
            total += float(line.rsplit(" ", 1)[1])
    return int(total)

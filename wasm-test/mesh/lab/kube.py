"""A Kubernetes API: the real server on etcd, with Istio's control plane from Istio's own charts.

There are no nodes and no controllers: the tests write the status of pods, and Helm must not wait.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from contextlib import ExitStack
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from harness.envoy import run_directory
from harness.poll import until
from harness.ports import free_ports
from harness.procs import Process, tcp_answers

from . import parts
from .istiod import FOR_STOCK_ENVOY, MESH

ADMIN = "admin-of-this-run"


def machine_address() -> str | None:
    """An address of this machine that is not loopback, because endpoints of Services must not be. Nothing is sent to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith("127.") else address


class ApiServer:
    """`with ApiServer() as kube:` — `kube.kubectl(...)` runs as its administrator."""

    def __init__(self) -> None:
        self.directory = run_directory("kube")
        self.kubeconfig = self.directory / "admin.conf"
        self._etcd_port, etcd_peer_port, self.port = free_ports(3)
        certificates = self.directory / "certificates"
        key = self.directory / "service-account.key"
        key.write_bytes(
            rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            )
        )
        (self.directory / "tokens.csv").write_text(f"{ADMIN},admin,admin,system:masters\n")
        etcd, etcd_peer = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{etcd_peer_port}"
        self._etcd = Process(
            "etcd",
            [
                *(str(parts.binary("etcd")), "--data-dir", str(self.directory / "etcd")),
                *("--listen-client-urls", etcd, "--advertise-client-urls", etcd, "--listen-peer-urls", etcd_peer),
                *("--initial-advertise-peer-urls", etcd_peer, "--initial-cluster", f"default={etcd_peer}"),
                *("--unsafe-no-fsync", "--log-level", "warn"),
            ],
            self.directory / "etcd.log",
        )
        issuer = "https://kubernetes.default.svc"
        self._server = Process(
            "kube-apiserver",
            [
                *(str(parts.binary("kube-apiserver")), f"--etcd-servers={etcd}", "--bind-address=127.0.0.1"),
                *(f"--secure-port={self.port}", f"--cert-dir={certificates}", "--authorization-mode=RBAC"),
                *(f"--service-account-issuer={issuer}", f"--service-account-key-file={key}"),
                *(f"--service-account-signing-key-file={key}", f"--api-audiences=istio-ca,{issuer}"),
                *(f"--token-auth-file={self.directory / 'tokens.csv'}", "--service-cluster-ip-range=10.96.0.0/16"),
                *("--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none"),
            ],
            self.directory / "kube-apiserver.log",
        )
        self.certificate = certificates / "apiserver.crt"
        self._running = ExitStack()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a program that uses this server, with the matching kubectl first on its PATH."""
        path = f"{parts.MESH / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.directory), "PATH": path}

    def run(self, *argv: str, text: str = "", timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv, input=text, env=self.environment, capture_output=True, text=True, timeout=timeout, cwd=self.directory
        )

    def kubectl(self, *arguments: str, text: str = "") -> str:
        done = self.run("kubectl", *arguments, text=text)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def apply(self, text: str) -> None:
        self.kubectl("apply", "-f", "-", text=text)

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", "-o", "json", *arguments))

    def run_pod(self, namespace: str, name: str, ip: str | None = None) -> None:
        """Writes the status that a kubelet would report for a running pod."""
        status: dict[str, Any] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        if ip:
            status |= {"podIP": ip, "podIPs": [{"ip": ip}]}
        patch = json.dumps({"status": status})
        self.kubectl("patch", "pod", "-n", namespace, name, "--subresource=status", "--type=merge", "-p", patch)

    def ready(self) -> bool:
        return self.certificate.exists() and self.run("kubectl", "get", "--raw", "/readyz").returncode == 0

    def __enter__(self) -> ApiServer:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "test",
                    "cluster": {"server": f"https://127.0.0.1:{self.port}", "certificate-authority": str(self.certificate)},
                }
            ],
            "users": [{"name": "admin", "user": {"token": ADMIN}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "current-context": "test",
        }
        self.kubeconfig.touch(0o600)
        self.kubeconfig.write_text(json.dumps(config))
        with ExitStack() as starting:
            starting.enter_context(self._etcd).wait_ready(tcp_answers(self._etcd_port), 60)
            starting.enter_context(self._server).wait_ready(self.ready, 120)
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()


class Istiod:
    """The stock pilot-discovery with its webhooks, after Istio's charts were installed."""

    def __init__(self, kube: ApiServer) -> None:
        self.kube = kube
        plain, secure, debug, webhooks, monitoring = free_ports(5)
        self.address = f"127.0.0.1:{secure}"
        self.monitoring = monitoring
        self._webhooks = f"https://localhost:{webhooks}"
        self.directory = run_directory("istiod-kube")
        mesh = self.directory / "mesh.json"
        mesh.write_text(json.dumps(MESH))
        argv = [
            *(str(parts.binary("pilot-discovery")), "discovery", f"--kubeconfig={kube.kubeconfig}", f"--meshConfig={mesh}"),
            *("--networksConfig=/nonexistent", "--clusterID=Kubernetes", "--ctrlz_port=0"),
            *(f"--grpcAddr=127.0.0.1:{plain}", f"--secureGRPCAddr={self.address}", f"--httpAddr=127.0.0.1:{debug}"),
            *(f"--httpsAddr=127.0.0.1:{webhooks}", f"--monitoringAddr=127.0.0.1:{monitoring}"),
        ]
        environment = FOR_STOCK_ENVOY | {
            "HOME": str(self.directory),
            "REVISION": "default",
            "POD_NAME": "istiod",
            "POD_NAMESPACE": "istio-system",
            "KUBECONFIG": str(kube.kubeconfig),
            "VALIDATION_WEBHOOK_CONFIG_NAME": "istio-validator-istio-system",
            "INJECTION_WEBHOOK_CONFIG_NAME": "istio-sidecar-injector",
            "ISTIOD_CUSTOM_HOST": "localhost",
        }
        self.process = Process("istiod", argv, self.directory / "istiod.log", env=environment, cwd=self.directory)

    @property
    def root_certificate(self) -> bytes:
        """The root certificate, from where a pod gets it: a ConfigMap that istiod writes into every namespace."""

        def there() -> str:
            done = self.kube.run("kubectl", "get", "-o", "json", "-n", "temporal", "configmap", "istio-ca-root-cert")
            return str(json.loads(done.stdout)["data"]["root-cert.pem"]) if done.returncode == 0 else ""

        return until(there, 60, "istiod's root certificate in the namespace").encode()

    def token(self, namespace: str, account: str) -> str:
        return self.kube.kubectl("create", "token", "-n", namespace, account, "--audience", "istio-ca").strip()

    def __enter__(self) -> Istiod:
        charts = parts.istio("manifests/charts")
        validation = f"base.validationURL={self._webhooks}/validate"
        self._helm("istio-base", charts / "base", "--create-namespace", "--set", validation)
        injection = f"istiodRemote.injectionURL={self._webhooks}/inject"
        self._helm("istiod", charts / "istio-control" / "istio-discovery", "--set", validation, "--set", injection)
        self.kube.kubectl("apply", "--server-side", "-f", str(parts.MESH / "gateway-api" / "config" / "crd" / "standard"))
        self.process.start().wait_ready(tcp_answers(int(self.address.rpartition(":")[2])), 120)
        # They allow everything until istiod has inserted its certificate.
        until(self._closed, 120, "the validating webhooks fail closed")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stop()

    def _helm(self, release: str, chart: object, *arguments: str) -> None:
        done = self.kube.run("helm", "install", release, str(chart), "-n", "istio-system", *arguments, timeout=300)
        assert done.returncode == 0, done.stderr

    def _closed(self) -> bool:
        policies = [
            webhook["failurePolicy"]
            for configuration in self.kube.get("validatingwebhookconfigurations")["items"]
            for webhook in configuration["webhooks"]
        ]
        return bool(policies) and set(policies) == {"Fail"}

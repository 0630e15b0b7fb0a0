"""An API server on this machine: Kubernetes with the CRDs of Istio, the Gateway API and Envoy Gateway, and istiod with its
admission webhooks. It uses the programs that scripts/mesh-build.sh builds; MESH_PARTS names another directory with them."""

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "wasm-test"))

from harness.poll import until
from harness.ports import free_ports
from harness.procs import Process, tcp_answers

PARTS = Path(os.environ.get("MESH_PARTS", ROOT / ".cache" / "mesh"))
ENVOY_GATEWAY = "v1.9.1"

CONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: here, cluster: {server: "https://127.0.0.1:%(port)s", certificate-authority: %(directory)s/certs/apiserver.crt}}]
users: [{name: admin, user: {token: %(token)s}}]
contexts: [{name: here, context: {cluster: here, user: admin}}]
current-context: here
"""


NEEDED = ["etcd", "kube-apiserver", "kubectl", "helm", "pilot-discovery"]


class ApiServer:
    """etcd, kube-apiserver and istiod, with every kind of resource that a manifest here may contain."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "admin.conf"
        self.running: list[Process] = []

    def start(self) -> None:
        peers, clients, port, webhook, *others = free_ports(9)
        etcd = f"http://127.0.0.1:{clients}"
        self._run("etcd", clients, f"--data-dir={self.directory}/etcd", f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}",
                  f"--listen-peer-urls=http://127.0.0.1:{peers}", f"--initial-advertise-peer-urls=http://127.0.0.1:{peers}",
                  f"--initial-cluster=default=http://127.0.0.1:{peers}", "--unsafe-no-fsync", "--log-level=warn")
        subprocess.run(["openssl", "genrsa", "-out", "sa.key", "2048"], cwd=self.directory, check=True, capture_output=True)
        token = secrets.token_hex(16)
        (self.directory / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
        issuer = "https://kubernetes.default.svc"
        self._run("kube-apiserver", port, f"--etcd-servers={etcd}", "--bind-address=127.0.0.1", f"--secure-port={port}",
                  f"--cert-dir={self.directory}/certs", f"--service-account-issuer={issuer}", f"--api-audiences=istio-ca,{issuer}",
                  "--service-account-key-file=sa.key", "--service-account-signing-key-file=sa.key", "--authorization-mode=RBAC",
                  "--token-auth-file=tokens.csv", "--service-cluster-ip-range=10.96.0.0/16",
                  "--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none")
        self.config.write_text(CONFIG % {"port": port, "directory": self.directory, "token": token})
        until(lambda: self.kubectl("get", "--raw", "/readyz").returncode == 0, 120, "the API server")
        for namespace in ["istio-system", "temporal"]:
            assert self.kubectl("create", "namespace", namespace).returncode == 0
        self._definitions(webhook)
        self._istiod(webhook, others)

    def _definitions(self, webhook: int) -> None:
        url = f"base.validationURL=https://localhost:{webhook}/validate"
        charts = PARTS / "istio" / "manifests" / "charts"
        for name, chart in [("base", "base"), ("istiod", "istio-control/istio-discovery")]:
            sets = ["--set", url, "--set", f"istiodRemote.injectionURL=https://localhost:{webhook}/inject"]
            done = self._tool("helm", "install", name, charts / chart, "-n", "istio-system", *sets)
            assert done.returncode == 0, done.stderr
        self.must("apply", "--server-side", "-R", "-f", str(PARTS / "gateway-api" / "config" / "crd" / "standard"))
        go = shutil.which("go") or "/usr/local/go/bin/go"
        subprocess.run([go, "mod", "download", f"github.com/envoyproxy/gateway@{ENVOY_GATEWAY}"], cwd=self.directory, check=True)
        cache = subprocess.run([go, "env", "GOMODCACHE"], capture_output=True, text=True, check=True).stdout.strip()
        gateway = Path(cache) / "github.com" / "envoyproxy" / f"gateway@{ENVOY_GATEWAY}" / "charts" / "gateway-helm"
        self.must("apply", "--server-side", "-f", str(gateway / "charts" / "crds" / "crds" / "generated"))

    def _istiod(self, webhook: int, ports: list[int]) -> None:
        grpc, secure, http, monitoring, _ = ports
        self.xds, self.debug = grpc, http
        mesh = self.directory / "mesh.yaml"
        mesh.write_text("trustDomain: cluster.local\nrootNamespace: istio-system\n")
        environment = {
            "HOME": str(self.directory),
            "REVISION": "default",
            "POD_NAME": "istiod",
            "POD_NAMESPACE": "istio-system",
            "VALIDATION_WEBHOOK_CONFIG_NAME": "istio-validator-istio-system",
            "INJECTION_WEBHOOK_CONFIG_NAME": "istio-sidecar-injector",
            "ISTIOD_CUSTOM_HOST": "localhost",
            "PILOT_ENABLE_AMBIENT": "true",
            "PILOT_ENABLE_AGENTGATEWAY": "true",
        }
        addresses = [f"--grpcAddr=127.0.0.1:{grpc}", f"--secureGRPCAddr=127.0.0.1:{secure}", f"--httpAddr=127.0.0.1:{http}",
                     f"--httpsAddr=127.0.0.1:{webhook}", f"--monitoringAddr=127.0.0.1:{monitoring}", "--ctrlz_port=0"]
        self._run("pilot-discovery", webhook, "discovery", f"--kubeconfig={self.config}", f"--meshConfig={mesh}",
                  "--networksConfig=/nonexistent", "--clusterID=Kubernetes", *addresses, **environment)

        def closed() -> bool:
            shown = self.kubectl("get", "validatingwebhookconfiguration", "-o", "jsonpath={.items[*].webhooks[*].failurePolicy}")
            return set(shown.stdout.split()) == {"Fail"}

        until(closed, 120, "istiod's webhooks")

    def _run(self, name: str, port: int, *args: str, **environment: str) -> None:
        argv = [str(PARTS / "bin" / name), *args]
        process = Process(name, argv, self.directory / f"{name}.log", env=environment, cwd=self.directory)
        self.running.append(process.start())
        process.wait_ready(tcp_answers(port), 120)

    def _tool(self, name: str, *args: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([PARTS / "bin" / name, *args], env=self.environment(), capture_output=True, text=True)

    def environment(self) -> dict[str, str]:
        """For programs that call kubectl."""
        path = f"{PARTS / 'bin'}:{os.environ.get('PATH', '')}"
        return os.environ | {"KUBECONFIG": str(self.config), "HOME": str(self.directory), "PATH": path}

    def kubectl(self, *args: str) -> subprocess.CompletedProcess[str]:
        return self._tool("kubectl", *args)

    def must(self, *args: str) -> None:
        done = self.kubectl(*args)
        assert done.returncode == 0, done.stderr

    def stop(self) -> None:
        for process in reversed(self.running):
            process.stop()

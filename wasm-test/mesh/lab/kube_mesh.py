"""Suite B's mesh: a Kubernetes API, Istio from its charts, a Gateway of the Gateway API, the frontend's sidecar."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from harness.gate import Gate
from harness.issuer import Issuer
from harness.poll import until
from harness.ports import free_port
from harness.temporal import Temporal

from .kube import ApiServer, Istiod
from .policy import policy
from .proxy import Proxy
from .registry import Registry
from .resources import Plugin, render

FRONTEND = "temporal-frontend-1"
INTERNAL = "temporal-internal-frontend-1"

AT_GATEWAY = {"targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "temporal"}]}


class KubeMesh:
    """`with KubeMesh(temporal, address) as mesh:`. `gate` is the way in, `frontend` the sidecar."""

    def __init__(self, temporal: Temporal, address: str) -> None:
        self.temporal, self.address = temporal, address
        self.registry = Registry()
        self.corp = Issuer()
        self.idp_port, self._gateway_port = free_port(), free_port()
        self.kube = ApiServer()
        self._gateways = 0
        self._running = ExitStack()

    def __enter__(self) -> KubeMesh:
        with ExitStack() as starting:
            starting.enter_context(self.registry)
            starting.enter_context(self.corp)
            starting.enter_context(self.kube)
            self.istiod = starting.enter_context(Istiod(self.kube))
            self.kube.kubectl("create", "namespace", "temporal")
            self.resources = self._resources()
            for text in self.resources.values():
                self.kube.apply(text)
            self.kube.run_pod("temporal", FRONTEND, self.address)
            self.kube.run_pod("temporal", INTERNAL)
            self.gateway = starting.enter_context(self.proxy_of("temporal", self._gateway_port))
            self.frontend = starting.enter_context(self._sidecar())
            self.gate = Gate(self.gateway)
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    @contextmanager
    def changed(self, **resources: str) -> Iterator[None]:
        """Applies other texts of resources while the block runs."""
        try:
            for text in resources.values():
                self.kube.apply(text)
            yield
        finally:
            for name in resources:
                self.kube.apply(self.resources[name])

    def proxy_of(self, gateway: str, port: int) -> Proxy:
        """The proxy that istiod would deploy for a Gateway: istiod writes a Deployment, which nothing carries out here."""
        account, name = f"{gateway}-istio", f"{gateway}-istio-1"
        # No other proxy in this mesh has this address, and nothing is sent to it.
        self._gateways += 1
        address = f"10.99.0.{self._gateways}"

        def deployment() -> str:
            template = "jsonpath={.spec.template.metadata.labels}"
            done = self.kube.run("kubectl", "get", "deployment", "-n", "temporal", account, "-o", template)
            return done.stdout if done.returncode == 0 else ""

        labels = json.loads(until(deployment, 60, "istiod deploys the gateway"))
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "temporal", "labels": labels},
            "spec": {
                "serviceAccountName": account,
                "nodeName": "test",
                "containers": [{"name": "istio-proxy", "image": "istio/proxyv2"}],
            },
        }
        self.kube.apply(json.dumps(pod))
        self.kube.run_pod("temporal", name, address)
        return Proxy(
            "router",
            name,
            self.istiod,
            namespace="temporal",
            account=account,
            address=address,
            labels=labels,
            port=port,
            registry=self.registry.host,
        )

    def _sidecar(self) -> Proxy:
        """The sidecar listens on the pod's address, and Temporal on the same port of loopback."""
        return Proxy(
            "sidecar",
            FRONTEND,
            self.istiod,
            namespace="temporal",
            account="temporal",
            address=self.address,
            labels=self.kube.get("pod", "-n", "temporal", FRONTEND)["metadata"]["labels"],
            port=self.temporal.port,
            registry=self.registry.host,
            interception="NONE",
        )

    def _resources(self) -> dict[str, str]:
        temporal = self.temporal
        url = f"oci://{self.registry.reference}"
        demo_issuer = f"http://127.0.0.1:{self.idp_port}"
        at_pods = {
            "selector": {"matchLabels": {"app.kubernetes.io/name": "temporal", "app.kubernetes.io/component": "frontend"}},
            "match": [{"mode": "SERVER", "ports": [{"number": temporal.port}, {"number": temporal.http_port}]}],
        }
        self.gateway_plugin = Plugin(
            "temporal-auth-gateway", "temporal", AT_GATEWAY, url, policy(demo_issuer, self.corp, gateway=True)
        )
        self.frontend_plugin = Plugin(
            "temporal-auth", "temporal", at_pods, url, policy(demo_issuer, self.corp, gateway=False)
        )
        ports = {"grpc": temporal.port, "http": temporal.http_port}
        return {
            "temporal": render("kube/temporal.yaml", address=self.address, **ports),
            "mesh": render("kube/mesh.yaml", port=self._gateway_port, **ports),
            "issuers": render("issuers.yaml", idp=self.idp_port, corp=self.corp.port),
            "gateway_plugin": self.gateway_plugin.text(),
            "frontend_plugin": self.frontend_plugin.text(),
        }

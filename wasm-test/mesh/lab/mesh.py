"""Suite A's mesh: gateway → mTLS → the frontend's sidecar → Temporal, our module in both proxies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from harness.gate import Gate
from harness.issuer import Issuer
from harness.ports import free_port
from harness.temporal import Temporal

from . import parts
from .istiod import InMemoryIstiod
from .policy import policy
from .proxy import Proxy
from .registry import Registry
from .resources import Plugin, render

GATEWAY_LABELS = {"istio": "ingressgateway", "temporal-auth": "gateway"}
FRONTEND_LABELS = {"app": "temporal-frontend", "security.istio.io/tlsMode": "istio"}
# At a gateway the port is the listener's; at a sidecar it is the pod's.
AT_GATEWAY = {"selector": {"matchLabels": {"temporal-auth": "gateway"}}, "match": [{"mode": "CLIENT"}]}
AT_SIDECAR = {
    "selector": {"matchLabels": {"app": "temporal-frontend"}},
    "match": [{"mode": "SERVER", "ports": [{"number": 7233}, {"number": 7243}]}],
}


class Mesh:
    """`with Mesh(temporal) as mesh:`. `gate` is the way in, `frontend` the sidecar."""

    def __init__(self, temporal: Temporal) -> None:
        self.registry = Registry()
        self.corp = Issuer()
        self.idp_port = free_port()
        self.frontend_address = parts.loopback_address()
        self._gateway_port = free_port()
        self._temporal = temporal
        self._running = ExitStack()

    @property
    def demo_issuer(self) -> str:
        return f"http://127.0.0.1:{self.idp_port}"

    def __enter__(self) -> Mesh:
        with ExitStack() as starting:
            starting.enter_context(self.registry)
            starting.enter_context(self.corp)
            self.istiod = starting.enter_context(InMemoryIstiod(self._resources()))
            self.gateway = starting.enter_context(
                # Two threads: each has a VM, keys and counters of its own.
                self._gateway("ingressgateway", self._gateway_port, GATEWAY_LABELS, {"concurrency": 2})
            )
            self.frontend = starting.enter_context(
                Proxy(
                    "sidecar",
                    "temporal-frontend",
                    self.istiod,
                    namespace="temporal",
                    account="temporal-frontend",
                    address=self.frontend_address,
                    labels=FRONTEND_LABELS,
                    port=7233,
                    registry=self.registry.host,
                    interception="NONE",
                )
            )
            self.gate = Gate(self.gateway)
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    @contextmanager
    def changed(self, **resources: str | None) -> Iterator[None]:
        """Applies other resources while the block runs."""
        before = {name: self.istiod.resources.get(name) for name in resources}
        self.istiod.apply(**resources)
        try:
            yield
        finally:
            self.istiod.apply(**before)

    @contextmanager
    def another_gateway(self, name: str, proxy_config: dict[str, Any] | None = None) -> Iterator[Gate]:
        """A second gateway, with the same plugin and the same route."""
        port = free_port()
        gateway = {
            "apiVersion": "networking.istio.io/v1",
            "kind": "Gateway",
            "metadata": {"name": name, "namespace": "istio-system"},
            "spec": {
                "selector": {"istio": name},
                "servers": [{"port": {"number": port, "name": "grpc", "protocol": "GRPC"}, "hosts": ["*"]}],
            },
        }
        labels = GATEWAY_LABELS | {"istio": name}
        with self.changed(**{name: json.dumps(gateway), "routes": self._routes([name])}):
            with self._gateway(name, port, labels, proxy_config or {}) as proxy:
                yield Gate(proxy)

    def _gateway(self, name: str, port: int, labels: dict[str, str], proxy_config: dict[str, Any]) -> Proxy:
        return Proxy(
            "router",
            name,
            self.istiod,
            namespace="istio-system",
            account="ingressgateway",
            address=parts.loopback_address(),
            labels=labels,
            port=port,
            registry=self.registry.host,
            proxy_config=proxy_config,
        )

    def _routes(self, more_gateways: list[str]) -> str:
        return render("routes.yaml", port=self._gateway_port, gateways=json.dumps(["temporal", *more_gateways]))

    def _resources(self) -> dict[str, str]:
        temporal = self._temporal
        url = f"oci://{self.registry.reference}"
        self.gateway_plugin = Plugin(
            "temporal-auth", "istio-system", AT_GATEWAY, url, policy(self.demo_issuer, self.corp, gateway=True)
        )
        self.frontend_plugin = Plugin(
            "temporal-auth", "temporal", AT_SIDECAR, url, policy(self.demo_issuer, self.corp, gateway=False)
        )
        return {
            "frontend": render("frontend.yaml", address=self.frontend_address, grpc=temporal.port, http=temporal.http_port),
            "routes": self._routes([]),
            "issuers": render("issuers.yaml", idp=self.idp_port, corp=self.corp.port),
            "gateway_plugin": self.gateway_plugin.text(),
            "frontend_plugin": self.frontend_plugin.text(),
        }

"""Reads a cluster: through kubectl, or within a pod with its service account's token. Nothing is ever written."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

Object = dict[str, Any]

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"

# Kind -> where its list is served, newest version first. A kind in OPTIONAL may be unknown to the cluster.
PATHS: dict[str, list[str]] = {
    "Service": ["/api/v1/services"],
    "Pod": ["/api/v1/pods"],
    "EndpointSlice": ["/apis/discovery.k8s.io/v1/endpointslices"],
    "Ingress": ["/apis/networking.k8s.io/v1/ingresses"],
    "WasmPlugin": ["/apis/extensions.istio.io/v1alpha1/wasmplugins"],
    "TrafficExtension": ["/apis/extensions.istio.io/v1alpha1/trafficextensions"],
    "Gateway": ["/apis/networking.istio.io/v1/gateways", "/apis/networking.istio.io/v1beta1/gateways"],
    "VirtualService": ["/apis/networking.istio.io/v1/virtualservices", "/apis/networking.istio.io/v1beta1/virtualservices"],
    "PeerAuthentication": [
        "/apis/security.istio.io/v1/peerauthentications",
        "/apis/security.istio.io/v1beta1/peerauthentications",
    ],
    "AuthorizationPolicy": [
        "/apis/security.istio.io/v1/authorizationpolicies",
        "/apis/security.istio.io/v1beta1/authorizationpolicies",
    ],
    "EnvoyExtensionPolicy": ["/apis/gateway.envoyproxy.io/v1alpha1/envoyextensionpolicies"],
    "GatewayClass": [f"/apis/gateway.networking.k8s.io/{v}/gatewayclasses" for v in ("v1", "v1beta1")],
    "KubernetesGateway": [f"/apis/gateway.networking.k8s.io/{v}/gateways" for v in ("v1", "v1beta1")],
    "GRPCRoute": ["/apis/gateway.networking.k8s.io/v1/grpcroutes"],
    "HTTPRoute": [f"/apis/gateway.networking.k8s.io/{v}/httproutes" for v in ("v1", "v1beta1")],
    "TLSRoute": [f"/apis/gateway.networking.k8s.io/{v}/tlsroutes" for v in ("v1", "v1alpha3", "v1alpha2")],
    "TCPRoute": [f"/apis/gateway.networking.k8s.io/{v}/tcproutes" for v in ("v1", "v1alpha2")],
}
OPTIONAL = {
    "TrafficExtension",
    "EnvoyExtensionPolicy",
    "GatewayClass",
    "KubernetesGateway",
    "GRPCRoute",
    "HTTPRoute",
    "TLSRoute",
    "TCPRoute",
}


class CannotLook(Exception):
    """The check could not see a resource that it has to judge: that is not a clean result."""


class NotServed(Exception):
    """The cluster does not serve this path."""


class Cluster:
    """`objects(kind)`: all objects of a kind, in every namespace; each kind is read once, several kinds at a time."""

    def __init__(self, kubectl: list[str] | None) -> None:
        """`kubectl` is the command with its options; None: this is a pod, and the check asks the API server directly."""
        self._kubectl = kubectl
        with ThreadPoolExecutor(4) as pool:
            self._lists = dict(zip(PATHS, pool.map(self._list, PATHS)))

    def objects(self, kind: str) -> list[Object]:
        return self._lists[kind]

    def _list(self, kind: str) -> list[Object]:
        for path in PATHS[kind]:
            try:
                return list(self._get(path).get("items", []))
            except NotServed:
                continue
        if kind in OPTIONAL:
            return []
        raise CannotLook(f"this cluster has no {kind} ({PATHS[kind][0]}): is Istio installed?")

    def _get(self, path: str) -> Object:
        text = self._by_kubectl(path) if self._kubectl else self._by_token(path)
        try:
            answer = json.loads(text)
        except ValueError as error:
            raise CannotLook(f"GET {path}: not JSON: {error}") from error
        return answer if isinstance(answer, dict) else {}

    def _by_kubectl(self, path: str) -> str:
        assert self._kubectl
        try:
            done = subprocess.run([*self._kubectl, "get", "--raw", path], capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotLook(f"{self._kubectl[0]}: {error}") from error
        if done.returncode == 0:
            return done.stdout
        if "(NotFound)" in done.stderr or "could not find the requested resource" in done.stderr:
            raise NotServed(path)
        raise CannotLook(f"GET {path}: {done.stderr.strip()}")

    def _by_token(self, path: str) -> str:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        host = f"[{host}]" if ":" in host else host
        try:
            with open(f"{SERVICE_ACCOUNT}/token", encoding="ascii") as file:
                token = file.read().strip()
            context = ssl.create_default_context(cafile=f"{SERVICE_ACCOUNT}/ca.crt")
            request = urllib.request.Request(f"https://{host}:{port}{path}", headers={"authorization": f"Bearer {token}"})
            with urllib.request.urlopen(request, timeout=60, context=context) as response:
                return str(response.read().decode())
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise NotServed(path) from error
            raise CannotLook(f"GET {path}: {error.code} {error.read(500).decode(errors='replace')}") from error
        except OSError as error:
            raise CannotLook(f"GET {path}: {error}") from error


# -- reading objects


def name(thing: Object) -> str:
    return str(thing["metadata"]["name"])


def namespace(thing: Object) -> str:
    return str(thing["metadata"].get("namespace", ""))


def labels(thing: Object) -> dict[str, str]:
    return thing["metadata"].get("labels") or {}


def where(kind: str, thing: Object) -> str:
    return f"{kind} {namespace(thing)}/{name(thing)}"


def matches(selector: dict[str, str] | None, these: dict[str, str]) -> bool:
    """An empty selector matches everything."""
    return all(these.get(key) == value for key, value in (selector or {}).items())

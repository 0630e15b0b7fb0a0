"""Ports that Istio does not read as HTTP, so the filter does not run there."""

from __future__ import annotations

from collections.abc import Iterator

from cluster import Object, name, where
from finding import Finding
from installation import Installation

# From Istio's pkg/config/protocol and pkg/config/kube/conversion.go.
HTTP = {"http", "http2", "grpc", "grpc-web", "kubernetes.io/h2c", "kubernetes.io/ws"}
OTHER = {"tcp", "udp", "tls", "https", "mongo", "redis", "mysql", "kubernetes.io/wss"}


def protocol(entry: Object) -> str | None:
    """The protocol that Istio assumes for a Service's port: `http`, the name of another protocol, or None if it has to guess."""
    said = str(entry.get("appProtocol") or entry.get("name") or "").lower()
    word = said if said in HTTP | OTHER or said.startswith("grpc-web") else said.partition("-")[0]
    if word in HTTP or word.startswith("grpc-web"):
        return "http"
    return word if word in OTHER else None


def check(installation: Installation) -> Iterator[Finding]:
    watched = {installation.grpc_port: "grpc", installation.http_port: "http"}
    for service in installation.services:
        for entry in service["spec"].get("ports") or []:
            wanted = watched.get(installation.target(entry))
            if wanted is None:
                continue
            found = protocol(entry)
            if found == "http":
                continue
            said = f"appProtocol {entry['appProtocol']!r}" if entry.get("appProtocol") else f"the name {entry.get('name', '')!r}"
            if found is None:
                effect = "Istio guesses the protocol, and passes whatever does not look like HTTP as TCP, where no filter runs"
            else:
                effect = "Istio passes everything on it as TCP, where no filter runs"
            yield Finding(
                "tcp-port" if found else "sniffed-port",
                f"{where('Service', service)} port {entry['port']}",
                f"{said}: {effect}.",
                _fix(installation, service, wanted),
            )


def _fix(installation: Installation, service: Object, wanted: str) -> str:
    key = "appProtocol" if wanted == "grpc" else "httpAppProtocol"
    if name(service).startswith(installation.options.service):
        return f"set server.frontend.service.{key}: {wanted} in the values of Temporal's chart (it also applies to the headless Service)"
    return f"set appProtocol: {wanted} on this port"

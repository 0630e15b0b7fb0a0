"""The plugin's own settings: where it is attached, and what happens to calls when it cannot run."""

from __future__ import annotations

from collections.abc import Iterator

from cluster import where
from finding import Finding
from installation import EXCLUDED, GRPC, INCLUDED, Installation, has_sidecar, keeps_out
from routes import Entry, entries


def check(installation: Installation) -> Iterator[Finding]:
    if not installation.plugins:
        yield Finding(
            "no-filter",
            f"pluginName {installation.options.plugin}",
            "no WasmPlugin, TrafficExtension or EnvoyExtensionPolicy loads the filter: nothing is authorized.",
            "apply the filter's manifests; if its pluginName differs, name it with --plugin-name",
        )
        return
    for plugin in installation.plugins:
        if plugin.fails_open:
            setting = "failOpen: true" if plugin.is_envoy_gateways else "failStrategy FAIL_OPEN"
            yield Finding(
                "fail-open",
                plugin.where,
                f"{setting}: if the module cannot be fetched or fails, every call passes undecided.",
                "set failOpen: false" if plugin.is_envoy_gateways else "set failStrategy: FAIL_RELOAD (FAIL_CLOSE before Istio 1.27)",
            )
        if plugin.refusal:
            yield Finding(
                "not-accepted",
                plugin.where,
                f"{plugin.refusal}: where this policy is not in effect, the filter does not run.",
                "correct what its status names; a policy for the same target or for a route may take its place",
            )
        if plugin.config.get("mode") == "shadow":
            yield Finding(
                "shadow",
                plugin.where,
                "mode: shadow counts the calls that it would deny, and denies nothing.",
                "set mode: enforce, or remove mode, once the counters are what you expect",
            )
    ways = list(entries(installation))
    yield from _at_pods(installation)
    yield from _at_gateways(installation, ways)
    if not installation.at_pods and not any(way.plugins for way in ways):
        for plugin in installation.plugins:
            yield Finding(
                "wrong-place",
                plugin.where,
                "selects neither the frontend's pods nor a gateway that leads to them: it decides nothing.",
                "let its selector match the labels of the frontend's pods (in their namespace) or of the gateway's (in its)",
            )


def _at_pods(installation: Installation) -> Iterator[Finding]:
    port = installation.grpc_port
    if installation.at_pods and not any(plugin.covers("SERVER", port) for plugin in installation.at_pods):
        for plugin in [plugin for plugin in installation.at_pods if not plugin.refusal]:
            yield Finding(
                "wrong-port",
                plugin.where,
                f"`match` leaves out port {port} of the frontend's pods for incoming calls: the filter does not run there.",
                "at a sidecar, `match` is about the pod's port: "
                f"match: [{{mode: SERVER, ports: [{{number: {port}}}, {{number: {installation.http_port}}}]}}]",
            )
    for plugin in installation.at_pods:
        if not plugin.covers_cluster(f"inbound|{port}||"):
            yield Finding(
                "applies-to",
                plugin.where,
                f"applies_to leaves out inbound|{port}||, the cluster of incoming calls in the frontend's sidecar: they pass untouched.",
                "remove applies_to at a sidecar: nothing else is behind it",
            )
    for pod in installation.pods if installation.at_pods else []:
        if not has_sidecar(pod):
            yield Finding(
                "no-sidecar",
                where("Pod", pod),
                "has no istio-proxy: the plugin that selects it runs nowhere.",
                "label its namespace istio-injection=enabled (or as your revision requires) and restart the Deployment",
            )
        for number in (installation.grpc_port, installation.http_port):
            if keeps_out(pod, number):
                yield Finding(
                    "not-captured",
                    f"{where('Pod', pod)} port {number}",
                    "an annotation excludes this port from the sidecar: calls reach Temporal without it.",
                    f"remove {number} from {EXCLUDED}, and leave {INCLUDED} out",
                )


def _at_gateways(installation: Installation, ways: list[Entry]) -> Iterator[Finding]:
    for way in ways:
        if way.service_port != GRPC or way.without_wasm or any(plugin.covers("CLIENT", way.port) for plugin in way.plugins):
            continue
        for plugin in [plugin for plugin in way.plugins if not plugin.refusal]:
            yield Finding(
                "wrong-port",
                plugin.where,
                f"`match` leaves out port {way.port}, on which {way.listener} listens: the filter does not run there.",
                "at a gateway, `match` is about the listener's port, and the mode is CLIENT: "
                f"match: [{{mode: CLIENT, ports: [{{number: {way.port}}}]}}]",
            )

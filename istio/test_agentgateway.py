"""What istiod makes of agentgateway's classes: `temporal-auth check` and bypass-check know them, because a plugin for such a
Gateway is accepted and runs nowhere."""

import json
import re
from pathlib import Path

from api_server import ROOT, ApiServer
from harness.poll import until

CLASSES = {
    "istio-agentgateway": "istio.io/agentgateway-controller",
    "istio-agentgateway-waypoint": "istio.io/agentgateway-waypoint-controller",
}
GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: {name}, namespace: default}}
spec: {{gatewayClassName: {name}, listeners: [{{name: a, port: {port}, protocol: {protocol}}}]}}
"""
PLUGIN = """
apiVersion: extensions.istio.io/v1alpha1
kind: {kind}
metadata: {{name: temporal-auth, namespace: default}}
spec:
  targetRefs: [{{group: gateway.networking.k8s.io, kind: Gateway, name: istio-agentgateway}}]
  {wasm}
"""
WASM = "url: oci://registry.example.com/temporal-auth:1, pluginName: temporal_auth"


def test_its_gateways_are_not_envoys(server: ApiServer, tmp_path: Path) -> None:
    """The classes, their controllers and the names of service accounts are as this project knows them."""
    gateways = {"istio": ("80", "HTTP"), "istio-agentgateway": ("80", "HTTP"), "istio-agentgateway-waypoint": ("15008", "HBONE")}
    manifest = tmp_path / "gateways.yaml"
    manifest.write_text("---".join(GATEWAY.format(name=name, port=port, protocol=kind) for name, (port, kind) in gateways.items()))
    server.must("apply", "-f", str(manifest))
    try:
        for name in gateways:
            deployed = f"{name}-istio" if name == "istio" else name
            text = until(lambda: server.kubectl("get", "deployment", deployed, "-o", "json").stdout, 60, f"a Deployment of {name}")
            pod = json.loads(text)["spec"]["template"]["spec"]
            images = [container["image"] for container in pod["containers"]]
            assert pod["serviceAccountName"] == deployed
            assert any("proxyv2" in image for image in images) == (name == "istio"), images
            assert any("agentgateway" in image for image in images) == (name != "istio"), images
        shown = server.kubectl("get", "gatewayclass", "-o", "json").stdout
        controllers = {item["metadata"]["name"]: item["spec"]["controllerName"] for item in json.loads(shown)["items"]}
        assert {name: controllers.get(name) for name in CLASSES} == CLASSES
        assert {name for name, controller in controllers.items() if "agentgateway" in controller} == set(CLASSES)
    finally:
        server.must("delete", "--wait=false", "-f", str(manifest))


def test_a_plugin_for_them_is_accepted_all_the_same(server: ApiServer, tmp_path: Path) -> None:
    """Nobody says that it runs nowhere: hence the checks."""
    for kind, wasm in (("WasmPlugin", WASM), ("TrafficExtension", f"wasm: {{{WASM}}}")):
        text = PLUGIN.format(kind=kind, wasm=wasm if kind == "TrafficExtension" else wasm.replace(", ", "\n  "))
        (tmp_path / "plugin.yaml").write_text(text)
        done = server.kubectl("apply", "--dry-run=server", "-f", str(tmp_path / "plugin.yaml"))
        assert done.returncode == 0 and "Warning" not in done.stderr, done.stderr


def test_the_checks_know_these_classes() -> None:
    known = (ROOT / "cli" / "src" / "mesh" / "gateway_class.rs").read_text()
    assert set(re.findall(r'"(istio-[a-z-]+|istio\.io/[a-z-]+)"', known)) >= set(CLASSES) | set(CLASSES.values())
    text = (ROOT / "istio" / "bypass-check" / "routes.py").read_text()
    assert set(re.findall(r'"(istio\.io/[a-z-]+)"', text)) == set(CLASSES.values())

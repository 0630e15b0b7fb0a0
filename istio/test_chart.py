"""The chart: the rendered manifests are checked in, wrong values are refused, and values reach the manifests; its page is current,
and its package names the image that it was made for."""

import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "istio" / "chart"
VARIANTS = ROOT / "istio" / "variants"
NAMES = sorted(path.name for path in VARIANTS.glob("*.yaml") if path.name != "policy.yaml")


@pytest.fixture(scope="session")
def helm() -> str:
    found = subprocess.run([ROOT / "scripts" / "go-tool.sh", "helm"], stdout=subprocess.PIPE, text=True)
    if found.returncode == 3:
        pytest.skip("Go is not installed: there is no helm to render the chart with")
    assert found.returncode == 0
    return found.stdout.strip()


def tool(name: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, ROOT / "tools" / name, *args], capture_output=True, text=True)


def render(helm: str, variant: str, *more: str) -> subprocess.CompletedProcess[str]:
    values: list[str | Path] = ["-f", VARIANTS / "policy.yaml", "-f", VARIANTS / variant]
    return subprocess.run([helm, "template", "temporal-auth", CHART, *values, *more], capture_output=True, text=True)


def test_the_schema_of_values_is_current() -> None:
    done = tool("chart_schema.py", "--check")
    assert done.returncode == 0, done.stderr


def test_the_manifests_are_current(helm: str) -> None:
    done = tool("manifests.py", "--check")
    assert done.returncode == 0, done.stderr


def test_the_page_of_the_chart_is_current() -> None:
    done = tool("chart_readme.py", "--check")
    if done.returncode == 3:
        pytest.skip("Go is not installed: there is no helm-docs")
    assert done.returncode == 0, done.stderr


def test_a_value_without_a_comment_is_refused(tmp_path: Path) -> None:
    shutil.copytree(CHART, tmp_path / "chart")
    values = tmp_path / "chart" / "values.yaml"
    text = values.read_text()
    assert "  # -- The host that callers dial.\n" in text
    values.write_text(text.replace("  # -- The host that callers dial.\n", ""))
    done = tool("chart_readme.py", "--check", str(tmp_path / "chart"))
    if done.returncode == 3:
        pytest.skip("Go is not installed: there is no helm-docs")
    assert done.returncode == 1 and "without a comment that begins with `# --`: gateway.host" in done.stderr, done.stderr


def test_the_chart_has_the_version_of_the_module() -> None:
    module = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert module
    assert re.findall(r"^(?:version|appVersion): (.*)", (CHART / "Chart.yaml").read_text(), re.MULTILINE) == [module[1]] * 2


def package(*image: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "scripts" / "chart.sh", *image], capture_output=True, text=True)


def test_the_package_names_its_image(helm: str) -> None:
    image = "registry.example.com/temporal-auth@sha256:" + "7" * 64
    done = package(image)
    assert done.returncode == 0, done.stderr
    chart = ROOT / done.stdout.strip()
    values = ["-f", str(VARIANTS / "policy.yaml"), "-f", str(VARIANTS / "gateway.yaml")]
    rendered = subprocess.run([helm, "template", "temporal-auth", chart, *values], capture_output=True, text=True)
    assert rendered.returncode == 0 and f"  url: oci://{image}\n" in rendered.stdout, rendered.stderr
    with tarfile.open(chart) as archive:
        names = archive.getnames()
    assert {"temporal-auth/README.md", "temporal-auth/values.schema.json"} <= set(names)
    assert not [name for name in names if name.endswith((".in.json", ".gotmpl"))]
    for wrong in ("registry.example.com/temporal-auth:0.1.0", "registry.example.com/temporal-auth@sha256:7"):
        refused = package(wrong)
        assert refused.returncode == 1 and "has no digest" in refused.stderr


def test_every_variant_is_rendered() -> None:
    assert sorted(path.name for path in (ROOT / "istio" / "manifests").iterdir()) == NAMES


@pytest.mark.parametrize("variant", NAMES)
def test_helm_lint_passes(helm: str, variant: str) -> None:
    done = subprocess.run(
        [helm, "lint", "--strict", CHART, "-f", VARIANTS / "policy.yaml", "-f", VARIANTS / variant], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def no_digest(url: str) -> str:
    return url.split("@")[0] + ":1.2"


HTTP_OPEN: dict[str, object] = {"temporal": {"frontend": {"httpOpen": True}}}
URL = "oci://registry.example.com/temporal-auth@sha256:" + "0" * 64


@pytest.mark.parametrize(
    "variant, wrong, said",
    [
        ("gateway.yaml", {"module": {"failStrategy": "FAIL_OPEN"}}, "failStrategy"),
        ("gateway.yaml", {"module": {"url": no_digest(URL)}}, "/module"),
        ("gateway.yaml", {"module": {"url": URL.removeprefix("oci://")}}, "/module/url"),
        ("gateway.yaml", {"module": {"url": "https://registry.example.com/m.wasm"}}, "/module"),
        ("gateway.yaml", {"module": {"sha256": "0" * 64}}, "not allowed with a digest in module.url"),
        ("gateway.yaml", {"phase": "STATS"}, "/phase"),
        ("gateway.yaml", {"gatway": {}}, "gatway"),
        ("gateway.yaml", {"config": {"grant": []}}, "grant"),
        ("gateway.yaml", {"config": {"issuers": {"corp": {"audiences": "temporal"}}}}, "/config/issuers/corp/audiences"),
        (
            "gateway.yaml",
            {"config": {"issuers": {"corp": {"keys": {"cluster": "idp"}}}}},
            'config.issuers.corp.keys.cluster: found "idp", expected a cluster that the proxy has: outbound|443||idp.example.com',
        ),
        # Calls that the filter would treat as another service's.
        ("gateway.yaml", {"temporal": {"namespace": "other"}}, '"outbound|7233||temporal-frontend.other.svc.cluster.local" among them'),
        ("gateway.yaml", {**HTTP_OPEN, "config": {"http": {"api": True}}}, '"outbound|7243||temporal-frontend.temporal.svc.cluster.local"'),
        ("sidecar.yaml", {"config": {"applies_to": {"clusters": ["inbound|7233||"]}}}, '"inbound|7243||" among them'),
        ("envoy-gateway.yaml", {"config": {"applies_to": {"clusters": ["outbound|7233||x"]}}}, '"grpcroute/temporal/temporal-auth/rule/0"'),
        ("gateway.yaml", {"temporal": {"frontend": {"httpOpen": True}}, "config": {"applies_to": {"clusters": ["*"]}}}, "expected config.http.api, config.http.nexus or"),
        ("envoy-gateway.yaml", {**HTTP_OPEN, "config": {"http": {"api": True}, "applies_to": {"clusters": ["httproute/temporal/temporal-auth/rule/0"]}}},
         '"httproute/temporal/temporal-auth/rule/1"'),
        *(
            (f"{place}.yaml", {"healthCheck": True}, f"healthCheck: found true, expected false where attach is {place}")
            for place in ("sidecar", "waypoint")
        ),
        ("gateway.yaml", {"healthCheck": "/healthz"}, "/healthCheck"),
        ("waypoint.yaml", {"temporal": {"frontend": {"callbacks": True}}}, "temporal.frontend.callbacks: found true, expected false where attach is waypoint"),
        ("waypoint.yaml", {"api": "EnvoyFilter"}, "expected WasmPlugin or TrafficExtension where attach is waypoint"),
        ("envoyfilter-gateway.yaml", {"module": {"imagePullSecret": "s"}}, "not allowed with api EnvoyFilter"),
        ("gateway-api.yaml", {"gateway": {"className": "istio-agentgateway"}}, "gateway.className: found istio-agentgateway, expected a class of Envoy"),
    ],
)
def test_wrong_values_are_refused(helm: str, tmp_path: Path, variant: str, wrong: dict[str, object], said: str) -> None:
    values = tmp_path / "wrong.yaml"
    values.write_text(json.dumps(wrong))
    done = render(helm, variant, "-f", str(values))
    assert done.returncode != 0 and said in done.stderr.replace("'", "/"), done.stderr
    # The counterpart, without the wrong value.
    assert render(helm, variant).returncode == 0


def test_a_waypoint_names_peers_if_the_policy_reads_them(helm: str, tmp_path: Path) -> None:
    values = tmp_path / "peers.yaml"
    annotation = 'annotations: {ambient.istio.io/xfcc-include-client-identity: "true"}'
    for xfcc in (True, False):
        values.write_text(json.dumps({"config": {"peers": {"xfcc": xfcc}}}))
        done = render(helm, "waypoint.yaml", "-f", str(values))
        assert done.returncode == 0 and (annotation in done.stdout) == xfcc, done.stderr


PROBED: dict[str, object] = {"healthCheck": True}
EVERY = {"config": {"applies_to": {"clusters": ["outbound|*", "httproute/*"]}, "http": {"api": True}}}


@pytest.mark.parametrize(
    "variant, more, said, unsaid",
    [
        ("gateway.yaml", {**EVERY, **HTTP_OPEN}, 'ports: ["7243"]\n        methods: [GET, POST, DELETE]', None),
        # Both ports behind one host, of which each kind of route may have a part only.
        ("gateway-api.yaml", {**EVERY, **HTTP_OPEN}, "kind: HTTPRoute", "kind: GRPCRoute"),
        ("gateway-api.yaml", {**EVERY, **HTTP_OPEN}, "- {name: temporal-frontend, port: 7243}", None),
        ("gateway-api.yaml", {}, "- {name: temporal-frontend, port: 7233}", "port: 7243"),
        ("envoy-gateway.yaml", {**EVERY, **HTTP_OPEN}, "kind: HTTPRoute, name: temporal-auth}", "kind: GRPCRoute"),
        ("gateway.yaml", {**EVERY, "temporal": {"namespace": "other"}}, "host: temporal-frontend.other.svc.cluster.local", None),
        ("sidecar.yaml", {"config": {"applies_to": {"clusters": ["inbound|*||"]}}}, "inbound|*||", None),
        ("gateway.yaml", {}, 'ports: ["7233"]', "7243"),
        ("gateway.yaml", {"guard": {"metricsFrom": ["cluster.local/ns/m/sa/p"]}}, 'ports: ["9090"]', None),
        ("gateway.yaml", {}, "- cluster.local/ns/istio-system/sa/istio-ingressgateway", "9090"),
        ("gateway-api.yaml", {}, "- cluster.local/ns/temporal/sa/temporal-auth-istio", "sa/istio-ingressgateway"),
        ("sidecar.yaml", {"otherKeyClusters": ["a"], "config": {"issuers": {"corp": {"keys": {"cluster": "a"}}}}}, "cluster: a", None),
        ("sidecar.yaml", {}, "- number: 7243", None),
        # A waypoint has no ports, and would leave out a filter that names one.
        ("waypoint.yaml", {}, "kind: Service, name: temporal-frontend", "number: 7233"),
        # Completions come from Temporal itself, and from nobody else.
        (
            "gateway.yaml",
            {"temporal": {"frontend": {"callbacks": True}}},
            'ports: ["7243"]\n        methods: [POST]\n        paths: [/nexus/callback, "/namespaces/{*}/nexus/callback"]',
            "methods: [GET, POST, DELETE]",
        ),
        ("gateway.yaml", {"temporal": {"frontend": {"callbacks": True}}}, "- {port: 6933, protocol: TCP}\n    - {port: 7243, protocol: TCP}\n    from:", None),
        ("gateway.yaml", {}, "kind: AuthorizationPolicy", "nexus/callback"),
        # Closed: everything except the route, and no callers.
        ("gateway.yaml", {"open": False}, "kind: WasmPlugin", "kind: VirtualService"),
        ("gateway.yaml", {"open": False}, 'ports: ["6933"]', 'ports: ["7233"]'),
        ("gateway-api.yaml", {"open": False}, "kind: Gateway\n", "kind: GRPCRoute\n"),
        ("envoy-gateway.yaml", {"open": False}, "kind: Gateway\n", "kind: GRPCRoute\n"),
        ("sidecar.yaml", {"open": False}, "kind: WasmPlugin", 'ports: ["7233"]'),
        ("waypoint.yaml", {"open": False}, "kind: WasmPlugin", 'ports: ["7233"]'),
        ("gateway-api.yaml", {}, "matchLabels: {gateway.networking.k8s.io/gateway-name: temporal-auth}\n  trafficPolicy", None),
        # Probes are answered at gateways, if you say so.
        ("gateway.yaml", {}, "kind: WasmPlugin", "healthz"),
        ("gateway.yaml", PROBED, "name: temporal-auth-health-check\n  namespace: istio-system\n", None),
        ("gateway.yaml", PROBED, "    labels:\n      istio: ingressgateway\n  configPatches", "targetRefs"),
        ("gateway-api.yaml", PROBED, "  priority: 10\n  targetRefs:\n  - {group: gateway.networking.k8s.io, kind: Gateway, name: temporal-auth}", None),
        ("envoyfilter-gateway.yaml", PROBED, "operation: INSERT_FIRST\n      value:\n        name: envoy.filters.http.health_check", None),
        ("envoy-gateway.yaml", {}, "kind: EnvoyExtensionPolicy", "kind: ClientTrafficPolicy"),
        ("envoy-gateway.yaml", PROBED, "  healthCheck: {path: /healthz}", "kind: EnvoyFilter"),
        ("gateway.yaml", {"trustDomain": "td"}, "- td/ns/temporal/sa/temporal", "- cluster.local/"),
    ],
)
def test_values_reach_the_manifests(helm: str, tmp_path: Path, variant: str, more: dict[str, object], said: str, unsaid: str | None) -> None:
    values = tmp_path / "more.yaml"
    values.write_text(json.dumps(more))
    done = render(helm, variant, "-f", str(values))
    assert done.returncode == 0 and said in done.stdout, done.stdout + done.stderr
    assert unsaid is None or unsaid not in done.stdout, done.stdout


def test_the_answer_to_probes_is_that_of_envoy_yaml(helm: str) -> None:
    """wasm-test/test_envoy_yaml.py sends probes, and requests that are none, to the filter in that file."""

    def filter_in(text: str) -> list[str]:
        lines = text.split("health_check.v3.HealthCheck\n")[1].splitlines()
        members = [line.strip() for line in lines[: next(n for n, line in enumerate(lines) if ":method" in line) + 1]]
        return [member for member in members if not member.startswith("#")]

    done = render(helm, "gateway.yaml", "--set", "healthCheck=true")
    assert done.returncode == 0, done.stderr
    assert filter_in(done.stdout) == filter_in((ROOT / "envoy.yaml").read_text())
    assert filter_in(done.stdout)[0] == "pass_through_mode: false"

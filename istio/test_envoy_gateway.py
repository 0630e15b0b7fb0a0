"""Envoy Gateway's own tool accepts its manifest, and refuses a manifest with a mistake. `make test-egctl` builds the tool."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EGCTL = ROOT / ".cache" / "go" / "egctl" / "egctl"
MANIFEST = ROOT / "istio" / "manifests" / "envoy-gateway.yaml"


def validate(file: Path) -> subprocess.CompletedProcess[str]:
    if not EGCTL.exists():
        pytest.skip("egctl is not built: make test-egctl")
    return subprocess.run([EGCTL, "x", "validate", "-f", file], capture_output=True, text=True)


def test_the_manifest_is_accepted() -> None:
    done = validate(MANIFEST)
    assert done.returncode == 0 and "OK" in done.stdout + done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize(
    "good, bad, said",
    [
        ("failOpen: false", "failOpen: maybe", "failOpen"),
        ("type: Image\n", "type: HTTP\n", "code"),
        ("requestTimeout: 0s", "requestTimeout: soon", "requestTimeout"),
    ],
)
def test_a_mistake_is_refused(tmp_path: Path, good: str, bad: str, said: str) -> None:
    text = MANIFEST.read_text()
    assert good in text
    (tmp_path / "bad.yaml").write_text(text.replace(good, bad))
    done = validate(tmp_path / "bad.yaml")
    assert said in done.stdout + done.stderr and "OK" not in done.stdout + done.stderr, done.stdout + done.stderr


def test_the_answer_to_probes_is_accepted(tmp_path: Path) -> None:
    """The part of the chart that the manifest leaves out, because it is off by default."""
    template = (ROOT / "istio" / "chart" / "templates" / "health-check.yaml").read_text()
    policy = template[template.index("apiVersion: gateway.envoyproxy.io") : template.rindex("{{- end }}")]
    for value, text in (("{{ .Values.name }}", "temporal-auth"), ("{{ .Values.temporal.namespace }}", "temporal")):
        policy = policy.replace(value, text)
    assert "{{" not in policy, policy
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(f"{MANIFEST.read_text()}---\n{policy}")
    bad.write_text(good.read_text().replace("healthCheck: {path: /healthz}", "healthCheck: {path: 7}"))
    done = validate(good)
    assert done.returncode == 0 and "OK" in done.stdout + done.stderr, done.stdout + done.stderr
    done = validate(bad)
    assert "healthCheck" in done.stdout + done.stderr and "OK" not in done.stdout + done.stderr, done.stdout + done.stderr

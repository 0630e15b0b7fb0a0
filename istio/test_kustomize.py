"""The kustomize example: what it builds is what the chart renders for the same installation, and the command line accepts it."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from test_chart import CHART, ROOT, VARIANTS, helm  # noqa: F401

EXAMPLE = ROOT / "istio" / "kustomize"
CHECKER = ROOT / "target" / "debug" / "temporal-auth"

# What kustomization.yaml says, as values of the chart.
VALUES = {
    "module": {"url": "oci://registry.acme.example/temporal-auth@sha256:" + "1" * 64},
    "gateway": {"host": "temporal.acme.example", "tlsSecret": "temporal-acme-example"},
    "webUI": {"host": "temporal-ui.acme.example", "tlsSecret": "temporal-ui-acme-example"},
    "identityProvider": {"host": "login.acme.example"},
}


@pytest.fixture(scope="session")
def kustomize() -> str:
    found = subprocess.run([ROOT / "scripts" / "go-tool.sh", "kustomize"], stdout=subprocess.PIPE, text=True)
    if found.returncode == 3:
        pytest.skip("Go is not installed: there is no kustomize")
    assert found.returncode == 0
    return found.stdout.strip()


def build(kustomize: str, directory: Path) -> str:
    done = subprocess.run([kustomize, "build", directory], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def by_kustomize(kustomize: str, directory: Path, text: str) -> str:
    """The same resources, in kustomize's own form."""
    directory.mkdir()
    (directory / "all.yaml").write_text(text)
    (directory / "kustomization.yaml").write_text("resources: [all.yaml]\nsortOptions: {order: fifo}\n")
    return build(kustomize, directory)


def policy(directory: Path) -> str:
    """The policy as a value of the chart: the patch without its first lines."""
    text = (directory / "policy.yaml").read_text()
    _, value = text.split("  value:\n")
    return "config:\n" + "".join(line[2:] + "\n" for line in value.splitlines())


def rendered(helm: str, directory: Path, *more: str) -> str:  # noqa: F811
    (directory / "values.json").write_text(json.dumps(VALUES))
    variant = (VARIANTS / "gateway.yaml").read_text().split("config:\n")[0]
    (directory / "values.yaml").write_text(variant + policy(EXAMPLE / "open"))
    files = ["-f", str(directory / "values.yaml"), "-f", str(directory / "values.json")]
    done = subprocess.run([helm, "template", "temporal-auth", CHART, *files, *more], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def documents(text: str) -> list[str]:
    return [document.strip() for document in re.split(r"^---\n", text, flags=re.MULTILINE)]


def kinds(text: str) -> list[str]:
    return re.findall(r"^kind: (\w+)", text, re.MULTILINE)


@pytest.mark.parametrize("example, more", [("open", []), ("closed", ["--set", "open=false"])])
def test_the_example_is_what_the_chart_renders(kustomize: str, helm: str, tmp_path: Path, example: str, more: list[str]) -> None:  # noqa: F811
    built = build(kustomize, EXAMPLE / example)
    expected = by_kustomize(kustomize, tmp_path / "chart", rendered(helm, tmp_path, *more))
    assert sorted(documents(built)) == sorted(documents(expected))
    # Nothing of the manifest's own names is left over.
    assert "example.com" not in built and "0" * 64 not in built


def test_the_route_comes_after_the_filter(kustomize: str) -> None:
    assert kinds(build(kustomize, EXAMPLE / "open"))[-4:] == ["WasmPlugin", "Gateway", "VirtualService", "VirtualService"]
    assert kinds(build(kustomize, EXAMPLE / "closed"))[-1] == "WasmPlugin"


def check(file: Path) -> subprocess.CompletedProcess[str]:
    if not CHECKER.exists():
        pytest.skip("the command line is not built: make test-native")
    return subprocess.run([CHECKER, "check", "--deny-warnings", file], capture_output=True, text=True)


def test_the_command_line_accepts_the_example(kustomize: str, tmp_path: Path) -> None:
    good = tmp_path / "good.yaml"
    good.write_text(build(kustomize, EXAMPLE / "open"))
    done = check(good)
    assert done.returncode == 0 and "good.yaml: good" in done.stdout, done.stdout + done.stderr


def test_a_mistake_in_the_policy_is_refused_after_the_build(kustomize: str, tmp_path: Path) -> None:
    """kustomize knows nothing of the policy, so the check must read what it built."""
    shutil.copytree(EXAMPLE / "open", tmp_path / "open")
    patch = tmp_path / "open" / "policy.yaml"
    text = patch.read_text()
    assert "role: worker" in text
    patch.write_text(text.replace("role: worker", "role: owner"))
    bad = tmp_path / "bad.yaml"
    bad.write_text(build(kustomize, tmp_path / "open"))
    done = check(bad)
    assert done.returncode == 1 and 'unknown role "owner"' in done.stdout + done.stderr, done.stdout + done.stderr

"""The values and resources on pages about other tools that run Temporal: the chart renders them, the command line accepts them, and
an API server accepts the resources beside them."""

import re
import subprocess
from pathlib import Path

import pytest

from api_server import ApiServer
from test_chart import CHART, ROOT, helm  # noqa: F401
from test_kustomize import check

OPERATOR = (ROOT / "docs" / "temporal-operator.md").read_text()


def block(page: str, language: str, containing: str) -> str:
    found = [text for text in re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL) if containing in text]
    assert len(found) == 1, f"{len(found)} blocks with {containing}"
    return str(found[0])


@pytest.fixture
def values(tmp_path: Path) -> Path:
    file = tmp_path / "auth.yaml"
    file.write_text(block(OPERATOR, "yaml", "attach: gateway"))
    return file


def test_the_values_for_the_operator_render_and_are_accepted(helm: str, values: Path) -> None:  # noqa: F811
    done = check(values)
    assert done.returncode == 0 and "auth.yaml: good" in done.stdout, done.stdout + done.stderr
    rendered = subprocess.run([helm, "template", "temporal-auth", CHART, "-f", values], capture_output=True, text=True)
    assert rendered.returncode == 0, rendered.stderr
    # What the operator calls things, and nothing that Temporal's chart calls them.
    assert "host: prod-frontend.temporal.svc.cluster.local" in rendered.stdout
    assert "- cluster.local/ns/temporal/sa/prod-history" in rendered.stdout
    assert "temporal-frontend" not in rendered.stdout.replace("temporal-auth-frontend", "")
    selected = set(re.findall(r"app.kubernetes.io/(?:name|instance): (\w+)", rendered.stdout))
    assert selected == {"prod"}


def test_a_wrong_service_is_refused(helm: str, values: Path) -> None:  # noqa: F811
    values.write_text(values.read_text().replace("frontend: {service: prod-frontend}", "frontend: {service: other}"))
    done = subprocess.run([helm, "template", "temporal-auth", CHART, "-f", values], capture_output=True, text=True)
    assert done.returncode != 0 and "calls to it would pass undecided" in done.stderr


def test_the_resources_for_the_operator_are_accepted(server: ApiServer, tmp_path: Path) -> None:
    file = tmp_path / "operator.yaml"
    file.write_text(block(OPERATOR, "yml", "kind: AuthorizationPolicy"))
    done = server.kubectl("apply", "--dry-run=server", "-f", str(file))
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2, done.stderr
    file.write_text(file.read_text().replace("principals:", "principal:"))
    assert server.kubectl("apply", "--dry-run=server", "-f", str(file)).returncode != 0

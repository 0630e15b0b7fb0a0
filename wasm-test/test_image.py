"""`make image`: the contents of the image, and that the same module always gives the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from harness import paths

TOOLS = paths.ROOT / "tools"


def build(directory: Path, module: Path = paths.MODULE) -> str:
    """Writes the layout and its accompanying files to `directory`; returns the digest."""
    directory.mkdir()
    licenses = directory / "licenses.txt"
    run("sbom.py", "--module", module, "--bom", directory / "bom.json", "--licenses", licenses)
    out = run("image.py", module, "--licenses", licenses, "-o", directory / "image")
    return out.splitlines()[0].removeprefix("digest ")


def run(tool: str, *arguments: object) -> str:
    done = subprocess.run([sys.executable, TOOLS / tool, *map(str, arguments)], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("image") / "first"
    build(directory)
    return directory


def blob(layout: Path, digest: str) -> bytes:
    data = (layout / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()
    assert hashlib.sha256(data).hexdigest() == digest.removeprefix("sha256:")
    return data


def manifest(layout: Path) -> dict[str, Any]:
    index = json.loads((layout / "index.json").read_text())
    assert len(index["manifests"]) == 1
    described: dict[str, Any] = json.loads(blob(layout, index["manifests"][0]["digest"]))
    return described


def test_two_builds_are_identical(built: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    build(again)
    first = {path.relative_to(built): path.read_bytes() for path in built.rglob("*") if path.is_file()}
    second = {path.relative_to(again): path.read_bytes() for path in again.rglob("*") if path.is_file()}
    assert first == second and len(first) == 7  # the layout's five, licences, bill of materials


def test_another_module_is_another_image(built: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.wasm"
    other.write_bytes(paths.MODULE.read_bytes() + b"\0\x02\x01x")
    assert build(tmp_path / "other", other) != json.loads((built / "image" / "index.json").read_text())["manifests"][0]["digest"]


def test_the_image_is_what_istio_expects(built: Path) -> None:
    """One manifest; in the last layer, of this type, a file of this name (Istio's pkg/wasm/imagefetcher.go)."""
    described = manifest(built / "image")
    assert described["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    layer = described["layers"][-1]
    assert layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"
    unpacked = gzip.decompress(blob(built / "image", layer["digest"]))
    config = json.loads(blob(built / "image", described["config"]["digest"]))
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(unpacked).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(unpacked)) as archive:
        members = {m.name: m for m in archive.getmembers()}
        assert list(members) == ["plugin.wasm", "licenses.txt"]
        assert {(m.uid, m.gid, m.uname, m.gname, m.mtime, m.mode) for m in members.values()} == {(0, 0, "", "", 0, 0o644)}
        module = archive.extractfile("plugin.wasm")
        assert module is not None and module.read() == paths.MODULE.read_bytes()


def test_the_bill_of_materials(built: Path) -> None:
    bom = json.loads((built / "bom.json").read_text())
    names = {component["name"] for component in bom["components"]}
    assert {"proxy-wasm", "jwt-simple", "p256", "serde_json"} <= names
    # Macros, build scripts and what only tests use are not in the module.
    assert not {"serde_derive", "syn", "flate2", "saphyr"} & names
    subject = bom["metadata"]["component"]
    assert subject["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(paths.MODULE.read_bytes()).hexdigest()}]
    everything = [component["bom-ref"] for component in [*bom["components"], subject]]
    refs = set(everything)
    assert len(refs) == len(everything)
    assert {entry["ref"] for entry in bom["dependencies"]} == refs
    assert all(set(entry["dependsOn"]) <= refs for entry in bom["dependencies"])
    listed = (built / "licenses.txt").read_text()
    assert all(f"{component['name']} {component['version']}: " in listed for component in bom["components"])


def test_the_bill_of_materials_lists_what_the_module_shows(built: Path) -> None:
    """Messages of panics name the source file, and with it the crate, its version and the standard library."""
    bom = json.loads((built / "bom.json").read_text())
    listed = {f"{component['name']}-{component['version']}" for component in bom["components"]}
    shown = {name.decode() for name in re.findall(rb"([a-z0-9_-]+-[0-9]+\.[0-9]+\.[0-9]+[A-Za-z0-9.+-]*)/src/", paths.MODULE.read_bytes())}
    assert {name.rpartition("-")[0] for name in shown} >= {"serde_json", "proxy-wasm", "rustc-demangle"}
    assert shown <= listed, shown - listed
    std = next(component for component in bom["components"] if component["bom-ref"] == "std")
    assert std["cpe"] == f"cpe:2.3:a:rust-lang:rust:{std['version']}:*:*:*:*:*:*:*"
    subject = bom["metadata"]["component"]["bom-ref"]
    assert "std" in next(entry["dependsOn"] for entry in bom["dependencies"] if entry["ref"] == subject)
    assert {"aggregate": "incomplete", "dependencies": ["std"]} in bom["compositions"]


def test_only_a_module_is_packed(tmp_path: Path) -> None:
    text = tmp_path / "text.wasm"
    text.write_text("not a module")
    done = subprocess.run([sys.executable, TOOLS / "image.py", text, "-o", tmp_path / "image"], capture_output=True, text=True)
    assert done.returncode == 1 and "is not a WebAssembly module" in done.stderr and not (tmp_path / "image").exists()


def test_a_directory_that_is_not_a_layout_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("mine")
    done = subprocess.run([sys.executable, TOOLS / "image.py", paths.MODULE, "-o", precious], capture_output=True, text=True)
    assert done.returncode == 1 and "is not an image layout" in done.stderr and (precious / "file").read_text() == "mine"


def test_release_notes_name_the_bytes() -> None:
    image = f"registry.example.com/temporal-auth@sha256:{'a' * 64}"
    notes = [paths.ROOT / "scripts" / "release-notes.sh"]
    done = subprocess.run([*notes, "Unreleased", image, "owner/name"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    built = hashlib.sha256(paths.MODULE.read_bytes()).hexdigest()
    assert f"oci://{image}" in done.stdout and f"sha256:{built}" in done.stdout and "### Added" in done.stdout
    assert "--certificate-identity https://github.com/owner/name/.github/workflows/release.yml@refs/tags/v" in done.stdout
    assert "| Helm chart" not in done.stdout
    for arguments, words in ((["9.9.9", image], "no section [9.9.9]"), (["Unreleased", "a/b:c"], "has no digest")):
        done = subprocess.run([*notes, *arguments, "owner/name"], capture_output=True, text=True)
        assert done.returncode == 1 and words in done.stderr
    chart = f"registry.example.com/charts/temporal-auth@sha256:{'b' * 64}"
    done = subprocess.run([*notes, "Unreleased", image, "owner/name", chart], capture_output=True, text=True)
    assert done.returncode == 0 and f"| `oci://{chart}` |" in done.stdout and f"cosign verify {chart} " in done.stdout
    done = subprocess.run([*notes, "Unreleased", image, "owner/name", "charts/temporal-auth:0.1.0"], capture_output=True, text=True)
    assert done.returncode == 1 and "has no digest" in done.stderr

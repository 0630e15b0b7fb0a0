#!/usr/bin/env python3
"""Writes the module as an OCI image layout, without a daemon and without a registry.

    image.py MODULE.wasm -o DIRECTORY [--licenses FILE]

There is one manifest and no index of platforms, because Istio compares the digest of a WasmPlugin with a manifest's. There is
one layer, a gzipped tar with `plugin.wasm`, which Istio and Envoy Gateway look for, and the licences of the linked packages.
The same input gives the same bytes: the time, the user and the machine do not influence them. The tool prints the digest, for a
WasmPlugin, and the sha256 of the module itself, for serving it by HTTP.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import shutil
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
# Istio's agent reads at most this much of an unpacked layer.
LIMIT = 256 * 1024 * 1024

Descriptor = dict[str, Any]


class Layout:
    """An image layout (OCI image specification) in a fresh directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._blobs = directory / "blobs" / "sha256"
        if directory.exists():
            if not (directory / "oci-layout").exists():
                raise FileExistsError(f"{directory} exists, and is not an image layout")
            shutil.rmtree(directory)
        self._blobs.mkdir(parents=True)

    def blob(self, media_type: str, data: bytes) -> Descriptor:
        digest = hashlib.sha256(data).hexdigest()
        (self._blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def finish(self, manifest: Descriptor) -> None:
        (self.directory / "index.json").write_bytes(text({"schemaVersion": 2, "manifests": [manifest]}))
        # Last, because a directory without it is not a layout.
        (self.directory / "oci-layout").write_bytes(text({"imageLayoutVersion": "1.0.0"}))


def text(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            # Everything else of a TarInfo is a constant: owner 0, time 0.
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def build(module: bytes, licenses: bytes | None, package: dict[str, Any], directory: Path) -> Descriptor:
    """The descriptor of the manifest."""
    files = {"plugin.wasm": module} | ({"licenses.txt": licenses} if licenses is not None else {})
    archive = tar(files)
    if len(archive) > LIMIT:
        raise ValueError(f"the layer has {len(archive)} bytes, Istio reads {LIMIT}")
    layout = Layout(directory)
    layer = layout.blob(LAYER, gzip.compress(archive, 9, mtime=0))
    config = {
        # The same as `FROM scratch` on most machines: tools that mirror images refuse an image without a real platform.
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(archive).hexdigest()}"]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": layout.blob(CONFIG, text(config)),
        "layers": [layer],
        "annotations": {
            "org.opencontainers.image.title": package["name"],
            "org.opencontainers.image.description": package["description"],
            "org.opencontainers.image.version": package["version"],
            "org.opencontainers.image.licenses": package["license"],
        },
    }
    descriptor = layout.blob(MANIFEST, text(manifest))
    layout.finish(descriptor)
    return descriptor


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", type=Path)
    parser.add_argument("-o", dest="directory", type=Path, required=True, help="the layout; what was in it is replaced")
    parser.add_argument("--licenses", type=Path, help="put into the image as licenses.txt")
    arguments = parser.parse_args()
    try:
        module = arguments.module.read_bytes()
        if not module.startswith(b"\0asm\x01\0\0\0"):
            raise ValueError(f"{arguments.module} is not a WebAssembly module")
        licenses = arguments.licenses.read_bytes() if arguments.licenses else None
        manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
        package = manifest["package"] | manifest["workspace"]["package"]
        descriptor = build(module, licenses, package, arguments.directory)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"digest {descriptor['digest']}")
    print(f"module sha256:{hashlib.sha256(module).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

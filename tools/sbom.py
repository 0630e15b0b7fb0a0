#!/usr/bin/env python3
"""Lists the packages that are linked into the module: writes a CycloneDX bill of materials, and their licences.

    sbom.py --module MODULE.wasm --bom FILE.json --licenses FILE.txt

It lists only packages that the wasm target links: no build scripts, no macros, no test dependencies. It also lists Rust's standard
library, whose version and parts it reads from the module: messages of panics name their source files. It fails if a crate offers no
licence from ACCEPTED. The same sources and the same compiler give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGET = "wasm32-wasip1"
MODULE_PACKAGE = "temporal-auth-module"
# A crate must offer one of these; the first one that it offers is used.
ACCEPTED = ("Apache-2.0", "MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Zlib", "Unicode-3.0")
TEXTS = re.compile(r"(?i)^(licen[cs]e|copying|copyright|notice|unlicense)")
# Where a file of the standard library is, for rustup's compiler and for Debian's, and where a crate is that it brings along.
STD_FILE = re.compile(rb"/(?:rustc/([0-9a-f]{40})|usr/src/rustc-([0-9.]+))/library/")
STD_CRATE = re.compile(rb"/(?:rust/deps|usr/src/rustc-[0-9.]+/vendor)/([A-Za-z0-9_-]+?)-([0-9]+\.[0-9]+\.[0-9]+[A-Za-z0-9.+-]*)/")
RUST = "https://github.com/rust-lang/rust"

Crate = dict[str, Any]


class Unacceptable(Exception):
    """A package that must not be shipped as it is."""


def cargo(*arguments: str) -> str:
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def linked(metadata: dict[str, Any]) -> list[Crate]:
    """The module's packages, including the module itself, as `cargo metadata` describes them, sorted by name and version."""
    tree = cargo("tree", "--locked", "--package", MODULE_PACKAGE, "--target", TARGET, "-e", "normal,no-proc-macro", "--prefix", "none", "-f", "{p}")
    wanted = {tuple(line.split()[:2]) for line in tree.splitlines() if line.strip()}
    found = [crate for crate in metadata["packages"] if (crate["name"], "v" + crate["version"]) in wanted]
    if len(found) != len(wanted):
        raise Unacceptable(f"{len(wanted)} crates in cargo's tree, {len(found)} of them in its metadata")
    return sorted(found, key=lambda crate: (crate["name"], crate["version"]))


def expression(crate: Crate) -> str:
    """The licence as an SPDX expression; crates.io once used a slash for OR."""
    return (crate["license"] or "").replace("/", " OR ")


def taken(crate: Crate) -> str:
    """The licences that we choose from an expression such as `A AND (B OR C)`: one of each alternative."""
    parts = []
    for part in re.split(r"\s+AND\s+", expression(crate)):
        offered = [name.strip(" ()") for name in re.split(r"\s+OR\s+", part)]
        first = next((name for name in ACCEPTED if name in offered), None)
        if first is None:
            raise Unacceptable(
                f"{crate['name']} {crate['version']}: found license {crate['license']!r}, expected one of {', '.join(ACCEPTED)}"
            )
        parts.append(first)
    return " AND ".join(parts)


def license_texts(crate: Crate) -> list[str]:
    directory = Path(crate["manifest_path"]).parent
    names = sorted(path.name for path in directory.iterdir() if path.is_file() and TEXTS.match(path.name))
    return ["\n".join((directory / name).read_text(errors="replace").strip().splitlines()) for name in names]


@dataclass(frozen=True)
class StandardLibrary:
    """`version` is a release, or the commit if this machine's compiler is another one; `crates` are those that left traces."""

    version: str
    crates: list[tuple[str, str]]


def standard_library(module: bytes) -> StandardLibrary:
    found = STD_FILE.search(module)
    if not found:
        raise Unacceptable("the module names no source file of Rust's standard library")
    commit, release = (part.decode() if part else "" for part in found.groups())
    if commit:
        told = subprocess.run([os.environ.get("RUSTC", "rustc"), "-vV"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        compiler = dict(line.split(": ", 1) for line in told.splitlines() if ": " in line)
        release = compiler["release"] if compiler.get("commit-hash") == commit else commit
    return StandardLibrary(release, sorted({(name.decode(), version.decode()) for name, version in STD_CRATE.findall(module)}))


def licenses(crates: list[Crate], std: StandardLibrary) -> str:
    """The list of packages, then every licence text once, with the crates that use it."""
    lines = ["What this module is made of, and the licence that is taken where there is a choice.", ""]
    texts: dict[str, list[str]] = {}
    for crate in crates:
        name = f"{crate['name']} {crate['version']}"
        found = license_texts(crate)
        lines.append(f"{name}: {taken(crate)} (of {expression(crate)}) {crate['repository'] or ''}".rstrip())
        if not found:
            lines.append("    brings no text of its own")
        for text in found:
            texts.setdefault(text, []).append(name)
    lines += [f"std {std.version}: Apache-2.0 (of MIT OR Apache-2.0) {RUST}"]
    lines += [f"{name} {version}: a part of std" for name, version in std.crates]
    for text, owners in texts.items():
        lines += ["", "-" * 80, *textwrap.wrap(", ".join(owners), 120), "", text]
    return "\n".join(lines) + "\n"


def purl(crate: Crate) -> str:
    return f"pkg:cargo/{crate['name']}@{crate['version']}"


def component(crate: Crate, checksums: dict[tuple[str, str], str]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl(crate),
        "name": crate["name"],
        "version": crate["version"],
        "purl": purl(crate),
        "licenses": [{"expression": expression(crate)}],
    }
    if checksum := checksums.get((crate["name"], crate["version"])):
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if crate["repository"]:
        described["externalReferences"] = [{"type": "vcs", "url": crate["repository"]}]
    return described


def std_components(std: StandardLibrary) -> list[dict[str, Any]]:
    """The standard library, then its crates. It is in no registry: a CPE is what databases of vulnerabilities know it by."""
    itself = {
        "type": "library",
        "bom-ref": "std",
        "name": "std",
        "version": std.version,
        "description": "Rust's standard library",
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
        "externalReferences": [{"type": "vcs", "url": RUST}],
    }
    if re.fullmatch(r"[0-9.]+", std.version):
        itself["cpe"] = f"cpe:2.3:a:rust-lang:rust:{std.version}:*:*:*:*:*:*:*"
    parts = [
        {"type": "library", "bom-ref": f"std:{name}@{version}", "name": name, "version": version, "purl": f"pkg:cargo/{name}@{version}"}
        for name, version in std.crates
    ]
    return [itself, *parts]


def bill(crates: list[Crate], metadata: dict[str, Any], module: bytes, std: StandardLibrary) -> dict[str, Any]:
    """CycloneDX 1.6, without a time or a serial number: both would be new with each build."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    checksums = {(p["name"], p["version"]): p["checksum"] for p in lock["package"] if "checksum" in p}
    itself = next(crate for crate in crates if crate["name"] == MODULE_PACKAGE)
    subject = component(itself, checksums) | {
        "type": "application",
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(module).hexdigest()}],
    }
    rust, *parts = std_components(std)
    linked_crates = dependencies(crates, metadata)
    for entry in linked_crates:
        if entry["ref"] == subject["bom-ref"]:
            entry["dependsOn"].append(rust["bom-ref"])
    of_std = [{"ref": rust["bom-ref"], "dependsOn": [part["bom-ref"] for part in parts]}]
    of_std += [{"ref": part["bom-ref"], "dependsOn": []} for part in parts]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": subject},
        "components": [*(component(crate, checksums) for crate in crates if crate is not itself), rust, *parts],
        "dependencies": linked_crates + of_std,
        # Crates of the standard library that leave no trace in the module are not listed.
        "compositions": [
            {"aggregate": "complete", "dependencies": [entry["ref"] for entry in linked_crates]},
            {"aggregate": "incomplete", "dependencies": [rust["bom-ref"]]},
        ],
    }


def dependencies(crates: list[Crate], metadata: dict[str, Any]) -> list[dict[str, Any]]:
    refs = {crate["id"]: purl(crate) for crate in crates}
    graph = []
    for node in metadata["resolve"]["nodes"]:
        if node["id"] not in refs:
            continue
        normal = [d["pkg"] for d in node["deps"] if any(kind["kind"] is None for kind in d["dep_kinds"])]
        graph.append({"ref": refs[node["id"]], "dependsOn": sorted({refs[i] for i in normal if i in refs})})
    return sorted(graph, key=lambda entry: str(entry["ref"]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module", type=Path, required=True)
    parser.add_argument("--bom", type=Path, required=True)
    parser.add_argument("--licenses", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET))
        crates = linked(metadata)
        module = arguments.module.read_bytes()
        std = standard_library(module)
        arguments.licenses.write_text(licenses(crates, std))
        arguments.bom.write_text(json.dumps(bill(crates, metadata, module, std), indent=1) + "\n")
    except (OSError, Unacceptable) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"error: {error}\n{error.stderr}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

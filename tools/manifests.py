"""Renders istio/manifests/ from the chart, one file for each of istio/variants/, and copies the one that istio/kustomize/ is
made from: kustomize reads no file outside of its directory. With --check it reports whether they are current. Exits with 3 if there is no Go to build helm with.

    python3 tools/manifests.py [--check]
"""

import difflib
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ISTIO = ROOT / "istio"
OUT = ISTIO / "manifests"
COPY = ISTIO / "kustomize" / "open" / "gateway.yaml"

# The order in which kubectl applies the resources of a file: the filter is in place before anybody can connect.
LAST = ["EnvoyExtensionPolicy", "EnvoyFilter", "TrafficExtension", "WasmPlugin", "Gateway", "GRPCRoute", "VirtualService"]


def helm() -> str:
    found = subprocess.run([ROOT / "scripts" / "go-tool.sh", "helm"], stdout=subprocess.PIPE, text=True)
    if found.returncode:
        sys.exit(found.returncode)
    return found.stdout.strip()


def variants() -> list[Path]:
    return sorted(path for path in (ISTIO / "variants").glob("*.yaml") if path.name != "policy.yaml")


def kind(document: str) -> str:
    found = re.search(r"^kind: (\w+)", document, re.MULTILINE)
    assert found, document
    return found[1]


def order(document: str) -> int:
    # The route that makes the provider known to Envoy Gateway does not open the frontend.
    is_last = kind(document) in LAST and "-idp" not in document.split("spec:")[0]
    return LAST.index(kind(document)) + 1 if is_last else 0


def render(helm: str, variant: Path) -> str:
    values: list[str | Path] = ["-f", ISTIO / "variants" / "policy.yaml", "-f", variant]
    done = subprocess.run([helm, "template", "temporal-auth", ISTIO / "chart", *values], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{variant.relative_to(ROOT)}: {done.stderr}")
    documents = re.split(r"^---\n", done.stdout, flags=re.MULTILINE)
    documents = [re.sub(r"^# Source: .*\n", "", document, flags=re.MULTILINE).strip() for document in documents]
    documents = sorted(filter(None, documents), key=order)
    # The variant's own comment, and how the file was made.
    head = [line for line in variant.read_text().splitlines() if line.startswith("#")]
    head.append(f"# Rendered from istio/chart with istio/variants/policy.yaml and istio/variants/{variant.name}: make generate")
    return "\n".join(head) + "\n" + "\n---\n".join(documents) + "\n"


def main() -> None:
    binary = helm()
    made = {variant.name: render(binary, variant) for variant in variants()}
    if sys.argv[1:] != ["--check"]:
        OUT.mkdir(exist_ok=True)
        for stale in OUT.glob("*.yaml"):
            stale.unlink()
        for name, text in made.items():
            (OUT / name).write_text(text)
        COPY.write_text(made[COPY.name])
        return
    there = {path.name: path.read_text() for path in OUT.glob("*.yaml")}
    for name in sorted(made | there):
        old, new = (side.get(name, "").splitlines() for side in (there, made))
        sys.stderr.writelines(line + "\n" for line in difflib.unified_diff(old, new, name, f"{name}, rendered", lineterm=""))
    if not COPY.exists() or COPY.read_text() != made[COPY.name]:
        sys.exit("manifests: istio/kustomize/open/gateway.yaml is not istio/manifests/gateway.yaml: make generate")
    if made != there:
        sys.exit("manifests: istio/manifests is not what the chart renders: make generate")


if __name__ == "__main__":
    main()

"""Writes istio/chart/README.md with helm-docs, from the comments of values.yaml. A value without a comment is an error. With
--check it reports whether the page is current. Exits with 3 if there is no Go to build helm-docs with.

    python3 tools/chart_readme.py [--check [CHART]]
"""

import difflib
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "istio" / "chart"
OUT = CHART / "README.md"
# In the order of values.yaml.
OPTIONS = ["--dry-run", "--sort-values-order=file", "--log-level=warning"]


def helm_docs() -> str:
    found = subprocess.run([ROOT / "scripts" / "go-tool.sh", "helm-docs"], stdout=subprocess.PIPE, text=True)
    if found.returncode:
        sys.exit(found.returncode)
    return found.stdout.strip()


def page(binary: str, chart: Path = CHART) -> str:
    done = subprocess.run([binary, f"--chart-search-root={chart}", *OPTIONS], capture_output=True, text=True)
    # It reports success even if it could not read the chart.
    if done.returncode or not done.stdout.strip():
        sys.exit(f"chart_readme: {done.stderr}")
    # Its own strict mode does not know comments that begin with `# --`.
    bare = re.findall(r"^\| `([^`]+)` \|.*\|  \|$", done.stdout, re.MULTILINE)
    if bare:
        sys.exit(f"chart_readme: values.yaml: without a comment that begins with `# --`: {', '.join(bare)}")
    return done.stdout.strip() + "\n"


def main() -> None:
    check, *chart = sys.argv[1:] or [""]
    made = page(helm_docs(), Path(chart[0]) if chart else CHART)
    if check != "--check":
        OUT.write_text(made)
        return
    there = OUT.read_text() if OUT.exists() else ""
    sys.stderr.writelines(line + "\n" for line in difflib.unified_diff(there.splitlines(), made.splitlines(), "README.md", "README.md, generated", lineterm=""))
    if made != there:
        sys.exit("chart_readme: istio/chart/README.md is not current: make generate")


if __name__ == "__main__":
    main()

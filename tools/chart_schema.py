"""Writes istio/chart/values.schema.json: the schema of the chart's values from values.schema.in.json, with the schema of the
filter's configuration (docs/config.schema.json) in it. It is one file, because helm follows no reference out of a chart.

    python3 tools/chart_schema.py [--check]
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "istio" / "chart"
OUT = CHART / "values.schema.json"


def schema() -> str:
    values = json.loads((CHART / "values.schema.in.json").read_text())
    config = json.loads((ROOT / "docs" / "config.schema.json").read_text())
    # References within it are "#/$defs/…": the definitions of both schemas are in one object, and must not share a name.
    inner = config.pop("$defs")
    for key in ("$schema", "$id"):
        config.pop(key, None)
    twice = sorted(set(inner) & set(values["$defs"]) | {"filter-configuration"} & set(inner))
    if twice:
        sys.exit(f"chart_schema: the definitions {', '.join(twice)} are in both schemas: rename those of the chart")
    values["$defs"] |= inner | {"filter-configuration": config}
    return json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    made = schema()
    if sys.argv[1:] == ["--check"]:
        if not OUT.exists() or OUT.read_text() != made:
            sys.exit(f"chart_schema: {OUT.relative_to(ROOT)} is not current: make generate")
        return
    OUT.write_text(made)


if __name__ == "__main__":
    main()

#!/usr/bin/env bash
# Validates target/temporal-auth.cdx.json with CycloneDX's own schema and validator, strictly: `make image` comes first.
. "$(dirname "$0")/lib.sh"

BOM=${1:-target/temporal-auth.cdx.json}
[ -f "$BOM" ] || die "$BOM is not there: make image"
# A directory of its own: nothing else here needs these packages.
HOME_OF_PACKAGES=$CACHE/cyclonedx
REQUIREMENTS=scripts/sbom-check.txt
PY=$CACHE/venv/bin/python
want="$("$PY" -V) $(cksum <"$REQUIREMENTS")"

if [ ! -f "$HOME_OF_PACKAGES/.stamp" ] || [ "$(cat "$HOME_OF_PACKAGES/.stamp")" != "$want" ]; then
  say "sbom-check: CycloneDX's validator into .cache/cyclonedx (once)"
  rm -rf "$HOME_OF_PACKAGES"
  "$PY" -m pip install --quiet --disable-pip-version-check --no-deps --target "$HOME_OF_PACKAGES" -r "$REQUIREMENTS" >&2
  printf '%s' "$want" >"$HOME_OF_PACKAGES/.stamp"
fi

PYTHONPATH=$HOME_OF_PACKAGES "$PY" - "$BOM" <<'VALIDATE'
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(Path(sys.argv[1]).read_text())
if wrong:
    sys.exit(f"error: {sys.argv[1]} is not valid CycloneDX 1.6: {str(wrong).splitlines()[0]}")
print(f"{sys.argv[1]}: valid CycloneDX 1.6")
VALIDATE

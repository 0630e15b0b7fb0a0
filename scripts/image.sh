#!/usr/bin/env bash
# Writes target/image, an OCI image layout with the module, and beside it what is in it: target/licenses.txt and
# target/temporal-auth.cdx.json (CycloneDX). `make module` comes first.
. "$(dirname "$0")/lib.sh"

MODULE=target/temporal-auth.wasm
PY=${PYTHON:-python3}

"$PY" tools/sbom.py --module "$MODULE" --bom target/temporal-auth.cdx.json --licenses target/licenses.txt
"$PY" tools/image.py "$MODULE" --licenses target/licenses.txt -o target/image

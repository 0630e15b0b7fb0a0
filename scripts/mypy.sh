#!/usr/bin/env bash
# Checks the types of all Python here. One run for each directory whose files import each other by bare names.
. "$(dirname "$0")/lib.sh"

check() {
  MYPYPATH=$1 "$CACHE/venv/bin/python" -m mypy --no-error-summary --cache-dir ".cache/mypy/$2" "${@:2}"
}

check wasm-test:wasm-test/parity:demo:tools wasm-test --exclude wasm-test/mesh --exclude wasm-test/ui --exclude wasm-test/keycloak --exclude wasm-test/sdks --exclude wasm-test/test_recording.py
check wasm-test:wasm-test/ui:demo wasm-test/ui
check wasm-test:wasm-test/keycloak:demo wasm-test/keycloak
check wasm-test:wasm-test/sdks:wasm-test/sdks/python wasm-test/sdks
check wasm-test:wasm-test/mesh:wasm-test/ui:demo wasm-test/mesh
check wasm-test:istio istio --exclude istio/bypass-check
check istio/bypass-check istio/bypass-check
check wasm-test:demo demo wasm-test/test_recording.py
check wasm-test:bench bench
check tools fuzz
# vectors.py is a script with the name of the package that it runs.
check wasm-test:tools tools --exclude tools/vectors.py

#!/usr/bin/env bash
# Builds target/temporal-auth.wasm.
. "$(dirname "$0")/lib.sh"

# Envoy compiles the module at start and holds it once per worker thread: stay small.
LIMIT=$((1024 * 1024))

scripts/wasm-cargo.sh build --profile module --package temporal-auth-module
"${PYTHON:-python3}" tools/strip_exports.py "${CARGO_TARGET_DIR:-target}/wasm32-wasip1/module/temporal_auth_module.wasm" \
  -o target/temporal-auth.wasm --max-size $((LIMIT - 1))

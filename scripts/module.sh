#!/usr/bin/env bash
# Builds target/temporal-auth.wasm, and target/temporal-auth-lean.wasm, which is not called for answers.
. "$(dirname "$0")/lib.sh"

# Envoy compiles the module at start and holds it once per worker thread: stay small.
LIMIT=$((1122 * 1024))

scripts/wasm-cargo.sh build --profile module --package temporal-auth-module
built=${CARGO_TARGET_DIR:-target}/wasm32-wasip1/module/temporal_auth_module.wasm
"${PYTHON:-python3}" tools/strip_exports.py "$built" -o target/temporal-auth.wasm --max-size $((LIMIT - 1))
"${PYTHON:-python3}" tools/strip_exports.py "$built" -o target/temporal-auth-lean.wasm --lean

#!/usr/bin/env bash
# Compares what this library makes of random requests with what Temporal's own code does: COUNT calls over gRPC, and as many
# over HTTP.
#
#   scripts/oracle.sh COUNT SEED [--release]
#
# Ends with 3 where Go is not installed.
. "$(dirname "$0")/lib.sh"

scripts/go-build.sh wasm-test/oracle "one to three minutes" || exit
export ORACLE="$CACHE/go/oracle/oracle generate -count ${1:?how many} -seed ${2:?which}"
export ORACLE_HTTP="$ORACLE -http"
# The packages of `make test`, so that nothing is built again for this one.
read -ra packages <<<"${TESTED:---package temporal-auth-tests}"
cargo test "${packages[@]}" "${@:3}" --test oracle -- --nocapture

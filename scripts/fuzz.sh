#!/usr/bin/env bash
# Runs every fuzz target, or those in FUZZ_TARGETS, for FUZZ_SECONDS each. A finding fails; its input is kept, and tried
# first by every later run until it is none.
. "$(dirname "$0")/lib.sh"

WORK=$CACHE/fuzz
VERSION=0.13.2
ORACLE=$CACHE/go/oracle/oracle
# Almost nothing here is unsafe code, and the address sanitizer would halve the number of runs.
BUILD=(--fuzz-dir "$ROOT/fuzz" --target-dir "$WORK/target" --sanitizer "${FUZZ_SANITIZER:-none}")
LIMITS=(-timeout=10 -rss_limit_mb=2048 -max_len=8192 "-max_total_time=${FUZZ_SECONDS:-60}" -print_final_stats=1)

rustup toolchain list | grep -q '^nightly' || die "a nightly compiler is needed: rustup toolchain install nightly --profile minimal"
mkdir -p "$WORK"
export PATH="$CACHE/tools/bin:$PATH"
if ! cargo-fuzz --version 2>/dev/null | grep -q " $VERSION\$"; then
  say "fuzz: installing cargo-fuzz (a minute, once)"
  cargo install cargo-fuzz --version "$VERSION" --locked --quiet --root "$CACHE/tools" --target-dir "$WORK/target"
fi

# Without the oracle's cases the fuzzer has less to begin with.
scripts/go-build.sh wasm-test/oracle "one to three minutes" || say "fuzz: no oracle, fewer seeds"
marker=$WORK/seeds/config.dict
if [ ! -e "$marker" ] || [ fuzz/seeds.py -nt "$marker" ] || [ "$ORACLE" -nt "$marker" ]; then
  if [ -x "$ORACLE" ]; then "$ORACLE" generate -count 2000 -seed 7; fi >"$WORK/cases.jsonl"
  rm -rf "$WORK/seeds"
  python3 fuzz/seeds.py "$WORK/seeds" <"$WORK/cases.jsonl"
fi

say "fuzz: building"
cargo +nightly fuzz build "${BUILD[@]}" >"$WORK/build.log" 2>&1 || { cat "$WORK/build.log" >&2; exit 1; }
targets=${FUZZ_TARGETS:-$(cargo +nightly fuzz list --fuzz-dir "$ROOT/fuzz")}
printf '%-12s %10s %8s %9s %7s %9s\n' target runs runs/s coverage inputs findings
result=0
for target in $targets; do
  corpus=$WORK/corpus/$target seeds=$WORK/seeds/$target found=$WORK/findings/$target log=$WORK/$target.log
  mkdir -p "$corpus" "$seeds" "$found"
  words=()
  if [ -e "$WORK/seeds/$target.dict" ]; then words=("-dict=$WORK/seeds/$target.dict"); fi
  status=0
  RUST_BACKTRACE=0 cargo +nightly fuzz run "${BUILD[@]}" "$target" "$corpus" "$seeds" "$found" -- \
    "${LIMITS[@]}" "${words[@]}" "-artifact_prefix=$found/" >"$log" 2>&1 || status=$?
  # What was a finding once is an ordinary input when it no longer fails.
  if [ "$status" = 0 ]; then find "$found" -type f -exec mv {} "$corpus/" \;; fi
  stat() { sed -n "s/^stat::$1: *//p" "$log"; }
  printf '%-12s %10s %8s %9s %7s %9s\n' "$target" "$(stat number_of_executed_units)" "$(stat average_exec_per_sec)" \
    "$(grep -ao ' cov: [0-9]*' "$log" | tail -n 1 | cut -d ' ' -f 3)" "$(find "$corpus" -type f | wc -l)" "$(find "$found" -type f | wc -l)"
  if [ "$status" != 0 ]; then
    result=1
    say "fuzz: $target failed, see ${log#"$ROOT"/}; its inputs are in ${found#"$ROOT"/}"
    { grep -a -A 1 -E 'panicked at|ERROR: libFuzzer' "$log" | cut -c 1-300 >&2; } || true
  fi
done
exit "$result"

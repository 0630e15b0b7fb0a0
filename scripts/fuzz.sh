#!/usr/bin/env bash
# Runs every fuzz target, or those in FUZZ_TARGETS, for FUZZ_SECONDS each. A finding fails; its input is kept, and tried
# first by every later run until it is none. With FUZZ_KEEP=1 the inputs that together cover what all of them cover are
# written to fuzz/corpora, which tests/fuzz replays.
. "$(dirname "$0")/lib.sh"

WORK=$CACHE/fuzz
VERSION=0.13.2
# Almost nothing here is unsafe code, and the address sanitizer would halve the number of runs.
BUILD=(--fuzz-dir "$ROOT/fuzz" --target-dir "$WORK/target" --sanitizer "${FUZZ_SANITIZER:-none}" --debug-assertions)
LIMITS=(-timeout=10 -rss_limit_mb=2048 -max_len=8192 "-max_total_time=${FUZZ_SECONDS:-60}" -print_final_stats=1)

rustup toolchain list | grep -q '^nightly' || die "a nightly compiler is needed: rustup toolchain install nightly --profile minimal"
mkdir -p "$WORK"
export PATH="$CACHE/tools/bin:$PATH"
if ! cargo-fuzz --version 2>/dev/null | grep -q " $VERSION\$"; then
  say "fuzz: installing cargo-fuzz (a minute, once)"
  cargo install cargo-fuzz --version "$VERSION" --locked --quiet --root "$CACHE/tools" --target-dir "$WORK/target"
fi

rm -rf "$WORK/seeds" "$WORK/kept"
gzip -cd vectors/oracle.jsonl.gz | python3 fuzz/seeds.py "$WORK/seeds"
python3 fuzz/corpora.py unpack "$WORK/kept"

say "fuzz: building"
cargo +nightly fuzz build "${BUILD[@]}" >"$WORK/build.log" 2>&1 || { cat "$WORK/build.log" >&2; exit 1; }
targets=${FUZZ_TARGETS:-$(cargo +nightly fuzz list --fuzz-dir "$ROOT/fuzz")}
printf '%-12s %10s %8s %9s %7s %9s\n' target runs runs/s coverage inputs findings
result=0

keep() {
  local least=$WORK/least
  rm -rf "$least"
  mkdir -p "$least"
  cargo +nightly fuzz run "${BUILD[@]}" "$target" "$least" "$corpus" "$seeds" "$kept" -- -merge=1 -max_len=8192 >"$log.merge" 2>&1
  python3 fuzz/corpora.py pack "$target" "$least" >&2
}

for target in $targets; do
  corpus=$WORK/corpus/$target seeds=$WORK/seeds/$target found=$WORK/findings/$target log=$WORK/$target.log
  kept=$WORK/kept/$target
  mkdir -p "$corpus" "$seeds" "$found" "$kept"
  words=()
  if [ -e "$WORK/seeds/$target.dict" ]; then words=("-dict=$WORK/seeds/$target.dict"); fi
  status=0
  RUST_BACKTRACE=0 cargo +nightly fuzz run "${BUILD[@]}" "$target" "$corpus" "$seeds" "$kept" "$found" -- \
    "${LIMITS[@]}" "${words[@]}" "-artifact_prefix=$found/" >"$log" 2>&1 || status=$?
  # What was a finding once is an ordinary input when it no longer fails.
  if [ "$status" = 0 ]; then find "$found" -type f -exec mv {} "$corpus/" \;; fi
  if [ "$status" = 0 ] && [ "${FUZZ_KEEP:-}" = 1 ]; then keep; fi
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

#!/usr/bin/env bash
# Runs one command while another runs: whichever fails, fails both. The first one's output is shown when it is over.
#
#   scripts/beside.sh "make parts" "make test-native"
. "$(dirname "$0")/lib.sh"

log=$(mktemp "$CACHE/beside.XXXXXX")
# In a process group of its own, so that all of it can be stopped.
set -m
bash -c "$1" >"$log" 2>&1 &
beside=$!
set +m
trap 'kill -- "-$beside" 2>/dev/null; rm -f "$log"' EXIT

bash -c "$2"
code=0
wait "$beside" || code=$?
cat "$log" >&2
exit "$code"

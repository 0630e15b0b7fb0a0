#!/usr/bin/env bash
# What the tests of monitoring/ need, into .cache/monitoring: Prometheus from Debian's package, unpacked and not installed, and
# some Python packages. Does nothing when nothing changed. Ends with 3 where there is no Prometheus: what needs it may then be
# skipped.
. "$(dirname "$0")/lib.sh"

OUT=$CACHE/monitoring
PY=$CACHE/venv/bin/python
# Debian 12's. Another release has another version, which will do: apt verifies what it downloads.
VERSION=2.42.0+ds-5+deb12u1

fresh() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

setup_python() {
  local want stamp=$OUT/python/.stamp
  want="$("$PY" -V 2>&1) $(cksum <monitoring/requirements.txt)"
  if fresh "$stamp" "$want"; then return; fi
  say "monitoring: Python packages into .cache/monitoring/python (20 MB, once)"
  rm -rf "$OUT/python"
  "$PY" -m pip install --disable-pip-version-check --quiet --no-deps --target "$OUT/python" -r monitoring/requirements.txt >&2
  printf '%s' "$want" >"$stamp"
}

download() {
  apt-get download "prometheus=$VERSION" || apt-get download prometheus
}

setup_prometheus() {
  if [ -x "$OUT/prometheus/usr/bin/promtool" ] || { command -v prometheus && command -v promtool; } >/dev/null 2>&1; then return; fi
  { command -v apt-get && command -v dpkg-deb; } >/dev/null 2>&1 || return 3
  say "monitoring: Prometheus into .cache/monitoring (20 MB to download, once)"
  rm -rf "$OUT/download" "$OUT/unpacked" "$OUT/prometheus"
  mkdir -p "$OUT/download"
  # Package lists may be missing, and only root can fetch them.
  (cd "$OUT/download" && { download || { apt-get update && download; }; }) >"$CACHE/apt.log" 2>&1 || return 3
  dpkg-deb -x "$OUT"/download/prometheus_*.deb "$OUT/unpacked"
  mv "$OUT/unpacked" "$OUT/prometheus"
  rm -rf "$OUT/download"
}

setup_python
setup_prometheus || {
  say "Prometheus is not installed, and apt-get has none: what needs it is skipped. Debian, Ubuntu: apt-get install prometheus"
  exit 3
}

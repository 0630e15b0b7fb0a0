#!/usr/bin/env bash
# What a person needs in front of Temporal, in addition to what setup.sh installs. Does nothing when nothing changed.
#
#   ui.sh           Temporal's Web UI, which `make run` starts; built from its Go module. Ends with 3 where Go is not installed
#   ui.sh browser   that, Chromium, and what drives it: for `make test-mesh`
#   ui.sh test      all of it, and Keycloak: for `make test-ui`
#   ui.sh keycloak  Keycloak alone: for `make test-keycloak`
. "$(dirname "$0")/lib.sh"

UI=$CACHE/ui
PY=$CACHE/venv/bin/python
KEYCLOAK_VERSION=26.7.3
KEYCLOAK=$UI/keycloak-$KEYCLOAK_VERSION
KEYCLOAK_SHA256=27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f

fresh() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

setup_driver() {
  local want stamp=$UI/python/.stamp
  want="$("$PY" -V 2>&1) $(cksum <wasm-test/ui/requirements.txt)"
  if fresh "$stamp" "$want"; then return; fi
  say "ui: driver of the browser into .cache/ui/python (130 MB, once)"
  rm -rf "$UI/python"
  "$PY" -m pip install --disable-pip-version-check --quiet --no-deps --target "$UI/python" -r wasm-test/ui/requirements.txt >&2
  printf '%s' "$want" >"$stamp"
}

# A browser is the system's: CHROMIUM names one, otherwise any of these that is on the PATH will do.
setup_browser() {
  local name
  for name in "${CHROMIUM:-chromium}" chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then return; fi
  done
  apt_install chromium ||
    die "Chromium is needed. Debian, Ubuntu, as root: apt-get install chromium. CHROMIUM=/path/to/chromium names another one."
}

# Maven fetches it, and Java runs it.
can_have_keycloak() { [ -x "$KEYCLOAK/bin/kc.sh" ] || { command -v mvn && command -v java; } >/dev/null 2>&1; }

setup_keycloak() {
  if [ -x "$KEYCLOAK/bin/kc.sh" ]; then return; fi
  say "ui: Keycloak $KEYCLOAK_VERSION into .cache/ui (200 MB, once)"
  rm -rf "$UI/download" "$KEYCLOAK"
  mvn --quiet --batch-mode -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
    "-Dartifact=org.keycloak:keycloak-quarkus-dist:$KEYCLOAK_VERSION:zip" "-DoutputDirectory=$UI/download" >&2
  echo "$KEYCLOAK_SHA256  $UI/download/keycloak-quarkus-dist-$KEYCLOAK_VERSION.zip" | sha256sum --check --quiet - >&2
  "$PY" -m zipfile -e "$UI/download/keycloak-quarkus-dist-$KEYCLOAK_VERSION.zip" "$UI"
  chmod +x "$KEYCLOAK/bin/kc.sh"
  rm -rf "$UI/download"
}

# The commands of the page take tokens out of answers with it.
setup_jq() {
  if command -v jq >/dev/null 2>&1; then return; fi
  apt_install jq || die "jq is needed. Debian, Ubuntu, as root: apt-get install jq"
}

NO_KEYCLOAK="Maven and Java 17 are not installed. Debian, Ubuntu: apt-get install maven openjdk-17-jre-headless"
if [ "${1:-}" = keycloak ]; then
  can_have_keycloak || die "$NO_KEYCLOAK"
  setup_keycloak
  setup_jq
  exit
fi
scripts/go-build.sh wasm-test/ui/server "two minutes"
case ${1:-} in
  browser | test)
    setup_driver
    setup_browser
    ;;
esac
if [ "${1:-}" = test ]; then
  if can_have_keycloak; then setup_keycloak; else say "Tests with Keycloak are skipped: $NO_KEYCLOAK"; fi
fi

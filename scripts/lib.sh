# shellcheck shell=bash
# Shared by the scripts in this directory. Sourced, never run.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=$ROOT/.cache
mkdir -p "$CACHE"
cd "$ROOT"

say() { printf '%s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Installs Debian packages, where that can be done. The caller says what else would help.
apt_install() {
  if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then return 1; fi
  say "setup: apt-get install $* (once)"
  export DEBIAN_FRONTEND=noninteractive
  local install=(apt-get install -y --no-install-recommends "$@")
  # Package lists may be missing or older than what they point at; fetching them is slow, so only then.
  "${install[@]}" >"$CACHE/apt.log" 2>&1 || { apt-get update && "${install[@]}"; } >"$CACHE/apt.log" 2>&1
}

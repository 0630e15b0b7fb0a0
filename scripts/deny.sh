#!/usr/bin/env bash
# Checks the linked dependencies by deny.toml. Installs cargo-deny into .cache/tools, once.
. "$(dirname "$0")/lib.sh"

VERSION=0.20.2
export PATH="$CACHE/tools/bin:$PATH"
if ! cargo deny --version 2>/dev/null | grep -q " $VERSION\$"; then
  say "deny: installing cargo-deny (five minutes, once)"
  cargo install cargo-deny --version "$VERSION" --locked --quiet --root "$CACHE/tools" --target-dir "$CACHE/tools/build"
  rm -rf "$CACHE/tools/build"
fi
cargo deny --workspace check "$@"

#!/usr/bin/env bash
# Builds the module a second time, as another machine would: from a copy of the sources in another directory, with
# another home of cargo and nothing built before. Fails unless it is target/temporal-auth.wasm, byte by byte.
. "$(dirname "$0")/lib.sh"

MODULE=target/temporal-auth.wasm
[ -f "$MODULE" ] || die "$MODULE is not there: make module"
COPY=$(mktemp -d)
trap 'rm -rf "$COPY"' EXIT

mkdir "$COPY/source" "$COPY/cargo"
# Every member of the workspace, or cargo would not read the manifest.
cp -R Cargo.toml Cargo.lock rust-toolchain.toml src module cli tests bench fuzz wasm-test scripts tools "$COPY/source"
# Downloads need not be repeated: what is unpacked from them is in the other home all the same.
for kept in registry config.toml; do
  if [ -e "${CARGO_HOME:-$HOME/.cargo}/$kept" ]; then ln -s "${CARGO_HOME:-$HOME/.cargo}/$kept" "$COPY/cargo/$kept"; fi
done

say "reproduce: building once more in $COPY"
(
  # The compiler stays the same one: rustup's installation is not part of cargo's home.
  export CARGO_HOME=$COPY/cargo
  unset CARGO_TARGET_DIR
  cd "$COPY/source" && scripts/module.sh >"$COPY/log" 2>&1
) || { tail -n 20 "$COPY/log" >&2; die "the second build failed"; }

cmp "$MODULE" "$COPY/source/$MODULE" || die "the second build is another module"
say "reproduce: the same, sha256 $(sha256sum "$MODULE" | cut -d ' ' -f 1)"

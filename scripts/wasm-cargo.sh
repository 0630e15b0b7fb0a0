#!/usr/bin/env bash
# cargo for wasm32-wasip1, with whatever standard library for it can be had here:
#
#     scripts/wasm-cargo.sh build --release
#     scripts/wasm-cargo.sh clippy -- -D warnings
#
# 1. rustup's: the target is installed, or `rustup target add` installs it. What nearly everybody has.
# 2. Debian's compiler with the standard library built from Debian's sources (`-Z build-std`), where rustup's server is
#    out of reach. Compiler, sources and clippy must be of one version, so all three come from Debian: rustup's own
#    compiler cannot build another version's standard library, and its clippy cannot read what Debian's compiler wrote.
#
# WASM_TOOLCHAIN=rustup or =debian takes one of them without looking.
. "$(dirname "$0")/lib.sh"

TARGET=wasm32-wasip1
LINKER=wasm-ld-22
PACKAGES=(rustc-web rust-web-src lld-22 wasi-libc rust-web-clippy)

has_target() { [ -d "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/$TARGET" ]; }

# Tried once per compiler: where it cannot work it may take a minute to find that out.
add_target() {
  command -v rustup >/dev/null 2>&1 || return 1
  local failed=$CACHE/no-rustup-target
  if [ -f "$failed" ] && [ "$(cat "$failed")" = "$(rustc -V)" ]; then return 1; fi
  say "wasm: rustup target add $TARGET (once)"
  if timeout 90 rustup target add "$TARGET" >"$CACHE/rustup.log" 2>&1 && has_target; then return 0; fi
  rustc -V >"$failed"
  say "wasm: rustup cannot install it (.cache/rustup.log; remembered in .cache/no-rustup-target)"
  return 1
}

# Looks for the files, not for the packages: asking dpkg would take longer than a build that has nothing to do.
has_debian() {
  [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo-clippy ] && [ -f /usr/lib/wasm32-wasi/libc.a ] &&
    command -v "$LINKER" >/dev/null 2>&1 &&
    [ -f "/usr/src/rustc-$(/usr/bin/rustc -V | cut -d' ' -f2)/library/std/Cargo.toml" ]
}

add_debian() {
  apt_install "${PACKAGES[@]}" || true
  has_debian || die "no standard library for $TARGET. Either: rustup target add $TARGET
       or, on Debian, as root:  apt-get install ${PACKAGES[*]}  (tried as root: see .cache/apt.log)"
}

# Paths of this machine stay out of the module: the same sources give the same bytes elsewhere.
FLAGS=("--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=" "--remap-path-prefix=$ROOT=")

# cargo takes flags that may contain spaces only in this form, with a separator that nobody types.
encoded_flags() { local IFS=$'\x1f'; printf '%s' "${FLAGS[*]}"; }

run_debian() {
  export RUSTC=/usr/bin/rustc
  # build-std is an unstable option; this variable makes the compiler accept it.
  export RUSTC_BOOTSTRAP=1
  export CARGO_TARGET_WASM32_WASIP1_LINKER=$LINKER
  # Debian keeps the C library apart from the compiler.
  FLAGS+=(-L native=/usr/lib/wasm32-wasi -C link-self-contained=no)
  local cargo=(cargo) command=$1
  shift
  # cargo-clippy uses the clippy-driver in its own directory: Debian's, to match the compiler.
  if [ "$command" = clippy ]; then cargo=(/usr/bin/cargo-clippy); fi
  CARGO_ENCODED_RUSTFLAGS=$(encoded_flags) exec "${cargo[@]}" "$command" --target "$TARGET" -Z build-std=std,panic_abort "$@"
}

run_rustup() {
  local command=$1
  shift
  CARGO_ENCODED_RUSTFLAGS=$(encoded_flags) exec cargo "$command" --target "$TARGET" "$@"
}

[ $# -gt 0 ] || die "usage: scripts/wasm-cargo.sh CARGO-COMMAND [ARGUMENTS]"
command -v cargo >/dev/null 2>&1 || die "cargo is needed. Install Rust with rustup (https://rustup.rs)."
case ${WASM_TOOLCHAIN:-} in
  rustup) has_target || add_target || die "rustup cannot install $TARGET" ;;
  debian) has_debian || add_debian ;;
  '') has_target || add_target || has_debian || add_debian ;;
  *) die "WASM_TOOLCHAIN is rustup or debian, not $WASM_TOOLCHAIN" ;;
esac
if [ "${WASM_TOOLCHAIN:-}" != debian ] && has_target; then run_rustup "$@"; else run_debian "$@"; fi

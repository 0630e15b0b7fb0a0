#!/usr/bin/env bash
# Builds every command of a Go module of this repository, or the tools that its go.mod names, into .cache/go/NAME/, NAME
# being the module's.
# Does nothing when nothing changed. Ends with 3 where Go is not installed: what needs it may then be skipped. Where a go.mod
# names a newer Go than the installed one, that is fetched as all modules are: from the Go proxy, and from nowhere else.
#
#   go-build.sh wasm-test/go-worker ["how long it takes"]
. "$(dirname "$0")/lib.sh"

SOURCE=${1:?the directory of a Go module is needed}
NAME=$(sed -n "s|^module ||p" "$SOURCE/go.mod")
OUT=$CACHE/go/$NAME
STAMP=$CACHE/go/$NAME.stamp

find_go() {
  # Where Go's own installation instructions put it, without putting it on the PATH.
  command -v go || command -v /usr/local/go/bin/go || {
    say "Go is not installed (https://go.dev/doc/install): $SOURCE is not built"
    exit 3
  }
}

# Names too: a file that was renamed or removed changes the result.
hash_of_sources() {
  find "$SOURCE" -type f \( -name '*.go' -o -name 'go.*' \) | LC_ALL=C sort | xargs cksum | cksum
}

GO=$(find_go) || exit
# Whatever `go env -w` says; an environment that names a toolchain is taken at its word.
export GOTOOLCHAIN=${GOTOOLCHAIN:-auto}
GOPROXY=$("$GO" env GOPROXY)
export GOPROXY=${GOPROXY%[,|]direct}
want="$(cd "$SOURCE" && "$GO" version) $(hash_of_sources)"
if [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$want" ] && [ -d "$OUT" ]; then exit; fi

say "building $SOURCE into .cache/go/$NAME (${2:-a minute or two}, once)"
rm -rf "$STAMP" "$OUT"
mkdir -p "$OUT"
# Not every checkout has a git repository, and the binaries do not report their version.
what=./...
if grep -q "^tool " "$SOURCE/go.mod"; then what=tool; fi
(cd "$SOURCE" && "$GO" build -buildvcs=false -o "$OUT/" "$what")
printf '%s' "$want" >"$STAMP"

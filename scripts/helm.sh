#!/usr/bin/env bash
# Prints the path of helm: built from its Go module, pinned, into .cache/helm, once. Ends with 3 where Go is not
# installed: what needs it may then be skipped.
. "$(dirname "$0")/lib.sh"

VERSION=v4.2.0
OUT=$CACHE/helm/$VERSION

if [ ! -x "$OUT/helm" ]; then
  GO=$(command -v go || command -v /usr/local/go/bin/go) || {
    say "Go is not installed (https://go.dev/doc/install): helm is not built"
    exit 3
  }
  say "building helm $VERSION into .cache/helm (a few minutes, once)"
  GOBIN=$OUT CGO_ENABLED=0 "$GO" install -ldflags "-s -w" "helm.sh/helm/v4/cmd/helm@$VERSION" >&2
fi
printf '%s\n' "$OUT/helm"

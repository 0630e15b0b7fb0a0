#!/usr/bin/env bash
# Prints the path of a tool that is built from its Go module, pinned, into .cache, once. Ends with 3 where Go is not
# installed: what needs it may then be skipped.
#
#   go-tool.sh helm | helm-docs | kustomize
. "$(dirname "$0")/lib.sh"

NAME=${1:?which tool}
case $NAME in
  helm) PACKAGE=helm.sh/helm/v4/cmd/helm VERSION=v4.2.0 ;;
  helm-docs) PACKAGE=github.com/norwoodj/helm-docs/cmd/helm-docs VERSION=v1.14.2 ;;
  kustomize) PACKAGE=sigs.k8s.io/kustomize/kustomize/v5 VERSION=v5.8.1 ;;
  *) die "$NAME: unknown tool; expected one of helm, helm-docs, kustomize" ;;
esac
OUT=$CACHE/$NAME/$VERSION

if [ ! -x "$OUT/$NAME" ]; then
  GO=$(command -v go || command -v /usr/local/go/bin/go) || {
    say "Go is not installed (https://go.dev/doc/install): $NAME is not built"
    exit 3
  }
  say "building $NAME $VERSION into .cache/$NAME (a few minutes, once)"
  GOBIN=$OUT CGO_ENABLED=0 "$GO" install -ldflags "-s -w" "$PACKAGE@$VERSION" >&2
fi
printf '%s\n' "$OUT/$NAME"

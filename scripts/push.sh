#!/usr/bin/env bash
# Pushes target/image to a registry, and prints the reference with its digest:
#
#   push.sh registry.example.com/temporal-auth:0.1.0 [crane's options]
#
# With the credentials of `docker login` (config.json in ~/.docker or DOCKER_CONFIG; helpers too). crane does it: one
# from the PATH, else the one of tools/crane, for which Go is needed.
. "$(dirname "$0")/lib.sh"

IMAGE=${1:-}
[ -n "$IMAGE" ] || die "where to? make push IMAGE=registry.example.com/temporal-auth:0.1.0"
[ -f target/image/oci-layout ] || die "target/image is not there: make image"

if command -v crane >/dev/null 2>&1; then
  crane=(crane)
else
  GO=$(command -v go || command -v /usr/local/go/bin/go) ||
    die "crane is needed (https://github.com/google/go-containerregistry/releases), or Go (https://go.dev/doc/install)"
  crane=("$GO" -C tools/crane tool crane)
fi
"${crane[@]}" push "$ROOT/target/image" "$IMAGE" "${@:2}"

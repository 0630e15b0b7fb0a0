#!/usr/bin/env bash
# Writes target/temporal-auth-VERSION.tgz, the Helm chart. With an image by its digest, this image is the default of
# module.url in it. Ends with 3 where there is no Go to build helm with.
#
#   chart.sh [registry.example.com/temporal-auth@sha256:…]
. "$(dirname "$0")/lib.sh"

IMAGE=${1:-}
HELM=$(scripts/go-tool.sh helm) || exit
NOBODYS=registry.example.com/temporal-auth@sha256:$(printf '%064d' 0)
VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
MADE=$(mktemp -d "$CACHE/chart.XXXXXX")
trap 'rm -rf "$MADE"' EXIT

cp -R istio/chart "$MADE/temporal-auth"
if [ -n "$IMAGE" ]; then
  [[ $IMAGE =~ ^[^@[:space:]|\&]+@sha256:[0-9a-f]{64}$ ]] || die "$IMAGE has no digest"
  sed -i.old "s|oci://$NOBODYS|oci://$IMAGE|; s| This image does not exist: name yours\.||" "$MADE/temporal-auth/"{values.yaml,README.md}
  rm "$MADE/temporal-auth/"*.old
  grep -q "^  url: oci://$IMAGE\$" "$MADE/temporal-auth/values.yaml" || die "module.url in istio/chart/values.yaml is not oci://$NOBODYS"
fi
mkdir -p target
"$HELM" package "$MADE/temporal-auth" --version "$VERSION" --app-version "$VERSION" --destination target >&2
printf 'target/temporal-auth-%s.tgz\n' "$VERSION"

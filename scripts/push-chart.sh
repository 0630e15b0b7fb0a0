#!/usr/bin/env bash
# Pushes a packaged chart to a registry, and prints the reference with its digest:
#
#   push-chart.sh target/temporal-auth-0.1.0.tgz registry.example.com/charts [helm's options]
#
# With the credentials of `docker login`, as scripts/push.sh.
. "$(dirname "$0")/lib.sh"

CHART=${1:?the packaged chart: make chart} TO=${2:?where to, such as registry.example.com/charts}
[ -f "$CHART" ] || die "$CHART is not there: make chart"
HELM=$(scripts/go-tool.sh helm) || exit

out=$("$HELM" push "$CHART" "oci://$TO" "${@:3}" 2>&1) || die "$out"
digest=$(grep -oE 'sha256:[0-9a-f]{64}' <<<"$out" | head -n 1) || die "helm named no digest: $out"
printf '%s/temporal-auth@%s\n' "$TO" "$digest"

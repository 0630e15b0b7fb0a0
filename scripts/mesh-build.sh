#!/usr/bin/env bash
# Builds the parts of a mesh that `make test-mesh` runs into .cache/mesh: Istio, Kubernetes, etcd, Helm and an OCI
# registry, from their Go modules at the versions of wasm-test/mesh/parts/go.mod. Each part is skipped when nothing
# changed. Ends with 3 where Go is not installed.
. "$(dirname "$0")/lib.sh"

SOURCE=wasm-test/mesh/parts
OUT=$CACHE/mesh
# What the programs say of themselves; istiod compares its own version with the proxies'.
VERSIONS="-X istio.io/istio/pkg/version.buildVersion=1.31.0 -X k8s.io/component-base/version.gitVersion=v1.36.1"
VERSIONS+=" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36"
# Name and package.
PARTS=(
  registry ./registry
  pilot-agent istio.io/istio/pilot/cmd/pilot-agent
  istiod-in-memory ./istiod
  etcd go.etcd.io/etcd/server/v3
  kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
  pilot-discovery istio.io/istio/pilot/cmd/pilot-discovery
  helm helm.sh/helm/v4/cmd/helm
  kubectl k8s.io/kubernetes/cmd/kubectl
)
# What is taken from modules as it is: module, path in it, name in .cache/mesh.
FILES=(
  istio.io/istio manifests/charts/base istio/manifests/charts/base
  istio.io/istio manifests/charts/istio-control/istio-discovery istio/manifests/charts/istio-control/istio-discovery
  istio.io/istio tools/packaging/common/envoy_bootstrap.json istio/tools/packaging/common/envoy_bootstrap.json
  sigs.k8s.io/gateway-api config/crd/standard gateway-api/config/crd/standard
)

GO=$(command -v go || command -v /usr/local/go/bin/go) || {
  say "Go is not installed (https://go.dev/doc/install): the mesh is not built"
  exit 3
}
# No C, and go.mod as it is: the same parts on every machine.
export CGO_ENABLED=0 GOFLAGS=-mod=readonly
BUILD=(build -trimpath -buildvcs=false "-tags=vtprotobuf,disable_pgv" -ldflags "-s -w $VERSIONS")
MODULES=$("$GO" version)$(cat "$SOURCE/go.mod" "$SOURCE/go.sum" | cksum)

fresh() { [ -e "$OUT/$1" ] && [ -f "$OUT/stamps/$1" ] && [ "$(cat "$OUT/stamps/$1")" = "$2" ]; }
stamp() { mkdir -p "$(dirname "$OUT/stamps/$1")" && printf '%s' "$2" >"$OUT/stamps/$1"; }

for ((i = 0; i < ${#PARTS[@]}; i += 2)); do
  name=${PARTS[i]} package=${PARTS[i + 1]}
  want="$MODULES $VERSIONS $package"
  case $package in ./*) want+=" $(cat "$SOURCE/$package"/*.go | cksum)" ;; esac
  if fresh "bin/$name" "$want"; then continue; fi
  say "mesh: building $name, $((i / 2 + 1)) of $((${#PARTS[@]} / 2)) (all of them take fifteen minutes on two cores, once)"
  began=$SECONDS
  (cd "$SOURCE" && nice -n 15 "$GO" "${BUILD[@]}" -o "$OUT/bin/$name" "$package")
  stamp "bin/$name" "$want"
  say "mesh: $name took $((SECONDS - began)) s"
done

for ((i = 0; i < ${#FILES[@]}; i += 3)); do
  name=${FILES[i + 2]} want="$MODULES ${FILES[*]:i:2}"
  if fresh "$name" "$want"; then continue; fi
  from=$(cd "$SOURCE" && "$GO" list -m -f '{{.Dir}}' "${FILES[i]}")
  rm -rf "${OUT:?}/$name"
  mkdir -p "$(dirname "$OUT/$name")"
  cp -R "$from/${FILES[i + 1]}" "$OUT/$name"
  # Go's cache of modules is read-only.
  chmod -R u+w "$OUT/$name"
  stamp "$name" "$want"
done

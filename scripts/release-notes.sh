#!/usr/bin/env bash
# What a release says of itself: the changes of CHANGELOG.md, how to name the image, and how to check what was got.
#
#   release-notes.sh 0.1.0 registry.example.com/temporal-auth@sha256:… owner/repository [registry.example.com/charts/temporal-auth@sha256:…]
. "$(dirname "$0")/lib.sh"

VERSION=${1:?which version} IMAGE=${2:?the image by its digest} REPOSITORY=${3:?the repository on GitHub} CHART=${4:-}
MODULE=target/temporal-auth.wasm
for reference in "$IMAGE" ${CHART:+"$CHART"}; do
  case $reference in *@sha256:*) ;; *) die "$reference has no digest" ;; esac
done

changes=$(awk -v heading="## [$VERSION]" 'index($0, heading) == 1 { on = 1; next } /^## / { on = 0 } on' CHANGELOG.md)
[ -n "${changes//[[:space:]]/}" ] || die "CHANGELOG.md has no section [$VERSION]"
# Exactly this workflow of this repository: anybody can sign something with a workflow of that name.
signer="--certificate-oidc-issuer https://token.actions.githubusercontent.com \\
  --certificate-identity https://github.com/$REPOSITORY/.github/workflows/release.yml@refs/tags/v$VERSION"
sum=$(sha256sum "$MODULE" | cut -d ' ' -f 1)

cat <<NOTES
$changes

## Which bytes
| | |
| --- | --- |
| image | \`$IMAGE\` |
| \`url\` of a WasmPlugin | \`oci://$IMAGE\` |
| module (\`temporal-auth.wasm\`, also \`plugin.wasm\` in the image) | \`sha256:$sum\` |
${CHART:+| Helm chart, which has this image as its default | \`oci://$CHART\` |
}
All of them are signed without keys; who signed is in a public log:

\`\`\`
cosign verify $IMAGE $signer
${CHART:+cosign verify $CHART $signer
}cosign verify-blob temporal-auth.wasm --bundle temporal-auth.wasm.sigstore.json $signer
\`\`\`

The same sources and compiler ($(rustc -V)) give the same module: \`make module && sha256sum $MODULE\`.
NOTES

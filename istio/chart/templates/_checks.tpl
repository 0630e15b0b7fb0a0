{{/* What the schema cannot tell, because it depends on two fields. */}}
{{- define "checks" -}}
{{- $clusters := .Values.otherKeyClusters -}}
{{- if ne .Values.identityProvider.kind "none" -}}
{{- $clusters = append $clusters (include "keys.cluster" .) -}}
{{- end -}}
{{- range $name, $issuer := .Values.config.issuers -}}
{{- range $field := list "cluster" "jwks_cluster" -}}
{{- $cluster := get $issuer.keys $field -}}
{{- if and $cluster (not (has $cluster $clusters)) -}}
{{- fail (printf "config.issuers.%s.keys.%s: found %q, expected a cluster that the proxy has: %s; list other existing clusters in otherKeyClusters" $name $field $cluster (join ", " $clusters | default "this chart creates none")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.config.applies_to (ne .Values.routing "none") -}}
{{- range $cluster := include "frontend.clusters" . | trim | splitList "\n" -}}
{{- $matched := false -}}
{{- range $pattern := $.Values.config.applies_to.clusters -}}
{{- $matched = or $matched (regexMatch (printf "^%s$" (regexReplaceAllLiteral `\\\*` (regexQuoteMeta (toString $pattern)) ".+")) $cluster) -}}
{{- end -}}
{{- if not $matched -}}
{{- fail (printf "config.applies_to.clusters: found %s, expected %q among them: calls to it would pass undecided" (join ", " $.Values.config.applies_to.clusters) $cluster) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (hasPrefix "istio-agentgateway" .Values.gateway.className) (eq .Values.attach "gateway") -}}
{{- fail (printf "gateway.className: found %s, expected a class of Envoy's, such as istio: agentgateway runs no WebAssembly, so all calls would pass undecided" .Values.gateway.className) -}}
{{- end -}}
{{- $http := .Values.config.http | default dict -}}
{{- if and .Values.config .Values.temporal.frontend.httpOpen (not (or $http.api $http.nexus $http.openapi)) -}}
{{- fail "temporal.frontend.httpOpen: found true, expected config.http.api, config.http.nexus or config.http.openapi to be true as well: the filter refuses every call to the HTTP port otherwise" -}}
{{- end -}}
{{- if and .Values.temporal.frontend.callbacks (eq .Values.attach "waypoint") -}}
{{- fail "temporal.frontend.callbacks: found true, expected false where attach is waypoint: ztunnel, which is then in front of Temporal's pods, reads no HTTP, so it cannot open the port for callbacks alone" -}}
{{- end -}}
{{- if and (eq .Values.api "EnvoyFilter") (not (has .Values.attach (list "gateway" "sidecar"))) -}}
{{- fail (printf "api: found EnvoyFilter, expected WasmPlugin or TrafficExtension where attach is %s" .Values.attach) -}}
{{- end -}}
{{- if and .Values.healthCheck (not (has .Values.attach (list "gateway" "envoy-gateway"))) -}}
{{- fail (printf "healthCheck: found true, expected false where attach is %s: no load balancer reaches that proxy" .Values.attach) -}}
{{- end -}}
{{- if and (eq .Values.api "EnvoyFilter") .Values.module.imagePullSecret -}}
{{- fail "module.imagePullSecret: not allowed with api EnvoyFilter, which cannot pass it on" -}}
{{- end -}}
{{- if and (hasPrefix "oci://" .Values.module.url) .Values.module.sha256 (contains "@sha256:" .Values.module.url) -}}
{{- fail "module.sha256: not allowed with a digest in module.url" -}}
{{- end -}}
{{- end -}}

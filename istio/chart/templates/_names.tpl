{{/* Where the plugin stands: with the proxy that has it. */}}
{{- define "proxy.namespace" -}}
{{- if and (eq .Values.attach "gateway") (ne .Values.routing "gateway-api") -}}
{{ .Values.gateway.namespace }}
{{- else -}}
{{ .Values.temporal.namespace }}
{{- end -}}
{{- end -}}

{{/* The frontend, as the mesh calls it. */}}
{{- define "frontend.host" -}}
{{ .Values.temporal.frontend.service }}.{{ .Values.temporal.namespace }}.svc.cluster.local
{{- end -}}

{{/* What Envoy calls the cluster that keys come from. */}}
{{- define "keys.cluster" -}}
{{- if eq .Values.attach "envoy-gateway" -}}
httproute/{{ .Values.temporal.namespace }}/{{ .Values.name }}-idp/rule/0
{{- else -}}
outbound|{{ .Values.identityProvider.port }}||{{ .Values.identityProvider.host }}
{{- end -}}
{{- end -}}

{{/* Labels of the pods of a part of Temporal: dict "root" . "component" "frontend" */}}
{{- define "temporal.labels" -}}
app.kubernetes.io/name: {{ .root.Values.temporal.name }}
app.kubernetes.io/instance: {{ .root.Values.temporal.instance }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Identities of Temporal's own services, as a list. */}}
{{- define "temporal.principals" -}}
{{- range .Values.temporal.serviceAccounts }}
- {{ printf "%s/ns/%s/sa/%s" $.Values.trustDomain $.Values.temporal.namespace . }}
{{- end -}}
{{- end -}}

{{/* Who the frontend is open to, as a list of identities; nothing: everybody in the mesh. */}}
{{- define "caller.principals" -}}
{{- if eq .Values.attach "waypoint" }}
- {{ printf "%s/ns/%s/sa/%s" .Values.trustDomain .Values.temporal.namespace .Values.waypoint.name }}
{{- else if and (eq .Values.attach "gateway") (eq .Values.routing "gateway-api") }}
- {{ printf "%s/ns/%s/sa/%s-%s" .Values.trustDomain .Values.temporal.namespace .Values.name .Values.gateway.className }}
{{- else if eq .Values.attach "gateway" }}
- {{ printf "%s/ns/%s/sa/%s" .Values.trustDomain .Values.gateway.namespace .Values.gateway.serviceAccount }}
{{- end -}}
{{- end -}}

{{/* The kind of a Gateway API route to the frontend. */}}
{{- define "route.kind" -}}
{{ ternary "HTTPRoute" "GRPCRoute" .Values.temporal.frontend.httpOpen }}
{{- end -}}

{{/* Clusters that calls to Temporal are routed to where the filter stands, one a line. */}}
{{- define "frontend.clusters" -}}
{{- $frontend := .Values.temporal.frontend -}}
{{- $ports := list $frontend.port -}}
{{- if or (eq .Values.attach "sidecar") $frontend.httpOpen -}}
{{- $ports = append $ports $frontend.httpPort -}}
{{- end -}}
{{- if eq .Values.attach "envoy-gateway" }}
{{- range $index, $port := $ports }}
{{ include "route.kind" $ | lower }}/{{ $.Values.temporal.namespace }}/{{ $.Values.name }}/rule/{{ $index }}
{{- end }}
{{- else }}
{{- range $ports }}
{{- if eq $.Values.attach "sidecar" }}
inbound|{{ . }}||
{{- else if eq $.Values.attach "waypoint" }}
inbound-vip|{{ . }}|http|{{ include "frontend.host" $ }}
{{- else }}
outbound|{{ . }}||{{ include "frontend.host" $ }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

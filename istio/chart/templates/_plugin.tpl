{{/* What WasmPlugin and TrafficExtension have in common. */}}
{{- define "plugin.at" -}}
{{- if eq .Values.attach "sidecar" }}
# Both ports of the pod: without the second one, the HTTP API would be open.
selector:
  matchLabels:
    {{- include "temporal.labels" (dict "root" . "component" "frontend") | nindent 4 }}
match:
- mode: SERVER
  ports:
  - number: {{ .Values.temporal.frontend.port }}
  - number: {{ .Values.temporal.frontend.httpPort }}
{{- else if eq .Values.attach "waypoint" }}
# No `match`: a waypoint does not know these ports, and would leave the filter out.
targetRefs:
- {group: "", kind: Service, name: {{ .Values.temporal.frontend.service }}}
{{- else if eq .Values.routing "gateway-api" }}
targetRefs:
- {group: gateway.networking.k8s.io, kind: Gateway, name: {{ .Values.name }}}
{{- else }}
selector:
  matchLabels: {{- toYaml .Values.gateway.selector | nindent 4 }}
# Every listener of the gateway: a port here would have to be the listener's, which may differ from the Service's. With
# `applies_to`, calls that are not for Temporal pass.
match:
- mode: CLIENT
{{- end }}
phase: {{ .Values.phase }}
{{- end -}}
{{- define "plugin.wasm" -}}
url: {{ .Values.module.url }}
{{- with .Values.module.sha256 }}
sha256: {{ . }}
{{- end }}
{{- with .Values.module.imagePullSecret }}
imagePullSecret: {{ . }}
{{- end }}
# Becomes the root id, by which the module is found.
pluginName: temporal_auth
failStrategy: {{ .Values.module.failStrategy }}
pluginConfig:
  {{- toYaml .Values.config | nindent 2 }}
{{- end -}}

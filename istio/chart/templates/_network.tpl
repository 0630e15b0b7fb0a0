{{/* Who may connect, as rules of a NetworkPolicy. */}}
{{- define "network.ours" -}}
# Temporal's own pods, without the Web UI's (`ui`, where temporal-operator creates it).
- podSelector:
    matchLabels:
      app.kubernetes.io/name: {{ .Values.temporal.name }}
      app.kubernetes.io/instance: {{ .Values.temporal.instance }}
    matchExpressions:
    - {key: app.kubernetes.io/component, operator: NotIn, values: [web, ui]}
{{- end -}}
{{- define "network.watch" -}}
{{- if ne .Values.attach "envoy-gateway" }}
# Health and metrics of the proxy itself.
- ports:
  - {port: 15020, protocol: TCP}
  - {port: 15021, protocol: TCP}
  - {port: 15090, protocol: TCP}
{{- end }}
{{- if .Values.guard.metricsFrom }}
- ports:
  - {port: {{ .Values.temporal.metricsPort }}, protocol: TCP}
{{- end }}
{{- end -}}

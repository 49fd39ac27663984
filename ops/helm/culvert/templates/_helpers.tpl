{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Refuses values whose fault the schema cannot see. */}}
{{- define "culvert.check" -}}
{{- if ne .Release.Namespace "culvert" }}
{{- fail "Culvert's accounts are in the namespace culvert, which the admission policies name: helm install --namespace culvert" }}
{{- end }}
{{- if ne (eq .Values.engine "esp") (ne .Values.espKeySecret "") }}
{{- fail "espKeySecret: give it with engine esp, which needs a global key, and with no other engine" }}
{{- end }}
{{- if and .Values.monitoring.podMonitor.enabled (eq "yes" (include "culvert.metricsAreLocal" .)) }}
{{- fail (printf "monitoring.podMonitor: Prometheus does not reach metrics.listen=%s, which is loopback" .Values.metrics.listen) }}
{{- end }}
{{- end }}

{{- define "culvert.image" -}}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}
{{- else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end }}
{{- end }}
{{- end }}

{{- define "culvert.metricsPort" -}}
{{ regexFind "[0-9]+$" .Values.metrics.listen }}
{{- end }}

{{- define "culvert.metricsHost" -}}
{{ regexReplaceAll ":[0-9]+$" .Values.metrics.listen "" | trimPrefix "[" | trimSuffix "]" }}
{{- end }}

{{- define "culvert.metricsAreLocal" -}}
{{- if regexMatch "^(127\\.|::1$)" (include "culvert.metricsHost" .) }}yes{{ end }}
{{- end }}

{{/* Where a probe finds the endpoint: a wildcard is at loopback too. */}}
{{- define "culvert.probe" -}}
{{- $host := include "culvert.metricsHost" .root -}}
{{- if has $host (list "0.0.0.0" "::") }}{{ $host = "127.0.0.1" }}{{ end -}}
httpGet: {host: {{ $host | quote }}, port: {{ include "culvert.metricsPort" .root }}, path: {{ .path }}}
{{- end }}

{{/* A variable, unless its value is empty: (list NAME VALUE). Lists are joined. */}}
{{- define "culvert.variable" -}}
{{- $value := index . 1 }}
{{- if kindIs "slice" $value }}{{ $value = join "," $value }}{{ end }}
{{- if kindIs "float64" $value }}{{ $value = int $value }}{{ end }}
{{- if not (empty $value) }}
- {name: {{ index . 0 }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- end }}

{{- define "culvert.nodeName" -}}
- name: CULVERT_NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
{{- end }}

{{/* The way to the API. */}}
{{- define "culvert.server" -}}
{{- include "culvert.variable" (list "CULVERT_CONTROL_PLANE" .Values.controlPlane) }}
{{- include "culvert.variable" (list "CULVERT_API_SERVER_PORT" .Values.apiServerPort) }}
{{- end }}

{{- define "culvert.log" -}}
{{- if ne .Values.log.format "text" }}{{ include "culvert.variable" (list "LOG_FORMAT" .Values.log.format) }}{{ end }}
{{- if ne .Values.log.level "info" }}{{ include "culvert.variable" (list "LOG_LEVEL" .Values.log.level) }}{{ end }}
{{- end }}

{{/* Of programs that need no right on the node. */}}
{{- define "culvert.powerless" -}}
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "culvert.podRanges" -}}
{{- if ne .Values.registrar.podRanges "auto" }}
{{- include "culvert.variable" (list "CULVERT_POD_RANGES" .Values.registrar.podRanges) }}
{{- end }}
{{- end }}

{{/* A document of rbac.yaml and the like that is not the Namespace, which Helm's user makes. */}}
{{- define "culvert.documents" -}}
{{- range $document := splitList "\n---\n" . }}
{{- if not (regexMatch "(?m)^kind: Namespace$" $document) }}
---
{{ $document | trim }}
{{- end }}
{{- end }}
{{- end }}

{{/* Makes an object exist only while the release is deleted. */}}
{{- define "culvert.hook" -}}
annotations:
    helm.sh/hook: pre-delete
    helm.sh/hook-weight: {{ . | quote }}
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

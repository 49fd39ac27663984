{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Refuses values whose fault the schema cannot see, or for which its message would name no remedy. */}}
{{- define "culvert.check" -}}
{{- if ne .Release.Namespace "culvert" }}
{{- fail "install Culvert into the namespace culvert, which the admission policies name: add --namespace culvert" }}
{{- end }}
{{- with .Values }}
{{- if not .clusterCIDRs }}
{{- fail "clusterCIDRs: give the ranges of the pods and of the nodes, as in [10.244.0.0/16, 192.0.2.0/24]" }}
{{- end }}
{{- if not .controlPlane }}
{{- fail "controlPlane: give the addresses of the API servers, as in [192.0.2.1]" }}
{{- end }}
{{- include "culvert.checkImage" .image }}
{{- include "culvert.checkPorts" . }}
{{- if hasKey (.podLabels | default dict) "app" }}
{{- fail "podLabels: take \"app\" out: the DaemonSet finds its pods by it" }}
{{- end }}
{{- if and (eq .engine "esp") (not .espKeySecret) }}
{{- fail "espKeySecret: engine esp needs the name of a Secret in the namespace culvert, whose entry \"keys\" has the global key: docs/kubernetes.md says how to make it" }}
{{- end }}
{{- if and .espKeySecret (ne .engine "esp") }}
{{- fail (printf "espKeySecret: engine %s needs none: take it out, or set engine to esp" .engine) }}
{{- end }}
{{- end }}
{{- if and .Values.monitoring.podMonitor.enabled .Values.surge }}
{{- fail "surge: a PodMonitor finds the gateways by a port that would keep a node from running two: set surge or monitoring.podMonitor.enabled to false" }}
{{- end }}
{{- if and .Values.monitoring.podMonitor.enabled (eq "yes" (include "culvert.metricsAreLocal" .)) }}
{{- fail (printf "metrics.listen: Prometheus does not reach %s, which is loopback: set it to 0.0.0.0:9586, or monitoring.podMonitor.enabled to false" .Values.metrics.listen) }}
{{- end }}
{{- end }}

{{- define "culvert.checkImage" -}}
{{- if regexMatch "@|:[^/]*$" .repository }}
{{- fail (printf "image.repository: %s has a tag or a digest: give it as image.tag or image.digest" .repository) }}
{{- end }}
{{- if eq "latest" (.tag | default "") }}
{{- fail "image.tag: \"latest\" does not name one image: give a version, or image.digest" }}
{{- end }}
{{- end }}

{{/* The gateway refuses such ports: it could not ask the API for the other nodes' keys. */}}
{{- define "culvert.checkPorts" -}}
{{- $server := .apiServerPort | default 6443 | int }}
{{- $found := empty .controlPlaneExemptPorts }}
{{- range .controlPlaneExemptPorts }}
{{- $ends := splitList "-" (toString .) }}
{{- $first := first $ends | int }}
{{- $last := last $ends | int }}
{{- if lt $last $first }}
{{- fail (printf "controlPlaneExemptPorts: %v ends before it begins: give the lower port first" .) }}
{{- end }}
{{- if and (le $first $server) (le $server $last) }}{{ $found = true }}{{ end }}
{{- end }}
{{- if not $found }}
{{- fail (printf "controlPlaneExemptPorts: add the port of the API servers, %d" $server) }}
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

{{/* Makes an object exist only while the release is deleted: (dict "weight" TEXT "end" EVENTS). */}}
{{- define "culvert.hook" -}}
annotations:
    helm.sh/hook: pre-delete
    helm.sh/hook-weight: {{ .weight | quote }}
    helm.sh/hook-delete-policy: before-hook-creation,{{ .end }}
{{- end }}

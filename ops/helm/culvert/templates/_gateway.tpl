{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/*
The gateways of a set of nodes: (dict "root" $ "name" NAME "account" ACCOUNT "embedded" BOOLEAN
"placement" YAML).
*/}}
{{- define "culvert.gateways" -}}
{{- $root := .root }}
{{- with $root.Values -}}
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: {{ $.name }}
  namespace: culvert
spec:
  selector:
    matchLabels: {app: {{ $.name }}}
  updateStrategy:
    type: RollingUpdate
    {{- if .surge }}
    # The new gateway takes over from the old one, which runs until then and ends afterwards.
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  # Probes ask the node's address, where the old gateway answers until the new one has taken over.
  minReadySeconds: 60
    {{- else }}
    # The old gateway ends before the new one starts: a node has one guard and one owner of it.
    rollingUpdate: {maxUnavailable: {{ .maxUnavailable }}, maxSurge: 0}
    {{- end }}
  template:
    metadata:
      labels:
        app: {{ $.name }}
        {{- with .podLabels }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- with .podAnnotations }}
      annotations: {{ toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ $.account }}
      hostNetwork: true
      # The cluster's name service is behind the tunnel.
      dnsPolicy: Default
      priorityClassName: {{ .priorityClassName }}
      tolerations: {{ toYaml .tolerations | nindent 8 }}
      {{- with $.placement }}{{ . | nindent 6 }}{{ end }}
      {{- with .image.pullSecrets }}
      imagePullSecrets:
        {{- range . }}
        - {name: {{ . }}}
        {{- end }}
      {{- end }}
      containers:
        - name: culvert
          image: {{ include "culvert.image" $root | quote }}
          imagePullPolicy: {{ .image.pullPolicy }}
          args: [up, --kubernetes{{ if .surge }}, --replace{{ end }}]
          env:
            {{- include "culvert.nodeName" $root | nindent 12 }}
            {{- include "culvert.variable" (list "CULVERT_CLUSTER_CIDRS" .clusterCIDRs) | indent 12 }}
            {{- include "culvert.variable" (list "CULVERT_NODE_CIDRS" .nodeCIDRs) | indent 12 }}
            {{- include "culvert.server" $root | indent 12 }}
            {{- include "culvert.variable" (list "CULVERT_CONTROL_PLANE_EXEMPT_PORTS" .controlPlaneExemptPorts) | indent 12 }}
            {{- if ne .engine "wireguard" }}{{ include "culvert.variable" (list "CULVERT_ENGINE" .engine) | indent 12 }}{{ end }}
            {{- if .espKeySecret }}{{ include "culvert.variable" (list "CULVERT_ESP_KEY_FILE" "/etc/culvert/ipsec/keys") | indent 12 }}{{ end }}
            {{- include "culvert.variable" (list "CULVERT_INTERFACE" .interface) | indent 12 }}
            {{- include "culvert.variable" (list "CULVERT_MTU" .mtu) | indent 12 }}
            {{- include "culvert.variable" (list "CULVERT_UDP_SEGMENTATION" .udpSegmentation) | indent 12 }}
            {{- include "culvert.variable" (list "CULVERT_LISTEN_PORT" .listenPort) | indent 12 }}
            {{- include "culvert.variable" (list "CULVERT_ACCEPT" .accept) | indent 12 }}
            {{- include "culvert.variable" (list "CULVERT_METRICS_LISTEN" .metrics.listen) | indent 12 }}
            {{- if $.embedded }}
            {{- include "culvert.variable" (list "CULVERT_REGISTRAR" "embedded") | indent 12 }}
            {{- include "culvert.podRanges" $root | indent 12 }}
            {{- include "culvert.variable" (list "CULVERT_SERVICE_CIDRS" .registrar.serviceCIDRs) | indent 12 }}
            {{- end }}
            {{- include "culvert.log" $root | indent 12 }}
          {{- if not .surge }}
          ports:
            # On the host's network this port is the host's: no node gets two gateways.
            - {name: metrics, containerPort: {{ include "culvert.metricsPort" $root }}}
          {{- end }}
          startupProbe:
            {{- include "culvert.probe" (dict "root" $root "path" "/livez") | nindent 12 }}
            periodSeconds: 2
            timeoutSeconds: 5
            failureThreshold: 60
          readinessProbe:
            {{- include "culvert.probe" (dict "root" $root "path" "/readyz") | nindent 12 }}
            periodSeconds: 5
            timeoutSeconds: 5
          # A gateway that is stuck is started anew; the guard stays meanwhile.
          livenessProbe:
            {{- include "culvert.probe" (dict "root" $root "path" "/livez") | nindent 12 }}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 3
          securityContext:
            privileged: false
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            # TUN, routes, rules, nftables and marks; and packets that leave in clear on purpose.
            capabilities: {drop: [ALL], add: [NET_ADMIN, NET_RAW]}
            # The usual profile refuses bpf(2), by which the gateway looks for programs on devices
            # that would take packets past the guard.
            seccompProfile: {type: Unconfined}
            # For nodes with SELinux: files and the TUN device are the host's.
            seLinuxOptions: {type: spc_t, level: s0}
          resources: {{ toYaml .resources | nindent 12 }}
          volumeMounts:
            - {name: tun, mountPath: /dev/net/tun}
            # This node's key, and the cluster as it was known last.
            - {name: state, mountPath: /var/lib/culvert}
            # The sockets of 'culvert status', and the note by which 'culvert down' finds the guard.
            - {name: run, mountPath: /run/culvert}
            # The sockets of 'wg'.
            - {name: wireguard, mountPath: /var/run/wireguard}
            - {name: cni, mountPath: /etc/cni/net.d, readOnly: true}
            - {name: tmp, mountPath: /tmp}
            {{- if .espKeySecret }}
            - {name: ipsec, mountPath: /etc/culvert/ipsec, readOnly: true}
            {{- end }}
      volumes:
        - {name: tun, hostPath: {path: /dev/net/tun, type: CharDevice}}
        - {name: state, hostPath: {path: /var/lib/culvert, type: DirectoryOrCreate}}
        - {name: run, hostPath: {path: /run/culvert, type: DirectoryOrCreate}}
        - {name: wireguard, hostPath: {path: /var/run/wireguard, type: DirectoryOrCreate}}
        - {name: cni, hostPath: {path: /etc/cni/net.d, type: DirectoryOrCreate}}
        - {name: tmp, emptyDir: {sizeLimit: 64Mi}}
        {{- if .espKeySecret }}
        # The whole folder and not a subPath, so that the kubelet brings new keys.
        - {name: ipsec, secret: {secretName: {{ .espKeySecret }}, defaultMode: 256}} # 0400
        {{- end }}
{{- end }}
{{- end }}

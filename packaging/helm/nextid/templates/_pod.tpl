{{- define "nextid.args" -}}
{{- $name := include "nextid.fullname" . -}}
- serve
- --store={{ include "nextid.storeUrl" . }}
{{- if not .Values.store.create }}
- --no-create-store
{{- end }}
{{- if or (include "nextid.isShared" .) .Values.sqlite.stateStorage.size }}
- --state-dir=/var/lib/nextid-state
{{- end }}
- --http={{ .Values.listenAddress }}:{{ .Values.http.port }}
{{- if .Values.resp.enabled }}
- --resp={{ .Values.listenAddress }}:{{ .Values.resp.port }}
{{- else }}
- --resp=off
{{- end }}
- --allow-host={{ $name }},{{ $name }}.$(POD_NAMESPACE),{{ $name }}.$(POD_NAMESPACE).svc,{{ $name }}.$(POD_NAMESPACE).svc.{{ .Values.clusterDomain }}
  {{- range .Values.allowHosts }},{{ . }}{{ end }}
{{- if .Values.insecure }}
- --insecure
{{- else }}
- --tokens=/etc/nextid/tokens/{{ .Values.tokens.key }}
{{- end }}
{{- if .Values.tls.secret }}
- --tls-cert=/etc/nextid/tls/tls.crt
- --tls-key=/etc/nextid/tls/tls.key
{{- end }}
{{- with include "nextid.drainDelaySeconds" . | int }}
- --drain-delay={{ . }}s
{{- end }}
- --shutdown-timeout={{ .Values.shutdownTimeoutSeconds }}s
{{- range $option, $value := .Values.options }}
- --{{ $option }}={{ include "nextid.text" $value }}
{{- end }}
{{- end }}

{{- define "nextid.mounts" -}}
{{- if include "nextid.isShared" . }}
- name: state
  mountPath: /var/lib/nextid-state
{{- else }}
# The whole directory: the file's log and lock lie beside it, and no subPath may part them.
- name: data
  mountPath: /var/lib/nextid
{{- if .Values.sqlite.stateStorage.size }}
- name: state
  mountPath: /var/lib/nextid-state
{{- end }}
{{- end }}
{{- if not .Values.insecure }}
- name: tokens
  mountPath: /etc/nextid/tokens
  readOnly: true
{{- end }}
{{- if .Values.store.secret }}
- name: store
  mountPath: /etc/nextid/store
  readOnly: true
{{- end }}
{{- if .Values.tls.secret }}
- name: tls
  mountPath: /etc/nextid/tls
  readOnly: true
{{- end }}
{{- end }}

{{- define "nextid.volumes" -}}
{{- if include "nextid.isShared" . }}
# Over restarts of the container the pod remembers how far its counters were. In memory, since everyone may
# write the directory of an emptyDir on disk, and nextid takes none of that kind.
- name: state
  emptyDir:
    medium: Memory
    sizeLimit: 64Mi
{{- end }}
{{- if not .Values.insecure }}
- name: tokens
  secret:
    secretName: {{ .Values.tokens.secret }}
    defaultMode: 0440
{{- end }}
{{- if .Values.store.secret }}
- name: store
  secret:
    secretName: {{ .Values.store.secret }}
    defaultMode: 0440
{{- end }}
{{- if .Values.tls.secret }}
- name: tls
  secret:
    secretName: {{ .Values.tls.secret }}
    defaultMode: 0440
{{- end }}
{{- end }}

{{- define "nextid.probe" -}}
httpGet:
  path: {{ .path }}
  port: http
  {{- if .root.Values.tls.secret }}
  scheme: HTTPS
  {{- end }}
{{- end }}

{{- define "nextid.volumePermissions" -}}
- name: volume-permissions
  image: {{ .Values.sqlite.volumePermissions.image }}
  command: [sh, -ec]
  args:
    - for directory in /var/lib/nextid*; do chmod 0750 "$directory"; chown 10001:10001 "$directory"; done
  securityContext:
    runAsUser: 0
    runAsNonRoot: false
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities:
      drop: [ALL]
      add: [CHOWN]
  volumeMounts:
    - name: data
      mountPath: /var/lib/nextid
    {{- if .Values.sqlite.stateStorage.size }}
    - name: state
      mountPath: /var/lib/nextid-state
    {{- end }}
{{- end }}

{{- /* The pod template of both kinds of workload. */ -}}
{{- define "nextid.pod" -}}
metadata:
  labels:
    {{- include "nextid.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "nextid.serviceAccountName" . }}
  # nextid never talks to Kubernetes. The token of IRSA comes by a volume of its own.
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  # The delay of draining, the time of the stop, and five seconds. No preStop hook: the server itself goes on
  # to serve for --drain-delay after SIGTERM, with /readyz at 503.
  terminationGracePeriodSeconds: {{ add (include "nextid.drainDelaySeconds" . | int) .Values.shutdownTimeoutSeconds 5 }}
  {{- if include "nextid.isShared" . }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "nextid.selectorLabels" $ | nindent 10 }}
    {{- end }}
  {{- else if .Values.sqlite.volumePermissions.enabled }}
  initContainers:
    {{- include "nextid.volumePermissions" . | nindent 4 }}
  {{- end }}
  containers:
    - name: nextid
      image: {{ include "nextid.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [/usr/bin/nextid]
      args:
        {{- include "nextid.args" . | nindent 8 }}
      env:
        - name: POD_NAMESPACE
          valueFrom:
            fieldRef:
              fieldPath: metadata.namespace
        {{- if and (eq (include "nextid.storeKind" .) "postgres") .Values.store.passwordKey }}
        - name: PGSERVICEFILE
          value: /etc/nextid/store/{{ .Values.store.passwordKey }}
        - name: PGSERVICE
          value: nextid
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: http
          containerPort: {{ .Values.http.port }}
        {{- if .Values.resp.enabled }}
        - name: resp
          containerPort: {{ .Values.resp.port }}
        {{- end }}
      # The store is opened before the port is: a long recovery takes its time.
      startupProbe:
        {{- include "nextid.probe" (dict "root" . "path" "/healthz") | nindent 8 }}
        periodSeconds: 2
        failureThreshold: 60
      # Only whether the process answers: no restart mends a store that is away or in doubt.
      livenessProbe:
        {{- include "nextid.probe" (dict "root" . "path" "/healthz") | nindent 8 }}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      # Whether the store takes writes. It answers within half a second, and all who ask share one look at the store.
      readinessProbe:
        {{- include "nextid.probe" (dict "root" . "path" "/readyz") | nindent 8 }}
        periodSeconds: 5
        timeoutSeconds: 2
        failureThreshold: 2
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        {{- include "nextid.mounts" . | trim | nindent 8 }}
  {{- with include "nextid.volumes" . | trim }}
  volumes:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

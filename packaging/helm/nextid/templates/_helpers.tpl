{{- define "nextid.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "nextid.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "nextid.labels" -}}
{{ include "nextid.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "nextid.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "nextid.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end }}

{{- define "nextid.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end }}

{{- /* sqlite, postgres, mysql, etcd or dynamodb. */ -}}
{{- define "nextid.storeKind" -}}
{{- regexFind "^[a-z]+" .Values.store.url -}}
{{- end }}

{{- /* "true" for a store that pods share, else empty. */ -}}
{{- define "nextid.isShared" -}}
{{- if ne (include "nextid.storeKind" .) "sqlite" -}}true{{- end -}}
{{- end }}

{{- /* The URL, with the file of the password where its driver takes that from the URL. */ -}}
{{- define "nextid.storeUrl" -}}
{{- $url := .Values.store.url -}}
{{- $parameter := get (dict "mysql" "option_file" "etcd" "password_file") (include "nextid.storeKind" .) -}}
{{- if and .Values.store.secret .Values.store.passwordKey $parameter -}}
{{- printf "%s%s%s=/etc/nextid/store/%s" $url (ternary "&" "?" (contains "?" $url)) $parameter .Values.store.passwordKey -}}
{{- else -}}
{{- $url -}}
{{- end -}}
{{- end }}

{{- /* Ports, as a JSON list. */ -}}
{{- define "nextid.storePorts" -}}
{{- $usual := dict "postgres" (list 5432) "mysql" (list 3306) "etcd" (list 2379) "dynamodb" (list 443 80) -}}
{{- .Values.networkPolicy.storePorts | default (get $usual (include "nextid.storeKind" .) | default list) | toJson -}}
{{- end }}

{{- /* Seconds that a pod goes on to serve when it was told to stop. */ -}}
{{- define "nextid.drainDelaySeconds" -}}
{{- if include "nextid.isShared" . -}}{{ .Values.shared.drainDelaySeconds }}{{- else -}}0{{- end -}}
{{- end }}

{{- /* A number of values.yaml is a float: large ones would be written as 1e+06. */ -}}
{{- define "nextid.text" -}}
{{- if kindIs "float64" . -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end }}

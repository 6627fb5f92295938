{{- define "perennial.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "perennial.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "perennial.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "perennial.name" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* The account of the workers that start and end jobs on Kubernetes. */}}
{{- define "perennial.jobsAccount" -}}
{{- include "perennial.serviceAccount" . -}}-jobs
{{- end -}}

{{/* Labels that select the pods of a part; the argument is (list root part). */}}
{{- define "perennial.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: perennial
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "perennial.labels" -}}
{{- $root := index . 0 -}}
{{ include "perennial.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end -}}

{{- define "perennial.environment" -}}
- { name: PERENNIAL_TEMPORAL_ADDRESS, value: {{ .Values.temporal.address | quote }} }
- { name: PERENNIAL_TEMPORAL_NAMESPACE, value: {{ .Values.temporal.namespace | quote }} }
{{- with .Values.temporal.uiUrl }}
- { name: PERENNIAL_TEMPORAL_UI_URL, value: {{ . | quote }} }
{{- end }}
{{- if .Values.temporal.tls }}
- { name: TEMPORAL_TLS, value: 'true' }
{{- end }}
{{- if .Values.existingSecret.temporalApiKey }}
- name: TEMPORAL_API_KEY
  valueFrom: { secretKeyRef: { name: {{ .Values.existingSecret.name }}, key: temporal-api-key } }
{{- end }}
- name: PERENNIAL_DATABASE_URL
  valueFrom: { secretKeyRef: { name: {{ .Values.existingSecret.name }}, key: database-url } }
- { name: PERENNIAL_S3_ENDPOINT, value: {{ .Values.s3.endpoint | quote }} }
- { name: PERENNIAL_S3_BUCKET, value: {{ .Values.s3.bucket | quote }} }
- { name: AWS_REGION, value: {{ .Values.s3.region | quote }} }
- name: AWS_ACCESS_KEY_ID
  valueFrom: { secretKeyRef: { name: {{ .Values.existingSecret.name }}, key: s3-access-key-id } }
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: { secretKeyRef: { name: {{ .Values.existingSecret.name }}, key: s3-secret-access-key } }
- name: PERENNIAL_SERVICE_KEY
  valueFrom: { secretKeyRef: { name: {{ .Values.existingSecret.name }}, key: service-key } }
{{- if .Values.existingSecret.providers }}
- { name: PERENNIAL_PROVIDERS_FILE, value: /etc/perennial/providers/providers.yaml }
{{- end }}
{{- if .Values.llmServer.enabled }}
- { name: PERENNIAL_LLM_URL, value: 'http://{{ include "perennial.name" . }}-llm-server:8720/v1' }
{{- end }}
{{- if .Values.gateway.tls.secretName }}
- { name: PERENNIAL_GATEWAY_TLS_SERVER_NAME, value: {{ required "gateway.tls.serverName must be set" .Values.gateway.tls.serverName | quote }} }
{{- end }}
{{- if include "perennial.ownAuthority" . }}
- { name: NODE_EXTRA_CA_CERTS, value: /etc/perennial/ca/ca.crt }
{{- end }}
{{- range $name, $value := .Values.settings }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end -}}

{{/* For the processes whose metrics name tenants and models. */}}
{{- define "perennial.metricsToken" -}}
{{- if .Values.existingSecret.metricsToken -}}
- name: PERENNIAL_METRICS_TOKEN
  valueFrom: { secretKeyRef: { name: {{ .Values.existingSecret.name }}, key: metrics-token } }
{{- end -}}
{{- end -}}

{{/*
The files of keys that a part reads; the argument is (list root names). `command` signs and checks
commands to workflows, `audit` signs the audit log.
*/}}
{{- define "perennial.keysEnvironment" -}}
{{- $names := index . 1 -}}
{{- if has "command" $names }}
- { name: PERENNIAL_COMMAND_KEYS_FILE, value: /etc/perennial/keys/command-keys.json }
{{- end }}
{{- if has "audit" $names }}
- { name: PERENNIAL_AUDIT_KEY_FILE, value: /etc/perennial/keys/audit-key.pem }
{{- end }}
{{- end -}}

{{- define "perennial.keysMount" -}}
- { name: keys, mountPath: /etc/perennial/keys, readOnly: true }
{{- end -}}

{{- define "perennial.keysVolume" -}}
{{- $names := index . 1 -}}
- name: keys
  secret:
    secretName: {{ (index . 0).Values.existingSecret.name }}
    defaultMode: 0440
    items:
      {{- if has "command" $names }}
      - { key: command-keys.json, path: command-keys.json }
      {{- end }}
      {{- if has "audit" $names }}
      - { key: audit-key.pem, path: audit-key.pem }
      {{- end }}
{{- end -}}

{{- define "perennial.environmentFrom" -}}
{{- with .Values.existingSecret.variables }}
envFrom:
  - secretRef: { name: {{ . }} }
{{- end }}
{{- end -}}

{{/* Pod security standard "restricted". */}}
{{- define "perennial.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "perennial.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "perennial.mounts" -}}
- { name: state, mountPath: /var/lib/perennial }
- { name: tmp, mountPath: /tmp }
{{- if .Values.existingSecret.providers }}
- { name: providers, mountPath: /etc/perennial/providers, readOnly: true }
{{- end }}
{{- if include "perennial.ownAuthority" . }}
- { name: ca, mountPath: /etc/perennial/ca, readOnly: true }
{{- end }}
{{- end -}}

{{/* Not empty if the certificate of the gateways has an authority of its own. */}}
{{- define "perennial.ownAuthority" -}}
{{- with .Values.gateway.tls }}{{ if and .secretName .caKey }}true{{ end }}{{ end -}}
{{- end -}}

{{/* Volumes except `state` and `keys`. */}}
{{- define "perennial.volumes" -}}
- name: tmp
  emptyDir: {}
{{- with .Values.existingSecret.providers }}
- name: providers
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- if include "perennial.ownAuthority" . }}
- name: ca
  secret:
    secretName: {{ .Values.gateway.tls.secretName }}
    defaultMode: 0440
    items: [{ key: {{ .Values.gateway.tls.caKey }}, path: ca.crt }]
{{- end }}
{{- end -}}

{{- define "perennial.scheduling" -}}
{{- $root := index . 0 -}}
topologySpreadConstraints:
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: { matchLabels: { {{ include "perennial.selector" $ | replace "\n" ", " }} } }
  {{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The pod of a worker pool; the argument is (list root pool values). */}}
{{- define "perennial.workerPod" -}}
{{- $root := index . 0 -}}
{{- $part := printf "worker-%s" (index . 1) -}}
{{- $pool := index . 2 -}}
{{- $jobs := $root.Values.kubernetesJobs -}}
{{/* Only the orchestrator seals the audit log. */}}
{{- $keys := has "orchestrator" $pool.queues | ternary (list "command" "audit") (list "command") -}}
{{- $hasJobs := and $jobs.enabled (or (has "compute" $pool.queues) (has "orchestrator" $pool.queues)) -}}
metadata:
  labels: {{ include "perennial.labels" (list $root $part) | nindent 4 }}
  {{- with $root.Values.podAnnotations }}
  annotations: {{ toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if $hasJobs }}
  serviceAccountName: {{ include "perennial.jobsAccount" $root }}
  {{- else }}
  serviceAccountName: {{ include "perennial.serviceAccount" $root }}
  {{- end }}
  automountServiceAccountToken: {{ or $hasJobs ($pool.serviceAccountToken | default false) }}
  securityContext: {{ include "perennial.podSecurity" $root | nindent 4 }}
  # Activities have 5 s to end, and jobs of the backend local end with their worker.
  terminationGracePeriodSeconds: 60
  {{- include "perennial.scheduling" (list $root $part) | nindent 2 }}
  containers:
    - name: worker
      image: {{ include "perennial.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [worker, --queue, {{ join ", " $pool.queues }}]
      env:
        {{- include "perennial.environment" $root | nindent 8 }}
        {{- include "perennial.keysEnvironment" (list $root $keys) | nindent 8 }}
        {{- include "perennial.metricsToken" $root | nindent 8 }}
        - { name: PERENNIAL_API_URL, value: 'http://{{ include "perennial.name" $root }}-api:8700' }
        {{- if $hasJobs }}
        - { name: PERENNIAL_KUBERNETES_NAMESPACE, value: {{ $jobs.namespace | default $root.Release.Namespace }} }
        - { name: PERENNIAL_KUBERNETES_IMAGE, value: {{ $jobs.image | quote }} }
        {{- with $jobs.pullSecret }}
        - { name: PERENNIAL_KUBERNETES_PULL_SECRET, value: {{ . }} }
        {{- end }}
        {{- end }}
      {{- include "perennial.environmentFrom" $root | nindent 6 }}
      ports:
        - { name: http, containerPort: 8730 }
      startupProbe: { httpGet: { path: /livez, port: http }, periodSeconds: 5, failureThreshold: 60 }
      livenessProbe: { httpGet: { path: /livez, port: http }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }
      readinessProbe: { httpGet: { path: /readyz, port: http }, periodSeconds: 5, timeoutSeconds: 5 }
      resources: {{ toYaml $pool.resources | nindent 8 }}
      securityContext: {{ include "perennial.containerSecurity" $root | nindent 8 }}
      volumeMounts:
        {{- include "perennial.mounts" $root | nindent 8 }}
        {{- include "perennial.keysMount" $root | nindent 8 }}
  volumes:
    - name: state
      emptyDir: { sizeLimit: {{ $pool.stateSize }} }
    {{- include "perennial.volumes" $root | nindent 4 }}
    {{- include "perennial.keysVolume" (list $root $keys) | nindent 4 }}
{{- end -}}

{{/*
Annotations of the pod: the fingerprint of the staged kit, whose change restarts the parent, and `podAnnotations`, which take precedence.
*/}}
{{- define "flare-kube.podAnnotations" -}}
{{- $annotations := dict -}}
{{- with .Values.kitFingerprint -}}
{{- $_ := set $annotations "flare-kube/kit-fingerprint" (include "flare-kube.text" .) -}}
{{- end -}}
{{- range $key, $value := .Values.podAnnotations -}}
{{- $_ := set $annotations $key $value -}}
{{- end -}}
{{- include "flare-kube.stringMap" $annotations -}}
{{- end }}

{{/*
Fields of the pod besides volumes and containers.
*/}}
{{- define "flare-kube.podFields" -}}
{{- if or .Values.serviceAccount.create .Values.serviceAccount.name }}
serviceAccountName: {{ include "flare-kube.serviceAccountName" . | quote }}
{{- end }}
{{- if not (kindIs "invalid" .Values.shareProcessNamespace) }}
shareProcessNamespace: {{ .Values.shareProcessNamespace }}
{{- end }}
{{- if not (kindIs "invalid" .Values.terminationGracePeriodSeconds) }}
terminationGracePeriodSeconds: {{ include "flare-kube.text" .Values.terminationGracePeriodSeconds }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- include "flare-kube.yaml" . | nindent 2 }}
{{- end }}
{{- with include "flare-kube.podSecurityContext" . }}
securityContext:
  {{- . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- include "flare-kube.stringMap" . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- include "flare-kube.yaml" . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- include "flare-kube.yaml" . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
Volumes: the workspace claim, the objects of `workspaceConfig` over it, and /tmp if the root filesystem is read-only.
*/}}
{{- define "flare-kube.volumes" -}}
- name: {{ include "flare-kube.volumeName" . | quote }}
  persistentVolumeClaim:
    claimName: {{ include "flare-kube.text" (required "persistence.workspace.claimName is empty: name the claim that holds the kit" .Values.persistence.workspace.claimName) | quote }}
{{- with .Values.workspaceConfig }}
{{- with .local }}
{{- if .configMapName }}
- name: workspace-local
  configMap:
    name: {{ .configMapName | quote }}
    {{- with .items }}
    items:
      {{- include "flare-kube.yaml" . | nindent 6 }}
    {{- end }}
{{- end }}
{{- end }}
{{- with .startup }}
{{- if .secretName }}
- name: workspace-startup
  secret:
    secretName: {{ .secretName | quote }}
    {{- with .items }}
    items:
      {{- include "flare-kube.yaml" . | nindent 6 }}
    {{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if (.Values.containerSecurityContext | default dict).readOnlyRootFilesystem }}
- name: tmp
  emptyDir: {}
{{- end }}
{{- end }}

{{/*
The mounts of these volumes in the container.
*/}}
{{- define "flare-kube.volumeMounts" -}}
{{- $mountPath := required "persistence.workspace.mountPath is empty: the parent needs its workspace" .Values.persistence.workspace.mountPath -}}
- name: {{ include "flare-kube.volumeName" . | quote }}
  mountPath: {{ $mountPath | quote }}
{{- with .Values.workspaceConfig }}
{{- with .local }}
{{- if .configMapName }}
- name: workspace-local
  mountPath: {{ printf "%s/local" $mountPath | quote }}
  readOnly: true
{{- end }}
{{- end }}
{{- with .startup }}
{{- if .secretName }}
- name: workspace-startup
  mountPath: {{ printf "%s/startup" $mountPath | quote }}
  readOnly: true
{{- end }}
{{- end }}
{{- end }}
{{- if (.Values.containerSecurityContext | default dict).readOnlyRootFilesystem }}
- name: tmp
  mountPath: /tmp
{{- end }}
{{- end }}

{{/*
Name of the workspace volume in the pod.
*/}}
{{- define "flare-kube.volumeName" -}}
{{- include "flare-kube.text" (.Values.persistence.workspace.volumeName | default "workspace") -}}
{{- end }}

{{/*
Fields of the container besides its name, ports, args, probes and mounts.
*/}}
{{- define "flare-kube.containerFields" -}}
image: {{ include "flare-kube.image" . | quote }}
{{- with .Values.image.pullPolicy }}
imagePullPolicy: {{ . | quote }}
{{- end }}
{{- with include "flare-kube.containerSecurityContext" . }}
securityContext:
  {{- . | nindent 2 }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- include "flare-kube.yaml" . | nindent 2 }}
{{- end }}
{{- with .Values.extraEnv }}
env:
  {{- include "flare-kube.yaml" . | nindent 2 }}
{{- end }}
{{- with .Values.command }}
command:
  {{- include "flare-kube.strings" . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
A value as a text. An unquoted value such as `tag: 20261125` is a number, which must not be printed with an exponent. Numbers
that are too large to be exact are refused.
*/}}
{{- define "flare-kube.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}
{{- if gt . 9007199254740992.0 -}}
{{- fail (printf "a value is read as the number %.0f, of which digits are lost: put it in quotes" .) -}}
{{- end -}}
{{- printf "%.0f" . -}}
{{- else -}}
{{- toString . -}}
{{- end -}}
{{- end }}

{{/*
A list of strings, each quoted: what looks like a number or a boolean stays a string.
*/}}
{{- define "flare-kube.strings" -}}
{{- range $index, $text := . }}
{{- if $index }}
{{ end -}}
- {{ include "flare-kube.text" $text | quote }}
{{- end }}
{{- end }}

{{/*
The probes; an empty one is left out. One without a handler checks that the port can be reached.
Call with (list . <port of startup> <port of readiness>).
*/}}
{{- define "flare-kube.probes" -}}
{{- $values := (index . 0).Values -}}
{{- with $values.startupProbe }}
startupProbe:
  {{- include "flare-kube.probe" (list . (index $ 1)) | nindent 2 }}
{{- end }}
{{- with $values.readinessProbe }}
readinessProbe:
  {{- include "flare-kube.probe" (list . (index $ 2)) | nindent 2 }}
{{- end }}
{{- with $values.livenessProbe }}
livenessProbe:
  {{- include "flare-kube.yaml" . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
One probe. Call with (list <probe> <port>).
*/}}
{{- define "flare-kube.probe" -}}
{{- $probe := deepCopy (index . 0) -}}
{{- if not (include "flare-kube.hasHandler" $probe) -}}
{{- $_ := set $probe "tcpSocket" (dict "port" (index . 1)) -}}
{{- end -}}
{{- include "flare-kube.yaml" $probe -}}
{{- end }}

{{/*
Not empty if a probe has its own handler. Call with the probe.
*/}}
{{- define "flare-kube.hasHandler" -}}
{{- if or (hasKey . "tcpSocket") (hasKey . "exec") (hasKey . "httpGet") (hasKey . "grpc") -}}
yes
{{- end -}}
{{- end }}

{{/*
A map whose values are strings (annotations, labels): a number or a boolean, as from `--set key=true`, becomes a string. Null is
left out.
*/}}
{{- define "flare-kube.stringMap" -}}
{{- $lines := list -}}
{{- range $key, $value := . -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $lines = append $lines (printf "%s: %s" ($key | quote) (include "flare-kube.text" $value | quote)) -}}
{{- end -}}
{{- end -}}
{{- join "\n" $lines -}}
{{- end }}

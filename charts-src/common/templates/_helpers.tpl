{{/*
A fact that prepare decided about this chart, from an annotation of Chart.yaml. Call with (list . "key").
*/}}
{{- define "flare-kube.prepared" -}}
{{- $root := index . 0 -}}
{{- index $root.Chart.Annotations (printf "flare-kube/%s" (index . 1)) -}}
{{- end }}

{{/*
FLARE's stable name of a raw participant name: a name that Kubernetes accepts stays as it is, any other is cleaned and gets the
first 8 digits of its SHA-256, so that two raw names never collide. Call with the raw name.
U+0130 is the only character whose lower case is more than one character, which Go's `lower` does not support.
*/}}
{{- define "flare-kube.stable" -}}
{{- if and (le (len .) 63) (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" .) -}}
{{- . -}}
{{- else -}}
{{- $name := . | replace "\u0130" "i\u0307" | lower -}}
{{- $name = regexReplaceAll "[^a-z0-9]+" $name "-" | trimAll "-" | default "site" -}}
{{- if not (regexMatch "^[a-z]" $name) -}}
{{- $name = printf "site-%s" $name -}}
{{- end -}}
{{- printf "%s-%s" ($name | trunc 54 | trimAll "-") (sha256sum . | trunc 8) -}}
{{- end -}}
{{- end }}

{{/*
Name of Deployment, container, ServiceAccount and label: derived from `name` for a server, from `serviceName` for a client; an
empty one falls back to the chart's.
*/}}
{{- define "flare-kube.name" -}}
{{- $name := .Values.name | default .Chart.Name -}}
{{- if eq (include "flare-kube.prepared" (list . "role")) "client" -}}
{{- $name = .Values.serviceName | default $name -}}
{{- end -}}
{{- include "flare-kube.stable" (include "flare-kube.text" $name) -}}
{{- end }}

{{/*
Name of the Service under which job pods, and for a server the clients, reach the parent.
*/}}
{{- define "flare-kube.serviceName" -}}
{{- if eq (include "flare-kube.prepared" (list . "role")) "client" -}}
{{- include "flare-kube.name" . -}}
{{- else -}}
{{- .Values.serviceName | default (include "flare-kube.stable" .Chart.Name) -}}
{{- end -}}
{{- end }}

{{/*
Name of the launcher's Role and RoleBinding.
*/}}
{{- define "flare-kube.launcherName" -}}
{{- include "flare-kube.name" . }}-launcher
{{- end }}

{{/*
The ServiceAccount of the parent pod, for both pod and RoleBinding. If this chart does not create it and it has no name, it is
the namespace's `default`.
*/}}
{{- define "flare-kube.serviceAccountName" -}}
{{- if .Values.serviceAccount.name -}}
{{- .Values.serviceAccount.name -}}
{{- else if .Values.serviceAccount.create -}}
{{- include "flare-kube.name" . -}}
{{- else -}}
default
{{- end -}}
{{- end }}

{{/*
Labels of every object: those of the pod, the chart and the image's tag. The last two change with an upgrade, so they are never on
the pod, whose change restarts the parent, or in a selector.
*/}}
{{- define "flare-kube.objectLabels" -}}
{{ include "flare-kube.labels" . }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimAll "-_." | quote }}
{{- with .Chart.AppVersion | trunc 63 | trimAll "-_." }}
app.kubernetes.io/version: {{ . | quote }}
{{- end }}
{{- end }}

{{/*
Labels of the pod.
*/}}
{{- define "flare-kube.labels" -}}
{{ include "flare-kube.selectorLabels" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end }}

{{/*
The selector of Deployment and Service. It is immutable, so it contains only the name, as in the reference's charts.
*/}}
{{- define "flare-kube.selectorLabels" -}}
app.kubernetes.io/name: {{ include "flare-kube.name" . | quote }}
{{- end }}

{{/*
The image. A digest takes precedence over the tag, but a tag that was changed after prepare drops the prepared digest, which
belongs to the prepared tag.
*/}}
{{- define "flare-kube.image" -}}
{{- $tag := include "flare-kube.text" (.Values.image.tag | default "") -}}
{{- $digest := .Values.image.digest | default "" -}}
{{- $sameTag := eq $tag (include "flare-kube.prepared" (list . "image-tag")) -}}
{{- $sameDigest := eq $digest (include "flare-kube.prepared" (list . "image-digest")) -}}
{{- with .Values.image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- required "image.repository is empty: name the image of the parent" .Values.image.repository -}}
{{- if and $digest $sameDigest $sameTag -}}
{{- with $tag }}:{{ . }}{{ end }}@{{ $digest -}}
{{- else if and $digest (not (and $sameDigest $tag)) -}}
@{{ $digest -}}
{{- else if $tag -}}
:{{ $tag -}}
{{- end -}}
{{- end }}

{{/*
A non-empty map or list that is passed through, as YAML. Helm's toYaml returns an empty text if it fails, which would silently
leave out a security context.
*/}}
{{- define "flare-kube.yaml" -}}
{{- toYaml . | required (printf "a value cannot be written as YAML, it holds control characters: %q" (toJson .)) -}}
{{- end }}

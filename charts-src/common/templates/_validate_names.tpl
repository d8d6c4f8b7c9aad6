{{/*
Fails if a text is too long or breaks a pattern. Call with (list <value's path> <value> <pattern> <longest>
<what it is not: what to do>).
*/}}
{{- define "flare-kube.check" -}}
{{- $text := include "flare-kube.text" (index . 1) -}}
{{- if or (gt (len $text) (int (index . 3))) (not (regexMatch (index . 2) $text)) -}}
{{- fail (printf "%s: %q is not %s" (index . 0) $text (index . 4)) -}}
{{- end -}}
{{- end }}

{{/*
Names of objects. An empty one is left out, or is derived from another.
*/}}
{{- define "flare-kube.validateNames" -}}
{{- $local := (.Values.workspaceConfig | default dict).local | default dict -}}
{{- $startup := (.Values.workspaceConfig | default dict).startup | default dict -}}
{{- $named := list
  (list "serviceAccount.name" .Values.serviceAccount.name "ServiceAccount" "flare-parent")
  (list "persistence.workspace.claimName" .Values.persistence.workspace.claimName "PersistentVolumeClaim" "nvflws")
  (list "priorityClassName" .Values.priorityClassName "PriorityClass" "high-priority")
  (list "workspaceConfig.local.configMapName" $local.configMapName "ConfigMap" "nvflare-local")
  (list "workspaceConfig.startup.secretName" $startup.secretName "Secret" "nvflare-startup") -}}
{{- range $index, $secret := .Values.imagePullSecrets -}}
{{- $path := printf "imagePullSecrets[%d].name" $index -}}
{{- $named = append $named (list $path (required (printf "%s is empty: name a Secret with registry credentials" $path) $secret.name) "Secret" "registry-credentials") -}}
{{- end -}}
{{- range $named -}}
{{- if index . 1 -}}
{{- include "flare-kube.check" (list (index . 0) (index . 1) "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$" 253 (printf "a name of a %s: use lower-case letters, digits, `-` and `.`, at most 253, for example %s" (index . 2) (index . 3))) -}}
{{- end -}}
{{- end -}}
{{- with .Values.serviceName -}}
{{- include "flare-kube.check" (list "serviceName" . "^[a-z]([-a-z0-9]*[a-z0-9])?$" 63 "a name of a Service: use lower-case letters, digits and `-`, at most 63, the first a letter, for example nvflare-server") -}}
{{- end -}}
{{- with (.Values.workspaceConfig | default dict).namespace -}}
{{- include "flare-kube.check" (list "workspaceConfig.namespace" . "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" 63 "a name of a namespace: use lower-case letters, digits and `-`, at most 63, for example nvflare") -}}
{{- end -}}
{{- $volume := include "flare-kube.volumeName" . -}}
{{- include "flare-kube.check" (list "persistence.workspace.volumeName" $volume "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" 63 "a name of a volume: use lower-case letters, digits and `-`, at most 63, for example workspace") -}}
{{- if has $volume (list "tmp" "workspace-local" "workspace-startup") -}}
{{- fail (printf "persistence.workspace.volumeName: %q is the name of another volume of this chart: choose another, for example workspace" $volume) -}}
{{- end -}}
{{- end }}

{{/*
The mount paths of the workspace and of staged files.
*/}}
{{- define "flare-kube.validateWorkspace" -}}
{{- $path := required "persistence.workspace.mountPath is empty: the parent needs its workspace" .Values.persistence.workspace.mountPath -}}
{{- include "flare-kube.check" (list "persistence.workspace.mountPath" $path "^(/[^/:\\x00-\\x1f\\x7f]+)+$" 4096 "an absolute path in its shortest form: begin it with one `/` and end it without, and use no `:`, for example /var/tmp/nvflare/workspace") -}}
{{- include "flare-kube.checkParts" (list "persistence.workspace.mountPath" $path) -}}
{{- if and (eq $path "/tmp") (.Values.containerSecurityContext | default dict).readOnlyRootFilesystem -}}
{{- fail "persistence.workspace.mountPath is /tmp, which the chart mounts itself where containerSecurityContext.readOnlyRootFilesystem is true: choose another path" -}}
{{- end -}}
{{- range $block := list "local" "startup" -}}
{{- range $index, $item := (get ($.Values.workspaceConfig | default dict) $block | default dict).items -}}
{{- $place := printf "workspaceConfig.%s.items[%d]" $block $index -}}
{{- include "flare-kube.check" (list (printf "%s.key" $place) ($item.key | default "") "^[-._a-zA-Z0-9]+$" 253 "a key of a staged object: stage the kit again") -}}
{{- include "flare-kube.check" (list (printf "%s.path" $place) ($item.path | default "") "^[^/\\x00]+(/[^/\\x00]+)*$" 4096 "a relative path below the mount: stage the kit again") -}}
{{- include "flare-kube.checkParts" (list (printf "%s.path" $place) $item.path) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
Fails if a path has a component `.` or `..`. Call with (list <value's path> <path>).
*/}}
{{- define "flare-kube.checkParts" -}}
{{- range splitList "/" (index . 1) -}}
{{- if has . (list "." "..") -}}
{{- fail (printf "%s: %q has a part `%s`: write the path without it" (index $ 0) (index $ 1) .) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
Labels and annotations. A key with dots that `--set` took for nesting is a map here.
*/}}
{{- define "flare-kube.validateMaps" -}}
{{- range $path, $map := dict "podLabels" .Values.podLabels "podAnnotations" .Values.podAnnotations "nodeSelector" .Values.nodeSelector "serviceAccount.annotations" .Values.serviceAccount.annotations "service.annotations" .Values.service.annotations -}}
{{- range $key, $value := $map -}}
{{- $place := printf "%s.%s" $path $key -}}
{{- if or (kindIs "map" $value) (kindIs "slice" $value) -}}
{{- fail (printf "%s is not text: with --set, write the dots of a key as `\\.`" $place) -}}
{{- end -}}
{{- include "flare-kube.check" (list (printf "a key of %s" $path) (ternary $key (lower $key) (has $path (list "podLabels" "nodeSelector"))) "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$" 317 "a key that Kubernetes takes: use at most 63 letters, digits, `-`, `_` and `.`, with a domain and `/` before them where needed, for example example.com/team") -}}
{{- if and (has $path (list "podLabels" "nodeSelector")) (not (kindIs "invalid" $value)) -}}
{{- include "flare-kube.check" (list $place $value "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$" 63 "a value of a label: use at most 63 letters, digits, `-`, `_` and `.`, the first and the last a letter or digit") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $key, $_ := .Values.podLabels -}}
{{- if has $key (list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/managed-by") -}}
{{- fail (printf "podLabels sets %s, which the chart sets itself: choose another key" $key) -}}
{{- end -}}
{{- end -}}
{{- end }}

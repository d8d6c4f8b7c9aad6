{{/*
Contradictions between values, each with a sentence that names the keys. What one value alone may be stands in values.schema.json.
*/}}
{{- define "flare-kube.validate" -}}
{{- include "flare-kube.validatePorts" . -}}
{{- include "flare-kube.validateSecurity" . -}}
{{- with .Values.livenessProbe -}}
{{- if not (include "flare-kube.hasHandler" .) -}}
{{- fail "livenessProbe has no handler (exec, httpGet, tcpSocket or grpc): an open port does not show that a FLARE parent is alive, so the chart chooses none" -}}
{{- end -}}
{{- end -}}
{{- range $key, $_ := .Values.podLabels -}}
{{- if has $key (list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/managed-by") -}}
{{- fail (printf "podLabels sets %s, which the chart sets itself: choose another key" $key) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
A Service cannot have one port twice, and the API server says so only in the middle of an installation.
*/}}
{{- define "flare-kube.validatePorts" -}}
{{- $needed := list "fedLearnPort" "parentPort" -}}
{{- if eq (include "flare-kube.prepared" (list . "role")) "client" -}}
{{- $needed = list "port" -}}
{{- end -}}
{{- range $key := $needed -}}
{{- $_ := required (printf "%s is empty: the parent needs it" $key) (get $.Values $key) -}}
{{- end -}}
{{- $seen := dict -}}
{{- range $key := list "fedLearnPort" "adminPort" "parentPort" -}}
{{- with get $.Values $key -}}
{{- $port := toString . -}}
{{- with get $seen $port -}}
{{- fail (printf "%s and %s are both %s: give them different ports%s" . $key $port (ternary ", or set adminPort to null where admins use the FL port" "" (eq $key "adminPort"))) -}}
{{- end -}}
{{- $_ := set $seen $port $key -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
What Pod Security `restricted` refuses whatever else is set.
*/}}
{{- define "flare-kube.validateSecurity" -}}
{{- $profile := include "flare-kube.securityProfile" . -}}
{{- if ne $profile "default" -}}
{{- range $block := list "securityContext" "containerSecurityContext" -}}
{{- $context := get $.Values $block | default dict -}}
{{- if eq (toString (get $context "runAsUser")) "0" -}}
{{- fail (printf "securityProfile %s needs a user other than root, but %s.runAsUser is 0: take one of them away" $profile $block) -}}
{{- end -}}
{{- if eq (toString (get $context "runAsNonRoot")) "false" -}}
{{- fail (printf "securityProfile %s needs a user other than root, but %s.runAsNonRoot is false: take one of them away" $profile $block) -}}
{{- end -}}
{{- end -}}
{{- if .Values.hostPortEnabled -}}
{{- fail (printf "securityProfile %s allows no ports of the node: set hostPortEnabled to false" $profile) -}}
{{- end -}}
{{- end -}}
{{- end }}

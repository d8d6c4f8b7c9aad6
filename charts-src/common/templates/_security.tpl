{{/*
The pod's security context: `securityContext` as it is, below it what `securityProfile` adds. A key of `securityContext` is
never overruled, and null takes a key of the profile away.
No fsGroupChangePolicy: with `OnRootMismatch` a kit that was staged anew, by another user, could stay unreadable.
*/}}
{{- define "flare-kube.podSecurityContext" -}}
{{- $context := dict -}}
{{- if ne (include "flare-kube.securityProfile" .) "default" -}}
{{- $_ := set $context "runAsNonRoot" true -}}
{{- if eq .Values.securityProfile "restricted" -}}
{{- range $key := list "runAsUser" "runAsGroup" "fsGroup" -}}
{{- $_ := set $context $key 10001 -}}
{{- end -}}
{{- end -}}
{{- if include "flare-kube.hasPrivilegedPort" . -}}
{{- $_ := set $context "sysctls" (list (dict "name" "net.ipv4.ip_unprivileged_port_start" "value" "0")) -}}
{{- end -}}
{{- end -}}
{{- range $key, $value := .Values.securityContext -}}
{{- $_ := set $context $key $value -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $context $key -}}
{{- end -}}
{{- end -}}
{{- with $context -}}
{{- include "flare-kube.yaml" . -}}
{{- end -}}
{{- end }}

{{/*
The profile, `default` where the value was taken away.
*/}}
{{- define "flare-kube.securityProfile" -}}
{{- .Values.securityProfile | default "default" -}}
{{- end }}

{{/*
Not empty where the parent listens below 1024, which a user other than root may only where the pod says so.
*/}}
{{- define "flare-kube.hasPrivilegedPort" -}}
{{- range list .Values.fedLearnPort .Values.adminPort .Values.parentPort .Values.port -}}
{{- if and . (lt (int (toString .)) 1024) -}}
yes
{{- end -}}
{{- end -}}
{{- end }}

{{/*
Not empty where the parent cannot be root: a profile says so, or the user's own contexts do.
*/}}
{{- define "flare-kube.runsAsOther" -}}
{{- $pod := fromYaml (include "flare-kube.podSecurityContext" .) -}}
{{- $container := .Values.containerSecurityContext | default dict -}}
{{- $user := toString (get $pod "runAsUser") -}}
{{- if hasKey $container "runAsUser" -}}
{{- $user = toString (get $container "runAsUser") -}}
{{- end -}}
{{- $nonRoot := get $pod "runAsNonRoot" -}}
{{- if hasKey $container "runAsNonRoot" -}}
{{- $nonRoot = get $container "runAsNonRoot" -}}
{{- end -}}
{{- if or (eq (toString $nonRoot) "true") (not (has $user (list "" "0"))) -}}
yes
{{- end -}}
{{- end }}

{{/*
The container's security context: `containerSecurityContext`, with two things that depend on the pod's.
The capabilities that are added back are root's; a parent that is not root cannot use them, and Pod Security `restricted` refuses
all but NET_BIND_SERVICE, so they go. A seccomp profile of the pod is not overruled by the chart's default for the container.
*/}}
{{- define "flare-kube.containerSecurityContext" -}}
{{- $context := deepCopy (.Values.containerSecurityContext | default dict) -}}
{{- $pod := fromYaml (include "flare-kube.podSecurityContext" .) -}}
{{- if and (hasKey $pod "seccompProfile") (eq (toJson (get $context "seccompProfile")) `{"type":"RuntimeDefault"}`) -}}
{{- $_ := unset $context "seccompProfile" -}}
{{- end -}}
{{- $capabilities := get $context "capabilities" | default dict -}}
{{- if and (get $capabilities "add") (or (ne (include "flare-kube.securityProfile" .) "default") (include "flare-kube.runsAsOther" .)) -}}
{{- $kept := list -}}
{{- range get $capabilities "add" -}}
{{- if has . (list "NET_BIND_SERVICE" "CAP_NET_BIND_SERVICE") -}}
{{- $kept = append $kept . -}}
{{- end -}}
{{- end -}}
{{- if $kept -}}
{{- $_ := set $capabilities "add" $kept -}}
{{- else -}}
{{- $_ := unset $capabilities "add" -}}
{{- end -}}
{{- end -}}
{{- with $context -}}
{{- include "flare-kube.yaml" . -}}
{{- end -}}
{{- end }}

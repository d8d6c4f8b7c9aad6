{{/*
The profile in force, in place of `auto` what fits the cluster: OpenShift assigns every pod its ids, and refuses capabilities and
ids of our own choice (defect 37). `helm template` learns of it by `--api-versions security.openshift.io/v1`.
*/}}
{{- define "flare-kube.securityProfile" -}}
{{- $profile := .Values.securityProfile | default "auto" -}}
{{- if eq $profile "auto" -}}
{{- $profile = "default" -}}
{{- range .Capabilities.APIVersions -}}
{{- if hasPrefix "security.openshift.io/" . -}}
{{- $profile = "openshift" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $profile -}}
{{- end }}

{{/*
Not empty where a profile promises that the pod is not root.
*/}}
{{- define "flare-kube.hasProfile" -}}
{{- if ne (include "flare-kube.securityProfile" .) "default" -}}
yes
{{- end -}}
{{- end }}

{{/*
The pod's security context: `securityContext` as it is, below it what `securityProfile` adds. A key of `securityContext` is
never overruled, and null takes a key of the profile away.
No fsGroupChangePolicy: with `OnRootMismatch` a kit that was staged anew, by another user, could stay unreadable.
*/}}
{{- define "flare-kube.podSecurityContext" -}}
{{- $context := dict -}}
{{- $profile := include "flare-kube.securityProfile" . -}}
{{- if ne $profile "default" -}}
{{- $_ := set $context "runAsNonRoot" true -}}
{{- if eq $profile "restricted" -}}
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
As whom the parent runs by both contexts, the container's before the pod's, as JSON: `user` and `nonRoot`, each a text.
*/}}
{{- define "flare-kube.identity" -}}
{{- $user := "" -}}
{{- $nonRoot := "" -}}
{{- range list (fromYaml (include "flare-kube.podSecurityContext" .)) (.Values.containerSecurityContext | default dict) -}}
{{- if not (kindIs "invalid" (index . "runAsUser")) -}}
{{- $user = toString (index . "runAsUser") -}}
{{- end -}}
{{- if not (kindIs "invalid" (index . "runAsNonRoot")) -}}
{{- $nonRoot = toString (index . "runAsNonRoot") -}}
{{- end -}}
{{- end -}}
{{- dict "user" $user "nonRoot" $nonRoot | toJson -}}
{{- end }}

{{/*
Not empty where the parent cannot be root: a profile says so, or the user's own contexts do.
*/}}
{{- define "flare-kube.runsAsOther" -}}
{{- $identity := include "flare-kube.identity" . | fromJson -}}
{{- if or (include "flare-kube.hasProfile" .) (eq $identity.nonRoot "true") (not (has $identity.user (list "" "0"))) -}}
yes
{{- end -}}
{{- end }}

{{/*
The container's security context: `containerSecurityContext`, with two things that depend on the pod's.
The capabilities that the chart adds back are root's; a parent that is not root cannot use them, and Pod Security `restricted`
refuses all but NET_BIND_SERVICE, so they go; others, which you added, stay. A seccomp profile of the pod is not overruled by the
chart's default for the container.
*/}}
{{- define "flare-kube.containerSecurityContext" -}}
{{- $context := deepCopy (.Values.containerSecurityContext | default dict) -}}
{{- $pod := fromYaml (include "flare-kube.podSecurityContext" .) -}}
{{- if and (hasKey $pod "seccompProfile") (eq (toJson (get $context "seccompProfile")) `{"type":"RuntimeDefault"}`) -}}
{{- $_ := unset $context "seccompProfile" -}}
{{- end -}}
{{- $capabilities := get $context "capabilities" | default dict -}}
{{- if and (get $capabilities "add") (include "flare-kube.runsAsOther" .) -}}
{{- with without (get $capabilities "add") "CHOWN" "DAC_OVERRIDE" "FOWNER" -}}
{{- $_ := set $capabilities "add" . -}}
{{- else -}}
{{- $_ := unset $capabilities "add" -}}
{{- end -}}
{{- end -}}
{{- with $context -}}
{{- include "flare-kube.yaml" . -}}
{{- end -}}
{{- end }}

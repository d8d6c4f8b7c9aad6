{{/*
The effective profile; `auto` is resolved for the cluster: OpenShift assigns ids to every pod, and refuses capabilities and
ids that the chart chooses (defect 37). For `helm template` use `--api-versions security.openshift.io/v1`.
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
Not empty if a profile guarantees that the pod is not root.
*/}}
{{- define "flare-kube.hasProfile" -}}
{{- if ne (include "flare-kube.securityProfile" .) "default" -}}
yes
{{- end -}}
{{- end }}

{{/*
The pod's security context: `securityContext`, merged over what `securityProfile` adds. A key of `securityContext` is
never overruled, and null removes a key of the profile.
No fsGroupChangePolicy: with `OnRootMismatch` a kit that another user staged again could stay unreadable.
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
Not empty if the parent listens on a port below 1024, for which a user other than root needs permission in the pod.
*/}}
{{- define "flare-kube.hasPrivilegedPort" -}}
{{- range list .Values.fedLearnPort .Values.adminPort .Values.parentPort .Values.port -}}
{{- if and . (lt (int (toString .)) 1024) -}}
yes
{{- end -}}
{{- end -}}
{{- end }}

{{/*
The parent's user according to both contexts, the container's before the pod's, as JSON: `user` and `nonRoot`, each a text.
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
Not empty if the parent cannot be root, because of a profile or the user's own contexts.
*/}}
{{- define "flare-kube.runsAsOther" -}}
{{- $identity := include "flare-kube.identity" . | fromJson -}}
{{- if or (include "flare-kube.hasProfile" .) (eq $identity.nonRoot "true") (not (has $identity.user (list "" "0"))) -}}
yes
{{- end -}}
{{- end }}

{{/*
The container's security context: `containerSecurityContext`, with two things that depend on the pod's.
The capabilities that the chart adds back are for root; a parent that is not root cannot use them, and Pod Security `restricted`
refuses all but NET_BIND_SERVICE, so they are removed; others, which the user added, stay. The chart's default for the container
does not overrule a seccomp profile of the pod.
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

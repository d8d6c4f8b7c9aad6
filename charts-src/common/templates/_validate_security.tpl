{{/*
Contradictions within the security contexts, in any profile: what the API server refuses, or the node when the parent starts.
*/}}
{{- define "flare-kube.validateContexts" -}}
{{- $contexts := dict "securityContext" (.Values.securityContext | default dict) "containerSecurityContext" (.Values.containerSecurityContext | default dict) -}}
{{- range $block, $context := $contexts -}}
{{- range $key := list "hostNetwork" "hostPID" "hostIPC" "hostUsers" -}}
{{- if hasKey $context $key -}}
{{- fail (printf "%s.%s is not a field of a security context, and this chart gives its pod no namespace of the node: remove it" $block $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $key := list "allowPrivilegeEscalation" "capabilities" "privileged" "procMount" "readOnlyRootFilesystem" -}}
{{- if not (kindIs "invalid" (index $contexts.securityContext $key)) -}}
{{- fail (printf "securityContext.%s is not a field of a pod's security context: set containerSecurityContext.%s" $key $key) -}}
{{- end -}}
{{- end -}}
{{- range $key := list "fsGroup" "fsGroupChangePolicy" "seLinuxChangePolicy" "supplementalGroups" "supplementalGroupsPolicy" "sysctls" -}}
{{- if not (kindIs "invalid" (index $contexts.containerSecurityContext $key)) -}}
{{- fail (printf "containerSecurityContext.%s is not a field of a container's security context: set securityContext.%s" $key $key) -}}
{{- end -}}
{{- end -}}
{{- $container := $contexts.containerSecurityContext -}}
{{- if and (eq (toString (get $container "privileged")) "true") (eq (toString (get $container "allowPrivilegeEscalation")) "false") -}}
{{- fail "containerSecurityContext.privileged is true, which Kubernetes refuses while containerSecurityContext.allowPrivilegeEscalation is false: set the latter to null as well" -}}
{{- end -}}
{{- $effective := include "flare-kube.identity" . | fromJson -}}
{{- if and (eq $effective.user "0") (eq $effective.nonRoot "true") (not (include "flare-kube.hasProfile" .)) -}}
{{- fail "runAsUser is 0 and runAsNonRoot is true in the security contexts, so no node starts the parent: remove one of them" -}}
{{- end -}}
{{- end }}

{{/*
Values that contradict a profile, all at once.
*/}}
{{- define "flare-kube.validateProfile" -}}
{{- if include "flare-kube.hasProfile" . -}}
{{- with include "flare-kube.profileFaults" . -}}
{{- $profile := include "flare-kube.securityProfile" $ -}}
{{- if eq ($.Values.securityProfile | default "auto") "auto" -}}
{{- fail (printf "securityProfile auto means %s on this cluster, where %s. Remove what is named, or set securityProfile to default and give the parent's ServiceAccount a security context constraint that allows it" $profile .) -}}
{{- end -}}
{{- fail (printf "securityProfile is %s, but %s. Remove what is named, or set securityProfile to default" $profile .) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
The values that Pod Security `restricted` (of Kubernetes 1.34) refuses, joined by "; ".
*/}}
{{- define "flare-kube.profileFaults" -}}
{{- $found := list -}}
{{- range $block := list "securityContext" "containerSecurityContext" -}}
{{- $context := get $.Values $block | default dict -}}
{{- if eq (toString (get $context "runAsUser")) "0" -}}
{{- $found = append $found (printf "%s.runAsUser is 0 (it must not be root)" $block) -}}
{{- end -}}
{{- if eq (toString (get $context "runAsNonRoot")) "false" -}}
{{- $found = append $found (printf "%s.runAsNonRoot is false (it must be true)" $block) -}}
{{- end -}}
{{- range $key := list "seccompProfile" "appArmorProfile" -}}
{{- $type := (get $context $key | default dict).type | default "RuntimeDefault" -}}
{{- if not (has $type (list "RuntimeDefault" "Localhost")) -}}
{{- $found = append $found (printf "%s.%s.type is %v (it must be RuntimeDefault or Localhost)" $block $key $type) -}}
{{- end -}}
{{- end -}}
{{- range $key, $value := (get $context "seLinuxOptions" | default dict) -}}
{{- if or (and $value (has $key (list "user" "role"))) (and (eq $key "type") (not (has ($value | default "") (list "" "container_t" "container_init_t" "container_kvm_t" "container_engine_t")))) -}}
{{- $found = append $found (printf "%s.seLinuxOptions.%s is %v (user and role must be empty, and type one of a container)" $block $key $value) -}}
{{- end -}}
{{- end -}}
{{- if (get $context "windowsOptions" | default dict).hostProcess -}}
{{- $found = append $found (printf "%s.windowsOptions.hostProcess is true (it must be false)" $block) -}}
{{- end -}}
{{- end -}}
{{- $found = concat $found (include "flare-kube.containerFaults" . | fromJsonArray) (include "flare-kube.podFaults" . | fromJsonArray) -}}
{{- join "; " $found -}}
{{- end }}

{{/*
Those in the container's security context, and those that neither context sets, as a JSON list.
*/}}
{{- define "flare-kube.containerFaults" -}}
{{- $found := list -}}
{{- $container := .Values.containerSecurityContext | default dict -}}
{{- $pod := fromYaml (include "flare-kube.podSecurityContext" .) -}}
{{- if eq (toString (get $container "privileged")) "true" -}}
{{- $found = append $found "containerSecurityContext.privileged is true (it must be false)" -}}
{{- end -}}
{{- if ne (toString (get $container "allowPrivilegeEscalation")) "false" -}}
{{- $found = append $found "containerSecurityContext.allowPrivilegeEscalation is not false (it must be)" -}}
{{- end -}}
{{- $capabilities := get $container "capabilities" | default dict -}}
{{- if not (has "ALL" (get $capabilities "drop" | default list)) -}}
{{- $found = append $found "containerSecurityContext.capabilities.drop does not hold ALL (it must)" -}}
{{- end -}}
{{- range without (get $capabilities "add" | default list) "CHOWN" "DAC_OVERRIDE" "FOWNER" "NET_BIND_SERVICE" -}}
{{- $found = append $found (printf "containerSecurityContext.capabilities.add holds %v (NET_BIND_SERVICE alone may be added)" .) -}}
{{- end -}}
{{- if not (has (get $container "procMount" | default "Default") (list "Default")) -}}
{{- $found = append $found (printf "containerSecurityContext.procMount is %v (it must be Default)" (get $container "procMount")) -}}
{{- end -}}
{{- if not (or (get $pod "runAsNonRoot") (get $container "runAsNonRoot")) -}}
{{- if not (has "false" (list (toString (get $pod "runAsNonRoot")) (toString (get $container "runAsNonRoot")))) -}}
{{- $found = append $found "securityContext.runAsNonRoot was taken away (it must be true)" -}}
{{- end -}}
{{- end -}}
{{- if not (or (get $pod "seccompProfile") (get $container "seccompProfile")) -}}
{{- $found = append $found "containerSecurityContext.seccompProfile was taken away (its type must be RuntimeDefault or Localhost)" -}}
{{- end -}}
{{- toJson $found -}}
{{- end }}

{{/*
Those elsewhere in the pod, as a JSON list.
*/}}
{{- define "flare-kube.podFaults" -}}
{{- $found := list -}}
{{- $safe := list "kernel.shm_rmid_forced" "net.ipv4.ip_local_port_range" "net.ipv4.ip_local_reserved_ports" "net.ipv4.ip_unprivileged_port_start" "net.ipv4.ping_group_range" "net.ipv4.tcp_fin_timeout" "net.ipv4.tcp_keepalive_intvl" "net.ipv4.tcp_keepalive_probes" "net.ipv4.tcp_keepalive_time" "net.ipv4.tcp_rmem" "net.ipv4.tcp_syncookies" "net.ipv4.tcp_wmem" -}}
{{- range (.Values.securityContext | default dict).sysctls -}}
{{- if not (has .name $safe) -}}
{{- $found = append $found (printf "securityContext.sysctls sets %v (only safe ones may be set)" .name) -}}
{{- end -}}
{{- end -}}
{{- if .Values.hostPortEnabled -}}
{{- $found = append $found "hostPortEnabled is true (it allows no ports of the node)" -}}
{{- end -}}
{{- range $key := list "startupProbe" "readinessProbe" "livenessProbe" -}}
{{- range $handler := list "httpGet" "tcpSocket" -}}
{{- if (get (get $.Values $key | default dict) $handler | default dict).host -}}
{{- $found = append $found (printf "%s.%s.host is set (a probe may ask the pod alone)" $key $handler) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $key, $value := .Values.podAnnotations -}}
{{- if and (hasPrefix "container.apparmor.security.beta.kubernetes.io/" $key) (not (or (eq (toString $value) "runtime/default") (hasPrefix "localhost/" (toString $value)))) -}}
{{- $found = append $found (printf "podAnnotations.%s is %v (it must be runtime/default or localhost/…)" $key $value) -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end }}

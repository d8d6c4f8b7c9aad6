{{/*
The effective security profile, and the reason for it.
*/}}
{{- define "flare-kube.securityNote" -}}
{{- $profile := include "flare-kube.securityProfile" . -}}
Security profile: {{ $profile }}
{{- if ne (.Values.securityProfile | default "auto") "auto" }}, as securityProfile says.
{{- else if eq $profile "openshift" }}, since the cluster has the API group security.openshift.io (securityProfile is auto).
{{- else }}, since the cluster has no API group security.openshift.io (securityProfile is auto).
{{- end -}}
{{- end }}

{{/*
Warnings: values that no longer match the kit's `local/`, and rights that are wider than they seem.
*/}}
{{- define "flare-kube.warnings" -}}
{{- $parentPort := .Values.parentPort | default .Values.port -}}
{{- $mountPath := .Values.persistence.workspace.mountPath -}}
{{- $found := list -}}
{{- range $check := list
  (list "namespace" "the release's namespace" .Release.Namespace "job pods are created in the prepared one, where the parent has no rights")
  (list "service" "the parent's Service" (include "flare-kube.serviceName" .) "job pods look for their parent under the prepared name")
  (list "parent-port" "the parent port" (toString $parentPort) "job pods look for their parent at the prepared port")
  (list "mount-path" "persistence.workspace.mountPath" $mountPath "job pods and the launcher use the prepared one") -}}
{{- $prepared := include "flare-kube.prepared" (list $ (index $check 0)) -}}
{{- if ne $prepared (index $check 2) -}}
{{- $found = append $found (printf "WARNING: %s is %s, but the kit was prepared for %s: %s. Prepare the kit again." (index $check 1) (index $check 2) $prepared (index $check 3)) -}}
{{- end -}}
{{- end -}}
{{- if not (has $mountPath .Values.args) -}}
{{- $found = append $found (printf "WARNING: args do not name persistence.workspace.mountPath, %s: the parent looks for its workspace elsewhere." $mountPath) -}}
{{- end -}}
{{- if and .Values.rbac.create (eq (include "flare-kube.serviceAccountName" .) "default") -}}
{{- $found = append $found "WARNING: the parent runs as the ServiceAccount default, under which job pods run too, so jobs get the launcher's rights. Set serviceAccount.name." -}}
{{- end -}}
{{- if and .Values.serviceAccount.create (not .Values.serviceAccount.automountServiceAccountToken) -}}
{{- $found = append $found "WARNING: serviceAccount.automountServiceAccountToken is off: a launcher that uses the in-cluster configuration cannot create job pods." -}}
{{- end -}}
{{- with (.Values.workspaceConfig | default dict).namespace -}}
{{- if ne . $.Release.Namespace -}}
{{- $found = append $found (printf "WARNING: the kit is staged in the namespace %s, which is not the release's: the pod cannot mount it." .) -}}
{{- end -}}
{{- end -}}
{{- join "\n" $found -}}
{{- end }}

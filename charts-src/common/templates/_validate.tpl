{{/*
Refuses what Kubernetes would refuse or what would break the parent, each with a sentence that names the value and what to do.
values.schema.json checks the types of values; the form of texts is checked here, since a schema can only quote a pattern.
*/}}
{{- define "flare-kube.validate" -}}
{{- include "flare-kube.validatePorts" . -}}
{{- include "flare-kube.validateImage" . -}}
{{- include "flare-kube.validateNames" . -}}
{{- include "flare-kube.validateWorkspace" . -}}
{{- include "flare-kube.validateMaps" . -}}
{{- include "flare-kube.validateContainer" . -}}
{{- include "flare-kube.validateResources" . -}}
{{- include "flare-kube.validateService" . -}}
{{- include "flare-kube.validateContexts" . -}}
{{- include "flare-kube.validateProfile" . -}}
{{- end }}

{{/*
A Service cannot have the same port twice, which the API server would report only during an installation.
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
Requests and limits: amounts must be quantities; Kubernetes checks the names of resources.
*/}}
{{- define "flare-kube.validateResources" -}}
{{- range $kind, $amounts := .Values.resources -}}
{{- if not (has $kind (list "requests" "limits" "claims")) -}}
{{- fail (printf "resources.%s is not part of resources: use requests, limits or claims" $kind) -}}
{{- end -}}
{{- if and (ne $kind "claims") (not (kindIs "invalid" $amounts)) -}}
{{- if not (kindIs "map" $amounts) -}}
{{- fail (printf "resources.%s does not hold amounts by name: write lines such as `cpu: 2` below it" $kind) -}}
{{- end -}}
{{- range $name, $amount := $amounts -}}
{{- if not (kindIs "invalid" $amount) -}}
{{- include "flare-kube.check" (list (printf "resources.%s.%s" $kind $name) $amount "^\\+?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?$" 64 "a quantity: use a number that is not negative, with a suffix of Kubernetes where needed, for example 2, 500m or 8Gi") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
Arguments, environment and probes of the container. Values of variables may be secret, so they are never quoted.
*/}}
{{- define "flare-kube.validateContainer" -}}
{{- if not .Values.args -}}
{{- fail "args is empty, and the parent does not start without: remove it from your values to keep the prepared arguments" -}}
{{- end -}}
{{- if and (eq (include "flare-kube.prepared" (list . "role")) "client") (not (or .Values.siteName .Values.name)) -}}
{{- fail "siteName and name are both empty: give the name under which the client logs in" -}}
{{- end -}}
{{- range $index, $variable := .Values.extraEnv -}}
{{- if not (kindIs "string" $variable.name) -}}
{{- fail (printf "extraEnv[%d] has no name that is a string: give it a name, in quotes where YAML reads something else" $index) -}}
{{- end -}}
{{- include "flare-kube.check" (list (printf "extraEnv[%d].name" $index) $variable.name "^[ -<>-~]+$" 4096 "a name of an environment variable: use ASCII characters other than `=`, for example HTTP_PROXY") -}}
{{- if not (or (kindIs "string" $variable.value) (kindIs "invalid" $variable.value)) -}}
{{- fail (printf "extraEnv[%d].value, of %s, is not a string: put it in quotes, or use --set-string" $index $variable.name) -}}
{{- end -}}
{{- end -}}
{{- with .Values.livenessProbe -}}
{{- if not (include "flare-kube.hasHandler" .) -}}
{{- fail "livenessProbe has no handler (exec, httpGet, tcpSocket or grpc): an open port does not show that a FLARE parent is alive, so the chart chooses none" -}}
{{- end -}}
{{- end -}}
{{- range $key := list "startupProbe" "readinessProbe" "livenessProbe" -}}
{{- with include "flare-kube.handlers" (get $.Values $key | default dict) -}}
{{- if contains "," . -}}
{{- fail (printf "%s has several handlers (%s): keep one, and set the others to null" $key .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
The handlers of a probe, joined by a comma; null means none. Call with the probe.
*/}}
{{- define "flare-kube.handlers" -}}
{{- $found := list -}}
{{- range $key := list "exec" "grpc" "httpGet" "tcpSocket" -}}
{{- if not (kindIs "invalid" (index $ $key)) -}}
{{- $found = append $found $key -}}
{{- end -}}
{{- end -}}
{{- join ", " $found -}}
{{- end }}

{{/*
Values of a server's Service that only some types have.
*/}}
{{- define "flare-kube.validateService" -}}
{{- $type := get .Values.service "type" | default "ClusterIP" -}}
{{- range $key := list "loadBalancerClass" "loadBalancerSourceRanges" -}}
{{- if and (get $.Values.service $key) (ne $type "LoadBalancer") -}}
{{- fail (printf "service.%s belongs to a Service of type LoadBalancer, and service.type is %s: set service.type to LoadBalancer, or remove it" $key $type) -}}
{{- end -}}
{{- end -}}
{{- if and (get .Values.service "externalTrafficPolicy") (eq $type "ClusterIP") -}}
{{- fail "service.externalTrafficPolicy belongs to a Service of type NodePort or LoadBalancer, and service.type is ClusterIP: set service.type to NodePort or LoadBalancer, or remove it" -}}
{{- end -}}
{{- with get .Values.service "loadBalancerIP" -}}
{{- include "flare-kube.check" (list "service.loadBalancerIP" . "^([0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$" 45 "an IP address: give one such as 192.0.2.1") -}}
{{- end -}}
{{- range $index, $range := index .Values.service "loadBalancerSourceRanges" -}}
{{- include "flare-kube.check" (list (printf "service.loadBalancerSourceRanges[%d]" $index) $range "^([0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)/[0-9]{1,3}$" 49 "an address range: give one such as 192.0.2.0/24") -}}
{{- end -}}
{{- end }}

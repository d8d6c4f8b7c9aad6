{{/*
Each part of the image, and registry and repository together. A text with an `@` may contain a password and is not
quoted.
*/}}
{{- define "flare-kube.validateImage" -}}
{{- $image := .Values.image -}}
{{- $repository := required "image.repository is empty: name the image of the parent" $image.repository | toString -}}
{{- $registry := toString ($image.registry | default "") | trimSuffix "/" -}}
{{- range $key, $text := dict "registry" $registry "repository" $repository -}}
{{- if contains "@" $text -}}
{{- fail (printf "image.%s holds an `@`: a digest belongs into image.digest, and a user and password into a Secret that imagePullSecrets names" $key) -}}
{{- end -}}
{{- if contains "://" $text -}}
{{- fail (printf "image.%s: %q begins like an address of the web: leave out all up to `://`" $key $text) -}}
{{- end -}}
{{- end -}}
{{- $last := splitList "/" $repository | last -}}
{{- if contains ":" $last -}}
{{- $tag := splitList ":" $last | last -}}
{{- fail (printf "image.repository: %q holds a tag: set image.repository to %q and image.tag to %q" $repository (trimSuffix (printf ":%s" $tag) $repository) $tag) -}}
{{- end -}}
{{- $host := "(\\[[0-9A-Fa-f:]+\\]|[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?)(:[0-9]+)?" -}}
{{- $part := "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*" -}}
{{- $longest := 255 -}}
{{- include "flare-kube.check" (list "image.repository" $repository (printf "^(%s/)?%s(/%s)*$" $host $part $part) $longest "a repository of an image: use lower-case letters and digits, joined by `/`, `.`, `_` and `-`, at most 255, without tag and digest, for example registry.example.com/nvflare") -}}
{{- if $registry -}}
{{- include "flare-kube.check" (list "image.registry" $registry (printf "^%s(/%s)*$" $host $part) $longest "a registry: name its host, with port and path where needed, for example mirror.example.com:5000") -}}
{{- if not (regexMatch (printf "^%s(/%s)+$" $host $part) (printf "%s/%s" $registry $repository)) -}}
{{- fail (printf "image.registry cannot be put before image.repository: %q, which names a registry with a port or upper case of its own: leave that out of image.repository" $repository) -}}
{{- end -}}
{{- end -}}
{{- with $image.tag -}}
{{- include "flare-kube.check" (list "image.tag" . "^[A-Za-z0-9_][A-Za-z0-9_.-]*$" 128 "a tag of an image: use at most 128 letters, digits, `_`, `.` and `-`, the first no `.` or `-`; a digest belongs into image.digest") -}}
{{- end -}}
{{- range $algorithm, $length := dict "sha256" 64 "sha384" 96 "sha512" 128 -}}
{{- if hasPrefix (printf "%s:" $algorithm) ($image.digest | default "") -}}
{{- include "flare-kube.check" (list "image.digest" $image.digest (printf "^%s:[0-9a-f]{%d}$" $algorithm $length) 256 (printf "a digest of %s: copy all %d lower-case hexadecimal digits" $algorithm $length)) -}}
{{- end -}}
{{- end -}}
{{- end }}

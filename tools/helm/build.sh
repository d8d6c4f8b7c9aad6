#!/bin/sh
# Builds the Helm programs that the chart tests run, from source with the Go toolchain, into the cache directory.
#
# Usage: tools/helm/build.sh [VERSION...]      default: those of the file `versions` beside this script
# Result: $FLARE_KUBE_CACHE/tools/helm-VERSION/helm (default: $XDG_CACHE_HOME/flare-kube, ~/.cache/flare-kube), unchanged if it exists.
# A build is made beside its place and renamed, so that an existing program is always complete.
set -eu

tools="${FLARE_KUBE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flare-kube}/tools"
[ $# -gt 0 ] || set -- $(cat "$(dirname "$0")/versions")

for version in "$@"; do
  major="${version%%.*}"
  target="$tools/helm-$version"
  if [ -x "$target/helm" ]; then
    touch "$target"
    echo "helm $version: $target/helm"
    continue
  fi
  command -v go >/dev/null || { echo "go is not there, and Helm $version has to be built: install Go 1.26 or later, and put it on PATH" >&2; exit 1; }
  echo "building Helm $version from source: 3 minutes on 2 cores, once" >&2
  mkdir -p "$tools"
  work="$(mktemp -d "$tools/.helm-$version.XXXXXX")"
  trap 'rm -rf "$work"' EXIT INT TERM
  (
    cd "$work"
    # A separate module, because `go install pkg@version` cannot write to a chosen file.
    go mod init flare-kube.invalid/helm >/dev/null 2>&1
    go get "helm.sh/helm/v$major/cmd/helm@v$version"
    CGO_ENABLED=0 go build -trimpath \
      -ldflags "-s -w -X helm.sh/helm/v$major/internal/version.version=v$version" \
      -o "$work/out/helm" "helm.sh/helm/v$major/cmd/helm"
  )
  [ -d "$target" ] || mkdir "$target"
  mv "$work/out/helm" "$target/helm"
  rm -rf "$work"
  trap - EXIT INT TERM
  echo "helm $version: $target/helm"
done
# Removes other versions that no checkout has used for a month.
find "$tools" -maxdepth 1 -name 'helm-*' -mtime +30 -exec rm -rf {} +

#!/bin/sh
# Installs the reference, nvflare of PyPI with its Kubernetes extra, into a virtual environment of the cache.
#
# Usage: tools/reference/install.sh [VERSION...]      default: those of the file `versions` beside this script
# Result: $FLARE_KUBE_CACHE/reference/nvflare-VERSION (default: $XDG_CACHE_HOME/flare-kube, ~/.cache/flare-kube), unchanged if it is complete;
# each on a line of stdout, after its version and a colon.
# A virtual environment cannot be moved, so it is made in place, and is complete once it contains `.complete`. Runs wait for each other.
set -eu

references="${FLARE_KUBE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flare-kube}/reference"
[ $# -gt 0 ] || set -- $(cat "$(dirname "$0")/versions")
mkdir -p "$references"

# Whether an environment has a version, whoever made it.
answers() { # DIRECTORY VERSION
  [ -x "$1/bin/python" ] && "$1/bin/python" -c "
import importlib.metadata, kubernetes, nvflare.tool.deploy.deploy_commands
assert importlib.metadata.version('nvflare') == '$2'" 2>/dev/null
}

for version in "$@"; do
  directory="$references/nvflare-$version"
  exec 9>"$references/nvflare-$version.lock"
  if command -v flock >/dev/null; then flock 9; fi
  if [ ! -e "$directory/.complete" ]; then
    if ! answers "$directory" "$version"; then
      echo "installing nvflare $version from PyPI, which needs Python 3.10 or later with venv: a minute, once" >&2
      rm -rf "$directory"
      python3 -m venv "$directory"
      "$directory/bin/pip" install --quiet --disable-pip-version-check "nvflare[K8S]==$version" >&2
      answers "$directory" "$version" || { echo "nvflare $version does not start in $directory" >&2; exit 1; }
    fi
    : >"$directory/.complete"
  fi
  touch "$directory"
  exec 9>&-
  echo "nvflare $version: $directory"
done
# Removes other versions that no checkout has used for a month.
find "$references" -maxdepth 1 -type d -name 'nvflare-*' -mtime +30 -exec rm -rf {} +

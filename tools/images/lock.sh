#!/bin/sh
# Writes the locks of the FLARE images: every Python package with its exact version and the digests of its wheels, as pip
# resolves them today inside the Debian that the image is made of. Run by hand, as root, when a release is added or renewed.
#
# Usage: tools/images/lock.sh SUITE PYTHON RELEASE...      such as: lock.sh trixie 3.13 2.8.3 2.9.0
# Result: tools/images/nvflare-RELEASE-pythonPYTHON.txt beside this script.
# ROOT=DIRECTORY takes a Debian root that is there already in place of a new one.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
suite="$1" python="$2"
shift 2

root="${ROOT:-}"
if [ -z "$root" ]; then
  root="$(mktemp -d)"
  trap 'rm -rf "$root"' EXIT INT TERM
  mmdebstrap --quiet --variant=essential --include=python3,python3-pip,ca-certificates,libstdc++6 "$suite" "$root"
fi
cp /etc/resolv.conf /etc/hosts "$root/etc/"
cp /etc/ssl/certs/ca-certificates.crt "$root/tmp/trust.crt"

resolve() { # RELEASE MACHINE
  chroot "$root" env -i PATH=/usr/bin:/bin HOME=/tmp PIP_CERT=/tmp/trust.crt ${PIP_INDEX_URL:+PIP_INDEX_URL="$PIP_INDEX_URL"} \
    pip install --quiet --dry-run --ignore-installed --no-cache-dir --only-binary=:all: --target /tmp/nowhere \
    --platform "manylinux_2_28_$2" --platform "manylinux_2_17_$2" --platform "manylinux2014_$2" --report "/tmp/report-$2.json" "nvflare[K8S]==$1" >&2
}

for release in "$@"; do
  resolve "$release" x86_64
  resolve "$release" aarch64
  lock="$here/nvflare-$release-python$python.txt"
  {
    echo "# nvflare[K8S] $release on Python $python; written by tools/images/lock.sh."
    python3 - "$root/tmp/report-x86_64.json" "$root/tmp/report-aarch64.json" <<'PY'
import json
import sys

digests = {}
for report in sys.argv[1:]:
    with open(report) as file:
        for item in json.load(file)["install"]:
            name = item["metadata"]["name"].lower().replace("_", "-").replace(".", "-")
            digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
            digests.setdefault((name, item["metadata"]["version"]), set()).add(digest)
for (name, version), found in sorted(digests.items()):
    print(" \\\n    ".join([f"{name}=={version}", *(f"--hash=sha256:{digest}" for digest in sorted(found))]))
PY
  } >"$lock"
  echo "$lock: $(grep -c == "$lock") packages"
done

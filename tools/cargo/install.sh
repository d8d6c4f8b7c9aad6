#!/bin/sh
# Installs Cargo subcommands into the cache, from source, with the versions and options of the file `versions` beside this script.
#
# Usage: tools/cargo/install.sh [NAME...]      default: all of them
# Result: $FLARE_KUBE_CACHE/tools/NAME-VERSION/bin/NAME (default: $XDG_CACHE_HOME/flare-kube, ~/.cache/flare-kube), unchanged if it exists;
# each on a line of stdout, after its name, version and a colon.
# A program is installed beside its place and renamed, so that an existing one is always complete. Runs wait for each other.
set -eu

here="$(cd "$(dirname "$0")" && pwd)"
tools="${FLARE_KUBE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flare-kube}/tools"
[ $# -gt 0 ] || set -- $(cut -d ' ' -f 1 "$here/versions")
mkdir -p "$tools"
# The checkout's own settings and lock file do not apply to these.
cd "$tools"
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR

for name in "$@"; do
  line="$(sed -n "s/^$name //p" "$here/versions")"
  version="${line%% *}" options="${line#"$version"}"
  [ -n "$version" ] || { echo "$name has no version in $here/versions" >&2; exit 1; }
  target="$tools/$name-$version"
  exec 9>"$tools/.$name.lock"
  if command -v flock >/dev/null; then flock 9; fi
  if [ ! -x "$target/bin/$name" ]; then
    echo "installing $name $version from crates.io: 5 minutes on 2 cores, once" >&2
    partial="$tools/.$name-$version.partial"
    rm -rf "$partial"
    trap 'rm -rf "$partial"' EXIT INT TERM
    # They run seldom, so compile time counts more than run time.
    CARGO_PROFILE_DEV_DEBUG=false CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_TARGET_DIR="$partial/target" \
      cargo install --quiet --locked --profile dev --version "$version" --root "$partial" $options "$name" >&2
    rm -rf "$partial/target"
    mv "$partial" "$target"
    trap - EXIT INT TERM
  fi
  touch "$target"
  exec 9>&-
  echo "$name $version: $target/bin/$name"
done
# Removes other versions that no checkout has used for a month.
find "$tools" -maxdepth 1 -name 'cargo-*' -mtime +30 -exec rm -rf {} +

# Debian from a mirror, for the scripts that make the lowest layers of images: `debian OPTION... SUITE FOLDER`.
# Put before each of them.
#
# FLARE_KUBE_DEBIAN_MIRROR names another mirror than deb.debian.org. A proxy that this machine's apt uses is used too.
set -eu
umask 022
export LC_ALL=C TZ=UTC

debian() {
  set -- "$@" ${FLARE_KUBE_DEBIAN_MIRROR:+"$FLARE_KUBE_DEBIAN_MIRROR"}
  for kind in http https; do
    proxy=""
    if command -v apt-config >/dev/null; then eval "$(apt-config shell proxy "Acquire::$kind::Proxy")"; fi
    [ -z "$proxy" ] || set -- --aptopt="Acquire::$kind::Proxy \"$proxy\"" "$@"
  done
  mmdebstrap --mode=root --format=directory "$@"
}


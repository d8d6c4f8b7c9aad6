# FLARE and the packages that it needs, installed by the Python of an image's lowest layer into a folder of their own.
# Run by flare-testbed in mount and process namespaces of its own, so that no mount outlives it.
#
# Usage: sh nvflare.sh FOLDER LAYER      FOLDER has `lock.txt`; LAYER is the tar file of the lowest layer.
# Result: FOLDER/root/build/out, which is the next layer.
# Name service, trust, proxies and the package index are this machine's, for the download alone: nothing of them is in the result.
set -eu
folder="$1" layer="$2" root="$1/root"
umask 022
mkdir "$root"
tar --extract --file "$layer" --directory "$root" --numeric-owner --same-permissions
mkdir -p "$root/build/out" "$root/proc" "$root/dev" "$root/tmp"
chmod 1777 "$root/tmp"
cp "$folder/lock.txt" "$root/build/lock.txt"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
for trust in "${PIP_CERT:-}" "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"; do
  if [ -f "$trust" ]; then cp "$trust" "$root/build/trust.crt"; break; fi
done
: >"$root/build/pip.conf"
for settings in "${PIP_CONFIG_FILE:-}" "${HOME:-}/.config/pip/pip.conf" "${HOME:-}/.pip/pip.conf" /etc/pip.conf; do
  if [ -f "$settings" ]; then cp "$settings" "$root/build/pip.conf"; break; fi
done
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"

inside() {
  chroot "$root" env -i PATH=/usr/bin:/bin HOME=/build LC_ALL=C.UTF-8 PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 \
    PIP_CERT=/build/trust.crt PIP_CONFIG_FILE=/build/pip.conf PIP_DEFAULT_TIMEOUT="${PIP_DEFAULT_TIMEOUT:-60}" \
    ${PIP_INDEX_URL:+PIP_INDEX_URL="$PIP_INDEX_URL"} ${PIP_TRUSTED_HOST:+PIP_TRUSTED_HOST="$PIP_TRUSTED_HOST"} \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} ${no_proxy:+no_proxy="$no_proxy"} \
    ${HTTP_PROXY:+HTTP_PROXY="$HTTP_PROXY"} ${HTTPS_PROXY:+HTTPS_PROXY="$HTTPS_PROXY"} ${NO_PROXY:+NO_PROXY="$NO_PROXY"} \
    "$@"
}
inside python3 -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-compile --no-deps --require-hashes \
  --only-binary=:all: --break-system-packages --root-user-action=ignore --no-warn-script-location --ignore-installed --root /build/out -r /build/lock.txt
# Compiled modules that hold with any time of their source, since the layer gives all files one time.
inside python3 -m compileall -q -f --invalidation-mode unchecked-hash -s /build/out -p / /build/out/usr/local/lib ||
  echo "some modules cannot be compiled, as those for other versions of Python: they stay as they are"
modules="$(cd "$root" && echo build/out/usr/local/lib/python3.*/dist-packages)"
inside env PYTHONPATH="/$modules" python3 -c 'import nvflare.private.fed.app.client.client_train, kubernetes'

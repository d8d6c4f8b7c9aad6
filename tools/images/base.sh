# A Debian with Python in an empty folder, for an image's lowest layer. Run by flare-testbed in mount and process
# namespaces of its own, so that no mount outlives it, behind mirror.sh.
#
# Usage: sh base.sh FOLDER SUITE PACKAGES      (PACKAGES: separated by commas)
root="$1" suite="$2" packages="$3"
chmod 755 "$root"
debian --variant=essential --include="$packages" "$suite" "$root"

# The path under which the official images of Python have it, and which FLARE's charts call.
ln -sf /usr/bin/python3 "$root/usr/local/bin/python3"
# A name for the user as whom pods run where root is refused: Python asks for it.
echo "flare:x:10001:10001::/tmp:/usr/sbin/nologin" >>"$root/etc/passwd"
echo "flare:x:10001:" >>"$root/etc/group"
# Compiled modules that hold with any time of their source, since the layer gives all files one time.
find "$root/usr/lib" -name __pycache__ -prune -exec rm -rf {} +
for library in "$root"/usr/lib/python3.*; do
  chroot "$root" env -i PATH=/usr/bin:/bin PYTHONHASHSEED=0 LC_ALL=C.UTF-8 \
    python3 -m compileall -q -f --invalidation-mode unchecked-hash "${library#"$root"}"
done

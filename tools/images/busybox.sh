# The one static program with all small tools, taken out of its Debian package into an empty folder. Nothing of the package is run.
# Run by flare-testbed in mount and process namespaces of its own, behind mirror.sh.
#
# Usage: sh busybox.sh FOLDER SUITE
debian --variant=extract --include=busybox-static "$2" "$1"

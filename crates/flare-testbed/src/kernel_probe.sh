# Tests in temporary namespaces what a cluster needs of the kernel, and prints a line for each missing feature.
missing() { echo "$1"; }
ip link add trial0 type veth peer name trial1 >/dev/null 2>&1 || missing 'virtual links (veth)'
ip link add trial2 type bridge >/dev/null 2>&1 || missing 'bridges'
iptables -w -t nat -L -n >/dev/null 2>&1 || missing 'address translation (iptables or nf_tables with NAT)'
iptables -w -A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT >/dev/null 2>&1 || missing 'connection tracking (conntrack)'
{ mount -t tmpfs tmpfs /run && mkdir /run/upper /run/work; } >/dev/null 2>&1 || missing 'mounting (tmpfs)'
mount -t overlay -o lowerdir=/var,upperdir=/run/upper,workdir=/run/work overlay /var >/dev/null 2>&1 || missing 'overlay file systems'
echo tried

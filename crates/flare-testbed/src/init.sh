# The first process of a cluster's process namespace: it sets up the cluster's view of the machine, prints `ready`, and stays.
# When it ends, the kernel ends every process, mount and link of the cluster.
set -eu
mount --make-rshared /
cd "$FLARE_KUBE_TESTBED_STATE"
# What Kubernetes writes outside its state is discarded: sockets and locks below /run, caches and links below /var.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/flare-kube /run/flare-kube-cache /run/lock /run/var/upper /run/var/work
mount --bind . /run/flare-kube
# Built programs may be on a separate disk below /var.
mount --bind "$FLARE_KUBE_TESTBED_CACHE" /run/flare-kube-cache
mount -t overlay -o lowerdir=/var,upperdir=/run/var/upper,workdir=/run/var/work overlay /var
# A kubelet sets these for the whole machine. Here it finds its values already set, and the machine's own are not changed.
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  name=${setting%=*}
  [ -e "/proc/sys/$name" ] || continue
  seen=/run/$(echo "$name" | tr / .)
  echo "${setting#*=}" >"$seen"
  mount --bind "$seen" "/proc/sys/$name"
done
# The node's address and the default route are on a pair of links with both ends in here, so the route leads nowhere.
ip link set lo up
ip link add node0 type veth peer name nowhere0
ip address add 172.30.0.2/24 dev node0
ip link set node0 up
ip link set nowhere0 up
ip route add default dev node0
echo 1 >/proc/sys/net/ipv4/ip_forward
[ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
echo ready
exec </dev/null >/dev/null
# Waits for ever, and reaps orphans.
sleep infinity &
while :; do wait; done

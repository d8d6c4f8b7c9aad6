"""Runs in a canary pod instead of a job: checks what a job will need, and prints one line of JSON after MARK.

Python 3.8 or later, the standard library alone. What it is told stands in the variable FLARE_KUBE_CANARY.
"""
import json
import os
import socket
import sys
import tempfile
import time

MARK = "flare-kube-canary "
FOUND = []


def found(check, severity, message, hint=None):
    FOUND.append({"id": check, "severity": severity, "message": message, "hint": hint})


def check(name, work):
    try:
        work()
    except Exception as error:  # A check that breaks is a finding, and keeps no other from its turn.
        found(name, "error", "%s: %s" % (type(error).__name__, error), "see whether the image holds what jobs need")


def python():
    version = sys.version.split()[0]
    if sys.version_info < (3, 9):
        found("J02", "error", "Python %s is older than FLARE takes" % version, "use an image with Python 3.9 or later")
    else:
        found("J02", "ok", "Python %s at %s, user %d" % (version, sys.executable, os.getuid()))


def nvflare():
    try:
        import nvflare
    except ImportError as error:
        found("J03", "error", "nvflare cannot be imported: %s" % error, "use an image with nvflare in the launcher's Python")
        return
    version = getattr(nvflare, "__version__", "of an unknown version")
    found("J03", "ok", "nvflare %s" % version)
    # Whether that is the release of the kit is decided by the one who asks.
    FOUND[-1]["version"] = version


def startup(directory, names):
    for name in names:
        with open(os.path.join(directory, name), "rb") as file:
            if not file.read(1):
                found("J04", "warning", "startup/%s is empty" % name, "stage or copy the kit again")
    found("J04", "ok", "%d files of the startup kit in %s" % (len(names), directory))


def parent(host, port):
    error = None
    for attempt in range(3):
        try:
            socket.create_connection((host, port), timeout=5).close()
            found("J05", "ok", "the parent answers at %s:%d" % (host, port))
            return
        except OSError as failed:
            error = failed
            time.sleep(1)
    hint = "see with `verify` whether the parent runs, and whether a NetworkPolicy keeps job pods from it"
    found("J05", "error", "no way to the parent at %s:%d: %s" % (host, port, error), hint)


def writable(directory):
    with tempfile.NamedTemporaryFile(dir=directory) as file:
        file.write(b"x" * 4096)


def workspace(directory):
    writable(directory)
    space = os.statvfs(directory)
    found("J06", "ok", "%s can be written, %d MiB are free" % (directory, space.f_bavail * space.f_frsize >> 20))


def data(mounts):
    if not mounts:
        found("J07", "info", "no study data is mounted")
    for path, read_only in mounts:
        try:
            entries = len(os.listdir(path))
            if not read_only:
                writable(path)
        except OSError as error:
            hint = "see whether the claim holds the data, and whether the pod's user may read it"
            found("J07", "error", "study data at %s: %s" % (path, error), hint)
        else:
            severity = "ok" if entries else "warning"
            hint = None if entries else "put the data onto the claim"
            found("J07", severity, "study data at %s: %d entries, %s" % (path, entries, "read only" if read_only else "writable"), hint)


def shared_memory():
    space = os.statvfs("/dev/shm")
    size = space.f_blocks * space.f_frsize >> 20
    if size <= 64:
        hint = "where data loaders with workers are used, set `job_launcher.shm_size` and prepare with `--launcher flare-kube`, or mount an in-memory emptyDir at /dev/shm by a pod template"
        found("J08", "info", "/dev/shm has %d MiB" % size, hint)
    else:
        found("J08", "ok", "/dev/shm has %d MiB" % size)


def gpus(wanted, resource):
    if not wanted:
        found("J09", "info", "no GPU was asked for", "`--gpus N` asks for some")
        return
    asked = "%d %s %s asked for" % (wanted, resource, "was" if wanted == 1 else "were")
    if not resource.startswith("nvidia.com/"):
        found("J09", "info", asked + " and given: only GPUs of NVIDIA have devices that are known here")
        return
    seen = sorted(name for name in os.listdir("/dev") if name.startswith("nvidia") and name[6:].isdigit())
    # Slices of a GPU (MIG) have no devices of their own in /dev.
    needed = 1 if "/mig-" in resource else wanted
    if len(seen) >= needed:
        found("J09", "ok", "%s, and %s in /dev" % (asked, ", ".join(seen)))
    else:
        hint = "see whether the node's device plugin and container runtime hand GPUs to pods"
        there = "%d %s" % (len(seen), "is" if len(seen) == 1 else "are") if seen else "no GPU is"
        found("J09", "error", "%s, and %s in /dev" % (asked, there), hint)


def main():
    told = json.loads(os.environ["FLARE_KUBE_CANARY"])
    check("J02", python)
    check("J03", nvflare)
    check("J04", lambda: startup(told["startup"], told["files"]))
    check("J05", lambda: parent(told["host"], told["port"]))
    check("J06", lambda: workspace(told["workspace"]))
    check("J07", lambda: data(told["data"]))
    check("J08", shared_memory)
    check("J09", lambda: gpus(told["gpus"], told["gpu_resource"]))
    print(MARK + json.dumps(FOUND), flush=True)


main()

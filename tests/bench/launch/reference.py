"""Runs jobs through the k8s launcher class of an installed nvflare, as its parent does: one thread for each job.

The only argument is the bench's settings as JSON. A line on stdin starts the jobs; stdout tells `WORD POD TIME ...` for each pod
that is created, runs and ends, as the launcher sees it. `lost` is a job that the launcher gave up although its pod neither failed
nor ended; where it has no pod, the job's name stands instead.
"""

import json
import logging
import sys
import threading
import time
from types import SimpleNamespace

from kubernetes import client, config
from nvflare.apis.fl_constant import FLContextKey
from nvflare.app_opt.job_launcher import k8s_launcher as launcher_module

SETTINGS = json.loads(sys.argv[1])
OUTPUT = threading.Lock()
# The pod that this thread's job got.
CREATED = threading.local()


def tell(word, pod="", rest=""):
    with OUTPUT:
        print(word, pod, f"{time.time():.3f}", rest, flush=True)


class Api(client.CoreV1Api):
    """The client of the launcher, which also tells what it created, and leaves pods to the bench that are not for a kubelet."""

    def create_namespaced_pod(self, namespace, body, **options):
        if SETTINGS["scheduler"]:
            body["spec"]["schedulerName"] = SETTINGS["scheduler"]
        made = super().create_namespaced_pod(namespace, body, **options)
        CREATED.pod = body["metadata"]["name"]
        tell("created", CREATED.pod, body["spec"]["containers"][0]["name"])
        return made


class Context:
    """The part of FLContext that a launcher uses."""

    def __init__(self, number):
        end = f"{SETTINGS['end']} + {number} * {SETTINGS['step']}"
        program = f"import os, time; time.sleep(max(0, {end} - time.time())); os._exit({number % 2})"
        self.arguments = {
            "exe_module": ("-m", "timeit"),
            "workspace": ("-n", "1"),
            "startup_dir": ("-r", "1"),
            "job_id": ("-s", program),
        }

    def get_identity_name(self):
        return "site-1"

    def get_engine(self):
        return SimpleNamespace(cell=object())

    def get_prop(self, key, default=None):
        workspace = SimpleNamespace(get_app_custom_dir=lambda job_id: None, get_startup_kit_dir=lambda: "/nonexistent")
        return {
            FLContextKey.WORKSPACE_OBJECT: workspace,
            FLContextKey.ARGS: SimpleNamespace(workspace="/var/tmp/nvflare/workspace", set=None),
            FLContextKey.JOB_PROCESS_ARGS: self.arguments,
        }.get(key, default)


def run(launcher, number):
    job = f"bench-{number:05}"
    meta = {"job_id": job, "launcher_spec": {"default": {"k8s": {"image": SETTINGS["image"]}}}}
    try:
        handle = launcher.launch_job(meta, Context(number))
        if handle.terminal_state is not None:
            raise RuntimeError(f"its handle says {handle.terminal_state} at once")
        tell("running", CREATED.pod)
        handle.wait()
        tell("ended", CREATED.pod, handle.poll())
    # Whatever it raises, its parent would have a job less.
    except Exception as error:
        print(f"{job}: {type(error).__name__}: {str(error).splitlines()[0]}", file=sys.stderr, flush=True)
        tell("lost", getattr(CREATED, "pod", job))


def main():
    logging.basicConfig(level=logging.WARNING)
    # With more threads than pooled connections it warns at almost every request.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    config.load_kube_config(SETTINGS["kubeconfig"])
    # The workspace's transfer is no business of the API server.
    transfer = SimpleNamespace(owner_fqcn="site-1", add_job=lambda job, root: "bench", remove_job=lambda job: None)
    launcher_module.WorkspaceTransferManager = SimpleNamespace(get_or_create=lambda cell: transfer)
    launcher = launcher_module.ClientK8sJobLauncher(
        config_file_path=SETTINGS["kubeconfig"],
        study_data_pvc_file_path="/nonexistent",
        namespace=SETTINGS["namespace"],
        pending_timeout=SETTINGS["pending_timeout"],
        default_python_path=SETTINGS["python"],
        ephemeral_storage="1Mi",
    )
    launcher.core_v1 = Api()
    tell("ready")
    sys.stdin.readline()
    threads = [threading.Thread(target=run, args=(launcher, number)) for number in range(SETTINGS["jobs"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


main()

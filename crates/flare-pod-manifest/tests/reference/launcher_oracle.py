"""Asks the launcher classes of an installed nvflare what they would send to Kubernetes.

One process answers many requests: each line of stdin is {"request": <the text of a launch request>}, each line of stdout
is {"pod", "secrets", "warnings"} or {"error"}. The API object is a recorder; nothing is sent anywhere. The workspace
of the request is a real directory.
"""

import base64
import json
import logging
import sys
from types import SimpleNamespace

from nvflare.apis.fl_constant import FLContextKey
from nvflare.app_opt.job_launcher import k8s_launcher as launcher_module


class Recorder:
    """A fake of kubernetes.client.CoreV1Api."""

    def __init__(self):
        self.pod = None
        self.secrets = []

    def create_namespaced_secret(self, namespace, body):
        self.secrets.append(body)

    def create_namespaced_pod(self, body, namespace):
        self.pod = body
        return SimpleNamespace(metadata=SimpleNamespace(uid="uid"))

    def patch_namespaced_secret(self, name, namespace, body):
        pass

    def delete_namespaced_secret(self, name, namespace):
        pass


class Warnings(logging.Handler):
    def __init__(self):
        super().__init__(level=logging.WARNING)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


class Context:
    """The part of FLContext that a launcher uses."""

    def __init__(self, request):
        self.request = request
        self.workspace = SimpleNamespace(
            get_app_custom_dir=lambda job_id: request.get("custom_dir"),
            get_startup_kit_dir=lambda: request["workspace"] + "/startup",
        )

    def get_identity_name(self):
        return self.request["site"]

    def get_engine(self):
        return SimpleNamespace(cell=object())

    def get_prop(self, key, default=None):
        return {
            FLContextKey.WORKSPACE_OBJECT: self.workspace,
            FLContextKey.ARGS: SimpleNamespace(workspace=self.request["workspace"], set=self.request.get("set")),
            FLContextKey.JOB_PROCESS_ARGS: self.request["process_args"],
        }.get(key, default)


def transfer(request):
    return SimpleNamespace(
        owner_fqcn=request["owner_fqcn"],
        add_job=lambda job_id, root: request["transfer_token"],
        remove_job=lambda job_id: None,
    )


def data_of(secret):
    secret = dict(secret)
    for key, text in secret.pop("stringData", {}).items():
        secret.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()
    return secret


def answer(request):
    args = dict(request["launcher"])
    if args.get("namespace", "") is None:
        del args["namespace"]
    path = args.get("study_data_pvc_file_path")
    if path is not None and not isinstance(path, str):
        raise TypeError("2.8 would open this number as a file descriptor")
    role = {
        "server": launcher_module.ServerK8sJobLauncher,
        "client": launcher_module.ClientK8sJobLauncher,
    }[request["role"]]
    launcher = role(**args)
    launcher.core_v1 = recorder = Recorder()
    launcher_module.WorkspaceTransferManager.get_or_create = lambda cell: transfer(request)
    launcher.launch_job(request["job_meta"], Context(request))
    return {"pod": recorder.pod, "secrets": [data_of(secret) for secret in recorder.secrets]}


def main():
    launcher_module.K8sJobHandle.enter_states = lambda self, states: True
    warnings = Warnings()
    root = logging.getLogger()
    root.handlers = [warnings]
    root.setLevel(logging.WARNING)
    for line in sys.stdin:
        warnings.messages = []
        try:
            reply = answer(json.loads(json.loads(line)["request"]))
            reply["warnings"] = warnings.messages
        except BaseException as error:  # launchers raise errors of every type
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply, default=str), flush=True)


if __name__ == "__main__":
    main()

"""Tells `PHASE POD` of the pods of a namespace whenever one changes, as a plain watch shows it: `witness.py KUBECONFIG NAMESPACE`.

An API server ends the watch of a client that reads too slowly, as one does on a machine on which hundreds of pods start; it begins anew then.
"""

import sys

from kubernetes import client, config, watch

KUBECONFIG, NAMESPACE = sys.argv[1:]
config.load_kube_config(KUBECONFIG)
API = client.CoreV1Api()
while True:
    try:
        for event in watch.Watch().stream(API.list_namespaced_pod, NAMESPACE):
            pod = event["object"]
            print(pod.status.phase, pod.metadata.name, flush=True)
    except Exception as error:
        print(f"the watch begins anew: {type(error).__name__}", file=sys.stderr, flush=True)

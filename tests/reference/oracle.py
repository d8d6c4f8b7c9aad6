"""Answers questions about the reference, one JSON object a line on stdin, one a line on stdout.

The reference's entry point is called in this process, because a new process takes 0.7 s and a comparison asks hundreds of questions.
"""

import contextlib
import io
import json
import shlex
import sys
from types import SimpleNamespace

import yaml

from nvflare.tool import cli_output
from nvflare.tool.deploy import deploy_commands
from nvflare.tool.deploy.deploy_commands import prepare_deployment

try:  # 2.9
    from nvflare.tool.deploy.k8s_deploy import _k8s_service_name as service_name
except ImportError:  # 2.8
    service_name = deploy_commands._k8s_service_name

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
EXACT = 2**53


def prepare(question):
    arguments = SimpleNamespace(
        kit=question["kit"], kit_flag=None, output=question["output"], config=question["config"]
    )
    out, err = io.StringIO(), io.StringIO()
    exit_code, envelope = 0, {}
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            prepare_deployment(arguments)
        except SystemExit as end:
            exit_code = end.code
        except Exception as fault:  # the command line does the same, see its main()
            exit_code, envelope = 5, {"error_code": "INTERNAL_ERROR", "message": repr(fault)}
    if out.getvalue():
        envelope = json.loads(out.getvalue())
    return {"exit_code": exit_code, "envelope": envelope, "stderr": err.getvalue()}


def exact(value):
    """JSON in which numbers keep all digits and all keys are strings."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else f"$key {key!r}": exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, float) or (isinstance(value, int) and abs(value) > EXACT):
        return {"$number": repr(value)}
    if value is None or isinstance(value, (str, int)):
        return value
    return {"$other": repr(value)}


def read_json(question):
    with open(question["path"], encoding="utf-8") as file:
        return {"value": exact(json.load(file))}


def read_yaml(question):
    with open(question["path"], encoding="utf-8") as file:
        return {"value": exact(yaml.load(file, LOADER))}


def read_manifests(question):
    try:
        documents = list(yaml.load_all(question["text"], LOADER))
    except yaml.YAMLError as fault:
        return {"no_yaml": str(fault)}
    return {"value": [exact(document) for document in documents if document is not None]}


def stable_name(question):
    return {"value": service_name(question["text"])}


def words(question):
    return {"value": shlex.split(question["text"])}


ANSWERS = {
    "prepare": prepare,
    "read_json": read_json,
    "read_yaml": read_yaml,
    "read_manifests": read_manifests,
    "stable_name": stable_name,
    "words": words,
}


def main():
    cli_output.set_output_format("json")
    answers = sys.stdout
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = ANSWERS[question["do"]](question)
        except Exception as fault:
            answer = {"failed": repr(fault)}
        print(json.dumps(answer), file=answers, flush=True)


main()

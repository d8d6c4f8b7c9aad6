"""Submits a job as an admin, and waits for its end.

Standard input: one line, {"admin": the name of the admin, "kit": {path: text}, "job": {path: text}}.
Standard output: one line, {"id": the job's, "status": such as FINISHED:COMPLETED}. What FLARE prints goes to standard error.
"""

import contextlib
import json
import os
import sys
import tempfile


def write(directory, files):
    for path, text in files.items():
        path = os.path.join(directory, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def run(told, directory):
    from nvflare.fuel.flare_api.flare_api import new_secure_session

    kit, job = os.path.join(directory, "kit"), os.path.join(directory, "job")
    write(kit, told["kit"])
    write(job, told["job"])
    session = new_secure_session(told["admin"], kit)
    try:
        # On a busy machine a server may need longer than the default of 5 s, which says nothing about the job.
        session.set_timeout(60)
        job_id = session.submit_job(job)
        session.monitor_job(job_id, timeout=600, poll_interval=0.5)
        return {"id": job_id, "status": session.get_job_meta(job_id).get("status")}
    finally:
        session.close()


told = json.loads(sys.stdin.readline())
# The admin's key: for nobody else, and gone with this program.
os.umask(0o077)
with tempfile.TemporaryDirectory() as directory, contextlib.redirect_stdout(sys.stderr):
    ended = run(told, directory)
print(json.dumps(ended), flush=True)
# Threads of FLARE may outlive the session.
os._exit(0)

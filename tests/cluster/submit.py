"""Submits a job as the admin, waits for its end, prints its status and duration. Usage: submit.py ADMIN_KIT JOB"""

import sys
import time

from nvflare.fuel.flare_api.flare_api import new_secure_session

session = new_secure_session("admin@nvidia.com", sys.argv[1])
# On a busy machine a server may need longer than the default of 5 s, which says nothing about the job.
session.set_timeout(60)
try:
    began = time.monotonic()
    job = session.submit_job(sys.argv[2])
    session.monitor_job(job, timeout=300, poll_interval=0.5)
    print("seconds:", time.monotonic() - began)
    print("status:", session.get_job_meta(job).get("status"))
finally:
    session.close()

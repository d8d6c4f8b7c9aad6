"""Submits a job as the admin, follows it to its end and prints its status. Usage: submit.py ADMIN_KIT JOB"""

import sys

from nvflare.fuel.flare_api.flare_api import new_secure_session

session = new_secure_session("admin@nvidia.com", sys.argv[1])
try:
    job = session.submit_job(sys.argv[2])
    session.monitor_job(job, timeout=300)
    print("status:", session.get_job_meta(job).get("status"))
finally:
    session.close()

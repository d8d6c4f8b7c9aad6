"""The first process of the helper pod: waits until the pod is deleted, or for the number of seconds in `sys.argv[1]`.

The kernel ignores SIGTERM for the first process of a container unless that asks for it, and kills all others when it ends.
"""

import os
import signal
import sys
import time

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
# In a container that shares its processes with others, -1 would mean theirs, too.
if signal.sigtimedwait([signal.SIGTERM], int(sys.argv[1])) and os.getpid() == 1:
    try:
        # The volume's program may be in the middle of a swap, which it completes.
        os.kill(-1, signal.SIGTERM)
        while True:
            os.kill(-1, 0)
            time.sleep(0.02)
    except ProcessLookupError:
        # None is left.
        pass

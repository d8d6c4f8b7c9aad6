# Runs the program like the helper pod, but dies at the call with the given number that changes the disk (0: never).
import os, sys, types
# fsync is skipped, since only processes are killed here, not the machine.
os.sync = os.fsync = lambda *_: None
# Without ctypes, the volume is written by os.sync. Its stand-in has a call that fails with the given number.
error = int(os.environ.get('SYNC_ERROR', '0'))
library = types.SimpleNamespace(syncfs=lambda _: -1)
sys.modules['ctypes'] = types.SimpleNamespace(CDLL=lambda *_, **__: library, get_errno=lambda: error) if error else None
die, count = int(os.environ['DIE']), 0
def counted(function):
    def call(*arguments, **named):
        global count
        count += 1
        if count == die:
            os._exit(9)
        return function(*arguments, **named)
    return call
for name in 'rename replace mkdir unlink rmdir chmod fchmod fsync symlink utime write open'.split():
    setattr(os, name, counted(getattr(os, name)))
exec(sys.stdin.buffer.read(int(sys.argv[1])))

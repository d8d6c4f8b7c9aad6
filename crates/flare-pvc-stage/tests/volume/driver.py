# Runs the program like the helper pod, but dies at the call with the given number that changes the disk (0: never).
import os, sys
# fsync is skipped, since only processes are killed here, not the machine.
os.sync = os.fsync = lambda *_: None
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

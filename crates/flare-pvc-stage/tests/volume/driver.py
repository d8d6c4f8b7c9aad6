# Runs the program as the helper pod does, in a Python that dies at the given call that changes the disk (0: never).
import os, sys
# Processes are killed here, never the machine: waiting for its disk would only make the tests slow.
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

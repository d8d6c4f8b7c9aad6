# Runs the program like the helper pod, but dies, or gets SIGTERM, at the call with the given number that changes the disk (0: never).
import os, shutil, signal, sys, types
# fsync is skipped, since only processes are killed here, not the machine. Writing the volume damages this file, if one is named.
os.fsync = lambda *_: None
damaged = os.environ.get('DAMAGED')
os.sync = lambda: damaged and open(os.path.join(sys.argv[3], damaged), 'ab').write(b'x')
# Without ctypes, the volume is written by os.sync. Its stand-in has a call that fails with the given number, and one that notes which parts
# of files the system is to begin with.
error, begun = int(os.environ.get('SYNC_ERROR', '0')), os.environ.get('BEGUN')
def begin(_, offset, length, flags):
    with open(begun, 'a') as file:
        file.write('%d %d\n' % (offset, length))
library = types.SimpleNamespace(syncfs=lambda _: -1 if error else 0)
if begun:
    library.sync_file_range = begin
stand_in = types.SimpleNamespace(CDLL=lambda *_, **__: library, get_errno=lambda: error, c_int64=int)
sys.modules['ctypes'] = stand_in if error or begun else None
# What becomes of the removal of a directory with everything in it.
removal = os.environ.get('REMOVAL')
def removed(path, **_):
    if removal == 'dies':
        os._exit(9)
    raise OSError(5, 'it stays', path)
if removal:
    shutil.rmtree = removed
# As if the directories of this volume belonged to another user, who lets this one change what is in them.
foreign = os.environ.get('FOREIGN') and {os.lstat(directory).st_ino for directory, _, _ in os.walk(sys.argv[3])} - {os.stat(sys.argv[3]).st_ino}
def changed(path, mode, real=os.chmod, **named):
    if foreign and os.lstat(path).st_ino in foreign:
        raise PermissionError(1, 'not the owner', path)
    return real(path, mode, **named)
os.chmod = changed
if os.environ.get('READ_ONLY'):
    os.statvfs = lambda _: types.SimpleNamespace(f_flag=os.ST_RDONLY)
die, end, count = int(os.environ['DIE']), int(os.environ.get('END', '0')), 0
def counted(function):
    def call(*arguments, **named):
        global count
        count += 1
        if count == die:
            os._exit(9)
        if count == end:
            os.kill(os.getpid(), signal.SIGTERM)
        return function(*arguments, **named)
    return call
for name in 'rename replace mkdir unlink rmdir chmod fchmod fsync symlink utime write open'.split():
    setattr(os, name, counted(getattr(os, name)))
exec(sys.stdin.buffer.read(int(sys.argv[1])))

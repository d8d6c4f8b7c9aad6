"""Runs inside the volume, by the Python of the FLARE image (3.8 or newer), without any package.

Standard input: a JSON request of `sys.argv[2]` bytes, then what belongs to it, which is sent once the line `{"ready": true}` has
asked for it. Standard output: what was asked for, and as its last line that is not empty, in JSON, the answer. Whatever it says is
decided from what is on the volume, never from what was sent.

The files beside this one are one program: they are put together before they are sent.
"""

import base64
import errno
import hashlib
import json
import os
import shutil
import signal
import stat
import sys
import threading

STATE = ".flare-kube-staged.json"
JOURNAL = ".flare-kube-swap.json"
PREVIOUS = ".flare-kube-previous"
REPLACED = ".flare-kube-replaced"
# Below PREVIOUS: kits that were at a wrong level.
MISPLACED = ".misplaced"
# FLARE looks below the whole workspace for files of these names (up to the first dot) and takes the first that it comes across. Those of
# a kit that is not in its place, because it is still received or is kept, have this ending.
SOUGHT = ("comm_config", "fed_client", "fed_relay", "fed_server", "resources", "rootCA")
HIDDEN = ".flare-kube-kept"
STAGING = ".flare-stage-"
KIT = ("local", "startup")
BLOCK = 1 << 20
# What the pipes of this program are asked to hold, so that both sides wake each other less often. More is not read at once.
PIPE = 1 << 20
# A large file is written to the disk in steps of this size while more of it arrives, so that little is left to wait for at its end.
STEP = 1 << 23
# Held free for a swap: this number of files, each of so many bytes. A swap makes a few directories, and files of at most some KiB.
ROOM_FILES, ROOM_BYTES = 4, 1 << 14
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
# Longest pause of the output while data are received, in seconds: the other side takes a silent connection for dead.
SIGN_OF_LIFE = 20
# How long, in seconds, the other side has to read a refusal once the pod is being deleted, since it may be gone as well.
LAST_WORD = 5


class Refused(Exception):
    """An answer that is an error: a machine-readable reason and its details."""

    def __init__(self, reason, detail):
        super().__init__(reason)
        self.reason, self.detail = reason, detail


class Ending:
    """The end of this program by SIGTERM, which comes when its pod is deleted: at once, but never in the middle of a swap."""

    def __init__(self):
        self.is_held, self.has_come = False, False

    def come(self, *_):
        self.has_come = True
        if not self.is_held:
            # What this interrupts is not interrupted a second time.
            self.is_held = True
            raise Refused("ended", None)

    def hold(self):
        self.is_held = True

    def release(self):
        self.is_held = False
        if self.has_come:
            self.is_held = True
            raise Refused("ended", None)


ENDING = Ending()


def read_exactly(source, length):
    """Reads this number of bytes, in blocks. An input that ends early is an error: the connection was cut."""
    while length:
        block = source.read(min(BLOCK, length))
        if not block:
            raise Refused("cut", "the input ended early")
        length -= len(block)
        yield block


def write_file(path, blocks, mode):
    """Creates a new file. An existing file or link is never followed or replaced."""
    descriptor, written, begun = os.open(path, NEW_FILE, 0o600), 0, 0
    try:
        for block in blocks:
            view = memoryview(block)
            written += len(view)
            while view:
                view = view[os.write(descriptor, view):]
            if written - begun >= STEP:
                begin_to_sync(descriptor, begun, STEP)
                begun += STEP
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def begin_to_sync(descriptor, offset, length):
    """Lets the system begin to write this part of a file to its disk, without waiting for it. Python has no function for that; where the
    system's cannot be called, everything is written when the volume is."""
    try:
        import ctypes

        number, begin = ctypes.c_int64, 2
        ctypes.CDLL(None).sync_file_range(descriptor, number(offset), number(length), begin)
    except (ImportError, OSError, AttributeError):
        pass


def widen(descriptor):
    """Lets a pipe hold more, if it is one and the system permits it."""
    try:
        import fcntl

        # F_SETPIPE_SZ, whose name Python knows from 3.10 on.
        fcntl.fcntl(descriptor, 1031, PIPE)
    except (ImportError, OSError):
        pass


def write_json(path, value):
    """Writes a small file atomically, even if the machine crashes."""
    temporary = path + ".new"
    remove(temporary)
    write_file(temporary, [json.dumps(value, sort_keys=True).encode()], 0o644)
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync_directory(os.path.dirname(path))


def hold_room(path):
    """Takes up room on the volume, which `give_room` gives free: what is written in between cannot run out of it."""
    os.mkdir(path, 0o700)
    for number in range(ROOM_FILES):
        write_file(os.path.join(path, str(number)), [bytes(ROOM_BYTES)], 0o600)


def give_room(path):
    try:
        for name in os.listdir(path):
            os.unlink(os.path.join(path, name))
        os.rmdir(path)
    except OSError:
        # It was given before, or is another user's: then it is only in nobody's way.
        pass


def read_json(path):
    try:
        # Nothing else than a file is opened: a job may have put a pipe there, which would never be read to its end.
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise Refused("damaged", os.path.basename(path))
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        raise Refused("damaged", os.path.basename(path)) from None
    if not isinstance(value, dict):
        raise Refused("damaged", os.path.basename(path))
    return value


def sync_volume(root):
    """Writes everything on the volume to its disk; fails if anything of it could not be written, which Linux reports from 5.8 on. Python
    has no function for that. Where the system's cannot be called, all file systems of the node are written, some of which may be slow.

    What is compared afterwards may still come from memory: reading it from the disk again takes about ten times as long.
    """
    try:
        import ctypes

        call = ctypes.CDLL(None, use_errno=True).syncfs
    except (ImportError, OSError, AttributeError):
        return os.sync()
    descriptor = os.open(root, os.O_RDONLY)
    try:
        if call(descriptor) != 0:
            failed = ctypes.get_errno()
            # A sandbox may not know or permit it.
            if failed not in (errno.ENOSYS, errno.EPERM):
                raise OSError(failed, os.strerror(failed))
            os.sync()
    finally:
        os.close(descriptor)


def sync_directories(paths):
    """Writes directories to the disk, each once."""
    for path in dict.fromkeys(paths):
        sync_directory(path)


def sync_directory(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path):
    """Removes a file, a link or a directory with everything in it."""
    if os.path.isdir(path) and not os.path.islink(path):
        make_accessible(path)
        for directory, below, _ in os.walk(path):
            for name in below:
                make_accessible(os.path.join(directory, name))
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def make_accessible(directory):
    """Permits to remove what is in a directory. Only its owner may change its mode, and often there is nothing to change."""
    if not os.path.islink(directory) and not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        os.chmod(directory, 0o700)


def make_directory(path, mode):
    if not os.path.lexists(path):
        os.mkdir(path, mode)


def make_parents(root, path):
    """Creates the directories above a path that is relative to a root. An existing one must be a directory, not a link."""
    above = root
    for name in path.split(os.sep)[:-1]:
        above = os.path.join(above, name)
        if not os.path.lexists(above):
            os.mkdir(above, 0o755)
            sync_directory(os.path.dirname(above))
        if not is_directory(above):
            raise Refused("occupied", os.path.relpath(above, root))


def is_directory(path):
    return os.path.isdir(path) and not os.path.islink(path)


def is_empty_directory(path):
    return is_directory(path) and not os.listdir(path)


def move(source, target):
    """Renames to a path that does not exist. Moving a directory changes its `..`, which its mode may forbid."""
    if os.path.lexists(target):
        raise Refused("occupied", os.path.basename(target))
    closed = is_directory(source) and os.path.dirname(source) != os.path.dirname(target) and not os.access(source, os.W_OK | os.X_OK)
    if closed:
        mode = stat.S_IMODE(os.stat(source).st_mode)
        os.chmod(source, mode | 0o300)
    os.rename(source, target)
    if closed:
        os.chmod(target, mode)
    sync_directories([os.path.dirname(source), os.path.dirname(target)])


def print_line(output, value):
    # A name that is not UTF-8 is shown with question marks; where it must be exact, it is sent in base64.
    output.write(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    output.flush()


class Working:
    """Prints an empty line now and then, while large files are compared and the disk is flushed."""

    def __init__(self, output):
        self.output, self.ended = output, threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        while not self.ended.wait(SIGN_OF_LIFE):
            os.write(1, b"\n")

    def ask_for_body(self):
        """Asks for the request's body. Comes after all checks: a refusal while the body is being sent may not be received."""
        print_line(self.output, {"ready": True})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

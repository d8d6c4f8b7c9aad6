# The entries of a list: what arrives of them, and whether the volume has them.


def inside(root, path):
    """A path of the list, which must stay below the root."""
    parts = path.split(b"/")
    if any(part in (b"", b".", b"..") for part in parts):
        raise Refused("bad_path", path.decode("utf-8", "replace"))
    return os.path.join(os.fsencode(root), *parts)


class Contents:
    """Reads the contents of files that arrive one after the other. Small files share a read."""

    def __init__(self, source):
        self.source, self.rest = source, memoryview(b"")

    def next(self, length):
        """The next bytes, of this number, in blocks."""
        while length:
            if not self.rest:
                self.rest = memoryview(self.source.read1(PIPE))
                if not self.rest:
                    raise Refused("cut", "the input ended early")
            block, self.rest = self.rest[:length], self.rest[length:]
            length -= len(block)
            yield block


class Entry:
    """A file or directory of the list, and its place below the root: as it was received, where what FLARE would find is hidden, or in
    the place of the kit."""

    __slots__ = ("received", "path", "place", "directory", "mode", "size", "sha256")

    def __init__(self, root, listed, received=True):
        self.received = received
        self.path = base64.b64decode(listed["path"])
        self.place = inside(root, self.path)
        self.directory = listed["kind"] == "directory"
        name = os.fsdecode(os.path.basename(self.path))
        if received and not self.directory and is_sought(name):
            if name.endswith(HIDDEN):
                raise Refused("bad_path", self.shown())
            self.place += os.fsencode(HIDDEN)
        self.mode, self.size, self.sha256 = listed.get("mode"), listed.get("size"), listed.get("sha256")

    def shown(self):
        return self.path.decode("utf-8", "replace")

    def difference(self):
        """What differs on the volume; None if nothing does."""
        found = os.lstat(self.place)
        if not (stat.S_ISDIR if self.directory else stat.S_ISREG)(found.st_mode):
            return "kind"
        # A volume may add set-group-id to directories, and a kubelet gives all that stands on a volume to the group of each new pod.
        if self.received and (stat.S_IMODE(found.st_mode) ^ self.mode) & (0o777 if self.directory else 0o7777):
            return "mode"
        if self.directory:
            return None
        if found.st_size != self.size:
            return "size"
        # An unreadable file that was just written by this program gets its mode back at once.
        readable = self.mode & 0o400 or not self.received
        if not readable:
            os.chmod(self.place, self.mode | 0o400)
        digest = digest_of(self.place, self.size)
        if not readable:
            os.chmod(self.place, self.mode)
        return None if digest == self.sha256 else "content"


def digest_of(path, size):
    """The SHA-256 of a file of about this size."""
    digest = hashlib.sha256()
    # One byte more, so that a file that has grown is not taken for the same.
    room = min(BLOCK, size + 1)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for block in iter(lambda: os.read(descriptor, room), b""):
            digest.update(block)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def first_difference(root, entries, walked, besides=()):
    """Compares directories on the volume with the list: names, kinds, modes, sizes and contents, with nothing missing and nothing extra
    but some directories. Returns what differs, or None."""
    expected, base = {entry.place for entry in entries}, os.fsencode(root)

    def counts(path):
        # A parent's Python puts its cache beside the programs that it runs.
        return path in expected or path not in besides and os.path.basename(path) != b"__pycache__"

    for top in walked:
        for directory, directories, files in os.walk(os.fsencode(top)):
            directories[:] = [name for name in directories if counts(os.path.join(directory, name))]
            for name in directories + files:
                if os.path.join(directory, name) not in expected:
                    path = os.path.relpath(os.path.join(directory, name), base)
                    return {"path": path.decode("utf-8", "replace"), "what": "nobody sent it"}
    for entry in entries:
        what = entry.difference()
        if what:
            return {"path": entry.shown(), "what": what}
    return None

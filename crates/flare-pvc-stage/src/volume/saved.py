# Backs up and restores the parent's data.

# In the staging directory: the lines of the files that were received, to compare them once they are on the disk. They may be more than
# fit into memory.
RECEIVED = ".flare-received"
# Names of files with private keys, in any directory. `prepare` decides by a part of this rule (crates/flare-kit-patch/src/private_keys.rs);
# both are tested by fixtures/security/private-keys.json.
KEYS = (b".key", b".pem", b".p12", b".pfx", b".tenseal")
# At the beginning of any other file with one, whatever its name: a copy, or certificates with their key.
PRIVATE = b"PRIVATE KEY-----"
# How much of a file counts as its beginning.
BEGINNING = 1 << 16


def encoded(path):
    return base64.b64encode(os.fsencode(path)).decode()


def is_kit(item, keys):
    """Whether an item is where a kit stands, which is neither saved nor restored unless keys are asked for, or what is ours."""
    top = item.split(os.sep)[0]
    return top.startswith(".flare-") or not keys and (top == "startup" or item in KIT)


class Backup:
    """Prints lines of JSON, each with `data` followed by that number of bytes. Changes nothing; the volume may be in use."""

    def __init__(self, volume, request, source, output):
        self.volume, self.request, self.source, self.output = volume, request, source, output
        # Where kits stand at a wrong level, which are saved as little as the one in its place.
        self.misplaced = ()
        self.files, self.bytes = 0, 0

    def run(self):
        # Nothing on the volume needs to be completed, and the other side may take long to read.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        state = self.volume.check_owner(self.request["owner"])
        journal = read_json(self.volume.at(JOURNAL))
        # The kit is elsewhere in the middle of its swap.
        if journal is not None and ("kept" in journal or self.request["keys"]):
            raise Refused("restore_begun" if "kept" in journal else "staging_begun", None)
        if not self.request["keys"]:
            self.misplaced = {path + "/" + name for path in self.volume.misplaced() for name in KIT}
        self.line({"fingerprint": state.get("fingerprint") if state else None})
        for wanted in self.request["what"]:
            items = list(self.items(wanted))
            if not items:
                self.line({"absent": wanted["name"]})
            for item in items:
                if is_kit(item, self.request["keys"]):
                    self.left_out(item, "key")
                    continue
                self.line({"item": encoded(item)})
                self.tree(item)
        self.line({"end": {"files": self.files, "bytes": self.bytes}})
        self.output.flush()
        # Output from just before a program's end may be lost even if it succeeds, so it waits until everything has arrived.
        self.source.read(1)

    def line(self, value):
        self.output.write(json.dumps(value).encode() + b"\n")

    def left_out(self, path, why):
        self.line({"left_out": encoded(path), "why": why})

    def items(self, wanted):
        """The existing paths of one kind of wanted data."""
        if wanted.get("everything"):
            hidden = () if self.request["keys"] else KIT
            for name in sorted(os.listdir(self.volume.root)):
                if not name.startswith(".flare-") and name not in hidden and name != "lost+found":
                    yield name
        for path in wanted.get("paths", []):
            if os.path.lexists(self.volume.at(path)):
                yield path
        # A log and its rotated files: `log.txt`, `log.txt.1`.
        found = set()
        for path in wanted.get("logs", []):
            directory, log = os.path.split(path)
            if is_directory(self.volume.at(directory)):
                for name in os.listdir(self.volume.at(directory)):
                    if (name == log or name.startswith(log + ".")) and not is_directory(self.volume.at(directory, name)):
                        found.add(os.path.join(directory, name))
        yield from sorted(found)

    def tree(self, item):
        """Sends an item with everything below it, and names what vanishes meanwhile. Not recursive, since a path may be deep."""
        below = [iter([item])]
        while below:
            path = next(below[-1], None)
            if path is None:
                below.pop()
                continue
            try:
                found = os.lstat(self.volume.at(path))
                if path in self.misplaced:
                    self.left_out(path, "key")
                elif stat.S_ISDIR(found.st_mode):
                    names = sorted(os.listdir(self.volume.at(path)))
                    self.line(self.entry("directory", path, found))
                    below.append(iter([os.path.join(path, name) for name in names]))
                elif stat.S_ISLNK(found.st_mode):
                    target = os.readlink(self.volume.at(path))
                    self.line(dict(self.entry("link", path, found), target=encoded(target)))
                elif not stat.S_ISREG(found.st_mode):
                    self.left_out(path, "special")
                elif os.fsencode(path).lower().endswith(KEYS) and not self.request["keys"]:
                    self.left_out(path, "key")
                else:
                    self.file(path)
            except FileNotFoundError:
                self.left_out(path, "vanished")

    def entry(self, kind, path, found):
        return {"path": encoded(path), "kind": kind, "mode": stat.S_IMODE(found.st_mode) & 0o777, "mtime": max(0, int(found.st_mtime)), "size": found.st_size}

    def file(self, path):
        """Sends as many bytes as the file has when it is opened, or fewer if it shrinks."""
        descriptor = os.open(self.volume.at(path), os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                return self.left_out(path, "special")
            if not self.request["keys"] and PRIVATE in os.pread(descriptor, BEGINNING, 0):
                return self.left_out(path, "key")
            self.line(self.entry("file", path, found))
            left, digest = found.st_size, hashlib.sha256()
            while left:
                block = os.read(descriptor, min(BLOCK, left))
                if not block:
                    break
                left -= len(block)
                digest.update(block)
                self.line({"data": len(block)})
                self.output.write(block)
            size = found.st_size - left
            self.line({"sha256": digest.hexdigest(), "size": size, "shrank": left > 0})
            self.files, self.bytes = self.files + 1, self.bytes + size
        finally:
            os.close(descriptor)


class Restore:
    """Reads lines of JSON, each file's line followed by its bytes: directories and files first, links last."""

    def __init__(self, volume, request, source, output):
        self.volume, self.request, self.source, self.output = volume, request, source, output
        items = [os.fsdecode(base64.b64decode(item)) for item in request["items"]]
        # `startup` is removed first and placed last, as in a staging.
        self.items = sorted(items, key=lambda item: (item == "startup", item))
        self.staging = volume.at(STAGING + request["id"])
        # Directories whose mode forbids creating files in them.
        self.closed = []
        self.files, self.bytes = 0, 0

    def run(self):
        recovered = self.volume.recover()
        self.volume.check_owner(self.request["owner"])
        self.check_items()
        with Working(self.output) as working:
            working.ask_for_body()
            os.mkdir(self.staging, 0o700)
            for item in self.items:
                make_parents(self.staging, item)
            self.extract()
            journal = {"id": self.request["id"], "names": self.items, "kept": REPLACED, "hidden": True}
            if any(item in KIT for item in self.items):
                # The staged kit was replaced.
                journal["state"] = {"owner": self.request["owner"], "fingerprint": None, "previous": None}
            replaced = [item for item in self.items if self.stands(item)]
            self.volume.enter(journal, "swap")
            self.volume.swap(journal)
        return {
            "recovered": recovered,
            "stays": self.volume.stays,
            "replaced": replaced,
            "files": self.files,
            "bytes": self.bytes,
        }

    def stands(self, item):
        path = self.volume.at(item)
        return os.path.lexists(path) and not is_empty_directory(path)

    def check_items(self):
        for item in self.items:
            inside(self.volume.root, os.fsencode(item))
            if is_kit(item, self.request["keys"]):
                raise Refused("bad_path", item)
            above = os.path.dirname(item)
            while above:
                if os.path.lexists(self.volume.at(above)) and not is_directory(self.volume.at(above)) or above in self.items:
                    raise Refused("bad_path", item)
                above = os.path.dirname(above)
        standing = [item for item in self.items if self.stands(item)]
        if standing and not self.request["replace"]:
            raise Refused("occupied_items", {"items": standing[:5], "count": len(standing)})
        above = [os.path.dirname(item) for item in self.items]
        self.volume.check_writable(sorted({path for path in standing + above if path}))

    def extract(self):
        """Writes everything below the staging directory and to the disk, and then compares every file there."""
        received = os.path.join(self.staging, RECEIVED)
        with open(received, "xb") as lines:
            self.receive(lines)
        hold_room(self.volume.at(self.volume.room(self.request["id"])))
        sync_volume(self.volume.root)
        with open(received, "rb") as lines:
            for line in lines:
                entry = Entry(self.staging, json.loads(line))
                what = entry.difference()
                if what:
                    raise Refused("differs", {"path": entry.shown(), "what": what})
        os.unlink(received)
        for path, mode in reversed(self.closed):
            os.chmod(path, mode)
        if self.closed:
            sync_volume(self.volume.root)

    def receive(self, lines):
        while True:
            text = self.source.readline()
            if not text.endswith(b"\n"):
                raise Refused("cut", "the input ended early")
            line = json.loads(text)
            if "end" in line:
                break
            self.take(line, Entry(self.staging, line))
            if line["kind"] == "file":
                lines.write(text)
        if {"files": self.files, "bytes": self.bytes} != line["end"]:
            raise Refused("cut", "something is missing")

    def take(self, line, entry):
        relative, place = os.fsdecode(entry.path), entry.place
        if not any(relative == item or relative.startswith(item + os.sep) for item in self.items):
            raise Refused("bad_path", relative)
        if entry.directory:
            os.mkdir(place, 0o700)
            mode = entry.mode | stat.S_IMODE(os.lstat(place).st_mode) & stat.S_ISGID
            if mode & 0o700 == 0o700:
                os.chmod(place, mode)
            else:
                self.closed.append((place, mode))
            return
        if line["kind"] == "link":
            # An earlier link must not redirect this one.
            above = os.path.dirname(place)
            if os.path.realpath(above) != os.path.join(os.path.realpath(os.fsencode(self.staging)), os.path.dirname(entry.path)):
                raise Refused("bad_path", relative)
            os.symlink(base64.b64decode(line["target"]), place)
            return
        write_file(place, read_exactly(self.source, entry.size), entry.mode)
        os.utime(place, (line["mtime"], line["mtime"]))
        self.files, self.bytes = self.files + 1, self.bytes + entry.size

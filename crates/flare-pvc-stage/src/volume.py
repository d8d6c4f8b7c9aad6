"""Runs inside the volume, by the Python of the FLARE image (3.8 or newer), without any package.

Standard input: a JSON request of `sys.argv[2]` bytes, then the files of its list, one after the other. Standard output: one JSON
line, the answer. Whatever it says is decided from what is on the volume, never from what was sent.

The swap is four renames in an order in which a parent that starts in between finds no `startup` at all, never a mixture. A journal
is written before the first of them, so that the next run finishes what was begun.
"""

import base64
import hashlib
import json
import os
import shutil
import stat
import sys

STATE = ".flare-kube-staged.json"
JOURNAL = ".flare-kube-swap.json"
PREVIOUS = ".flare-kube-previous"
STAGING = ".flare-stage-"
KIT = ("local", "startup")
BLOCK = 1 << 20


class Refused(Exception):
    """An answer that is an error: a reason for programs, and what is meant."""

    def __init__(self, reason, detail):
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def read_exactly(source, length):
    """So many bytes, in blocks. An input that ends early is an error: the connection was cut."""
    while length:
        block = source.read(min(BLOCK, length))
        if not block:
            raise Refused("cut", "the input ended early")
        length -= len(block)
        yield block


def write_file(path, blocks, mode):
    """A new file; what stands there already, a link above all, is never followed or replaced."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        for block in blocks:
            view = memoryview(block)
            while view:
                view = view[os.write(descriptor, view):]
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def write_json(path, value):
    """A small file that is there whole or not at all, whatever happens to the machine."""
    temporary = path + ".new"
    remove(temporary)
    write_file(temporary, [json.dumps(value, sort_keys=True).encode()], 0o644)
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync_directory(os.path.dirname(path))


def read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except FileNotFoundError:
        return None
    except ValueError:
        raise Refused("damaged", os.path.basename(path)) from None
    if not isinstance(value, dict):
        raise Refused("damaged", os.path.basename(path))
    return value


def sync_directory(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path):
    """Removes a file, a link or a directory with all that is in it."""
    if os.path.isdir(path) and not os.path.islink(path):
        # Directories without the right to change them are ours as well.
        for directory, _, _ in os.walk(path):
            os.chmod(directory, 0o700)
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def make_directory(path, mode):
    if not os.path.lexists(path):
        os.mkdir(path, mode)


def move(source, target):
    """One rename to a place where nothing stands. Moving a directory changes its `..`, which its mode may forbid."""
    if os.path.lexists(target):
        raise Refused("occupied", os.path.basename(target))
    if os.path.isdir(source) and not os.path.islink(source) and not os.access(source, os.W_OK | os.X_OK):
        os.chmod(source, stat.S_IMODE(os.stat(source).st_mode) | 0o300)
    os.rename(source, target)
    sync_directory(os.path.dirname(source))
    sync_directory(os.path.dirname(target))


class Volume:
    def __init__(self, root):
        self.root = root

    def at(self, *names):
        return os.path.join(self.root, *names)

    def recover(self):
        """Finishes a swap that was begun, and removes what else an earlier run left. Says whether there was a swap."""
        journal = read_json(self.at(JOURNAL))
        if journal is not None:
            self.swap(journal)
        for name in os.listdir(self.root):
            if name.startswith(STAGING) or name in (STATE + ".new", JOURNAL + ".new"):
                remove(self.at(name))
        return journal is not None

    def check_writable(self):
        """Before anything is changed: what the swap will need. A directory is moved only by who may write to it."""
        for path in [self.root] + [self.at(name) for name in KIT]:
            directory = os.path.isdir(path) and not os.path.islink(path)
            if directory and not os.access(path, os.W_OK | os.X_OK) and os.stat(path).st_uid != os.geteuid():
                raise Refused("not_writable", os.path.relpath(path, self.root))

    def check_owner(self, owner):
        """Another participant's kit is never replaced. One that was copied by hand says at least which role it is of."""
        state = read_json(self.at(STATE))
        if state is not None and state.get("owner") != owner:
            raise Refused("not_ours", state.get("owner"))
        other = "fed_client.json" if owner["role"] == "server" else "fed_server.json"
        if state is None and os.path.lexists(self.at("startup", other)):
            raise Refused("not_ours", {"role": "client" if owner["role"] == "server" else "server"})
        return state

    def extract(self, request, source):
        """Writes the files that were sent below the staging directory, and compares what is there with the list."""
        staging = self.at(STAGING + request["id"])
        os.mkdir(staging, 0o700)
        entries = [dict(entry, path=base64.b64decode(entry["path"])) for entry in request["entries"]]
        for entry in entries:
            path = inside(staging, entry["path"])
            if entry["kind"] == "directory":
                os.mkdir(path, 0o700)
            else:
                write_file(path, read_exactly(source, entry["size"]), entry["mode"])
        # From the deepest one up: one that may not be changed cannot be filled.
        for entry in reversed(entries):
            if entry["kind"] == "directory":
                os.chmod(inside(staging, entry["path"]), entry["mode"])
        os.sync()
        verify(staging, entries)
        return staging

    def stage(self, request, source):
        recovered = self.recover()
        state = self.check_owner(request["owner"])
        self.check_writable()
        self.extract(request, source)
        had = state.get("fingerprint") if state else None
        changed = {"owner": request["owner"], "fingerprint": request["fingerprint"], "previous": had}
        journal = {"id": request["id"], "state": changed, "transfer": request["transfer"]}
        self.enter(journal, "swap")
        self.swap(journal)
        return {"recovered": recovered, "previous": had, "misplaced": self.misplaced()}

    def swap(self, journal):
        """Carries a journal to its end. Every phase can be run again from any point, and none undoes a later one."""
        staging, kept = self.at(STAGING + journal["id"]), self.at(PREVIOUS + "-" + journal["id"])
        if journal["phase"] == "collect":
            make_directory(staging, 0o700)
            for name in KIT:
                if os.path.lexists(self.at(PREVIOUS, name)):
                    move(self.at(PREVIOUS, name), os.path.join(staging, name))
            self.enter(journal, "swap")
        if journal["phase"] == "swap":
            make_directory(kept, 0o700)
            # `startup` goes first and comes last: a parent without it does not start.
            for name in reversed(KIT):
                if os.path.lexists(os.path.join(staging, name)) and os.path.lexists(self.at(name)):
                    move(self.at(name), os.path.join(kept, name))
            for name in KIT:
                if os.path.lexists(os.path.join(staging, name)):
                    move(os.path.join(staging, name), self.at(name))
            self.enter(journal, "clean")
        write_json(self.at(STATE), journal["state"])
        if os.path.isdir(kept):
            if os.listdir(kept):
                # The kit that was kept before this one is no longer needed.
                remove(self.at(PREVIOUS))
                move(kept, self.at(PREVIOUS))
            else:
                os.rmdir(kept)
        remove(staging)
        if journal.get("transfer"):
            make_directory(self.at("transfer"), 0o755)
        os.unlink(self.at(JOURNAL))
        sync_directory(self.root)

    def enter(self, journal, phase):
        journal["phase"] = phase
        write_json(self.at(JOURNAL), journal)

    def rollback(self, request):
        """Puts the kit back that the last staging replaced; that one is kept in its place."""
        recovered = self.recover()
        state = self.check_owner(request["owner"]) or {}
        self.check_writable()
        if not all(os.path.isdir(self.at(PREVIOUS, name)) for name in KIT):
            raise Refused("nothing_kept", None)
        changed = {"owner": request["owner"], "fingerprint": state.get("previous"), "previous": state.get("fingerprint")}
        journal = {"id": request["id"], "state": changed}
        self.enter(journal, "collect")
        self.swap(journal)
        return {"recovered": recovered, "fingerprint": changed["fingerprint"]}

    def remove_kit(self, request):
        """Takes the kit away that was staged for this participant, and the one that was kept; all else on the volume stays."""
        recovered = self.recover()
        state = self.check_owner(request["owner"])
        there = [name for name in KIT + (PREVIOUS,) if os.path.lexists(self.at(name))]
        if state is None:
            # One that was copied by hand does not say whose it is.
            if there:
                raise Refused("unmarked", there[0])
            return {"recovered": recovered, "removed": []}
        self.check_writable()
        staging = self.at(STAGING + request["id"])
        make_directory(staging, 0o700)
        # `startup` goes first: a parent without it does not start.
        for name in reversed(KIT):
            if os.path.lexists(self.at(name)):
                move(self.at(name), os.path.join(staging, name))
        remove(self.at(PREVIOUS))
        remove(staging)
        os.unlink(self.at(STATE))
        sync_directory(self.root)
        return {"recovered": recovered, "removed": there}

    def look(self, request):
        """What is on the volume; changes nothing."""
        names = sorted(os.listdir(self.root))
        return {
            "state": read_json(self.at(STATE)),
            "swap_begun": os.path.lexists(self.at(JOURNAL)),
            "kit": [name for name in KIT if os.path.isdir(self.at(name))],
            "misplaced": self.misplaced(),
            "can_roll_back": all(os.path.isdir(self.at(PREVIOUS, name)) for name in KIT),
            "entries": len(names),
        }

    def misplaced(self):
        """Kits one level too deep: the classic mistake of a copy by hand."""
        found = []
        for name in sorted(os.listdir(self.root)):
            below = self.at(name)
            if name.startswith(".flare-") or os.path.islink(below) or not os.path.isdir(below):
                continue
            if name in KIT and os.path.isdir(os.path.join(below, name)):
                found.append(name + "/" + name)
            elif name not in KIT and all(os.path.isdir(os.path.join(below, kit)) for kit in KIT):
                found.append(name)
        return found


def inside(root, path):
    """A path of the list, which must stay below the root."""
    parts = path.split(b"/")
    if any(part in (b"", b".", b"..") for part in parts):
        raise Refused("bad_path", path.decode("utf-8", "replace"))
    return os.path.join(os.fsencode(root), *parts)


def verify(root, entries):
    """Compares what is on the volume with the list: names, kinds, modes, sizes and contents, nothing missing, nothing more."""
    expected = {entry["path"] for entry in entries}
    base = os.fsencode(root)
    for directory, directories, files in os.walk(base):
        for name in directories + files:
            path = os.path.relpath(os.path.join(directory, name), base)
            if path not in expected:
                raise Refused("differs", {"path": path.decode("utf-8", "replace"), "what": "nobody sent it"})
    for entry in entries:
        path = inside(root, entry["path"])
        found = os.lstat(path)
        what = difference(entry, path, found)
        if what:
            raise Refused("differs", {"path": entry["path"].decode("utf-8", "replace"), "what": what})


def difference(entry, path, found):
    directory = entry["kind"] == "directory"
    if not (stat.S_ISDIR if directory else stat.S_ISREG)(found.st_mode):
        return "kind"
    # A volume may add set-group-id to directories.
    if (stat.S_IMODE(found.st_mode) ^ entry["mode"]) & (0o777 if directory else 0o7777):
        return "mode"
    if directory:
        return None
    if found.st_size != entry["size"]:
        return "size"
    digest = hashlib.sha256()
    # One that nobody may read was just written by us: its mode is given back at once.
    readable = entry["mode"] & 0o400
    if not readable:
        os.chmod(path, entry["mode"] | 0o400)
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
    if not readable:
        os.chmod(path, entry["mode"])
    return None if digest.hexdigest() == entry["sha256"] else "content"


def answer(source, length, root):
    try:
        request = json.loads(b"".join(read_exactly(source, length)))
        volume = Volume(root)
        verb = request["verb"]
        if verb == "stage":
            return volume.stage(request, source)
        if verb == "remove":
            return volume.remove_kit(request)
        return volume.rollback(request) if verb == "rollback" else volume.look(request)
    except Refused as refused:
        return {"refused": refused.reason, "detail": refused.detail}
    except OSError as error:
        # The name of the error and the path, for a message; never a file's content.
        import errno

        name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else None
        return {"refused": "disk", "detail": {"error": errno.errorcode.get(error.errno, "EIO"), "path": name and os.path.relpath(name, root)}}


if __name__ == "__main__":
    print(json.dumps(answer(sys.stdin.buffer, int(sys.argv[2]), sys.argv[3])), flush=True)

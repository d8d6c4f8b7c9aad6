def carry_out_request(request, source, output, root):
    volume, verb = Volume(root), request["verb"]
    if verb == "stage":
        return volume.stage(request, source)
    if verb == "remove":
        return volume.remove_kit(request)
    if verb == "backup":
        return Backup(volume, request, source, output).run()
    if verb == "restore":
        return Restore(volume, request, source, output).run()
    return volume.rollback(request) if verb == "rollback" else volume.look(request)


def answer(source, output, length, root):
    try:
        request = json.loads(b"".join(read_exactly(source, length)))
        return carry_out_request(request, source, output, root)
    except Refused as refused:
        return {"refused": refused.reason, "detail": refused.detail}
    except OSError as error:
        # The name of the error and the path, for a message; never a file's content.
        import errno

        name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else None
        return {"refused": "disk", "detail": {"error": errno.errorcode.get(error.errno, "EIO"), "path": name and os.path.relpath(name, root)}}


class Input:
    """Standard input. `left` bytes of it are to come, where that is known."""

    def __init__(self, source, left):
        self.source, self.left = source, left

    def counted(self, block):
        self.left -= len(block)
        return block

    def read(self, length):
        return self.counted(self.source.read(length))

    def readline(self):
        return self.counted(self.source.readline())

    def drain(self):
        """Takes what was not read. Kubernetes tells nobody that a program has ended while the program's input waits to be taken."""
        while self.left > 0 and self.read(min(BLOCK, self.left)):
            pass


def print_line(output, value):
    # A name that is no text is shown with question marks; where it must be exact, it is sent in base64.
    output.write(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    output.flush()


if __name__ == "__main__":
    given = Input(sys.stdin.buffer, int(sys.argv[4]) if len(sys.argv) > 4 else 0)
    answered = answer(given, sys.stdout.buffer, int(sys.argv[2]), sys.argv[3])
    # A backup has said all already.
    if answered is not None:
        print_line(sys.stdout.buffer, answered)
    given.drain()

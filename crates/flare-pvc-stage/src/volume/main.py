def carry_out_request(volume, request, source, output):
    volume.run, verb = request["id"], request["verb"]
    if verb == "stage":
        return volume.stage(request, source, output)
    if verb == "remove":
        return volume.remove_kit(request)
    if verb == "backup":
        return Backup(volume, request, source, output).run()
    if verb == "restore":
        return Restore(volume, request, source, output).run()
    return volume.rollback(request) if verb == "rollback" else volume.look(request)


def answer(volume, source, output, length):
    try:
        request = json.loads(b"".join(read_exactly(source, length)))
        return carry_out_request(volume, request, source, output)
    except Refused as refused:
        return {"refused": refused.reason, "detail": refused.detail, "unchanged": volume.is_unchanged()}
    except OSError as error:
        # The error's name and the path, never a file's content.
        name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else None
        return {"refused": "disk", "detail": {"error": errno.errorcode.get(error.errno, "EIO"), "path": name and os.path.relpath(name, volume.root)}, "unchanged": volume.is_unchanged()}


if __name__ == "__main__":
    source, output, volume = sys.stdin.buffer, sys.stdout.buffer, Volume(sys.argv[3])
    signal.signal(signal.SIGTERM, ENDING.come)
    answered = answer(volume, source, output, int(sys.argv[2]))
    ENDING.hold()
    try:
        # A backup has already printed everything.
        if answered is not None:
            print_line(output, answered)
    finally:
        # The other side no longer waits, or is gone.
        volume.tidy()
    if answered is not None and "refused" in answered:
        # Waits until the other side has read it: output from just before a program's end can be lost while input is pending.
        for _ in iter(lambda: source.read(BLOCK), b""):
            pass

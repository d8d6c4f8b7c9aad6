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
    return volume.rollback(request)


def refusal(volume, reason, detail):
    return {"refused": reason, "detail": detail, "noted": volume.noted, "begun": volume.is_begun}


def answer(volume, source, output, length):
    try:
        try:
            request = json.loads(b"".join(read_exactly(source, length)))
            return carry_out_request(volume, request, source, output)
        finally:
            # Only the answer is left to give.
            ENDING.hold()
    except Refused as refused:
        return refusal(volume, refused.reason, refused.detail)
    except OSError as error:
        # The error's name and the path, never a file's content.
        name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else None
        path = name and os.path.relpath(name, volume.root)
        return refusal(volume, "disk", {"error": errno.errorcode.get(error.errno, "EIO"), "path": path})


if __name__ == "__main__":
    source, output, volume = sys.stdin.buffer, sys.stdout.buffer, Volume(sys.argv[3])
    signal.signal(signal.SIGTERM, ENDING.come)
    for pipe in (0, 1):
        widen(pipe)
    answered = answer(volume, source, output, int(sys.argv[2]))
    try:
        # A backup has already printed everything.
        if answered is not None:
            print_line(output, answered)
    finally:
        # The other side no longer waits, or is gone.
        volume.tidy()
    if answered is not None and "refused" in answered:
        # Waits until the other side has read it: output from just before a program's end can be lost while input is pending.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if ENDING.has_come:
            signal.alarm(LAST_WORD)
        for _ in iter(lambda: source.read(BLOCK), b""):
            pass

# Stages, swaps, rolls back and removes the kit.
#
# The swap is four renames, ordered so that a parent that starts in between finds no `startup`, never a mixture. FLARE finds files anywhere
# on the volume, so those of the new kit are hidden until those of the old one are. A journal is written before the first rename, so that
# the next run finishes the swap.


class Volume:
    def __init__(self, root):
        self.root = root
        # The id of this run, and what earlier runs left that could not be removed.
        self.run, self.stays = None, []
        # The fingerprint that is noted of the kit in place, if that is this participant's; None once this run begins to change it.
        self.noted = None
        # Whether a swap was begun that is not completed.
        self.is_begun = False

    def at(self, *names):
        return os.path.join(self.root, *names)

    def recover(self):
        """Finishes an interrupted swap, and removes what else an earlier run left. Returns whether there was a swap."""
        journal = read_json(self.at(JOURNAL))
        if journal is not None and not {"id", "phase"} <= journal.keys():
            raise Refused("damaged", JOURNAL)
        if journal is not None:
            self.swap(journal)
            ENDING.release()
        for name in sorted(os.listdir(self.root)):
            if name.startswith(STAGING) or name in (STATE + ".new", JOURNAL + ".new"):
                try:
                    # An earlier version, or a removal that was killed, may have left a kit in it that FLARE would find.
                    hide(self.at(name))
                except OSError:
                    pass
                try:
                    remove(self.at(name))
                except OSError:
                    # It is in nobody's way, so it is only reported.
                    self.stays.append(name)
        return journal is not None

    def tidy(self):
        """Removes what this run received, or replaced, and nobody needs any more. Comes after the answer: the volume is complete
        without it, so it can neither delay nor fail the run; what is left of it is removed by the next one."""
        try:
            # A journal needs it.
            if self.run is not None and not os.path.lexists(self.at(JOURNAL)):
                for name in (STAGING + self.run, self.out(self.run), self.room(self.run), JOURNAL + ".new"):
                    remove(self.at(name))
        except OSError:
            pass

    def out(self, run):
        """Where a run puts the whole directory with what was kept before. It may belong to another user: then it can be renamed, but neither
        moved into another directory nor perhaps removed."""
        return STAGING + run + "-out"

    def room(self, run):
        """What holds room free for the swap of a run. The swap of a full volume would stop half way, and a parent would find no kit."""
        return STAGING + run + "-room"

    def check_writable(self, names=KIT):
        """Checks, before anything is changed, that the swap is permitted. Moving a directory requires write permission on it, and hiding a
        file in it as well."""
        # Nobody may write there, not just this user.
        if os.statvfs(self.root).f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        kits = [self.at(name) for name in names if os.path.basename(name) in KIT]
        hides = [os.path.dirname(path) for kit in kits for path in sought_below(kit)]
        for path in [self.root] + [self.at(name) for name in names] + hides:
            if is_directory(path) and not os.access(path, os.W_OK | os.X_OK) and os.stat(path).st_uid != os.geteuid():
                raise Refused("not_writable", os.path.relpath(path, self.root))

    def check_owner(self, owner):
        """Refuses to replace another participant's kit. Of a kit that was copied by hand, only its role file tells whose it is."""
        state = read_json(self.at(STATE))
        if state is not None and state.get("owner") != owner:
            raise Refused("not_ours", state.get("owner"))
        if state is None:
            check_role_file(self, owner, "")
        else:
            self.noted = state.get("fingerprint")
        return state

    def extract(self, request, source):
        """Writes the received files below the staging directory, and compares the result with the list."""
        staging = self.at(STAGING + request["id"])
        os.mkdir(staging, 0o700)
        entries = [Entry(staging, entry) for entry in request["entries"]]
        contents = Contents(source)
        for entry in entries:
            if entry.directory:
                os.mkdir(entry.place, 0o700)
            else:
                write_file(entry.place, contents.next(entry.size), entry.mode)
        hold_room(self.at(self.room(request["id"])))
        # The deepest first, since nothing can be created in a read-only directory.
        for entry in reversed(entries):
            if entry.directory:
                os.chmod(entry.place, entry.mode)
        sync_volume(self.root)
        found = first_difference(staging, entries, [staging])
        if found:
            raise Refused("differs", found)

    def is_in_place(self, listed, besides):
        """Whether the kit in place is the listed one, whatever is noted of it: somebody may have edited it there. Some paths do not
        count."""
        try:
            entries = [Entry(self.root, entry, received=False) for entry in listed]
            besides = [os.fsencode(self.at(path)) for path in besides]
            return first_difference(self.root, entries, [self.at(name) for name in KIT], besides) is None
        except OSError:
            return False

    def stage(self, request, source, output):
        recovered = self.recover()
        state = self.check_owner(request["owner"])
        repair = Repair(self, request["owner"], request["id"]) if request.get("repair") else None
        self.check_writable()
        had = state.get("fingerprint") if state else None
        is_noted = had == request["fingerprint"]
        journal = {"id": request["id"], "hidden": True}
        with Working(output) as working:
            # A kit that takes its own place, for instance because the answer of a run was lost, leaves the one for a rollback.
            moved = [source for source, _ in repair.moves] if repair is not None else []
            same = is_noted and self.is_in_place(request["entries"], moved)
            # A repair alone does not replace a kit that is already the wanted one.
            stays = repair is not None and same and not request["again"] and repair.leaves_kit()
            if not stays:
                working.ask_for_body()
                self.extract(request, source)
        if not stays:
            # A kit that was edited in its place is not one that was staged.
            previous = state.get("previous") if same else None if is_noted else had
            journal["state"] = {"owner": request["owner"], "fingerprint": request["fingerprint"], "previous": previous}
            journal.update(same=same, transfer=request["transfer"], closed=closed_directories(request["entries"]))
        if repair is not None and repair.moves:
            if stays:
                hold_room(self.at(self.room(request["id"])))
            journal.update(moves=list(repair.moves), emptied=repair.emptied, then="clean" if stays else "swap")
            self.enter(journal, "repair")
            self.swap(journal)
        elif not stays:
            self.enter(journal, "swap")
            self.swap(journal)
        moved = repair.shown() if repair is not None else []
        return {
            "recovered": recovered,
            "stays": self.stays,
            "previous": had,
            "misplaced": self.misplaced(),
            "staged": not stays,
            "moved": moved,
        }

    def swap(self, journal):
        """Completes a journal. Every phase can be repeated from any point, and none undoes a later one. What it replaces for good is
        moved to the staging directory, since a removal may take long or fail."""
        ENDING.hold()
        self.is_begun = True
        give_room(self.at(self.room(journal["id"])))
        staging, kept = self.at(STAGING + journal["id"]), self.at(PREVIOUS + "-" + journal["id"])
        # What is replaced; `startup`, if included, is the last.
        names = journal.get("names", KIT)
        if journal["phase"] == "collect":
            make_directory(staging, 0o700)
            for name in KIT:
                if os.path.lexists(self.at(PREVIOUS, name)):
                    move(self.at(PREVIOUS, name), os.path.join(staging, name))
            self.enter(journal, "swap")
        if journal["phase"] == "repair":
            make_directory(kept, 0o700)
            carry_out(self, journal)
            self.enter(journal, journal["then"])
        if journal["phase"] == "swap":
            make_directory(kept, 0o700)
            # `startup` is removed first and placed last, since a parent without it does not start.
            for name in reversed(names):
                received = os.path.join(staging, name)
                if any(os.path.lexists(path) for path in (received, received + HIDDEN)) and os.path.lexists(self.at(name)):
                    self.put_aside(journal, name, kept)
            hide_kits(kept)
            if journal.get("hidden"):
                reveal(staging)
            for name in names:
                if os.path.lexists(os.path.join(staging, name)):
                    make_parents(self.root, name)
                    move(os.path.join(staging, name), self.at(name))
            self.enter(journal, "clean")
        # To hide and reveal files takes write permission on their directory, also if a run was killed meanwhile.
        for path, mode in journal.get("closed", ()):
            try:
                if stat.S_IMODE(os.stat(self.at(path)).st_mode) != mode:
                    os.chmod(self.at(path), mode)
            except OSError:
                # Another user finishes the swap. Its owner can change the mode in any case.
                pass
        if journal.get("state"):
            write_json(self.at(STATE), journal["state"])
        place = self.at(journal.get("kept", PREVIOUS))
        make_directory(staging, 0o700)
        self.keep(journal, kept, place, staging)
        hide_kits(place)
        if journal.get("transfer"):
            make_directory(self.at("transfer"), 0o755)
        os.unlink(self.at(JOURNAL))
        self.is_begun = False
        sync_directory(self.root)

    def put_aside(self, journal, name, kept):
        # An empty directory that a restored one replaces is not kept.
        if "kept" in journal and is_empty_directory(self.at(name)):
            os.rmdir(self.at(name))
            return
        aside, count = name, 0
        # What somebody put there while a swap was interrupted.
        while os.path.lexists(os.path.join(kept, aside)):
            count += 1
            aside = "{}/{}-{}".format(MISPLACED, name, count)
        make_parents(kept, aside)
        move(self.at(name), os.path.join(kept, aside))

    def keep(self, journal, kept, place, out):
        """Replaces what an earlier run put aside, which is moved out; kits from a wrong level are added. A kit that took its own place does
        not replace the one for a rollback."""
        if not os.path.isdir(kept):
            return
        if journal.get("same"):
            for name in KIT:
                if os.path.lexists(os.path.join(kept, name)):
                    move(os.path.join(kept, name), os.path.join(out, name))
        misplaced = os.path.join(kept, MISPLACED)
        if is_empty_directory(misplaced):
            os.rmdir(misplaced)
        names = os.listdir(kept)
        if names and names != [MISPLACED]:
            if os.path.lexists(place):
                move(place, self.at(self.out(journal["id"])))
            move(kept, place)
            return
        if names:
            make_directory(place, 0o700)
            make_directory(os.path.join(place, MISPLACED), 0o700)
            make_directory(os.path.join(out, MISPLACED), 0o700)
            for name in os.listdir(misplaced):
                earlier = os.path.join(place, MISPLACED, name)
                if os.path.lexists(earlier):
                    move(earlier, os.path.join(out, MISPLACED, name))
                move(os.path.join(misplaced, name), earlier)
            os.rmdir(misplaced)
        os.rmdir(kept)

    def enter(self, journal, phase):
        # From here on the swap is completed, by this run or the next.
        ENDING.hold()
        journal["phase"] = phase
        try:
            write_json(self.at(JOURNAL), journal)
        finally:
            # A journal that could not be written changes nothing.
            if os.path.lexists(self.at(JOURNAL)):
                self.noted = None

    def rollback(self, request):
        """Swaps the current kit with the one that the last staging replaced."""
        recovered = self.recover()
        state = self.check_owner(request["owner"]) or {}
        if not all(os.path.isdir(self.at(PREVIOUS, name)) for name in KIT):
            raise Refused("nothing_kept", None)
        self.check_writable(list(KIT) + [PREVIOUS] + [PREVIOUS + "/" + name for name in KIT])
        changed = {"owner": request["owner"], "fingerprint": state.get("previous"), "previous": state.get("fingerprint")}
        journal = {"id": request["id"], "state": changed, "hidden": True}
        files, size = amount(self.at(PREVIOUS, name) for name in KIT)
        hold_room(self.at(self.room(request["id"])))
        self.enter(journal, "collect")
        self.swap(journal)
        return {
            "recovered": recovered,
            "stays": self.stays,
            "fingerprint": changed["fingerprint"],
            "files": files,
            "bytes": size,
        }

    def remove_kit(self, request):
        """Removes the kit that was staged for this participant, and the kept ones; everything else on the volume stays."""
        recovered = self.recover()
        state = self.check_owner(request["owner"])
        replaced = [REPLACED + "/" + name for name in KIT]
        there = [name for name in list(KIT) + [PREVIOUS] + replaced if os.path.lexists(self.at(name))]
        if state is None:
            # The owner of a kit that was copied by hand is unknown.
            if there:
                raise Refused("unmarked", there[0])
            return {"recovered": recovered, "removed": [], "stays": self.stays}
        self.check_writable(list(KIT) + [PREVIOUS, REPLACED])
        ENDING.hold()
        self.noted = None
        staging = self.at(STAGING + request["id"])
        make_directory(staging, 0o700)
        # `startup` is removed first, since a parent without it does not start.
        for name in reversed(KIT):
            if os.path.lexists(self.at(name)):
                move(self.at(name), os.path.join(staging, name))
        hide(staging)
        # In one step: a rollback would take for whole what a killed removal leaves of it.
        if os.path.lexists(self.at(PREVIOUS)):
            move(self.at(PREVIOUS), self.at(self.out(request["id"])))
        for name in [self.out(request["id"])] + replaced:
            remove(self.at(name))
        # Other data that a restore put aside belong to the site.
        if is_empty_directory(self.at(REPLACED)):
            os.rmdir(self.at(REPLACED))
        remove(staging)
        os.unlink(self.at(STATE))
        sync_directory(self.root)
        aside = REPLACED if os.path.lexists(self.at(REPLACED)) else None
        return {"recovered": recovered, "removed": there, "aside": aside, "stays": self.stays}

    def misplaced(self):
        """Kits one level too deep, a common mistake of copying by hand."""
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


def hide_kits(root):
    """Hides the kits in a directory with what was put aside. Other data there are as they were."""
    for name in KIT + (MISPLACED,):
        hide(os.path.join(root, name))


def amount(directories):
    """The number of files below some directories, and their total size in bytes."""
    sizes = [os.lstat(os.path.join(above, name)).st_size for top in directories for above, _, names in os.walk(top) for name in names]
    return len(sizes), sum(sizes)


def closed_directories(entries):
    """The directories in a list that their owner may not change, as pairs of path and mode."""
    found = [entry for entry in entries if entry["kind"] == "directory" and entry["mode"] & 0o300 != 0o300]
    return [[os.fsdecode(base64.b64decode(entry["path"])), entry["mode"]] for entry in found]

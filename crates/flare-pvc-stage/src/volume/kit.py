# Stages, swaps, rolls back and removes the kit.
#
# The swap is four renames, ordered so that a parent that starts in between finds no `startup`, never a mixture. A journal is written
# before the first rename, so that the next run finishes the swap.


class Volume:
    def __init__(self, root):
        self.root = root

    def at(self, *names):
        return os.path.join(self.root, *names)

    def recover(self):
        """Finishes an interrupted swap, and removes what else an earlier run left. Returns whether there was a swap."""
        journal = read_json(self.at(JOURNAL))
        if journal is not None:
            self.swap(journal)
        for name in os.listdir(self.root):
            if name.startswith(STAGING) or name in (STATE + ".new", JOURNAL + ".new"):
                remove(self.at(name))
        return journal is not None

    def check_writable(self, names=KIT):
        """Checks, before anything is changed, that the swap is permitted. Moving a directory requires write permission on it."""
        for path in [self.root] + [self.at(name) for name in names]:
            directory = os.path.isdir(path) and not os.path.islink(path)
            if directory and not os.access(path, os.W_OK | os.X_OK) and os.stat(path).st_uid != os.geteuid():
                raise Refused("not_writable", os.path.relpath(path, self.root))

    def check_owner(self, owner):
        """Refuses to replace another participant's kit. Of a kit that was copied by hand, only the role is known."""
        state = read_json(self.at(STATE))
        if state is not None and state.get("owner") != owner:
            raise Refused("not_ours", state.get("owner"))
        if state is None:
            self.check_role(owner, "")
        return state

    def check_role(self, owner, path):
        """Whether the kit below this path has the other role."""
        other = "client" if owner["role"] == "server" else "server"
        if os.path.lexists(self.at(path, "startup", "fed_" + other + ".json")):
            raise Refused("not_ours", {"role": other, "path": path})

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
        # The deepest first, since nothing can be created in a read-only directory.
        for entry in reversed(entries):
            if entry.directory:
                os.chmod(entry.place, entry.mode)
        sync_volume(self.root)
        verify(staging, entries)
        return staging

    def stage(self, request, source, output):
        recovered = self.recover()
        state = self.check_owner(request["owner"])
        repair = Repair(self, request["owner"], request["id"]) if request.get("repair") else None
        self.check_writable()
        had = state.get("fingerprint") if state else None
        # A repair alone does not replace a kit that is already the wanted one.
        stays = repair is not None and had == request["fingerprint"] and not request["again"] and repair.leaves_kit()
        journal = {"id": request["id"]}
        if not stays:
            with Receiving(output):
                self.extract(request, source)
            journal["state"] = {"owner": request["owner"], "fingerprint": request["fingerprint"], "previous": had}
            journal["transfer"] = request["transfer"]
        if repair is not None and repair.moves:
            journal.update(moves=list(repair.moves), emptied=repair.emptied, then="clean" if stays else "swap")
            self.enter(journal, "repair")
            self.swap(journal)
        elif not stays:
            self.enter(journal, "swap")
            self.swap(journal)
        moved = repair.shown() if repair is not None else []
        return {"recovered": recovered, "previous": had, "misplaced": self.misplaced(), "staged": not stays, "moved": moved}

    def swap(self, journal):
        """Completes a journal. Every phase can be repeated from any point, and none undoes a later one."""
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
            if journal.get("hidden"):
                reveal(staging)
            # `startup` is removed first and placed last, since a parent without it does not start.
            for name in reversed(names):
                if os.path.lexists(os.path.join(staging, name)) and os.path.lexists(self.at(name)):
                    self.put_aside(journal, name, kept)
            for name in names:
                if os.path.lexists(os.path.join(staging, name)):
                    make_parents(self.root, name)
                    move(os.path.join(staging, name), self.at(name))
            self.enter(journal, "clean")
        if journal.get("state"):
            write_json(self.at(STATE), journal["state"])
        place = self.at(journal.get("kept", PREVIOUS))
        self.keep(kept, place)
        for name in KIT + (MISPLACED,):
            hide(os.path.join(place, name))
        remove(staging)
        if journal.get("transfer"):
            make_directory(self.at("transfer"), 0o755)
        os.unlink(self.at(JOURNAL))
        sync_directory(self.root)

    def put_aside(self, journal, name, kept):
        # An empty directory that a restored one replaces is not kept.
        if "kept" in journal and is_empty_directory(self.at(name)):
            os.rmdir(self.at(name))
        else:
            make_parents(kept, name)
            move(self.at(name), os.path.join(kept, name))

    def keep(self, kept, place):
        """Replaces what an earlier run put aside; kits from a wrong level are added."""
        if not os.path.isdir(kept):
            return
        misplaced = os.path.join(kept, MISPLACED)
        if is_empty_directory(misplaced):
            os.rmdir(misplaced)
        names = os.listdir(kept)
        if names and names != [MISPLACED]:
            remove(place)
            move(kept, place)
            return
        if names:
            make_directory(place, 0o700)
            make_directory(os.path.join(place, MISPLACED), 0o700)
            for name in os.listdir(misplaced):
                remove(os.path.join(place, MISPLACED, name))
                move(os.path.join(misplaced, name), os.path.join(place, MISPLACED, name))
            os.rmdir(misplaced)
        os.rmdir(kept)

    def enter(self, journal, phase):
        journal["phase"] = phase
        write_json(self.at(JOURNAL), journal)

    def rollback(self, request):
        """Swaps the current kit with the one that the last staging replaced."""
        recovered = self.recover()
        state = self.check_owner(request["owner"]) or {}
        self.check_writable()
        if not all(os.path.isdir(self.at(PREVIOUS, name)) for name in KIT):
            raise Refused("nothing_kept", None)
        changed = {"owner": request["owner"], "fingerprint": state.get("previous"), "previous": state.get("fingerprint")}
        journal = {"id": request["id"], "state": changed, "hidden": True}
        self.enter(journal, "collect")
        self.swap(journal)
        return {"recovered": recovered, "fingerprint": changed["fingerprint"]}

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
            return {"recovered": recovered, "removed": [], "stays": None}
        self.check_writable(list(KIT) + [PREVIOUS, REPLACED])
        staging = self.at(STAGING + request["id"])
        make_directory(staging, 0o700)
        # `startup` is removed first, since a parent without it does not start.
        for name in reversed(KIT):
            if os.path.lexists(self.at(name)):
                move(self.at(name), os.path.join(staging, name))
        for name in [PREVIOUS] + replaced:
            remove(self.at(name))
        # Other data that a restore put aside belong to the site.
        if is_empty_directory(self.at(REPLACED)):
            os.rmdir(self.at(REPLACED))
        remove(staging)
        os.unlink(self.at(STATE))
        sync_directory(self.root)
        stays = REPLACED if os.path.lexists(self.at(REPLACED)) else None
        return {"recovered": recovered, "removed": there, "stays": stays}

    def look(self, request):
        """Reports what is on the volume; changes nothing."""
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

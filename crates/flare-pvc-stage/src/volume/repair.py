# Moves kits that are at the wrong level, a common mistake of copying by hand.


class Repair:
    """The moves: planned before anything is changed, carried out by the journal."""

    def __init__(self, volume, owner, run):
        self.volume, self.kept = volume, PREVIOUS + "-" + run
        # Pairs of source and target, in order; directories that may be empty afterwards.
        self.moves, self.emptied = [], []
        found = volume.misplaced()
        nested = [name for name in KIT if is_directory(volume.at(name, name))]
        for name in nested:
            check_role_file(volume, owner, name)
            self.plan_nested(name)
        missing = not nested and all(not os.path.lexists(volume.at(name)) or is_empty_directory(volume.at(name)) for name in KIT)
        kits = [path for path in found if path not in [name + "/" + name for name in KIT]]
        for path in kits:
            check_role_file(volume, owner, path)
            # With several kits, it is unknown which one was meant.
            to_its_place = missing and len(kits) == 1
            for name in KIT:
                self.plan(path + "/" + name, name if to_its_place else self.aside(path + "/" + name))
            self.emptied.append(path)
        kept = [PREVIOUS, PREVIOUS + "/" + MISPLACED] if self.moves else []
        volume.check_writable([source for source, _ in self.moves] + self.emptied + kept)

    def plan(self, source, target):
        self.moves.append([source, target])

    def aside(self, path):
        return "/".join([self.kept, MISPLACED, path])

    def plan_nested(self, name):
        """`startup/startup`: the inner one replaces the outer one if that has no other content; otherwise it is put aside."""
        if os.listdir(self.volume.at(name)) == [name]:
            self.plan(name, self.aside(name + "-around"))
            self.plan(self.aside(name + "-around/" + name), name)
            self.emptied.append(self.aside(name + "-around"))
        else:
            self.plan(name + "/" + name, self.aside(name + "/" + name))

    def leaves_kit(self):
        """Whether the kit is in place and no part of it is moved."""
        whole = all(is_directory(self.volume.at(name)) for name in KIT)
        return whole and not any(path in KIT for pair in self.moves for path in pair)

    def shown(self):
        """The moves with their final paths."""
        places = [target.replace(self.kept, PREVIOUS, 1) for _, target in self.moves]
        return [[source, place] for (source, _), place in zip(self.moves, places) if not source.startswith(".flare-")]


def carry_out(volume, journal):
    """Carries out a journal's moves and records each: a move that was done but not recorded has its target in place."""
    while journal["moves"]:
        source, target = journal["moves"][0]
        if os.path.lexists(volume.at(source)):
            if target in KIT and is_empty_directory(volume.at(target)):
                os.rmdir(volume.at(target))
            if not os.path.lexists(volume.at(target)):
                make_parents(volume.root, target)
                move(volume.at(source), volume.at(target))
        journal["moves"].pop(0)
        write_json(volume.at(JOURNAL), journal)
    for path in journal["emptied"]:
        if is_empty_directory(volume.at(path)):
            os.rmdir(volume.at(path))

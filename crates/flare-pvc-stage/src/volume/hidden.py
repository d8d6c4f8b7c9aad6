# Files that FLARE would find under other names, so that it finds only those of the kit in its place.


def is_sought(path):
    return os.path.basename(path).split(".")[0] in SOUGHT


def hide(root):
    """Gives the files below a directory that FLARE would find other names. May be repeated."""
    rename_all([(path, path + HIDDEN) for path in sought_below(root) if not path.endswith(HIDDEN)])


def reveal(root):
    """Takes back what `hide` did."""
    rename_all([(path, path[: -len(HIDDEN)]) for path in sought_below(root) if path.endswith(HIDDEN)])


def sought_below(root):
    for directory, below, names in os.walk(root):
        for path in [os.path.join(directory, name) for name in sorted(below + names)]:
            if is_sought(path) and not is_directory(path):
                yield path


def rename_all(pairs):
    """Renames files, unless their targets exist, and writes their directories to the disk."""
    pairs = [pair for pair in pairs if not os.path.lexists(pair[1])]
    for path, target in pairs:
        rename(path, target)
    sync_directories(os.path.dirname(path) for path, _ in pairs)


def rename(path, target):
    """Renames a file, also in a directory without write permission, which it then has again."""
    directory = os.path.dirname(path)
    mode = stat.S_IMODE(os.stat(directory).st_mode)
    if os.access(directory, os.W_OK | os.X_OK):
        os.rename(path, target)
    else:
        os.chmod(directory, mode | 0o300)
        os.rename(path, target)
        os.chmod(directory, mode)

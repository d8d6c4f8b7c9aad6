# Whose a kit is that was copied by hand, by its role file.


def check_role_file(volume, owner, path):
    """Refuses the kit below this path if it has the other role, or is that of another client."""
    other = "client" if owner["role"] == "server" else "server"
    if os.path.lexists(volume.at(path, "startup", "fed_" + other + ".json")):
        raise Refused("not_ours", {"role": other, "path": path})
    name = client_name(volume.at(path, "startup", "fed_client.json"))
    if name is not None and name != owner["participant"]:
        raise Refused("not_ours", {"participant": name, "role": "client", "path": path})


def client_name(path):
    """The name in a client's role file. None without one, as in kits of FLARE 2.5, and if the file cannot be read."""
    try:
        # Nothing else than a file is opened: a pipe would never be read to its end.
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        with open(path, "rb") as file:
            name = json.loads(file.read(BLOCK))["client"]["fqsn"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return name if isinstance(name, str) and name else None

# Whose a kit is that was copied by hand, by its role file.


def check_role_file(volume, owner, path):
    """Refuses the kit below this path if it has the other role or, as far as its role file tells, another name or project."""
    role = owner["role"]
    other = "client" if role == "server" else "server"
    if os.path.lexists(volume.at(path, "startup", "fed_" + other + ".json")):
        raise Refused("not_ours", {"role": other, "path": path})
    name, project = names_in(read_role_file(volume.at(path, "startup", "fed_" + role + ".json")), role)
    pairs = (name, owner["participant"]), (project, owner.get("project"))
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        raise Refused("not_ours", {"participant": name, "role": role, "project": project, "path": path})


def names_in(file, role):
    """The names of the participant and of its project in a role file; None for one that it does not tell, as kits of FLARE 2.5 do not
    tell the participant's."""
    servers = member(file, "servers")
    server = servers[0] if isinstance(servers, list) and servers else None
    if role == "client":
        names = [member(member(file, "client"), "fqsn")]
    else:
        # As `prepare` reads them.
        names = [member(server, "identity"), member(server, "admin_server")]
    return first_name(names), first_name([member(server, "name")])


def member(value, key):
    return value.get(key) if isinstance(value, dict) else None


def first_name(values):
    return next((value for value in values if isinstance(value, str) and value), None)


def read_role_file(path):
    """The content of a role file, of whatever kind; None if it cannot be read."""
    try:
        # Nothing else than a file is opened: a pipe would never be read to its end.
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        with open(path, "rb") as file:
            return json.loads(file.read(BLOCK))
    except (OSError, ValueError, RecursionError):
        return None

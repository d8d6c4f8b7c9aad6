//! The control group of a cluster, in every hierarchy of the machine (version 1, version 2, or both).

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use flare_diagnostic::Faults;

use crate::{fault::disk, mount};

/// Makes the group in every hierarchy, because a kubelet requires its root group.
pub(crate) fn make(group: &str) -> Result<(), Faults> {
    for hierarchy in hierarchies() {
        let path = hierarchy.join(group);
        match fs::create_dir(&path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(disk("made", &path, &error).into()),
            _ => inherit_processors(&hierarchy, &path),
        }
    }
    Ok(())
}

/// Copies the processors of the parent group: in version 1 a new group may use none.
fn inherit_processors(above: &Path, group: &Path) {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if let Ok(value) = fs::read(above.join(file)) {
            // Version 2 inherits them itself and may refuse the write.
            let _ = fs::write(group.join(file), value);
        }
    }
}

/// Removes the group and its subgroups from every hierarchy, and returns the number of hierarchies that had it.
pub(crate) fn remove(group: &str) -> Result<usize, Faults> {
    let mut removed = 0;
    for path in hierarchies().into_iter().map(|hierarchy| hierarchy.join(group)).filter(|path| path.is_dir()) {
        let began = Instant::now();
        // The kernel releases a group shortly after its last process ends.
        while let Err(error) = remove_below(&path) {
            if began.elapsed() > Duration::from_secs(10) {
                return Err(disk("removed", &path, &error).into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        removed += 1;
    }
    Ok(removed)
}

/// Removes a group's directories; the kernel removes the files in them.
fn remove_below(path: &Path) -> std::io::Result<()> {
    let gone = |result: std::io::Result<()>| match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    };
    for entry in fs::read_dir(path).into_iter().flatten().filter_map(Result::ok) {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_below(&entry.path())?;
        }
    }
    gone(fs::remove_dir(path))
}

/// The mount points of the hierarchies.
pub(crate) fn hierarchies() -> Vec<PathBuf> {
    let mounts = mount::all();
    let groups = mounts.into_iter().filter(|mount| mount.kind == "cgroup" || mount.kind == "cgroup2");
    let mut points: Vec<_> = groups.map(|mount| mount.point).collect();
    points.sort();
    points.dedup();
    points
}

//! Mounts in this machine's own mount namespace. A cluster's mounts are in the cluster's own namespace and end with it; these
//! are checked so that nothing is ever removed through a mount.

use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
};

use rustix::mount::{UnmountFlags, unmount};

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) point: PathBuf,
    pub(crate) kind: String,
}

/// All mounts that this process sees.
pub(crate) fn all() -> Vec<Mount> {
    parse(&fs::read("/proc/self/mounts").unwrap_or_default())
}

/// Unmounts everything below a directory, the newest first, and returns the mount points.
pub(crate) fn unmount_below(directory: &Path) -> Vec<PathBuf> {
    let below: Vec<_> = all().into_iter().map(|mount| mount.point).filter(|point| point.starts_with(directory)).collect();
    for point in below.iter().rev() {
        // A mount that is gone is fine; one that remains is noticed when the directory is removed.
        let _ = unmount(point, UnmountFlags::DETACH);
    }
    below
}

fn parse(text: &[u8]) -> Vec<Mount> {
    let lines = text.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| {
            let mut words = line.split(|byte| *byte == b' ');
            let point = words.nth(1)?;
            let kind = words.next()?;
            Some(Mount {
                point: PathBuf::from(OsString::from_vec(unescaped(point))),
                kind: String::from_utf8_lossy(kind).into_owned(),
            })
        })
        .collect()
}

/// A path without the kernel's escapes: it writes white space and backslashes as `\` and three octal digits.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|digits| *first == b'\\' && digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        if let Some(digits) = octal {
            plain.push(digits.iter().fold(0_u8, |value, digit| value.wrapping_mul(8).wrapping_add(digit - b'0')));
            rest = &tail[3..];
        } else {
            plain.push(*first);
            rest = tail;
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn mount_points_are_read_as_the_kernel_writes_them() {
        let mounts = super::parse(b"overlay /a\\040b/c\\134d overlay rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n\nx\n");
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[0].point, Path::new("/a b/c\\d"));
        assert_eq!(mounts[1].kind, "cgroup2");
    }
}

//! Stagings onto a volume that is full: a real file system in memory, in a mount namespace of its own, with room for a few pages or files.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use flare_diagnostic::Code;
use flare_pvc_stage::Answer;
use tempfile::TempDir;

use crate::support::{input_of, kit, kit_on, run_with, shipment, stage, texts, volume};

/// What is scarce on the volume.
#[derive(Debug, Clone, Copy)]
enum Scarce {
    /// Its pages: each file that is not empty has some.
    Pages,
    /// Its files and directories.
    Files,
}

/// A volume that ends with its mount namespace.
struct SmallVolume {
    holder: Child,
    place: PathBuf,
    _directory: TempDir,
}

impl SmallVolume {
    /// One of 1 MiB with 256 files.
    fn mount() -> Self {
        let directory = TempDir::new().expect("a directory");
        // As root in a container, a user namespace may be forbidden; as another user, it is what permits to mount.
        let namespaces: &[&str] = if is_root() { &["--mount"] } else { &["--user", "--map-root-user", "--mount"] };
        let mount = r#"mount -t tmpfs -o size=1m,nr_inodes=256 none "$1" && echo mounted && read _"#;
        let mut holder = Command::new("unshare")
            .args(namespaces)
            .args(["--propagation", "private", "sh", "-c", mount, "sh"])
            .arg(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare is on this machine");
        let mut said = String::new();
        BufReader::new(holder.stdout.take().expect("a pipe")).read_line(&mut said).expect("it answers");
        assert_eq!(said, "mounted\n", "a file system in memory can be mounted in a namespace");
        let path = directory.path().strip_prefix("/").expect("an absolute path");
        let place = Path::new("/proc").join(holder.id().to_string()).join("root").join(path);
        Self { holder, place, _directory: directory }
    }

    /// Makes it a copy of another volume.
    fn become_copy_of(&self, other: &Path) {
        let script = r#"find "$2" -mindepth 1 -delete && cp -a "$1/." "$2""#;
        let status = Command::new("sh").args(["-c", script, "sh"]).arg(other).arg(&self.place).status();
        assert!(status.expect("a shell is on this machine").success());
    }

    /// Fills it until only this much room is left; what fills it is in `jobs`.
    fn fill(&self, scarce: Scarce, left: usize) {
        let told = Command::new("stat").args(["--file-system", "--format", "%f %S %d"]).arg(&self.place).output();
        let told = String::from_utf8(told.expect("stat is on this machine").stdout).expect("numbers");
        let mut numbers = told.split_whitespace().map(|number| number.parse::<usize>().expect("a number"));
        let [pages, size, files] = std::array::from_fn(|_| numbers.next().expect("three numbers"));
        let fill = self.place.join("jobs/fill");
        match scarce {
            Scarce::Pages => fs::write(fill, vec![0; (pages - left) * size]).expect("room"),
            Scarce::Files => {
                fs::create_dir(&fill).expect("room");
                for number in left + 1..files {
                    fs::write(fill.join(number.to_string()), "").expect("room");
                }
            }
        }
    }

    fn make_room(&self) {
        let fill = self.place.join("jobs/fill");
        if fill.is_dir() { fs::remove_dir_all(fill) } else { fs::remove_file(fill) }.expect("it was filled");
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.place).expect("it").map(|entry| entry.expect("it").file_name());
        let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").expect("this process").uid() == 0
}

impl Drop for SmallVolume {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// From no room at all up to as much as a staging needs, so that it fails at each of its steps once: nothing of the attempt stays, the kit
/// before it is whole, and with room the next run succeeds.
#[test]
fn a_staging_that_does_not_fit_leaves_nothing_and_the_earlier_kit_whole() {
    let (first, third) = (volume(), volume());
    stage(third.path(), &kit("one"), "1").expect("staged");
    stage(third.path(), &kit("two"), "2").expect("staged");
    let small = SmallVolume::mount();
    for before in [&first, &third] {
        for scarce in [Scarce::Pages, Scarce::Files] {
            let refused = (0..100).find(|left| is_staged(&small, before.path(), scarce, *left)).expect("it fits once");
            assert!(refused > 5, "{scarce:?}: only {refused} steps failed");
        }
    }
}

/// Whether a staging fits onto a copy of a volume with only so much room left; if not, checks what that leaves.
fn is_staged(small: &SmallVolume, before: &Path, scarce: Scarce, left: usize) -> bool {
    small.become_copy_of(before);
    small.fill(scarce, left);
    let (names, found) = (small.names(), texts(&small.place));
    let (_, printed) = run_with(&small.place, &input_of(&shipment(&kit("three"), "site-1", "3"), "3"), &[]);
    let Err(fault) = Answer::staged(&printed, "claim") else {
        assert_eq!(kit_on(&small.place).as_deref(), Some("three"), "{scarce:?} {left}");
        return true;
    };
    assert_eq!(fault.code, Code::StageFailed, "{scarce:?} {left}: {fault}");
    assert!(fault.message.contains("ENOSPC"), "{scarce:?} {left}: {fault}");
    assert!(fault.hint.as_ref().is_some_and(|hint| hint.contains("make room")), "{scarce:?} {left}: {fault:?}");
    assert_eq!(small.names(), names, "{scarce:?} {left}: {fault}");
    assert_eq!(texts(&small.place), found, "{scarce:?} {left}: {fault}");
    small.make_room();
    stage(&small.place, &kit("three"), "4").expect("there is room");
    assert_eq!(kit_on(&small.place).as_deref(), Some("three"), "{scarce:?} {left}");
    false
}

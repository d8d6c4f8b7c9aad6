//! The id of a job that was never submitted: FLARE's server gives a job its id, and the names of its pods follow from it.

use std::{
    collections::BTreeSet,
    io::Read as _,
    path::{Path, PathBuf},
};

use flare_diagnostic::{Code, Faults};
use flare_file_tree::{Destination, Digest, DiskError, Hasher, directories, files, open_file, resolved};

/// An id in the form of FLARE's own: the same for the same job, wherever its directory stands.
///
/// It is made of the names of the directory and the file with the meta data, that file's content, the job's apps and the study in which it
/// is run. Apps are the directories beside the meta data that have a `config` directory, as FLARE wants it of them; nothing else there is
/// read, since a job's file may stand among anything.
///
/// # Errors
/// `INVALID_LAUNCH_REQUEST` if an app cannot be read.
pub(super) fn of_content(meta: &Path, bytes: &[u8], study: Option<&str>) -> Result<String, Faults> {
    let directory = meta.parent().unwrap_or(Path::new("/"));
    let mut content = Hasher::default();
    content.update(b"flare-kube job 1\0");
    for path in [directory, meta] {
        part(&mut content, path.file_name().unwrap_or_default().as_encoded_bytes());
    }
    part(&mut content, bytes);
    part(&mut content, study.unwrap_or_default().as_bytes());
    add_apps(&mut content, directory).map_err(|error| error.into_diagnostic(Code::InvalidLaunchRequest))?;
    Ok(in_form_of_uuid(&content.finish()))
}

/// Adds a part after its length, so that no two lists of parts are the same bytes.
fn part(content: &mut Hasher, bytes: &[u8]) {
    content.update(&(bytes.len() as u64).to_le_bytes());
    content.update(bytes);
}

fn add_apps(content: &mut Hasher, job: &Path) -> Result<(), DiskError> {
    for app in directories(job)? {
        if matches!(Destination::inspect(&app.join("config")), Ok(Destination::Directory)) {
            add_directory(content, job, &app, &mut BTreeSet::new())?;
        }
    }
    Ok(())
}

/// Adds the files below a directory. Links are followed, each directory once, since links may lead in a circle.
fn add_directory(content: &mut Hasher, job: &Path, directory: &Path, seen: &mut BTreeSet<PathBuf>) -> Result<(), DiskError> {
    if !seen.insert(resolved(directory)) {
        return Ok(());
    }
    for file in files(directory)? {
        part(content, file.strip_prefix(job).unwrap_or(&file).as_os_str().as_encoded_bytes());
        part(content, &digest(&file)?.0);
    }
    directories(directory)?.iter().try_for_each(|below| add_directory(content, job, below, seen))
}

/// The digest of a file, which is read piece by piece.
fn digest(path: &Path) -> Result<Digest, DiskError> {
    let (mut file, mut content) = (open_file(path)?, Hasher::default());
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer).map_err(|source| DiskError { action: "read", path: path.to_owned(), source })?;
        if count == 0 {
            return Ok(content.finish());
        }
        content.update(&buffer[..count]);
    }
}

/// A digest as a UUID of version 8, the one for other ways to make it (RFC 9562, section 5.8).
fn in_form_of_uuid(digest: &Digest) -> String {
    let mut bytes = digest.0;
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = Digest(bytes).to_string();
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..32]].join("-")
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make jobs on the disk")]
mod tests {
    use std::fs;

    use super::*;

    const META: &[u8] = br#"{"name": "hello"}"#;

    /// A job with an app, in a directory of this name.
    fn job(root: &Path, name: &str) -> PathBuf {
        let directory = root.join(name);
        fs::create_dir_all(directory.join("app/config")).unwrap();
        fs::create_dir_all(directory.join("app/custom")).unwrap();
        fs::write(directory.join("app/config/config_fed_client.json"), "{}").unwrap();
        fs::write(directory.join("app/custom/net.py"), "x = 1\n").unwrap();
        directory.join("meta.json")
    }

    #[test]
    fn the_same_job_has_the_same_id_and_another_one_has_another() {
        let root = tempfile::tempdir().unwrap();
        let id = |meta: &Path| of_content(meta, META, None).unwrap();
        let (first, copy, other) = (job(root.path(), "a/job"), job(root.path(), "b/job"), job(root.path(), "b/other"));
        let known = id(&first);
        assert_eq!(id(&copy), known, "where it stands does not matter");
        assert_ne!(id(&other), known, "its name does");
        assert_ne!(of_content(&first, b"{}", None).unwrap(), known);
        assert_ne!(of_content(&first, META, Some("cancer")).unwrap(), known);
        fs::create_dir_all(root.path().join("a/job/results")).unwrap();
        fs::write(root.path().join("a/job/results/log"), "much").unwrap();
        std::os::unix::fs::symlink("..", root.path().join("a/job/app/custom/circle")).unwrap();
        assert_eq!(id(&first), known, "no app is added by it");
        fs::write(root.path().join("a/job/app/custom/net.py"), "x = 2\n").unwrap();
        assert_ne!(id(&first), known, "its code does");
        let version = (&known[14..15], &known[19..20]);
        assert!(version.0 == "8" && "89ab".contains(version.1) && known.len() == 36, "{known}");
    }
}

//! Digests of a kit's files, computed once, and the fingerprint over them, with which a parent's pod is annotated so that a
//! changed kit restarts it (defect 11).

use std::{collections::BTreeMap, path::Path};

use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_file_tree::{Content, Digest, FileTree, Hasher, RelativePath};

use crate::{CHART, LOCAL, STARTUP, TRANSFER, marker::MARKER_FILE};

/// The SHA-256 of files, by path.
#[derive(Debug, Clone)]
pub(crate) struct FileDigests(BTreeMap<RelativePath, Digest>);

impl FileDigests {
    /// The digests of the wanted files. `code` is the code of the fault of a file that can no longer be read.
    pub(crate) fn of(tree: &FileTree, code: Code, wanted: impl Fn(&Path) -> bool) -> Result<Self, Faults> {
        let digested = |(path, content, _): (&RelativePath, &Content, u32)| match content.digest() {
            Ok(digest) => Ok((path.clone(), digest)),
            Err(error) => Err(error.into_diagnostic(code)),
        };
        let digests = tree.files().filter(|(path, ..)| wanted(path.as_path())).map(digested).collect::<Result<_, Diagnostic>>();
        Ok(Self(digests?))
    }

    /// Adds the digests of another tree, which is placed in a directory of this one.
    pub(crate) fn add(&mut self, directory: &RelativePath, tree: &FileTree) -> Result<(), Faults> {
        let below = Self::of(tree, Code::DeployPrepareFailed, |_| true)?;
        self.0.extend(below.0.into_iter().map(|(path, digest)| (directory.join(&path), digest)));
        Ok(())
    }

    /// The digest of one file.
    pub(crate) fn get(&self, path: &RelativePath) -> Option<Digest> {
        self.0.get(path).copied()
    }

    /// The fingerprint, which depends only on `startup/` and `local/`.
    pub(crate) fn fingerprint(&self) -> Digest {
        let mut input = Hasher::default();
        input.update(b"flare-kube kit 1\0");
        for (path, digest) in self.0.iter().filter(|(path, _)| counts(path.as_path())) {
            input.update(&(path.as_bytes().len() as u64).to_le_bytes());
            input.update(path.as_bytes());
            input.update(&digest.0);
        }
        input.finish()
    }

    /// All files with their digests, sorted by path.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&RelativePath, &Digest)> {
        self.0.iter()
    }

    /// Path and digest as the marker lists them: the files of `startup/`, `local/` and the chart, and the others.
    pub(crate) fn listed(&self) -> [BTreeMap<String, String>; 2] {
        let listed = |wanted: bool| {
            let files = self.0.iter().filter(|(path, _)| is_answered_for(path.as_path()) == wanted);
            files.map(|(path, digest)| (key(path), digest.to_string())).collect()
        };
        [listed(true), listed(false)]
    }
}

/// A patched kit with the digests of its files; the chart is rendered with its fingerprint.
#[derive(Debug, Clone)]
pub struct FingerprintedKit {
    pub(crate) tree: FileTree,
    pub(crate) digests: FileDigests,
}

impl FingerprintedKit {
    /// Removes an old chart and an old marker from a patched kit and digests its files, except those in `transfer/`, which may be
    /// large and are never recorded.
    ///
    /// # Errors
    /// `DEPLOY_PREPARE_FAILED` if a file that stayed on disk can no longer be read.
    pub fn new(mut tree: FileTree) -> Result<Self, Faults> {
        tree.remove(CHART);
        tree.remove(MARKER_FILE);
        let digests = FileDigests::of(&tree, Code::DeployPrepareFailed, is_recorded)?;
        Ok(Self { tree, digests })
    }

    /// The fingerprint, see [`fingerprint`].
    pub fn fingerprint(&self) -> Digest {
        self.digests.fingerprint()
    }
}

/// The SHA-256 over paths and contents of all files in `startup/` and `local/`.
///
/// It does not depend on the chart, which contains it, nor on `transfer/` and other files of the kit. Modes and empty
/// directories do not count: a `ConfigMap` or Secret does not preserve them, and the parent reads neither.
///
/// # Errors
/// `DEPLOY_PREPARE_FAILED` if a file that stayed on disk can no longer be read.
pub fn fingerprint(kit: &FileTree) -> Result<Digest, Faults> {
    Ok(FileDigests::of(kit, Code::DeployPrepareFailed, counts)?.fingerprint())
}

fn counts(path: &Path) -> bool {
    path.starts_with(STARTUP) || path.starts_with(LOCAL)
}

/// Whether a prepared kit guarantees the content of a file: those in `startup/`, `local/` and `helm_chart/`.
pub(crate) fn is_answered_for(path: &Path) -> bool {
    counts(path) || path.starts_with(CHART)
}

/// Whether the marker lists a file: all but itself and those in `transfer/`.
pub(crate) fn is_recorded(path: &Path) -> bool {
    !path.starts_with(TRANSFER) && path != Path::new(MARKER_FILE)
}

/// A path as the marker writes it: one that is not UTF-8 as `bytes:` and hex.
pub(crate) fn key(path: &RelativePath) -> String {
    match path.as_path().to_str() {
        Some(text) => text.to_owned(),
        None => path.as_bytes().iter().fold("bytes:".to_owned(), |hex, byte| format!("{hex}{byte:02x}")),
    }
}

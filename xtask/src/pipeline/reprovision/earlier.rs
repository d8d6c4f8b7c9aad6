//! The prepared kit with which the participant ran before: kept beside the new one, with a note of the run.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, printable};
use flare_file_tree::{CommitOptions, Destination, FileTree, Hasher, ReadOptions};
use flare_prepared_kit::{ExistingOutput, OpenOptions, PreparedKit, TRANSFER, inspect_output};
use flare_pvc_stage::Backup;
use serde::{Deserialize, Serialize};

use crate::{
    interrupt::{Interrupt, interrupted},
    pipeline::{output_path::RealPaths, request::KitRequest},
};

/// The earlier prepared kit, in its directory.
const PREPARED: &str = "prepared";
/// The note of the last run.
const NOTE: &str = "run.json";
/// The largest note that is read, in bytes.
const LARGEST: u64 = 1 << 20;
/// Only the user may read the note.
const NOTE_MODE: u32 = 0o600;

/// What a run notes before it changes anything, for the next one if it is interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// The fingerprint of the earlier kit.
    pub(super) fingerprint: String,
    pub(super) backup: Saved,
    /// The good revision of the release before the run changed it, if there was one.
    #[serde(default)]
    pub(super) revision: Option<u64>,
    /// Whether the run has ended: well, or with everything put back.
    ended: bool,
}

/// A backup as it is noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Saved {
    file: PathBuf,
    files: u64,
    bytes: u64,
    sha256: Option<String>,
    namespace: String,
    claim: String,
}

impl From<&Backup> for Saved {
    fn from(backup: &Backup) -> Self {
        let Backup { namespace, claim, file, files, bytes, sha256 } = backup.clone();
        Self { file, files, bytes, sha256, namespace, claim }
    }
}

impl From<Saved> for Backup {
    fn from(saved: Saved) -> Self {
        let Saved { file, files, bytes, sha256, namespace, claim } = saved;
        Self { namespace, claim, file, files, bytes, sha256 }
    }
}

/// The earlier prepared kit.
#[derive(Debug)]
pub(super) struct EarlierKit {
    pub(super) kit: PreparedKit,
    /// The note of an interrupted run, with which this one goes on; then that of this one.
    pub(super) note: Option<Note>,
    /// Whether this run goes on with an interrupted one.
    pub(super) is_resumed: bool,
    directory: PathBuf,
    /// The file of a backup for which the user names none.
    pub(super) backup_file: PathBuf,
    output: PathBuf,
}

impl EarlierKit {
    /// Finds the kit: the one that an interrupted run kept, otherwise the output.
    ///
    /// # Errors
    /// `INVALID_ARGS` without one, and those of [`PreparedKit::open`].
    pub(super) fn find(request: &KitRequest) -> Result<Checked<Self>, Faults> {
        let [directory, backup_file] = ["-earlier", "-backup.tar"].map(|ending| beside(request, ending));
        let output = request.output.clone();
        let open = |path: &Path, options| PreparedKit::open(path, options);
        if let Some(note) = unfinished(&directory)
            && let Ok(kept) = open(&directory.join(PREPARED), OpenOptions { accept_changes: true })
            && kept.value.fingerprint().to_string() == note.fingerprint
        {
            let (kit, note) = (kept.value, Some(note));
            return Ok(Checked::clean(Self { kit, note, is_resumed: true, directory, backup_file, output }));
        }
        if matches!(Destination::inspect(&output), Ok(Destination::Absent | Destination::EmptyDirectory)) {
            let message = "there is no prepared kit here with which the participant runs";
            return Err(Diagnostic::error(Code::InvalidArgs, message)
                .hint("name it with `--output`; a participant that was never installed is brought up with `prepare`, `stage` and `install`")
                .at(output.as_path())
                .into());
        }
        let mut found = Collector::new();
        let kit = found.require_checked(open(&output, OpenOptions { accept_changes: true }))?;
        found.finish(|| Self { kit, note: None, is_resumed: false, directory, backup_file, output })
    }

    /// Where the kit is kept.
    pub(super) fn kept(&self) -> PathBuf {
        self.directory.join(PREPARED)
    }

    /// Keeps a copy of the output, without `transfer/`.
    pub(super) fn keep(&self, interrupt: &Interrupt) -> Result<(), Faults> {
        let without_transfer = ReadOptions::new(Code::InvalidPreparedKit).exclude(TRANSFER);
        put(&FileTree::read(&self.output, &without_transfer)?, &self.kept(), interrupt)
    }

    /// Notes what is needed to go on, or back, from here.
    pub(super) fn note_backup(&mut self, backup: &Backup) -> Result<(), Diagnostic> {
        let fingerprint = self.kit.fingerprint().to_string();
        self.put_note(Note { fingerprint, backup: backup.into(), revision: None, ended: false })
    }

    /// Adds to the note of this run the good revision before it.
    pub(super) fn note_revision(&mut self, revision: Option<u64>) -> Result<(), Diagnostic> {
        match self.note.clone() {
            Some(note) => self.put_note(Note { revision, ..note }),
            None => Ok(()),
        }
    }

    fn put_note(&mut self, note: Note) -> Result<(), Diagnostic> {
        self.write(&note)?;
        self.note = Some(note);
        Ok(())
    }

    /// Refuses a file for the backup that exists, or that would be copied into the prepared kit.
    pub(super) fn check_backup_file(&self, request: &KitRequest, file: &Path) -> Result<(), Diagnostic> {
        let refused = |message: String| {
            Err(Diagnostic::error(Code::InvalidArgs, message).hint("name another file with `--backup`").at(file))
        };
        let shown = printable(&file.to_string_lossy()).into_owned();
        if flare_file_tree::resolved(file).starts_with(flare_file_tree::resolved(&request.kit)) {
            return refused(format!("the backup `{shown}` would be in the startup kit, and would be copied with it"));
        }
        if !self.has_saved_to(file) && !matches!(Destination::inspect(file), Ok(Destination::Absent)) {
            return refused(format!("there is something at `{shown}` already"));
        }
        Ok(())
    }

    /// Whether an interrupted run saved to this file, which then may be replaced.
    pub(super) fn has_saved_to(&self, file: &Path) -> bool {
        self.note.as_ref().is_some_and(|note| note.backup.file == file)
    }

    /// Puts the kept kit back into the output, unless another run has put one there that is none of `kits`; the content of the output's
    /// `transfer/` stays.
    pub(super) fn put_back(&self, kits: &[String], interrupt: &Interrupt) -> Result<(), Faults> {
        if let Ok(there) = PreparedKit::open(&self.output, OpenOptions { accept_changes: true })
            && !kits.contains(&there.value.fingerprint().to_string())
        {
            let message = "another run has prepared another kit here meanwhile";
            return Err(Diagnostic::error(Code::InvalidArgs, message).at(self.output.as_path()).into());
        }
        let tree = FileTree::read(&self.kept(), &ReadOptions::new(Code::InvalidPreparedKit))?;
        put(&tree, &self.output, interrupt)
    }

    /// Notes that the run has ended.
    pub(super) fn ended(&self) -> Result<(), Diagnostic> {
        self.note.as_ref().map_or(Ok(()), |note| self.write(&Note { ended: true, ..note.clone() }))
    }

    fn write(&self, note: &Note) -> Result<(), Diagnostic> {
        let text = serde_json::to_vec(note).unwrap_or_default();
        let written = flare_file_tree::write_file(&self.directory.join(NOTE), &text, NOTE_MODE, true);
        written.map_err(|error| error.into_diagnostic(Code::DeployPrepareFailed))
    }
}

/// A path beside the output or, if that is in the kit, beside the kit, whose content is copied into the prepared kit.
fn beside(request: &KitRequest, ending: &str) -> PathBuf {
    let real = RealPaths::of(request);
    let path = if real.output.starts_with(&real.kit) { &request.kit } else { &request.output };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

fn unfinished(directory: &Path) -> Option<Note> {
    let file = directory.join(NOTE);
    let bytes = flare_file_tree::read_file(&file, LARGEST, Code::InvalidArgs, Code::InvalidArgs).ok()?;
    let note: Note = serde_json::from_slice(&bytes).ok()?;
    (!note.ended && is_as_noted(&note.backup)).then_some(note)
}

/// Whether the file of a backup still is the one that was noted. Another run, or the user, may have put another one into its place.
fn is_as_noted(saved: &Saved) -> bool {
    let digest = || -> std::io::Result<String> {
        let mut file = flare_file_tree::open_file(&saved.file).map_err(|error| error.source)?;
        let (mut hasher, mut buffer) = (Hasher::default(), vec![0; 1 << 20]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hasher.finish().to_string()),
                count => hasher.update(&buffer[..count]),
            }
        }
    };
    saved.sha256.is_some() && digest().ok() == saved.sha256
}

fn put(tree: &FileTree, at: &Path, interrupt: &Interrupt) -> Result<(), Faults> {
    // A prepared kit may stand there, such as one that an earlier run kept; anything else is the user's.
    let existing = inspect_output(at).map_err(|error| error.into_diagnostic(Code::InvalidArgs))?;
    if matches!(existing, ExistingOutput::Foreign | ExistingOutput::NotADirectory) {
        let message = format!("`{}` is in the way of the earlier prepared kit", printable(&at.to_string_lossy()));
        return Err(Diagnostic::error(Code::InvalidArgs, message).hint("rename or remove it, then run again").at(at).into());
    }
    let how = CommitOptions { cancelled: Some(interrupt.flag()), keep: Some(TRANSFER.as_ref()), ..CommitOptions::default() };
    let committed = flare_file_tree::commit(tree, at, &how);
    committed.map(|_| ()).map_err(|error| match error {
        flare_file_tree::CommitError::Interrupted => interrupted().into(),
        other => other.into_faults(Code::DeployPrepareFailed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_backup_that_an_interrupted_run_saved_is_taken_for_its_own() {
        let directory = tempfile::TempDir::new().unwrap();
        let (file, note_file) = (directory.path().join("b.tar"), directory.path().join(NOTE));
        let write = |path: &Path, bytes: &[u8]| flare_file_tree::write_file(path, bytes, 0o600, true).unwrap();
        let sha256 = Some(flare_file_tree::Digest::of(b"saved").to_string());
        let saved = Saved { file: file.clone(), files: 1, bytes: 5, sha256, namespace: "fl".into(), claim: "c".into() };
        let note = |ended| Note { fingerprint: "3f".into(), backup: saved.clone(), revision: Some(2), ended };
        write(&note_file, &serde_json::to_vec(&note(false)).unwrap());
        assert_eq!(unfinished(directory.path()), None, "there is no file");
        write(&file, b"of an earlier run");
        assert_eq!(unfinished(directory.path()), None, "another file");
        write(&file, b"saved");
        assert_eq!(unfinished(directory.path()), Some(note(false)));
        let mut older = serde_json::to_value(note(false)).unwrap();
        older.as_object_mut().unwrap().remove("revision");
        write(&note_file, older.to_string().as_bytes());
        let without = Note { revision: None, ..note(false) };
        assert_eq!(unfinished(directory.path()), Some(without), "the note of a run before there were revisions in it");
        write(&note_file, &serde_json::to_vec(&note(true)).unwrap());
        assert_eq!(unfinished(directory.path()), None, "a run that ended");
    }
}

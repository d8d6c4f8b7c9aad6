//! What exists at the path of an output, and whether it may be replaced (defect 8).

use std::path::Path;

use flare_diagnostic::{Code, Diagnostic, Faults, Place, printable};
use flare_file_tree::{Destination, DiskError, other_owner, read_file};

use crate::{
    marker::{MARKER_FILE, MarkerHead},
    values,
};

/// The maximum length of markers and values, in bytes.
const LONGEST: u64 = 64 << 20;

/// What exists at the path of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExistingOutput {
    /// Nothing.
    Absent,
    /// An empty directory.
    EmptyDirectory,
    /// A directory with a marker that lists files, of any format: `prepare` made it, or somebody copied the marker here.
    /// [`check_losses`](crate::check_losses) tells the two apart before anything is replaced.
    Marked {
        /// The part of the marker that every format has.
        head: MarkerHead,
    },
    /// Another directory, including the reference's output.
    Foreign,
    /// Not a directory.
    NotADirectory,
}

/// Inspects the path of an output.
///
/// # Errors
/// If access is denied, or an upper part of the path is not a directory.
pub fn inspect_output(path: &Path) -> Result<ExistingOutput, DiskError> {
    Ok(match Destination::inspect(path)? {
        Destination::Absent => ExistingOutput::Absent,
        Destination::EmptyDirectory => ExistingOutput::EmptyDirectory,
        Destination::File | Destination::Other => ExistingOutput::NotADirectory,
        Destination::Directory => {
            let head = read(&path.join(MARKER_FILE)).ok().and_then(|bytes| MarkerHead::parse(&bytes));
            match head.filter(|head| !head.files.is_empty()) {
                Some(head) => ExistingOutput::Marked { head },
                None => ExistingOutput::Foreign,
            }
        }
    })
}

/// Checks that `prepare` may put a directory here, as far as possible without the new one: what exists was made by
/// `prepare`, and nothing in a cluster must be undone first.
///
/// # Errors
/// `INVALID_ARGS`: a file, a directory that `prepare` did not make, one that belongs to another user, a path that cannot be
/// inspected. `OUTPUT_STAGED`: a directory, of any origin, that records staged objects.
pub fn check_replaceable(path: &Path) -> Result<ExistingOutput, Faults> {
    let failed = |error: DiskError| error.into_diagnostic_or(Code::InvalidArgs, "name another directory with `--output`");
    let found = inspect_output(path).map_err(failed)?;
    if matches!(found, ExistingOutput::Marked { .. } | ExistingOutput::Foreign) {
        check_record(path)?;
    }
    let refused = |what: &str, hint: &str| {
        let message = format!("the output `{}` {what}", printable(&path.to_string_lossy()));
        Err(Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(path).into())
    };
    match &found {
        ExistingOutput::NotADirectory => refused("is not a directory", "name another directory with `--output`"),
        ExistingOutput::Foreign => {
            refused("is not empty, and `prepare` did not make it", "name another directory with `--output`, or remove this one")
        }
        ExistingOutput::Absent => Ok(found),
        ExistingOutput::EmptyDirectory | ExistingOutput::Marked { .. } => match other_owner(path).map_err(failed)? {
            None => Ok(found),
            Some(owner) => refused(
                &format!("belongs to another user (uid {owner}), and you may not change it"),
                "run as that user, ask for its removal, or name another directory with `--output`",
            ),
        },
    }
}

fn check_record(path: &Path) -> Result<(), Faults> {
    let file = path.join(values::FILE);
    // A chart that cannot be read does not matter here: only the marker decides whether the directory may be replaced.
    let Ok(bytes) = read(&file) else { return Ok(()) };
    let unreadable = |_| {
        let message = format!("`{}` cannot be read as YAML, so a record of staged objects could be lost", values::FILE);
        let hint = "correct the file, or `unstage` what is in the cluster, and then remove the output";
        Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(Place::from(file.as_path()))
    };
    if !values::has_staged_objects(&bytes).map_err(unreadable)? {
        return Ok(());
    }
    let message = format!("the output `{}` records objects that are staged in a cluster", printable(&path.to_string_lossy()));
    Err(Diagnostic::error(Code::OutputStaged, message)
        .hint(
            "unstage it first (`unstage --offline` if its objects were only rendered), or name another directory with `--output`",
        )
        .at(Place::from(file.as_path()))
        .into())
}

fn read(path: &Path) -> Result<Vec<u8>, Faults> {
    read_file(path, LONGEST, Code::InvalidArgs, Code::InvalidArgs)
}

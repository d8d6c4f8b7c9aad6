//! What stands where a prepared kit shall go, and whether it may be replaced (defect 8).

use std::path::Path;

use flare_diagnostic::{Code, Diagnostic, Faults, Place, printable};
use flare_file_tree::{Destination, DiskError, read_file};

use crate::{
    marker::{MARKER_FILE, Marker},
    values,
};

/// No marker and no values are longer than this, in bytes.
const LONGEST: u64 = 64 << 20;

/// What stands at the path of an output.
#[derive(Debug, Clone, PartialEq)]
pub enum Occupant {
    /// Nothing.
    Absent,
    /// A folder without anything in it.
    EmptyFolder,
    /// A folder that `prepare` made: it has a marker that can be read.
    Ours {
        /// The marker.
        marker: Box<Marker>,
    },
    /// A folder of somebody else, the reference's included, or one that a newer flare-kube made.
    Foreign,
    /// No folder.
    File,
}

/// Looks at the path of an output.
///
/// # Errors
/// Where one may not look, or where an upper part of the path is no folder.
pub fn occupant(path: &Path) -> Result<Occupant, DiskError> {
    Ok(match Destination::look(path)? {
        Destination::Absent => Occupant::Absent,
        Destination::EmptyFolder => Occupant::EmptyFolder,
        Destination::File | Destination::Other => Occupant::File,
        Destination::Folder => match read(&path.join(MARKER_FILE)).ok().and_then(|bytes| Marker::parse(&bytes).ok()) {
            Some(marker) => Occupant::Ours { marker: Box::new(marker) },
            None => Occupant::Foreign,
        },
    })
}

/// Whether `prepare` may put a folder here: nothing is lost that somebody made or that must be undone first.
///
/// # Errors
/// `INVALID_ARGS`: a file, a folder that `prepare` did not make, a path that cannot be looked at. `OUTPUT_STAGED`: a
/// folder, whoever made it, that records staged objects.
pub fn check_replaceable(path: &Path) -> Result<Occupant, Faults> {
    let found = occupant(path).map_err(|error| error.into_diagnostic(Code::InvalidArgs))?;
    if matches!(found, Occupant::Ours { .. } | Occupant::Foreign) {
        check_record(path)?;
    }
    let (what, hint) = match &found {
        Occupant::Absent | Occupant::EmptyFolder | Occupant::Ours { .. } => return Ok(found),
        Occupant::File => ("is not a folder", "name another folder with `--output`"),
        Occupant::Foreign => (
            "is not empty, and this release of `prepare` did not make it",
            "name another folder with `--output`, or remove this one",
        ),
    };
    let message = format!("the output `{}` {what}", printable(&path.to_string_lossy()));
    Err(Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(path).into())
}

fn check_record(path: &Path) -> Result<(), Faults> {
    let file = path.join(values::FILE);
    // A chart that cannot be read is no reason here: the folder is ours and may be replaced, or it is not.
    let Ok(bytes) = read(&file) else { return Ok(()) };
    let unreadable = |_| {
        let message = format!("`{}` cannot be read as YAML, so a record of staged objects could be lost", values::FILE);
        let hint = "correct the file, or remove the output after a look at the cluster";
        Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(Place::from(file.as_path()))
    };
    if !values::has_staged_objects(&bytes).map_err(unreadable)? {
        return Ok(());
    }
    let message = format!("the output `{}` records objects that are staged in a cluster", printable(&path.to_string_lossy()));
    Err(Diagnostic::error(Code::OutputStaged, message)
        .hint("unstage it first, or name another folder with `--output`")
        .at(Place::from(file.as_path()))
        .into())
}

fn read(path: &Path) -> Result<Vec<u8>, Faults> {
    read_file(path, LONGEST, Code::InvalidArgs, Code::InvalidArgs)
}

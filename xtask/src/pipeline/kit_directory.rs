//! Checks the kind of a directory on disk before any kit is read, so that a wrong one is one fault and not hundreds.

use std::{
    cell::RefCell,
    io,
    path::{Path, PathBuf},
};

use flare_diagnostic::{Code, Diagnostic, Faults, listed, printable};
use flare_file_tree::{Destination, DiskError};
use flare_startup_kit::DirectoryKind;

/// How to recognise a startup kit, for messages.
pub(crate) const EXPECTED: &str =
    "a startup kit has `startup/fed_server.json` or `startup/fed_client.json`, and `local/resources.json.default`";
/// How many faults of one directory are shown, since they usually have one cause.
const SHOWN_FAULTS: usize = 5;
/// How many names a message lists.
const SHOWN_NAMES: usize = 6;

/// The kind of a directory. Fails if it cannot be accessed.
pub(crate) fn kind(directory: &Path) -> Result<DirectoryKind, DiskError> {
    let failed = RefCell::new(None);
    let kind = DirectoryKind::of(|path| match exists(directory, path) {
        Ok(exists) => exists,
        Err(error) => {
            failed.borrow_mut().get_or_insert(error);
            false
        }
    });
    failed.into_inner().map_or(Ok(kind), Err)
}

/// The kind of a directory that is certainly a kit or an output of `prepare`. One that cannot be accessed is neither.
pub(crate) fn recognised(directory: &Path) -> Option<DirectoryKind> {
    DirectoryKind::recognised(|path| exists(directory, path).unwrap_or(false))
}

fn exists(directory: &Path, path: &str) -> Result<bool, DiskError> {
    match Destination::inspect(&directory.join(path)) {
        Ok(found) => Ok(found != Destination::Absent),
        // There is nothing below a file.
        Err(error) if error.source.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
    }
}

/// The startup kits of servers and clients directly in a directory.
pub(crate) fn kits_in(directory: &Path) -> Vec<PathBuf> {
    let mut directories = flare_file_tree::directories(directory).unwrap_or_default();
    directories.retain(|child| matches!(kind(child), Ok(DirectoryKind::Kit(_))));
    directories
}

/// Fails with one fault if a path cannot be a kit, and says what was expected.
pub(crate) fn expect_kit(path: &Path) -> Result<(), Faults> {
    let shown = printable(&path.to_string_lossy()).into_owned();
    if !matches!(Destination::inspect(path), Ok(Destination::Directory)) || !matches!(kind(path), Ok(DirectoryKind::Unrelated)) {
        return Ok(());
    }
    let kits = kits_in(path);
    let (message, hint) = if kits.is_empty() {
        (
            format!("`{shown}` is not a startup kit: {EXPECTED}"),
            "name the directory of one participant, such as `prod_00/site-1`".to_owned(),
        )
    } else {
        let hint = "name one of them, or let `init` write a federation.yaml for all and pass `--federation`".to_owned();
        (format!("`{shown}` is not a startup kit; it holds some: {}", names(&kits)), hint)
    };
    Err(Diagnostic::error(Code::InvalidKit, message).hint(hint).at(path).into())
}

/// The names of the first paths, for a message.
pub(crate) fn names(paths: &[PathBuf]) -> String {
    let name = |path: &PathBuf| format!("`{}`", printable(&path.file_name().unwrap_or_default().to_string_lossy()));
    listed(&paths.iter().take(SHOWN_NAMES).map(name).collect::<Vec<_>>(), paths.len())
}

/// The fault of an I/O error; `otherwise` is the hint if the error itself has none.
pub(crate) fn refused(error: DiskError, otherwise: &str) -> Diagnostic {
    error.into_diagnostic_or(Code::InvalidArgs, otherwise)
}

/// The first faults of a directory, the number of further ones, and all warnings: hundreds of links are one mistake.
pub(crate) fn first_few(faults: Faults, path: &Path) -> Faults {
    let (mut errors, warnings) = faults.into_parts();
    let shown = if errors.len() > SHOWN_FAULTS { SHOWN_FAULTS - 1 } else { errors.len() };
    let more = errors.split_off(shown);
    let message = format!("{} more files in `{}` cannot be taken either", more.len(), printable(&path.to_string_lossy()));
    let hint = "take the kit as provision made it: directories and regular files that one may read";
    let summary = Diagnostic::error(Code::InvalidKit, message).hint(hint).at(path);
    match Faults::from_list(errors) {
        Some(shown) if more.is_empty() => shown,
        Some(shown) => shown.and(summary.into()),
        None => summary.into(),
    }
    .after(warnings)
}

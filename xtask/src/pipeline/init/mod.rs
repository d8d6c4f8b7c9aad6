//! A provisioned directory → the participants in it, and two files that `prepare --federation` accepts unchanged.
//!
//! Kits in the directory are read and must be complete; everything else is left out, with a warning that names it.

mod acceptance;
mod found_kit;
mod search;

use std::path::{Path, PathBuf};

use flare_diagnostic::{Checked, Code, Diagnostic, Faults, printable};
use flare_federation::init::{Files, ProvisionedKit};
use flare_file_tree::Destination;
use flare_site_config::image::ImageReference;
use flare_startup_kit::DirectoryKind;

use self::{
    found_kit::FoundKit,
    search::{NAME_THE_DIRECTORY, Search, is_archive},
};
use super::kit_directory::{self, names, refused};

/// The result for a provisioned directory.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) found: Vec<ProvisionedKit>,
    pub(crate) files: Files,
}

/// Reads every kit in a directory and makes both files, in memory, for the directory `output`.
///
/// Fails if a kit cannot be read, if something that looks like a kit is damaged, and if `prepare` would not accept the files.
pub(crate) fn describe(
    kits: &Path,
    output: &Path,
    image: Option<&ImageReference>,
    now: i64,
) -> Result<Checked<Described>, Faults> {
    check_directory(kits)?;
    let mut search = Search::new(output, now);
    let mut directories = flare_file_tree::directories(kits).map_err(|error| refused(error, NAME_THE_DIRECTORY))?;
    // Links come last, so that a kit is named after its own directory.
    directories.sort_by_key(|directory| flare_file_tree::resolved(directory) != *directory);
    for directory in directories {
        search.look_at(directory);
    }
    search.others(kits)?;
    search.copies();
    search.behind_relays();
    let Search { kits: found, unrelated, above, mut diagnostics, .. } = search;
    if found.is_empty() && !diagnostics.has_errors() {
        diagnostics.push(nothing_found(kits, &above));
    } else {
        diagnostics.extend(unrelated_warning(&unrelated));
    }
    let list: Vec<ProvisionedKit> = found.iter().map(|one| one.found.clone()).collect();
    let files = diagnostics.finish(|| ()).and_then(|checked| {
        checked.and_then(|()| flare_federation::init::files(&list, image))?.and_then(|files| {
            acceptance::check(&files, &found)?;
            Ok(Checked::clean(files))
        })
    });
    let files = files.map_err(|faults| faults.map_all(|fault| with_directory(fault, &found)))?;
    Ok(files.map(|files| Described { found: list, files }))
}

/// Replaces the kit's path in federation.yaml, as the place of a fault, by its directory.
fn with_directory(fault: Diagnostic, kits: &[FoundKit]) -> Diagnostic {
    let named = fault.place.as_ref().and_then(|place| kits.iter().find(|one| one.found.kit == place.file));
    match named {
        Some(one) => fault.at(one.directory.as_path()),
        None => fault,
    }
}

/// Checks that the path is a directory of kits and not a kit.
fn check_directory(kits: &Path) -> Result<(), Faults> {
    let shown = printable(&kits.to_string_lossy()).into_owned();
    let fault = |message: String, hint: &str| Faults::from(Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(kits));
    match Destination::inspect(kits) {
        Ok(Destination::Directory) => {}
        Ok(Destination::EmptyDirectory) => return Err(fault(format!("the directory `{shown}` is empty"), NAME_THE_DIRECTORY)),
        Ok(Destination::Absent) => return Err(fault(format!("there is no directory `{shown}`"), NAME_THE_DIRECTORY)),
        Ok(Destination::File) if is_archive(kits) => {
            return Err(fault(
                format!("`{shown}` is an archive, not a directory"),
                "unpack it, and name the directory with the kits",
            ));
        }
        Ok(Destination::File) => return Err(fault(format!("`{shown}` is a file, not a directory"), NAME_THE_DIRECTORY)),
        Ok(Destination::Other) => {
            return Err(fault(
                format!("`{shown}` is a device, a pipe, a socket or a broken link, not a directory"),
                NAME_THE_DIRECTORY,
            ));
        }
        Err(error) => return Err(refused(error, NAME_THE_DIRECTORY).into()),
    }
    match kit_directory::kind(kits).map_err(|error| refused(error, NAME_THE_DIRECTORY))? {
        DirectoryKind::Unrelated | DirectoryKind::Damaged(_) => Ok(()),
        _ => Err(fault(
            format!("`{shown}` is one participant's kit, and `init` describes all kits of a federation"),
            "name the directory above it; or prepare this kit alone: `prepare KIT --config k8s.yaml`",
        )),
    }
}

fn unrelated_warning(unrelated: &[PathBuf]) -> Option<Diagnostic> {
    let first = unrelated.first()?;
    let message = format!("left out, since there is nothing of a startup kit in them: {}", names(unrelated));
    Some(
        Diagnostic::warning(Code::Notice, message)
            .hint("move a missing kit's files here and run `init` again")
            .at(first.as_path()),
    )
}

fn nothing_found(kits: &Path, above: &[PathBuf]) -> Diagnostic {
    let shown = printable(&kits.to_string_lossy()).into_owned();
    let message = format!("there is no startup kit of a server or client in `{shown}`: {}", kit_directory::EXPECTED);
    let hint = match above {
        [] => NAME_THE_DIRECTORY.to_owned(),
        above => format!("name a directory that holds kits: {}", names(above)),
    };
    Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(kits)
}

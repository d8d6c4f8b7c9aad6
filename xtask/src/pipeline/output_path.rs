//! Checks the output of a prepared kit: it must not be inside a part of a kit, nor replace anything that `prepare` did not write.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Code, Diagnostic, Faults, printable};
use flare_file_tree::Destination;
use flare_prepared_kit::{ExistingOutput, MARKER_FILE};
use flare_startup_kit::DirectoryKind;

use super::{kit_directory, request::KitRequest};

/// Where the prepared kit of a startup kit is written if no other place is named.
pub(crate) fn default_output(kit: &Path) -> PathBuf {
    kit.join("prepared/k8s")
}

/// The paths of kit and output with links resolved.
pub(crate) struct RealPaths {
    pub(crate) kit: PathBuf,
    pub(crate) output: PathBuf,
}

impl RealPaths {
    pub(crate) fn of(request: &KitRequest) -> Self {
        Self { kit: flare_file_tree::resolved(&request.kit), output: flare_file_tree::resolved(&request.output) }
    }

    /// What does not belong to a kit that contains its output: the output, and outputs of other runtimes.
    pub(crate) fn left_out(&self) -> Vec<PathBuf> {
        if self.output.starts_with(&self.kit) && self.output != self.kit && self.part_of_kit().is_none() {
            vec![self.output.clone(), self.kit.join("prepared")]
        } else {
            Vec::new()
        }
    }

    /// The part of the kit that would contain the output and must not.
    fn part_of_kit(&self) -> Option<&'static str> {
        ["startup", "local"].into_iter().find(|part| self.output.starts_with(self.kit.join(part)))
    }
}

/// Checks that the output may be written, and returns what exists there.
pub(crate) fn check(request: &KitRequest, real: &RealPaths, working_directory: &Path) -> Result<ExistingOutput, Faults> {
    let Some((what, hint)) = misplaced(real, working_directory) else {
        return flare_prepared_kit::check_replaceable(&request.output);
    };
    let message = format!("the output `{}` {what}", printable(&request.output.to_string_lossy()));
    Err(Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(request.output.as_path()).into())
}

/// What is wrong with the path of the output, and the hint.
fn misplaced(real: &RealPaths, working_directory: &Path) -> Option<(String, &'static str)> {
    const NAME_ANOTHER: &str = "name another directory with `--output`";
    if real.kit.starts_with(&real.output) {
        return Some(("is the kit or contains it".to_owned(), NAME_ANOTHER));
    }
    if working_directory.starts_with(&real.output) {
        let what = "is the directory in which you are, or is above it: it would be replaced as a whole, and your shell would be left in a removed one";
        return Some((what.to_owned(), "name a directory of its own, such as `--output ./prepared`"));
    }
    if let Some(part) = real.part_of_kit() {
        let what = format!("is inside the kit's `{part}`, so that keys would be copied with the kit");
        return Some((what, "leave `--output` out, or name a directory outside the kit"));
    }
    let owner = real.output.ancestors().skip(1).filter(|above| *above != real.kit).find_map(owner_of)?;
    Some((owner, NAME_ANOTHER))
}

/// The owner of a directory, if it belongs to another participant or another run.
fn owner_of(directory: &Path) -> Option<String> {
    let what = match kit_directory::recognised(directory)? {
        DirectoryKind::Prepared => "prepared kit",
        DirectoryKind::Kit(_) | DirectoryKind::AdminKit | DirectoryKind::RelayKit | DirectoryKind::Ambiguous(_) => {
            "participant's startup kit"
        }
        DirectoryKind::Damaged(_) | DirectoryKind::Unrelated => return None,
    };
    Some(format!("is inside another {what}, `{}`", printable(&directory.to_string_lossy())))
}

/// Refuses a prepared kit that is given as a startup kit.
pub(crate) fn check_is_startup_kit(kit: &Path) -> Result<(), Faults> {
    if !is_file(&kit.join(MARKER_FILE)) {
        return Ok(());
    }
    let message =
        format!("`{}` is a prepared kit, an output of `prepare`, and not a startup kit", printable(&kit.to_string_lossy()));
    Err(Diagnostic::error(Code::InvalidKit, message).hint("name the startup kit that it was made from").at(kit).into())
}

fn is_file(path: &Path) -> bool {
    matches!(Destination::inspect(path), Ok(Destination::File))
}

//! Writes both files for a provisioned directory, or neither: never over what is there.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Checked, Code, Diagnostic, Faults, printable};
use flare_federation::init::{CONFIG_FILE, ProvisionedKit};
use flare_file_tree::Destination;
use flare_site_config::image::ImageReference;

use super::{
    init::{Described, describe},
    kit_directory::refused,
};

const ANOTHER_OUTPUT: &str = "name another directory with `--output`";

/// The permission bits of the files, which the process's umask reduces.
const MODE: u32 = 0o644;

/// The files that were written.
#[derive(Debug)]
pub(crate) struct Written {
    /// The participants that were found.
    pub(crate) found: Vec<ProvisionedKit>,
    /// The absolute path of k8s.yaml.
    pub(crate) config: PathBuf,
    /// The absolute path of federation.yaml.
    pub(crate) federation: PathBuf,
}

/// Reads every kit in a directory and writes both files into the directory `output`, which is made if it is missing.
///
/// # Errors
/// What [`describe`] refuses; an output that is no directory, or that has one of the files.
pub(crate) fn write(kits: &Path, output: &Path, image: Option<&ImageReference>, now: i64) -> Result<Checked<Written>, Faults> {
    check_output(output)?;
    let (config, federation) = (output.join(CONFIG_FILE), output.join("federation.yaml"));
    refuse_existing(&[&config, &federation])?;
    describe(kits, output, image, now)?.and_then(|Described { found, files }| {
        let both = [(config.as_path(), files.config.as_bytes()), (federation.as_path(), files.federation.as_bytes())];
        flare_file_tree::write_new_files(&both, MODE).map_err(|error| refused(error, ANOTHER_OUTPUT))?;
        Ok(Checked::clean(Written { found, config, federation }))
    })
}

/// Checks that the output is a directory or does not exist yet.
fn check_output(output: &Path) -> Result<(), Diagnostic> {
    let what = match Destination::inspect(output) {
        Ok(Destination::Absent | Destination::EmptyDirectory | Destination::Directory) => return Ok(()),
        Ok(Destination::File) => "a file",
        Ok(Destination::Other) => "a device, a pipe, a socket or a broken link",
        Err(error) => return Err(refused(error, ANOTHER_OUTPUT)),
    };
    let message = format!("the output `{}` is {what}, not a directory", printable(&output.to_string_lossy()));
    Err(Diagnostic::error(Code::InvalidArgs, message).hint(ANOTHER_OUTPUT).at(output))
}

/// Refuses to write if one of the files exists.
fn refuse_existing(written: &[&Path]) -> Result<(), Faults> {
    let faults = written.iter().filter_map(|path| match Destination::inspect(path) {
        Ok(Destination::Absent) => None,
        Ok(_) => {
            let message = format!("`{}` is there already, and init never overwrites", printable(&path.to_string_lossy()));
            let hint = "name another directory with `--output`, or move the file away";
            Some(Diagnostic::error(Code::InvalidArgs, message).hint(hint).at(*path))
        }
        Err(error) => Some(refused(error, ANOTHER_OUTPUT)),
    });
    Faults::check(faults.collect(), || ())
}

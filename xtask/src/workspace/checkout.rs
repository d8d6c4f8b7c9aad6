//! Finding the checkout that a developer's verb works in.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Code, Diagnostic, Faults};

use super::programs::is_file;
use crate::Environment;

/// The root of the checkout: the folder at or above the working folder that holds this workspace.
///
/// `cargo xtask` runs below it; the installed program is told so where it is not.
pub(crate) fn root(environment: &Environment) -> Result<PathBuf, Faults> {
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    environment
        .working_folder
        .ancestors()
        .chain(built_from)
        .find(|folder| is_file(&folder.join("xtask/Cargo.toml")) && is_file(&folder.join("ARCHITECTURE.md")))
        .map(Path::to_path_buf)
        .ok_or_else(|| {
            Diagnostic::error(Code::InvalidArgs, "this verb works in a checkout of flare-kube, and there is none here")
                .hint("run it as `cargo xtask …` inside a clone of the repository")
                .into()
        })
}

//! The fingerprint of a kit: what a parent's pod is annotated with, so that a kit which changed restarts it (defect 11).

use flare_diagnostic::{Code, Faults};
use flare_file_tree::{Digest, FileTree};

use crate::{LOCAL, STARTUP};

/// The SHA-256 over paths and contents of all files in `startup/` and `local/`.
///
/// It does not depend on the chart, which holds it, nor on `transfer/` and other files of the kit. Modes and empty
/// folders do not count: they are lost on the way through a `ConfigMap` or Secret, and the parent reads neither.
///
/// # Errors
/// `DEPLOY_PREPARE_FAILED` where a file that was left on disk cannot be read any more.
pub fn fingerprint(kit: &FileTree) -> Result<Digest, Faults> {
    let mut input = b"flare-kube kit 1\0".to_vec();
    for (path, content, _) in kit.files() {
        if path.as_path().starts_with(STARTUP) || path.as_path().starts_with(LOCAL) {
            let digest = content.digest().map_err(|error| error.into_diagnostic(Code::DeployPrepareFailed))?;
            input.extend((path.as_bytes().len() as u64).to_le_bytes());
            input.extend(path.as_bytes());
            input.extend(digest.0);
        }
    }
    Ok(Digest::of(&input))
}

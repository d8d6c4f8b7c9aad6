//! Whether each product crate can be picked alone: it is packaged, and the package builds.

use std::path::Path;

use flare_diagnostic::Faults;

use super::{packages::packages, programs};
use crate::context::Context;

/// A command that packages every product crate and builds each package from what it holds. Crates that nobody has published
/// are found by their paths. A product crate is one with keywords: the testbed embeds scripts of the checkout.
pub(crate) fn command(context: &Context<'_>, root: &Path) -> Result<std::process::Command, Faults> {
    let mut command = programs::cargo(context, root);
    command.args(["package", "--quiet", "--allow-dirty"]);
    for package in packages(context, root)?.into_iter().filter(|package| package.has_keywords) {
        let directory = flare_yaml::quote(&package.directory.to_string_lossy());
        let patch = format!("patch.crates-io.{}.path={directory}", package.name);
        command.args(["--package", &package.name, "--config", &patch]);
    }
    Ok(command)
}

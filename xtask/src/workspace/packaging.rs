//! Whether each product crate can be picked alone: it is packaged, and the package builds.

use std::path::Path;

use flare_diagnostic::Faults;
use serde_json::Value;

use super::programs;
use crate::cli::Context;

/// A command that packages every product crate and builds each package from what it holds. Crates that nobody has published
/// are found by their paths. A product crate is one with keywords: the testbed embeds scripts of the checkout.
pub(crate) fn command(context: &Context<'_>, root: &Path) -> Result<std::process::Command, Faults> {
    let mut metadata = programs::command(context.environment, root, "cargo");
    let text = programs::output(metadata.args(["metadata", "--no-deps", "--format-version", "1", "--locked"]))?;
    let document: Value = serde_json::from_str(&text).unwrap_or_default();
    let mut command = programs::cargo(context, root);
    command.args(["package", "--quiet", "--allow-dirty"]);
    for package in document["packages"].as_array().into_iter().flatten() {
        let has_keywords = package["keywords"].as_array().is_some_and(|keywords| !keywords.is_empty());
        let directory = package["manifest_path"].as_str().map(Path::new).and_then(Path::parent);
        if let (true, Some(name), Some(directory)) = (has_keywords, package["name"].as_str(), directory) {
            let path = flare_yaml::quote(&directory.to_string_lossy());
            command.args(["--package", name, "--config", &format!("patch.crates-io.{name}.path={path}")]);
        }
    }
    Ok(command)
}

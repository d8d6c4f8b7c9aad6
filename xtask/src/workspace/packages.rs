//! The packages of the workspace, from Cargo's metadata.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Code, Diagnostic, Faults};
use serde::Deserialize;

use super::programs;
use crate::context::Context;

/// Cargo's metadata of the workspace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Workspace {
    /// All packages, at least one.
    pub(crate) packages: Vec<Package>,
    /// Cargo's target directory.
    pub(crate) target_directory: PathBuf,
}

/// A package of the workspace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    version: String,
    /// The directory of its manifest.
    pub(crate) directory: PathBuf,
    /// Whether it has keywords, as every crate has that can be used alone.
    pub(crate) has_keywords: bool,
}

impl Package {
    /// The top directory in the archive that `cargo package` makes; the archive's name is this with `.crate`.
    pub(crate) fn directory_in_archive(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }
}

/// The needed parts of the output of `cargo metadata`.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    version: String,
    manifest_path: PathBuf,
    keywords: Vec<String>,
}

/// Asks Cargo for the workspace.
///
/// # Errors
///
/// Cargo fails, or prints an unexpected document, such as one without packages.
pub(crate) fn workspace(context: &Context<'_>, root: &Path) -> Result<Workspace, Faults> {
    let mut metadata = programs::command(context.environment, root, "cargo");
    let text = programs::output(metadata.args(["metadata", "--no-deps", "--format-version", "1", "--locked"]))?;
    parse(&text)
}

fn parse(text: &str) -> Result<Workspace, Faults> {
    let fault = |what: String| {
        Diagnostic::error(Code::ToolFailed, format!("`cargo metadata` {what}"))
            .hint("use the toolchain that `rust-version` in Cargo.toml names")
    };
    let metadata: Metadata =
        serde_json::from_str(text).map_err(|error| fault(format!("prints another document than is expected: {error}")))?;
    if metadata.packages.is_empty() {
        return Err(fault("names no package".to_owned()).into());
    }
    let package = |described: MetadataPackage| Package {
        directory: described.manifest_path.parent().map(Path::to_path_buf).unwrap_or_default(),
        name: described.name,
        version: described.version,
        has_keywords: !described.keywords.is_empty(),
    };
    Ok(Workspace { packages: metadata.packages.into_iter().map(package).collect(), target_directory: metadata.target_directory })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::parse;

    #[test]
    fn an_unexpected_document_is_an_error_and_no_empty_list() {
        let package = r#"{"name": "a", "version": "1.0.0", "manifest_path": "/x/a/Cargo.toml", "keywords": ["k"]}"#;
        let found = parse(&format!(r#"{{"packages": [{package}], "target_directory": "/x/target"}}"#)).unwrap();
        let [package] = found.packages.as_slice() else { panic!("{found:?}") };
        assert_eq!((package.directory.as_path(), package.has_keywords), (Path::new("/x/a"), true));
        assert_eq!(package.directory_in_archive(), "a-1.0.0");
        assert_eq!(found.target_directory, Path::new("/x/target"));
        for text in ["", "null", "{}", r#"{"packages": {}}"#, r#"{"packages": []}"#, r#"{"packages": [{"name": "a"}]}"#] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(r#"{"packages": [], "target_directory": "/x"}"#).is_err(), "no package");
    }
}

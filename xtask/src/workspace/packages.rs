//! The packages of the workspace, as Cargo knows them.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Code, Diagnostic, Faults};
use serde::Deserialize;

use super::programs;
use crate::context::Context;

/// A package of the workspace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// The directory of its manifest.
    pub(crate) directory: PathBuf,
    /// Whether it has keywords, as every crate that is meant to be picked alone has.
    pub(crate) has_keywords: bool,
}

/// What is needed of the document that `cargo metadata` prints.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    manifest_path: PathBuf,
    keywords: Vec<String>,
}

/// All packages of the workspace, at least one.
///
/// # Errors
///
/// Cargo fails, or prints another document than is expected: a check of no package could not fail.
pub(crate) fn packages(context: &Context<'_>, root: &Path) -> Result<Vec<Package>, Faults> {
    let mut metadata = programs::command(context.environment, root, "cargo");
    let text = programs::output(metadata.args(["metadata", "--no-deps", "--format-version", "1", "--locked"]))?;
    parse(&text)
}

fn parse(text: &str) -> Result<Vec<Package>, Faults> {
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
        has_keywords: !described.keywords.is_empty(),
    };
    Ok(metadata.packages.into_iter().map(package).collect())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Package, parse};

    #[test]
    fn an_unexpected_document_is_an_error_and_no_empty_list() {
        let package = r#"{"name": "a", "manifest_path": "/x/a/Cargo.toml", "keywords": ["k"], "version": "1.0.0"}"#;
        let found = parse(&format!(r#"{{"packages": [{package}]}}"#)).unwrap();
        assert_eq!(found, [Package { name: "a".to_owned(), directory: PathBuf::from("/x/a"), has_keywords: true }]);
        for text in ["", "null", "{}", r#"{"packages": {}}"#, r#"{"packages": []}"#, r#"{"packages": [{"name": "a"}]}"#] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

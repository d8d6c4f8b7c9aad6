//! The real Helm, which the workspace builds into its cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{cache_directory, workspace_directory};

/// The Helm that the comparison uses: `$FLARE_KUBE_HELM`, otherwise Helm 3 of the cache.
///
/// Fails with the command that builds it, instead of comparing less without Helm.
pub fn helm() -> PathBuf {
    if let Some(program) = std::env::var_os("FLARE_KUBE_HELM") {
        return PathBuf::from(program);
    }
    cached("3.")
}

/// Helm 4 of the cache, for what must work in both.
pub fn helm_4() -> PathBuf {
    cached("4.")
}

/// The Helm of the cache with this major version; versions are listed in `tools/helm/versions`.
fn cached(major: &str) -> PathBuf {
    let versions = std::fs::read_to_string(workspace_directory().join("tools/helm/versions")).unwrap();
    let version = versions.lines().find(|version| version.starts_with(major)).unwrap();
    let program = cache_directory().join(format!("tools/helm-{version}/helm"));
    assert!(
        program.is_file(),
        "no Helm at {}: run `cargo xtask test`, which builds it, or set FLARE_KUBE_HELM",
        program.display()
    );
    program
}

/// Renders a chart; returns the text of all manifests, or Helm's error.
pub fn template(release: &str, chart: &Path, namespace: &str) -> Result<String, String> {
    let output = Command::new(helm()).args(["template", release]).arg(chart).args(["--namespace", namespace]).output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

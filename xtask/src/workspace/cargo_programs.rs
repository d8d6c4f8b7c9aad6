//! The Cargo subcommands that checks run: cargo-deny, and cargo-nextest as the test runner.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Code, Diagnostic, Faults};

use super::{
    pinned,
    programs::{self, is_file, streaming},
};
use crate::context::Context;

/// A program with its pinned version, installed in the cache on demand.
#[derive(Debug)]
pub(crate) struct CargoProgram {
    name: &'static str,
    version: String,
    path: PathBuf,
}

impl CargoProgram {
    pub(crate) fn deny(cache: &Path, root: &Path) -> Result<Self, Faults> {
        Self::pinned(cache, root, "cargo-deny")
    }

    pub(crate) fn nextest(cache: &Path, root: &Path) -> Result<Self, Faults> {
        Self::pinned(cache, root, "cargo-nextest")
    }

    fn pinned(cache: &Path, root: &Path, name: &'static str) -> Result<Self, Faults> {
        let lines = pinned::versions(root, "cargo")?;
        let version = lines.iter().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()).ok_or_else(|| {
            Diagnostic::error(Code::CheckFailed, format!("`tools/cargo/versions` has no version of {name}"))
                .hint(format!("add a line `{name} VERSION`"))
        })?;
        let path = cache.join(format!("tools/{name}-{version}/bin/{name}"));
        Ok(Self { name, version: version.to_owned(), path })
    }

    pub(crate) fn is_there(&self) -> bool {
        is_file(&self.path)
    }

    /// What has to be installed, for messages.
    pub(crate) fn to_be_made(&self) -> String {
        format!("{} {} with Cargo (5 minutes)", self.name, self.version)
    }

    /// Returns its path, and installs it into the cache if it is missing.
    pub(crate) fn install(&self, context: &Context<'_>, root: &Path) -> Result<PathBuf, Faults> {
        if !self.is_there() {
            programs::run(&context.interrupt, streaming(context, root, "sh").args(["tools/cargo/install.sh", self.name]))?;
        }
        Ok(self.path.clone())
    }
}

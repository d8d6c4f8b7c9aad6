//! The reference, `nvflare` of `PyPI`, in virtual environments of the cache, which `tools/reference/install.sh` makes.

use std::path::PathBuf;
use std::process::Command;

use crate::{cache_directory, workspace_directory};

/// The release of the reference that is used for a target. A later release is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// 2.8.3, for target 2.8.
    V28,
    /// 2.9.0, for target 2.9.
    V29,
}

impl Release {
    /// All releases, oldest first.
    pub const ALL: [Self; 2] = [Self::V28, Self::V29];

    /// The version on `PyPI`.
    pub fn version(self) -> &'static str {
        match self {
            Self::V28 => "2.8.3",
            Self::V29 => "2.9.0",
        }
    }

    /// The target, as a value of `--target`.
    pub fn target(self) -> &'static str {
        match self {
            Self::V28 => "2.8",
            Self::V29 => "2.9",
        }
    }

    /// The directory of its virtual environment, which is made if missing (takes minutes, needs the network).
    pub fn environment(self) -> PathBuf {
        let directory = cache_directory().join(format!("reference/nvflare-{}", self.version()));
        if !directory.join(".complete").is_file() {
            self.install();
        }
        directory
    }

    /// Its Python.
    pub fn python(self) -> PathBuf {
        self.environment().join("bin/python")
    }

    /// Its command line.
    pub fn nvflare(self) -> PathBuf {
        self.environment().join("bin/nvflare")
    }

    fn install(self) {
        let script = workspace_directory().join("tools/reference/install.sh");
        let status = Command::new("sh").arg(script).arg(self.version()).status();
        assert!(
            status.as_ref().is_ok_and(std::process::ExitStatus::success),
            "nvflare {} could not be installed, which its own messages explain: {status:?}",
            self.version()
        );
    }
}

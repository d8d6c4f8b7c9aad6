//! The reference, `nvflare` of `PyPI`, in virtual environments of the cache.
//!
//! A virtual environment cannot be moved, so it is built in place and is complete once its marker file stands.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache_folder;

/// The release of the reference that stands for a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 2.8.3, for target 2.8.
    V28,
    /// 2.9.0, for target 2.9.
    V29,
}

impl Release {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V28, Self::V29];

    /// The version on `PyPI`.
    pub fn version(self) -> &'static str {
        match self {
            Self::V28 => "2.8.3",
            Self::V29 => "2.9.0",
        }
    }

    /// The target, as `--target` takes it.
    pub fn target(self) -> &'static str {
        match self {
            Self::V28 => "2.8",
            Self::V29 => "2.9",
        }
    }

    /// The folder of its virtual environment, which is made and filled where it is missing (minutes, network).
    pub fn environment(self) -> PathBuf {
        let folder = cache_folder().join(format!("reference/nvflare-{}", self.version()));
        if !folder.join(".complete").is_file() {
            self.install(&folder);
        }
        folder
    }

    /// Its Python.
    pub fn python(self) -> PathBuf {
        self.environment().join("bin/python")
    }

    /// Its command line.
    pub fn nvflare(self) -> PathBuf {
        self.environment().join("bin/nvflare")
    }

    fn install(self, folder: &Path) {
        fs::create_dir_all(folder.parent().expect("the cache has a folder for it")).unwrap();
        let lock = fs::File::create(folder.with_file_name(format!("nvflare-{}.lock", self.version()))).unwrap();
        lock.lock().unwrap();
        if folder.join(".complete").is_file() {
            return;
        }
        if !self.answers(folder) {
            if folder.exists() {
                fs::remove_dir_all(folder).unwrap();
            }
            run(Command::new("python3").args(["-m", "venv"]).arg(folder));
            run(Command::new(folder.join("bin/pip"))
                .args(["install", "--quiet", "--disable-pip-version-check"])
                .arg(format!("nvflare[K8S]=={}", self.version())));
            assert!(self.answers(folder), "nvflare {} does not start in {}", self.version(), folder.display());
        }
        fs::write(folder.join(".complete"), self.version()).unwrap();
    }

    /// Whether the environment holds this version, whoever made it.
    fn answers(self, folder: &Path) -> bool {
        let asked = format!(
            "import importlib.metadata as m, kubernetes, nvflare.tool.deploy.deploy_commands; assert m.version('nvflare') == '{}'",
            self.version()
        );
        Command::new(folder.join("bin/python")).args(["-c", &asked]).status().is_ok_and(|status| status.success())
    }
}

fn run(command: &mut Command) {
    let status = command.status();
    assert!(
        status.as_ref().is_ok_and(std::process::ExitStatus::success),
        "the reference could not be installed, it needs python3 3.10 or later with venv, and PyPI: {command:?}: {status:?}"
    );
}

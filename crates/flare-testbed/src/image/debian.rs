//! The lowest layer of a FLARE image: Debian with its Python, made by mmdebstrap.

use std::process::Command;

use flare_diagnostic::{Code, Diagnostic, Faults};

use super::{
    entry,
    layer::TIME,
    store::{Recipe, Stored},
};
use crate::{Context, build_cache::LongRun, fault::cache_disk};

/// A release of Debian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Debian {
    /// 12, with Python 3.11.
    Bookworm,
    /// 13, with Python 3.13.
    Trixie,
}

impl Debian {
    /// Its name in the archive.
    pub(super) const fn suite(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// The name of its Python.
    pub(super) const fn python(self) -> &'static str {
        match self {
            Self::Bookworm => "3.11",
            Self::Trixie => "3.13",
        }
    }
}

const SCRIPT: &str =
    concat!(include_str!("../../../../tools/images/mirror.sh"), include_str!("../../../../tools/images/base.sh"));

/// pip installs FLARE; wheels need libstdc++.
const PACKAGES: &str = "python3,python3-pip,ca-certificates,libstdc++6";

/// Directories whose content is of the machine or of a run, or is documentation.
const LEFT_OUT_DIRECTORIES: [&str; 15] = [
    "boot",
    "dev",
    "etc/apt",
    "proc",
    "run",
    "sys",
    "tmp",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "var/cache",
    "var/lib/apt",
    "var/log",
    "var/tmp",
    "var/lib/systemd",
];

/// Files that depend on this machine or the time. Backups of dpkg and passwd are recognised by their suffixes.
const LEFT_OUT_FILES: [&str; 5] = ["etc/.pwd.lock", "etc/hostname", "etc/hosts", "etc/machine-id", "etc/resolv.conf"];

pub(super) fn recipe(debian: Debian) -> Recipe {
    let (suite, python) = (debian.suite(), debian.python());
    let name = format!("debian-{suite}-python{python}");
    let rules = [LEFT_OUT_DIRECTORIES.join(" "), LEFT_OUT_FILES.join(" ")].join("\n");
    Recipe::new(name, format!("Debian {suite} with Python {python}"), "1 to 2 minutes", &[SCRIPT, suite, PACKAGES, &rules])
}

/// The layer.
pub(super) fn layer(context: &Context<'_>, debian: Debian) -> Result<Stored, Faults> {
    let recipe = recipe(debian);
    recipe.layer(context, |work| {
        let mut command = isolated(context, SCRIPT, "mmdebstrap", "mmdebstrap")?;
        command.arg(work).args([debian.suite(), PACKAGES]).env("SOURCE_DATE_EPOCH", TIME.to_string());
        LongRun::new(context, &recipe.what, &recipe.name).run(context, command)?;
        entry::read(work, &is_of_the_image).map_err(|error| cache_disk("read", work, &error).into())
    })
}

/// A script in its own mount and process namespaces, which end with it, so that no mount and no process remains.
pub(super) fn isolated(context: &Context<'_>, script: &str, program: &str, package: &str) -> Result<Command, Faults> {
    if !rustix::process::geteuid().is_root() {
        return Err(Diagnostic::error(
            Code::MachineNotReady,
            "images are built by root alone, since files in them belong to others",
        )
        .hint("run it as root (`sudo -E`)")
        .into());
    }
    let missing = |program: &str, package: &str| {
        Diagnostic::error(Code::ToolNotFound, format!("the program `{program}` is not there"))
            .hint(format!("install it with `apt-get install {package}`, and run again"))
    };
    context.find(program).ok_or_else(|| missing(program, package))?;
    let unshare = context.find("unshare").ok_or_else(|| missing("unshare", "util-linux"))?;
    let mut command = Command::new(unshare);
    command.args([
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--propagation",
        "private",
        "sh",
        "-c",
        script,
        "sh",
    ]);
    Ok(command)
}

/// Whether a path of a new Debian belongs in an image.
pub(super) fn is_of_the_image(path: &str) -> bool {
    let below = |directory: &str| path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
    let is_documentation = path.starts_with("usr/share/doc/") && !path.ends_with("/copyright");
    let is_backup =
        path.ends_with("-old") && path.starts_with("var/lib/dpkg/") || path.ends_with('-') && path.starts_with("etc/");
    let is_machines = LEFT_OUT_FILES.contains(&path) || LEFT_OUT_DIRECTORIES.iter().any(|directory| below(directory));
    !(is_machines || is_backup || is_documentation)
}

#[cfg(test)]
mod tests {
    use super::is_of_the_image;

    #[test]
    fn what_is_of_the_machine_or_the_moment_stays_out() {
        for path in [
            "etc/passwd",
            "tmp",
            "proc",
            "var/log",
            "usr/lib/python3.13/os.py",
            "usr/share/doc/bash/copyright",
            "var/lib/dpkg/status",
        ] {
            assert!(is_of_the_image(path), "{path}");
        }
        for path in [
            "etc/passwd-",
            "etc/machine-id",
            "etc/hosts",
            "etc/resolv.conf",
            "tmp/x",
            "dev/null",
            "var/log/dpkg.log",
            "var/cache/ldconfig/aux-cache",
            "etc/apt/apt.conf.d/99mmdebstrap",
            "var/lib/dpkg/status-old",
            "usr/share/doc/bash/README",
        ] {
            assert!(!is_of_the_image(path), "{path}");
        }
    }
}

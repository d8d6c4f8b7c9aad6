//! The lowest layer of an image that has only Python and its libraries: no shell, no tar.

use std::process::Command;

use flare_diagnostic::{Code, Diagnostic, Faults};

use super::{
    debian::{self, Debian},
    entry,
    store::{Recipe, Stored},
};
use crate::{Context, build_cache::LongRun, fault::cache_disk};

/// What is taken from Debian, by the start of the path.
const KEPT: [&str; 9] = [
    "etc/ld.so.conf",
    "etc/python3",
    "etc/ssl/",
    "usr/bin/python3",
    "usr/lib/python3",
    "usr/lib/ssl",
    "usr/local/bin/python3",
    "usr/share/ca-certificates/",
    "usr/share/zoneinfo/",
];

/// The same, by the whole path. The first four are links for legacy paths.
const KEPT_WHOLE: [&str; 17] = [
    "bin",
    "lib",
    "lib64",
    "sbin",
    "etc/debian_version",
    "etc/group",
    "etc/ld.so.cache",
    "etc/nsswitch.conf",
    "etc/os-release",
    "etc/passwd",
    "home",
    "proc",
    "root",
    "sys",
    "dev",
    "tmp",
    "var/tmp",
];

fn recipe(debian: Debian) -> Recipe {
    let (suite, python) = (debian.suite(), debian.python());
    let below = debian::recipe(debian).key;
    let rules = [KEPT.join(" "), KEPT_WHOLE.join(" ")].join("\n");
    Recipe::new(
        format!("distroless-{suite}-python{python}"),
        format!("Python {python} of Debian {suite} without a shell"),
        "a few seconds",
        &[&below, &rules, "libraries"],
    )
}

/// The layer, a part of Debian's.
pub(super) fn layer(context: &Context<'_>, debian: Debian) -> Result<Stored, Faults> {
    let recipe = recipe(debian);
    let whole = debian::layer(context, debian)?;
    recipe.layer(context, |work| {
        let no_tar = || {
            Diagnostic::error(Code::ToolNotFound, "the program `tar` is not there")
                .hint("install it with `apt-get install tar`, and run again")
        };
        let mut tar = Command::new(context.find("tar").ok_or_else(no_tar)?);
        tar.args(["--extract", "--numeric-owner", "--same-permissions", "--file"]).arg(&whole.file).arg("--directory").arg(work);
        LongRun::new(context, &recipe.what, &recipe.name).run(context, tar)?;
        entry::read(work, &is_kept).map_err(|error| cache_disk("read", work, &error).into())
    })
}

fn is_kept(path: &str) -> bool {
    // pip starts programs that are missing, and is not needed here.
    let is_installer = path.starts_with("usr/lib/python3/dist-packages/pip/");
    let is_library =
        path.starts_with("usr/lib/") && !path.contains("/perl") && path.rsplit('/').next().is_some_and(is_library_name)
            || path.starts_with("usr/lib64/");
    !is_installer && (is_library || KEPT_WHOLE.contains(&path) || KEPT.iter().any(|start| path.starts_with(start)))
}

/// Whether this is a library such as `libc.so.6` or `ld-linux-x86-64.so.2`.
fn is_library_name(name: &str) -> bool {
    name.split('.').any(|part| part == "so")
}

#[cfg(test)]
mod tests {
    use super::is_kept;

    #[test]
    fn python_and_libraries_are_kept_and_no_other_program() {
        for path in [
            "usr/bin/python3.13",
            "usr/lib/x86_64-linux-gnu/libc.so.6",
            "usr/lib64/ld-linux-x86-64.so.2",
            "tmp",
            "etc/passwd",
            "lib64",
        ] {
            assert!(is_kept(path), "{path}");
        }
        for path in [
            "usr/bin/dash",
            "usr/bin/sh",
            "usr/bin/tar",
            "usr/sbin/ldconfig",
            "usr/bin/bash",
            "etc/shadow",
            "usr/lib/apt/methods/http",
        ] {
            assert!(!is_kept(path), "{path}");
        }
    }
}

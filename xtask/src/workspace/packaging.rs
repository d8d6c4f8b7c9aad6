//! Checks that each product crate can be used alone: it is packaged, and the packages compile.
//!
//! `cargo package` itself would verify each package in a separate build, with all dependencies compiled again. Here the packages are
//! unpacked into one workspace, which shares profiles, lock file and target directory with this one.

use std::{fmt::Write as _, path::Path};

use flare_diagnostic::{Code, Faults};

use super::{
    packages::{Package, Workspace, workspace},
    programs::{self, cargo, streaming},
};
use crate::context::Context;

/// The largest lock file, in bytes.
const LARGEST_LOCK: u64 = 8 << 20;

/// Packages every product crate, and checks that the packages compile from their own files. A product crate is one with keywords;
/// the testbed has none, since it embeds scripts of the checkout.
pub(crate) fn check(context: &Context<'_>, root: &Path) -> Result<(), Faults> {
    let Workspace { packages, target_directory } = workspace(context, root)?;
    let packages: Vec<Package> = packages.into_iter().filter(|package| package.has_keywords).collect();
    let mut package = cargo(context, root);
    package.args(["package", "--quiet", "--allow-dirty", "--no-verify"]);
    for Package { name, directory, .. } in &packages {
        // Unpublished crates are found by their paths.
        let directory = flare_yaml::quote(&directory.to_string_lossy());
        package.args(["--package", name, "--config", &format!("patch.crates-io.{name}.path={directory}")]);
    }
    programs::run(&context.interrupt, &mut package)?;

    let unpacked = target_directory.join("unpacked");
    programs::output(programs::command(context.environment, root, "rm").args(["--recursive", "--force"]).arg(&unpacked))?;
    let lock = flare_file_tree::read_file(&root.join("Cargo.lock"), LARGEST_LOCK, Code::CheckFailed, Code::CheckFailed)?;
    for (name, bytes) in [("Cargo.toml", manifest(&packages).as_bytes()), ("Cargo.lock", &lock)] {
        flare_file_tree::write_file(&unpacked.join(name), bytes, 0o644, true)
            .map_err(|error| error.into_diagnostic(Code::CheckFailed))?;
    }
    for package in &packages {
        let archive = target_directory.join("package").join(format!("{}.crate", package.directory_in_archive()));
        let mut tar = streaming(context, root, "tar");
        programs::run(
            &context.interrupt,
            tar.args(["--extract", "--gzip", "--file"]).arg(archive).arg("--directory").arg(&unpacked),
        )?;
    }
    // Its profiles are those of this workspace, so that compiled dependencies are shared.
    let mut check = cargo(context, &unpacked);
    check.args(["check", "--quiet", "--workspace", "--target-dir"]).arg(&target_directory);
    programs::run(&context.interrupt, check.arg("--config").arg(root.join("Cargo.toml")))
}

/// The manifest of the workspace of unpacked packages, in which they depend on each other and not on the checkout.
fn manifest(packages: &[Package]) -> String {
    let mut text = String::from("[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\n\n[patch.crates-io]\n");
    for package in packages {
        let _ = writeln!(text, "{} = {{ path = \"{}\" }}", package.name, package.directory_in_archive());
    }
    text
}

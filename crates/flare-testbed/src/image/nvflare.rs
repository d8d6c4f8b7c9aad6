//! The upper layer of a FLARE image: nvflare and the packages that it needs, pinned by version and digest.

use std::fs;

use flare_diagnostic::Faults;

use super::{
    debian::{self, Debian},
    entry,
    store::{Recipe, Stored},
};
use crate::{Context, build_cache::LongRun, fault::cache_disk};

/// A release of FLARE with a version of Python.
#[derive(Debug)]
pub(super) struct Release {
    /// nvflare's version.
    pub(super) version: &'static str,
    /// The Debian release with its Python.
    pub(super) debian: Debian,
    /// Every package with its version and digests, as pip reads it; written by `tools/images/lock.sh`.
    pub(super) lock: &'static str,
}

const SCRIPT: &str = include_str!("../../../../tools/images/nvflare.sh");

fn recipe(release: &Release) -> Recipe {
    let python = release.debian.python();
    Recipe::new(
        format!("nvflare-{}-python{python}", release.version),
        format!("nvflare {} for Python {python}", release.version),
        "1 to 2 minutes",
        &[SCRIPT, release.lock, release.debian.suite()],
    )
}

/// The layer.
pub(super) fn layer(context: &Context<'_>, release: &Release) -> Result<Stored, Faults> {
    let recipe = recipe(release);
    let lowest = debian::layer(context, release.debian)?;
    recipe.layer(context, |work| {
        let lock = work.join("lock.txt");
        fs::write(&lock, release.lock).map_err(|error| cache_disk("written", &lock, &error))?;
        let mut command = debian::isolated(context, SCRIPT, "tar", "tar")?;
        command.arg(work).arg(&lowest.file);
        LongRun::new(context, &recipe.what, &recipe.name).run(context, command)?;
        let result = work.join("root/build/out");
        entry::read(&result, &|_| true).map_err(|error| cache_disk("read", &result, &error).into())
    })
}

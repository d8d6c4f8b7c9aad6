//! The images of a cluster's registry, built without a registry on the internet and kept in the cache.
//!
//! An image is a list of layers, and each layer is a file in the cache that is built once: two releases of FLARE share
//! Debian and Python. A registry's directory gets hard links to these files, which costs neither time nor disk space.

mod busybox;
mod debian;
mod distroless;
mod entry;
mod flare;
mod large_image;
mod layer;
mod manifest;
mod nvflare;
mod registry_directory;
mod store;

use std::path::Path;

use flare_diagnostic::Faults;

pub use flare::FlareImage;

use self::{
    manifest::{Image, Settings},
    registry_directory::push,
    store::Stored,
};
use crate::Context;

/// The search path inside.
const SEARCH_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Fills the root directory of a cluster's registry with `lab/pause:1`, `library/busybox:1.36`, `lab/heavy:1` (the same with
/// an additional layer of 1 MiB) and the requested FLARE images; builds what is not in the cache, which takes minutes for the
/// first FLARE image.
///
/// Existing content of the directory stays.
///
/// # Errors
/// A program or root is missing, the disk is full, the network is not reachable, a step failed, or the run was interrupted.
pub fn seed(context: &Context<'_>, registry_directory: &Path, flare: &[FlareImage]) -> Result<(), Faults> {
    let busybox = [busybox::layer(context)?];
    push(registry_directory, "lab/pause", "1", &image(&busybox, &["/bin/sh", "-c", busybox::PAUSE]))?;
    push(registry_directory, "library/busybox", "1.36", &image(&busybox, &["/bin/sh"]))?;
    let heavy = [busybox[0].clone(), large_image::layer(context)?];
    push(registry_directory, "lab/heavy", "1", &image(&heavy, &["/bin/sh"]))?;
    for image in flare {
        let layers = layers(context, *image)?;
        push(registry_directory, FlareImage::REPOSITORY, image.tag(), &self::image(&layers, &["/usr/local/bin/python3"]))?;
    }
    Ok(())
}

/// Builds FLARE images into the cache ahead of use.
///
/// # Errors
/// As [`seed`].
pub fn build(context: &Context<'_>, flare: &[FlareImage]) -> Result<(), Faults> {
    flare.iter().try_for_each(|image| layers(context, *image).map(drop))
}

fn layers(context: &Context<'_>, image: FlareImage) -> Result<[Stored; 2], Faults> {
    let release = image.release();
    let lowest =
        if image.is_distroless() { distroless::layer(context, release.debian)? } else { debian::layer(context, release.debian)? };
    Ok([lowest, nvflare::layer(context, &release)?])
}

fn image<'a>(layers: &'a [Stored], command: &'a [&'a str]) -> Image<'a> {
    Image { layers, settings: Settings { command, environment: &[SEARCH_PATH, "LANG=C.UTF-8"] } }
}

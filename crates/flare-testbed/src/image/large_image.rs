//! A layer of random-looking bytes. Every node has the layer of busybox before its first pod, so an image that is to be
//! pulled slowly needs another one.

use flare_diagnostic::Faults;
use sha2::{Digest as _, Sha256};

use super::{
    entry::{LayerContent, LayerEntry},
    store::{Recipe, Stored},
};
use crate::{Context, fault::cache_disk};

/// Its size in bytes: four seconds from the slow registry.
const SIZE: usize = 1 << 20;

/// The name of its only file.
const FILE: &str = "filler";

/// The layer: one file at the root.
pub(super) fn layer(context: &Context<'_>) -> Result<Stored, Faults> {
    let recipe = Recipe::new("heavy", "the image that is slow to pull", "a second", &[FILE, &SIZE.to_string()]);
    recipe.layer(context, |work| {
        let path = work.join(FILE);
        std::fs::write(&path, filler()).map_err(|error| cache_disk("written", &path, &error))?;
        Ok([(FILE.to_owned(), LayerEntry::of_root(0o644, LayerContent::File(path)))].into())
    })
}

/// Bytes that cannot be compressed, the same each time.
fn filler() -> Vec<u8> {
    (0_u64..).flat_map(|block| Sha256::digest(block.to_le_bytes())).take(SIZE).collect()
}

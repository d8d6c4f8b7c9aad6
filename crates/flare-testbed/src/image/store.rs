//! Layers in the cache, each in its own directory, named by the name and key of its recipe.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use flare_diagnostic::Faults;

use super::{
    entry::Entries,
    layer::{self, Layer},
};
use crate::{
    Context,
    build_cache::{get_or_build, key, seconds},
    fault::cache_disk,
};

/// How a layer is built. The key decides whether a layer in the cache is the requested one.
#[derive(Debug)]
pub(super) struct Recipe {
    /// The name, used in file names.
    pub(super) name: String,
    /// What it is, for messages.
    pub(super) what: String,
    /// How long the build takes, for messages.
    pub(super) duration: &'static str,
    /// The key of everything that it is built from.
    pub(super) key: String,
}

/// A layer in the cache.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// Its description in a manifest.
    pub(super) layer: Layer,
    /// The tar file.
    pub(super) file: PathBuf,
}

/// Must be raised when the same recipes give other bytes, for example when the writer of layers changes.
const FORMAT: &str = "1";

impl Recipe {
    /// A recipe with the given inputs.
    pub(super) fn new(name: impl Into<String>, what: impl Into<String>, duration: &'static str, inputs: &[&str]) -> Self {
        let key = key(inputs.iter().chain(&[FORMAT, std::env::consts::ARCH]).map(|input| input.as_bytes()));
        Self { name: name.into(), what: what.into(), duration, key }
    }

    /// The directory of the layer in the cache.
    pub(super) fn place(&self, cache: &Path) -> PathBuf {
        cache.join("images").join(format!("{}-{}", self.name, self.key))
    }

    /// Returns the layer, and builds it if it is missing. `make` gets a working directory and returns the content of the layer;
    /// the directory is removed afterwards.
    pub(super) fn layer(
        &self,
        context: &Context<'_>,
        make: impl FnOnce(&Path) -> Result<Entries, Faults>,
    ) -> Result<Stored, Faults> {
        let place = self.place(context.cache);
        get_or_build(context, &place, |directory| {
            (context.report)(&format!("making {}: {}, once", self.what, self.duration));
            let began = Instant::now();
            let work = directory.join("work");
            fs::create_dir(&work).map_err(|error| cache_disk("made", &work, &error))?;
            let entries = make(&work)?;
            context.check()?;
            pack(&entries, directory)?;
            fs::remove_dir_all(&work).map_err(|error| cache_disk("removed", &work, &error))?;
            (context.report)(&format!("{} is made: {}", self.what, seconds(began.elapsed())));
            Ok(())
        })?;
        stored(&place)
    }
}

fn pack(entries: &Entries, directory: &Path) -> Result<(), Faults> {
    let file = directory.join("layer.tar");
    let layer = layer::write(entries, &file).map_err(|error| cache_disk("written", &file, &error))?;
    let record = directory.join("layer.json");
    let text = serde_json::to_vec(&layer).expect("a layer has only strings and numbers");
    fs::write(&record, text).map_err(|error| cache_disk("written", &record, &error).into())
}

fn stored(place: &Path) -> Result<Stored, Faults> {
    let record = place.join("layer.json");
    let read = || serde_json::from_slice(&fs::read(&record)?).map_err(std::io::Error::other);
    let layer = read()
        .map_err(|error| cache_disk("read", &record, &error).hint(format!("remove `{}`, and run again", place.display())))?;
    Ok(Stored { layer, file: place.join("layer.tar") })
}

//! Layers in the cache: each in a directory of its own, by the name and key of its recipe.

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

/// How a layer is made. What the key covers decides whether a layer in the cache is the one that is asked for.
#[derive(Debug)]
pub(super) struct Recipe {
    /// The name for files.
    pub(super) name: String,
    /// What it is, for people.
    pub(super) what: String,
    /// How long it takes, for people.
    pub(super) duration: &'static str,
    /// Everything that it is made of.
    pub(super) key: String,
}

/// A layer that is in the cache.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// What a manifest says of it.
    pub(super) layer: Layer,
    /// The tar file.
    pub(super) file: PathBuf,
}

/// Raised when the same recipes give other bytes, as when the writer of layers changes.
const FORMAT: &str = "1";

impl Recipe {
    /// A recipe whose inputs are given.
    pub(super) fn new(name: impl Into<String>, what: impl Into<String>, duration: &'static str, inputs: &[&str]) -> Self {
        let key = key(inputs.iter().chain(&[FORMAT, std::env::consts::ARCH]).map(|input| input.as_bytes()));
        Self { name: name.into(), what: what.into(), duration, key }
    }

    /// The directory of the layer in the cache.
    pub(super) fn place(&self, cache: &Path) -> PathBuf {
        cache.join("images").join(format!("{}-{}", self.name, self.key))
    }

    /// Gives the layer, and has it made where it is not there. `make` gets a directory to work in and says what the layer
    /// holds; what it leaves in the directory is removed.
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

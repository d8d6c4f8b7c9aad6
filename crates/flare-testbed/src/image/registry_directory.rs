//! Fills the directory of a docker-registry with file system storage, without running the registry.
//!
//! Source: `registry/storage/paths.go` of distribution 2.8. Each blob is stored once below `blobs`; a repository has small files
//! named `link` that contain a digest.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use flare_diagnostic::Faults;

use super::{layer::digest, manifest::Image};
use crate::fault::cache_disk;

/// Pushes an image under a name and a tag. Existing blobs stay; an existing tag is moved to this image.
pub(super) fn push(root: &Path, name: &str, tag: &str, image: &Image<'_>) -> Result<(), Faults> {
    let directory = Directory { root: root.join("docker/registry/v2"), name };
    let (configuration, manifest) = (image.configuration(), image.manifest());
    let pushed = || {
        for stored in image.layers {
            directory.link_blob(&stored.layer.digest, &stored.file)?;
            directory.name_layer(&stored.layer.digest)?;
        }
        directory.name_layer(&directory.write_blob(&configuration)?)?;
        // The tag is written last, so that a running registry never serves an incomplete image.
        directory.name_manifest(tag, &directory.write_blob(&manifest)?)
    };
    pushed().map_err(|error| cache_disk("filled", root, &error).into())
}

struct Directory<'a> {
    root: PathBuf,
    name: &'a str,
}

impl Directory<'_> {
    fn blob(&self, digest: &str) -> PathBuf {
        let digits = digits(digest);
        self.root.join("blobs/sha256").join(&digits[..2]).join(digits).join("data")
    }

    fn repository(&self, path: &str) -> PathBuf {
        self.root.join("repositories").join(self.name).join(path)
    }

    /// Makes a blob from a file: by a hard link if the file system can, otherwise by a copy.
    fn link_blob(&self, digest: &str, file: &Path) -> io::Result<()> {
        let place = self.blob(digest);
        if place.is_file() {
            return Ok(());
        }
        make_directory_of(&place)?;
        if fs::hard_link(file, &place).is_ok() {
            return Ok(());
        }
        let partial = place.with_extension("partial");
        fs::copy(file, &partial)?;
        fs::rename(partial, place)
    }

    fn write_blob(&self, bytes: &[u8]) -> io::Result<String> {
        let digest = digest(bytes);
        write(&self.blob(&digest), bytes)?;
        Ok(digest)
    }

    fn name_layer(&self, digest: &str) -> io::Result<()> {
        write(&self.repository(&format!("_layers/sha256/{}/link", digits(digest))), digest.as_bytes())
    }

    fn name_manifest(&self, tag: &str, digest: &str) -> io::Result<()> {
        let digits = digits(digest);
        for place in [
            format!("_manifests/revisions/sha256/{digits}/link"),
            format!("_manifests/tags/{tag}/index/sha256/{digits}/link"),
            format!("_manifests/tags/{tag}/current/link"),
        ] {
            write(&self.repository(&place), digest.as_bytes())?;
        }
        Ok(())
    }
}

fn digits(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

fn make_directory_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Writes a file atomically.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    make_directory_of(path)?;
    let partial = path.with_extension("partial");
    fs::write(&partial, bytes)?;
    fs::rename(partial, path)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

    use super::push;
    use crate::image::{
        layer::{Layer, digest},
        manifest::{Image, Settings},
        store::Stored,
    };

    fn files(directory: &Path, below: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory.join(below)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{below}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() { files(directory, &format!("{path}/"), found) } else { found.push(path) }
        }
        found.sort();
    }

    #[test]
    fn an_image_lies_as_a_registry_wants_it_and_a_second_time_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("layer.tar");
        fs::write(&file, "layer").unwrap();
        let layers = [Stored { layer: Layer { digest: digest(b"layer"), size: 5 }, file: file.clone() }];
        let image = Image { layers: &layers, settings: Settings { command: &["/bin/sh"], environment: &[] } };
        let root = directory.path().join("registry");
        push(&root, "lab/thing", "1", &image).unwrap();
        push(&root, "lab/thing", "1", &image).unwrap();
        let hash = |bytes: &[u8]| digest(bytes)[7..].to_owned();
        let (layer, configuration, manifest) = (hash(b"layer"), hash(&image.configuration()), hash(&image.manifest()));
        let blob = |hash: &str| format!("docker/registry/v2/blobs/sha256/{}/{hash}/data", &hash[..2]);
        let of_repository = |path: String| format!("docker/registry/v2/repositories/lab/thing/{path}");
        let mut expected = vec![
            blob(&layer),
            blob(&configuration),
            blob(&manifest),
            of_repository(format!("_layers/sha256/{layer}/link")),
            of_repository(format!("_layers/sha256/{configuration}/link")),
            of_repository(format!("_manifests/revisions/sha256/{manifest}/link")),
            of_repository("_manifests/tags/1/current/link".to_owned()),
            of_repository(format!("_manifests/tags/1/index/sha256/{manifest}/link")),
        ];
        expected.sort();
        let mut found = Vec::new();
        files(&root, "", &mut found);
        assert_eq!(found, expected);
        let current = root.join("docker/registry/v2/repositories/lab/thing/_manifests/tags/1/current/link");
        assert_eq!(fs::read_to_string(current).unwrap(), format!("sha256:{manifest}"));
        assert_eq!(fs::metadata(&file).unwrap().nlink(), 2, "the layer was copied");
    }
}

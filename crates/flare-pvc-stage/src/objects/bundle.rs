//! One directory of a kit as the data of an object: a key for each file, and the mapping of keys to files.

use std::{collections::BTreeMap, path::Path};

use flare_cluster::k8s_openapi::ByteString;
use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, Place, printable};
use flare_file_tree::{Content, Digest, DiskError, Entry, FileTree};
use flare_prepared_kit::StagedItem;

/// The maximum total size of one object's values: `MaxSecretSize` of Kubernetes, which also applies to `ConfigMap`s.
const VALUES_LIMIT: u64 = 1 << 20;

/// etcd's default for the size of a request (`--max-request-bytes`), less a reserve for metadata and encryption.
const REQUEST_LIMIT: u64 = (3 << 19) - (64 << 10);

/// The size in bytes of base64 from which the reference warns.
const NEAR_LIMIT: u64 = 900 << 10;

/// The overhead in bytes per key, in the stored object and in the list of a field manager's fields.
const PER_KEY: u64 = 32;

/// The longest key of an object, in bytes.
const LONGEST_KEY: usize = 253;

/// The longest path that a kubelet writes, and the longest name in it.
const LONGEST_PATH: usize = 4096;
const LONGEST_NAME: usize = 255;

/// The files of a directory, as the data of a `ConfigMap` or Secret.
#[derive(Clone, PartialEq)]
pub struct Bundle {
    /// The directory in the kit, such as `startup`.
    pub directory: &'static str,
    /// Key → bytes.
    pub data: BTreeMap<String, ByteString>,
    /// The mapping of keys to files below the directory, in the order of paths.
    pub items: Vec<StagedItem>,
}

/// Shows only the amount, since the bytes include private keys.
impl std::fmt::Debug for Bundle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (files, bytes) = (self.items.len(), self.bytes());
        formatter
            .debug_struct("Bundle")
            .field("directory", &self.directory)
            .field("files", &files)
            .field("bytes", &bytes)
            .finish_non_exhaustive()
    }
}

impl Bundle {
    /// Takes all files below a directory of the tree, in the order of their paths, component by component.
    ///
    /// # Errors
    /// `INVALID_KIT` for a directory without files, and for paths that Kubernetes does not mount; `KIT_TOO_LARGE` if they do not fit into
    /// one object; `INVALID_PREPARED_KIT` if a file can no longer be read.
    pub fn of(tree: &FileTree, directory: &'static str) -> Result<Checked<Self>, Faults> {
        let mut found = Collector::new();
        let mut files = Vec::new();
        for (path, entry) in tree.below(Path::new(directory)) {
            let Ok(below) = path.as_path().strip_prefix(directory) else { continue };
            match entry {
                Entry::Directory { .. } if is_empty(tree, path.as_path()) => found.push(lost(path.as_path())),
                Entry::Directory { .. } => {}
                Entry::File { content, .. } => match mountable(below) {
                    Ok(text) => files.push((text, content)),
                    Err(why) => found.push(not_mountable(path.as_path(), why)),
                },
            }
        }
        if files.is_empty() && !found.has_errors() {
            found.push(without_files(directory));
        }
        found.keep(check_size(directory, &files));
        if found.has_errors() {
            return found.finish_some(None);
        }
        let mut bundle = Self { directory, data: BTreeMap::new(), items: Vec::new() };
        for (number, (path, content)) in files.into_iter().enumerate() {
            let key = key(number, path);
            bundle.data.insert(key.clone(), ByteString(found.require(content.read().map_err(changed))?));
            bundle.items.push(StagedItem { key, path: path.to_owned() });
        }
        bundle.near_limit().into_iter().for_each(|warning| found.push(warning));
        found.finish(|| bundle)
    }

    /// The files in a pod that mounts the object with its items: path → bytes.
    pub fn mounted(&self) -> BTreeMap<&str, &[u8]> {
        let file = |item: &'_ StagedItem| self.data.get(&item.key).map(|bytes| bytes.0.as_slice());
        self.items.iter().filter_map(|item| Some((item.path.as_str(), file(item)?))).collect()
    }

    /// The total size of all files in bytes.
    pub fn bytes(&self) -> u64 {
        self.data.values().map(|bytes| bytes.0.len() as u64).sum()
    }

    fn near_limit(&self) -> Option<Diagnostic> {
        let encoded = self.bytes().div_ceil(3) * 4;
        (encoded > NEAR_LIMIT).then(|| {
            let message = format!("`{}/` takes {encoded} bytes of base64, close to what one object may hold", self.directory);
            Diagnostic::warning(Code::Notice, message)
                .hint("keep large files out of the kit, or stage it on its volume (`--mode pvc`)")
        })
    }
}

/// The reference's key: the file's number, 12 hex digits of its path's SHA-256, and its name with `_` for invalid characters.
fn key(number: usize, path: &str) -> String {
    let digest = Digest::of(path.as_bytes()).to_string();
    let name = path.rsplit('/').next().unwrap_or(path);
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') { c } else { '_' };
    let mut key: String = format!("f{number:04}-{}-", &digest[..12]);
    key.extend(name.chars().map(safe));
    key.truncate(LONGEST_KEY);
    key
}

/// The path as text, if Kubernetes can mount a file there.
fn mountable(path: &Path) -> Result<&str, &'static str> {
    let text = path.to_str().ok_or("is not UTF-8")?;
    if text.starts_with("..") {
        return Err("begins with `..`");
    }
    if text.len() > LONGEST_PATH || text.split('/').any(|name| name.len() > LONGEST_NAME) {
        return Err("is longer than a path may be");
    }
    Ok(text)
}

fn not_mountable(path: &Path, why: &str) -> Diagnostic {
    let shown = path.to_string_lossy();
    let message = format!("`{}` {why}, and Kubernetes mounts no such file of an object", printable(&shown));
    Diagnostic::error(Code::InvalidKit, message)
        .hint("rename the file, or stage the kit on its volume (`--mode pvc`)")
        .at(Place::file(shown.as_ref()))
}

fn without_files(directory: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidKit, format!("`{directory}/` has no file, and an object without keys cannot be mounted"))
        .hint("prepare the kit again from a whole startup kit")
        .at(Place::file(directory))
}

fn is_empty(tree: &FileTree, directory: &Path) -> bool {
    tree.below(directory).all(|(below, _)| below.as_path() == directory)
}

/// The warning about an empty directory, which an object cannot contain.
fn lost(directory: &Path) -> Diagnostic {
    let shown = directory.to_string_lossy();
    let message = format!("the empty directory `{}` is not mounted: objects hold files alone", printable(&shown));
    Diagnostic::warning(Code::Notice, message).hint("put a file into it where a job needs it")
}

fn changed(error: DiskError) -> Diagnostic {
    error.into_diagnostic_or(Code::InvalidPreparedKit, "see whether something else writes to the prepared kit, then run again")
}

fn check_size(directory: &str, files: &[(&str, &Content)]) -> Result<(), Faults> {
    let values: u64 = files.iter().map(|(_, content)| content.len()).sum();
    let keys: u64 = files.iter().enumerate().map(|(number, (path, _))| 2 * key(number, path).len() as u64 + PER_KEY).sum();
    let what = if values > VALUES_LIMIT {
        format!("holds {values} bytes, and one object takes {VALUES_LIMIT}")
    } else if values + keys > REQUEST_LIMIT {
        format!("holds {} files with {values} bytes, and with their names more than etcd takes in one request", files.len())
    } else {
        return Ok(());
    };
    let largest = files.iter().max_by_key(|(_, content)| content.len());
    let largest =
        largest.map(|(path, content)| format!(" (the largest is `{directory}/{}`, {} bytes)", printable(path), content.len()));
    Err(Diagnostic::error(Code::KitTooLarge, format!("`{directory}/` {what}"))
        .hint(format!(
            "stage the kit on its volume: leave `--mode objects` out; or take files out of the startup kit and prepare it again{}",
            largest.unwrap_or_default()
        ))
        .at(Place::file(directory))
        .into())
}

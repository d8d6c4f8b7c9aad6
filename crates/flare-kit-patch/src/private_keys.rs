//! Private keys that others can read in the kit are readable only by their owner in the copy, as `provision` makes them.

use std::path::Path;

use flare_file_tree::{Content, Entry, FileTree};

/// The ends of the names of files with private keys, in any case. Certificates are `.pem` files too, so these are recognised by their
/// content.
const NAMES: [&str; 3] = [".key", ".p12", ".pfx"];
/// How many bytes at the beginning of any other file are searched for a key.
const BEGINNING: usize = 64 << 10;
/// The end of a PEM header, for every kind of key.
const HEADER: &[u8] = b"PRIVATE KEY-----";
/// Group and others.
const OTHERS: u32 = 0o077;

/// Removes the permissions of group and others from every private key in `startup/` and `local/`.
pub(crate) fn narrow(tree: &mut FileTree) {
    let open: Vec<_> = ["startup", "local"]
        .into_iter()
        .flat_map(|directory| tree.below(directory.as_ref()))
        .filter(|(path, entry)| entry.mode() & OTHERS != 0 && is_private_key(path.as_path(), entry))
        .map(|(path, entry)| (path.clone(), entry.clone()))
        .collect();
    for (path, entry) in open {
        if let Entry::File { content, mode } = entry {
            tree.insert(path, Entry::File { content, mode: mode & !OTHERS });
        }
    }
}

/// A backup has the same rule, and leaves out more names (`crates/flare-pvc-stage/src/volume/saved.py`): both are tested by
/// `fixtures/security/private-keys.json`.
fn is_private_key(path: &Path, entry: &Entry) -> bool {
    let Entry::File { content, .. } = entry else { return false };
    let name = path.file_name().map(|name| name.as_encoded_bytes().to_ascii_lowercase()).unwrap_or_default();
    if NAMES.iter().any(|end| name.ends_with(end.as_bytes())) {
        return true;
    }
    let Content::Bytes(bytes) = content else { return false };
    bytes[..bytes.len().min(BEGINNING)].windows(HEADER.len()).any(|part| part == HEADER)
}

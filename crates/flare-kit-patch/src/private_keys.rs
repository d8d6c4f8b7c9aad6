//! Private keys that others can read in the kit are readable only by their owner in the copy, as `provision` makes them.

use flare_file_tree::{Content, Entry, FileTree};

/// The longest file that is taken for a private key, in bytes.
const LONGEST: usize = 64 << 10;
/// The end of a PEM header, for every kind of key.
const HEADER: &[u8] = b"PRIVATE KEY-----";
/// Group and others.
const OTHERS: u32 = 0o077;

/// Removes the permissions of group and others from every private key in `startup/` and `local/`.
pub(crate) fn narrow(tree: &mut FileTree) {
    let open: Vec<_> = ["startup", "local"]
        .into_iter()
        .flat_map(|directory| tree.below(directory.as_ref()))
        .filter(|(path, entry)| entry.mode() & OTHERS != 0 && is_private_key(path.as_path().extension(), entry))
        .map(|(path, entry)| (path.clone(), entry.clone()))
        .collect();
    for (path, entry) in open {
        if let Entry::File { content, mode } = entry {
            tree.insert(path, Entry::File { content, mode: mode & !OTHERS });
        }
    }
}

fn is_private_key(extension: Option<&std::ffi::OsStr>, entry: &Entry) -> bool {
    let Entry::File { content: Content::Bytes(bytes), .. } = entry else { return false };
    extension.is_some_and(|extension| extension == "key" || extension == "pfx" || extension == "p12")
        || bytes.len() <= LONGEST && bytes.windows(HEADER.len()).any(|part| part == HEADER)
}

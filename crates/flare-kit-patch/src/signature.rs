//! Kits with homomorphic encryption are signed file by file; a file that is changed here no longer matches its signature.

use flare_diagnostic::{Code, Collector, Diagnostic, Place};
use flare_file_tree::FileTree;

use flare_yaml::json::Object;

use crate::edits::Edits;

/// A warning for each directory whose signed files are changed or removed.
pub(crate) fn check(kit: &FileTree, edits: &Edits, found: &mut Collector) {
    found.extend(["startup", "local"].into_iter().filter_map(|directory| check_directory(kit, edits, directory)));
}

fn check_directory(kit: &FileTree, edits: &Edits, directory: &str) -> Option<Diagnostic> {
    let signature = format!("{directory}/signature.json");
    if !kit.is_file(&signature) {
        return None;
    }
    let touched = edits.written.iter().map(|(path, _)| *path).chain(edits.removed.iter().copied());
    let mut files: Vec<_> = touched
        .filter(|path| kit.is_file(path))
        .filter_map(|path| path.strip_prefix(directory)?.strip_prefix('/'))
        .filter(|name| is_signed(kit.bytes(&signature), name))
        .collect();
    files.sort_unstable();
    if files.is_empty() {
        return None;
    }
    let names: Vec<_> = files.iter().map(|name| format!("`{name}`")).collect();
    let message = format!("`{signature}` signs files that are changed or removed: {}", names.join(", "));
    let hint = "sign the prepared kit again with the project's root key where something checks the signatures of this directory";
    Some(Diagnostic::warning(Code::SignedFileChanged, message).hint(hint).at(Place::file(signature)))
}

/// Whether a file is signed; a list of signatures that cannot be read may name any file.
fn is_signed(signatures: Option<&[u8]>, name: &str) -> bool {
    let list = signatures.and_then(|bytes| std::str::from_utf8(bytes).ok()).and_then(Object::parse);
    list.is_none_or(|list| list.get(name).is_some())
}

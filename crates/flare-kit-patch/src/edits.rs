//! The edits that the modules of single files request, and applying them.

use flare_diagnostic::Diagnostic;
use flare_file_tree::{FileTree, RelativePath};

use crate::{json_file, private_keys};

/// The chart's directory in a prepared kit. An old one in the kit is not copied, since it is written anew.
pub(crate) const CHART_DIRECTORY: &str = "helm_chart";

/// The permission bits of files that `prepare` makes. Files that it edits keep theirs.
const CREATED_MODE: u32 = 0o644;

/// The edits of a tree, collected before any is applied.
#[derive(Default)]
pub(crate) struct Edits {
    pub(crate) removed: Vec<&'static str>,
    pub(crate) written: Vec<(&'static str, String)>,
}

impl Edits {
    /// Applies the edits.
    pub(crate) fn apply(self, mut tree: FileTree) -> FileTree {
        tree.remove(CHART_DIRECTORY);
        for path in self.removed {
            tree.remove(path);
        }
        for (path, text) in self.written {
            let mode = json_file::mode(&tree, path).unwrap_or(CREATED_MODE);
            tree.insert_file(RelativePath::literal(path), text, mode);
        }
        private_keys::narrow(&mut tree);
        tree
    }

    /// Removes a file if it exists. A directory of that name is a fault: directories are never removed.
    pub(crate) fn remove(&mut self, kit: &FileTree, path: &'static str) -> Result<(), Diagnostic> {
        if json_file::is_present(kit, path)? {
            self.removed.push(path);
        }
        Ok(())
    }
}

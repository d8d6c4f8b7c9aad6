//! A prepared kit for tests that need both of its directories.

use std::path::Path;

use flare_diagnostic::Code;
use flare_file_tree::{FileTree, ReadOptions, RelativePath};
use flare_prepared_kit::{OpenOptions, PreparedKit};

/// The server's kit of the fixtures, which have only what `prepare` wrote, and a file in `startup/`.
pub(crate) fn with_startup() -> PreparedKit {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/cases/server-2.8-defaults/expected");
    let mut tree = FileTree::read(&case, &ReadOptions::new(Code::InvalidPreparedKit)).expect("a directory");
    tree.insert_file(RelativePath::literal("startup/fed_server.json"), "{}", 0o644);
    PreparedKit::from_tree(tree, OpenOptions { accept_changes: true }).expect("a prepared kit").value
}

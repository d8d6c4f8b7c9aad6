//! Which release provisioned a kit, asked of the kit's templates.

use std::path::Path;

use flare_federation::{Provisioned, ReleaseFacts, provisioned_by};
use flare_file_tree::FileTree;
use serde_json::Value;

const RESOURCES: &str = "local/resources.json.default";
const AUTHORIZATION: &str = "local/authorization.json.default";

/// The release that provisioned a kit that was read.
pub(crate) fn of_tree(tree: &FileTree) -> Provisioned {
    let startup = tree.below(Path::new("startup")).map(|(path, _)| path.as_path());
    of(|path| tree.bytes(path).map(<[u8]>::to_vec), &startup.filter_map(name).collect::<Vec<_>>())
}

fn name(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}

fn of(read: impl Fn(&str) -> Option<Vec<u8>>, startup_files: &[String]) -> Provisioned {
    let json = |path| read(path).and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let authorization = json(AUTHORIZATION);
    provisioned_by(ReleaseFacts {
        resources: &json(RESOURCES).unwrap_or_default(),
        authorization: authorization.as_ref(),
        startup_files,
    })
}

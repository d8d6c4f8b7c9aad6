//! Finds the release that a kit is prepared for, by its templates and its image.

use std::path::Path;

use flare_diagnostic::Code;
use flare_federation::{
    Provisioned, ReleaseFacts, provisioned_by,
    target::{self, Decision, Reason},
};
use flare_file_tree::FileTree;
use flare_names::Target;
use flare_site_config::image::ImageReference;
use flare_yaml::{Node, NodeContent};
use serde_json::Value;

use super::request::KitRequest;

const RESOURCES: &str = "local/resources.json.default";
const AUTHORIZATION: &str = "local/authorization.json.default";
/// The largest template that is read, in bytes.
const LONGEST: u64 = 4 << 20;

/// The release that provisioned a kit in memory.
pub(crate) fn of_tree(tree: &FileTree) -> Provisioned {
    let startup = tree.below(Path::new("startup")).map(|(path, _)| path.as_path());
    of(|path| tree.bytes(path).map(<[u8]>::to_vec), &startup.filter_map(name).collect::<Vec<_>>())
}

/// The release that provisioned the kit in a directory. Unreadable files are ignored; reading the kit reports them.
pub(crate) fn of_directory(kit: &Path) -> Provisioned {
    let read = |path: &str| flare_file_tree::read_file(&kit.join(path), LONGEST, Code::InvalidKit, Code::InvalidKit).ok();
    let startup = flare_file_tree::files(&kit.join("startup")).unwrap_or_default();
    of(read, &startup.iter().filter_map(|path| name(path)).collect::<Vec<_>>())
}

/// The image that a `k8s.yaml` names, if that is a valid reference.
pub(crate) fn image_of(config: &Node) -> Option<ImageReference> {
    match &config.get("parent")?.get("docker_image")?.content {
        NodeContent::Scalar(scalar) => scalar.text.parse().ok(),
        _ => None,
    }
}

/// One target for a whole federation: the newest release that an image's tag names, otherwise the newest that a kit shows.
pub(crate) fn of_federation(asked: Option<(Target, Reason)>, images: Vec<ImageReference>, kits: &[KitRequest]) -> Decision {
    // Of several images of that release the first one is reported.
    let newest = images.into_iter().rev().max_by_key(target::release_of_image);
    let provisioned = || kits.iter().map(|request| of_directory(&request.kit)).max().unwrap_or(Provisioned::Unknown);
    let provisioned = if asked.is_some() { Provisioned::Unknown } else { provisioned() };
    target::decide(asked, newest.as_ref(), provisioned)
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

//! Reads one kit of a provisioned directory.

use std::path::{Component, Path, PathBuf};

use flare_diagnostic::{Code, Diagnostic, Faults, Place, printable};
use flare_federation::init::ProvisionedKit;
use flare_file_tree::{FileTree, ReadOptions};
use flare_startup_kit::StartupKit;

use crate::pipeline::{kit_directory, release};

/// A kit that was found and read.
#[derive(Debug)]
pub(super) struct FoundKit {
    pub(super) directory: PathBuf,
    pub(super) found: ProvisionedKit,
    pub(super) kit: StartupKit,
    pub(super) tree: FileTree,
}

/// Reads a kit; its path is given relative to `output`.
pub(super) fn read_kit(directory: PathBuf, output: &Path, now: i64) -> Result<FoundKit, Faults> {
    let options =
        ReadOptions::new(Code::InvalidKit).in_memory("startup").in_memory("local").exclude("prepared").exclude("transfer");
    let tree = FileTree::read(&directory, &options).map_err(|faults| kit_directory::first_few(faults, &directory))?;
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    // Places are relative to the kit, and there are many kits.
    let whole = |fault: Diagnostic| match fault.place.clone() {
        Some(place) => fault.at(Place { file: directory.join(&place.file).to_string_lossy().into_owned(), ..place }),
        None => fault.at(directory.as_path()),
    };
    let kit = StartupKit::read(&tree, &name, now).map_err(|faults| faults.map_all(whole))?.value;
    let path = relative(&directory, output);
    for (what, text) in [("path", path.as_deref()), ("name", Some(kit.participant.as_str()))] {
        if text.is_none_or(|text| text.trim().is_empty() || text.chars().any(char::is_control)) {
            let message = format!("the {what} of the kit `{}` cannot be written in federation.yaml", name_of(&directory));
            let hint = "use letters, digits, `-`, `_` and `.` in names of participants and directories";
            return Err(Diagnostic::error(Code::InvalidKit, message).hint(hint).at(directory.as_path()).into());
        }
    }
    let found = ProvisionedKit {
        provisioned: release::of_tree(&tree),
        name: kit.participant.clone(),
        site: kit.site.clone(),
        role: kit.role,
        kit: path.unwrap_or_default(),
        fl_port: kit.fl_port,
        admin_port: kit.admin_port,
        project: kit.project.clone(),
        root_fingerprint: kit.certificates.root_fingerprint.clone(),
        relay: kit.relay.as_ref().map(|relay| relay.name.clone()),
    };
    Ok(FoundKit { directory, found, kit, tree })
}

/// The path of a directory relative to another one, so that both can move together; `None` if it is not UTF-8.
fn relative(directory: &Path, from: &Path) -> Option<String> {
    let common = directory.components().zip(from.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(directory.components().skip(common)).collect();
    path.to_str().map(str::to_owned)
}

/// The name of a file or directory, for messages.
pub(super) fn name_of(path: &Path) -> String {
    printable(&path.file_name().unwrap_or_default().to_string_lossy()).into_owned()
}

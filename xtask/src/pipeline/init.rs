//! A provisioned folder → the participants in it.

use std::path::{Component, Path, PathBuf};

use flare_diagnostic::{Code, Diagnostic, Faults, printable};
use flare_federation::{ReleaseFacts, init::Found, provisioned_by};
use flare_file_tree::{FileTree, ReadOptions};
use flare_startup_kit::StartupKit;
use serde_json::Value;

const NAME_THE_FOLDER: &str = "name the folder that `nvflare provision` made, such as `workspace/project/prod_00`";

/// What was found.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) found: Vec<Found>,
    /// Folders that are no kit of a server or client, each with the reason.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Reads every kit in a folder. Kits of admins and relays are left out, and said so.
pub(crate) fn look(kits: &Path, output: &Path, now: i64) -> Result<Looked, Faults> {
    let mut found = Vec::new();
    let mut warnings = Vec::new();
    let mut faults = Vec::new();
    for folder in folders(kits)? {
        match look_at(&folder, output, now) {
            Ok(one) => found.push(one),
            Err(refused) if is_of_another_kind(&refused) => warnings.push(left_out(&folder, &refused)),
            Err(refused) => faults.extend(refused.into_vec()),
        }
    }
    if found.is_empty() && faults.is_empty() {
        let message = format!("there is no startup kit of a server or client in `{}`", printable(&kits.to_string_lossy()));
        faults.push(Diagnostic::error(Code::InvalidArgs, message).hint(NAME_THE_FOLDER).at(kits));
    }
    Faults::check(faults, || Looked { found, warnings })
}

fn folders(kits: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    flare_file_tree::folders(kits).map_err(|error| error.into_diagnostic(Code::InvalidArgs).hint(NAME_THE_FOLDER))
}

/// An admin's kit, or a folder that is no kit at all: nothing that would be missed.
fn is_of_another_kind(faults: &Faults) -> bool {
    let mut all = faults.all().iter();
    all.any(|fault| {
        fault.code == Code::UnsupportedKit || fault.message.contains("role file") || fault.message.contains("startup")
    })
}

fn left_out(folder: &Path, faults: &Faults) -> Diagnostic {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    Diagnostic::warning(Code::Notice, format!("`{}` is left out: {}", printable(&name), faults.first().message)).at(folder)
}

fn look_at(folder: &Path, output: &Path, now: i64) -> Result<Found, Faults> {
    let options =
        ReadOptions::new(Code::InvalidKit).in_memory("startup").in_memory("local").exclude("prepared").exclude("transfer");
    let tree = FileTree::read(folder, &options)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let kit = StartupKit::read(&tree, &name, now)?.value;
    let json = |path| tree.bytes(path).and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    let authorization = json("local/authorization.json.default");
    let startup_files: Vec<String> = tree
        .below(Path::new("startup"))
        .filter_map(|(path, _)| path.as_path().file_name().map(|name| name.to_string_lossy().into_owned()))
        .collect();
    let facts = ReleaseFacts {
        resources: &json("local/resources.json.default").unwrap_or_default(),
        authorization: authorization.as_ref(),
        startup_files: &startup_files,
    };
    Ok(Found {
        provisioned: provisioned_by(facts),
        name: kit.participant,
        site: kit.site,
        role: kit.role,
        kit: relative(folder, output),
        fl_port: kit.fl_port,
        admin_port: kit.admin_port,
        project: kit.project,
    })
}

/// The path of a folder as seen from another one, so that both can move together.
fn relative(folder: &Path, from: &Path) -> String {
    let common = folder.components().zip(from.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(folder.components().skip(common)).collect();
    path.to_string_lossy().into_owned()
}

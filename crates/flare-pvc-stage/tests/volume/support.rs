//! Runs the program in a separate process and reads the result.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use flare_file_tree::{Digest, FileTree, RelativePath};
use flare_pvc_stage::{Answer, KitOwner, Shipment, StageAnswer, VOLUME_PROGRAM};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;

use crate::python::python;

/// Runs the program as the helper pod does, and dies at the given call that changes the disk (0: never).
const DRIVER: &str = include_str!("driver.py");

/// The line with which the program asks for the request's body.
const READY: &[u8] = b"{\"ready\": true}\n";

pub(crate) fn owner(participant: &str) -> KitOwner {
    KitOwner { participant: participant.to_owned(), role: "client".to_owned(), project: Some("p".to_owned()) }
}

pub(crate) fn shipment<'tree>(tree: &'tree FileTree, who: &str, fingerprint: &str) -> Shipment<'tree> {
    Shipment::new(owner(who), Digest::of(fingerprint.as_bytes()), true, tree).expect("a tree in memory")
}

/// The number of files in `startup` of [`kit`].
const STARTUP_FILES: usize = 4;

/// The number of files of [`kit`] that a parent has.
pub(crate) const KIT_FILES: usize = STARTUP_FILES + 1;

/// A kit in which every file has the same content.
pub(crate) fn kit(text: &str) -> FileTree {
    let mut tree = FileTree::new();
    for (path, mode) in [
        ("startup/client.key", 0o600),
        ("startup/fed_client.json", 0o644),
        ("startup/closed/a", 0o400),
        ("startup/closed/rootCA.pem", 0o400),
        ("local/resources.json", 0o644),
        ("other/x", 0o644),
    ] {
        tree.insert_file(RelativePath::literal(path), text.as_bytes(), mode);
    }
    tree.insert_directory(RelativePath::literal("startup/closed"), 0o555);
    tree.insert_directory(RelativePath::literal("local/empty"), 0o755);
    tree
}

pub(crate) fn input_of(shipment: &Shipment<'_>, id: &str) -> (Vec<u8>, usize) {
    let request = shipment.request(id);
    let mut input = [VOLUME_PROGRAM.as_bytes(), &request].concat();
    let head = input.len() as u64;
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(shipment.body(&|_, _| ()).read_to_end(&mut input)).expect("memory can be read");
    assert_eq!(input.len() as u64 - head, shipment.bytes(), "the length is what is announced to the other side");
    (input, request.len())
}

/// Runs the program; returns exit code and answer.
pub(crate) fn run(root: &Path, input: &(Vec<u8>, usize), die: usize) -> (Option<i32>, Vec<u8>) {
    run_with(root, input, &[("DIE", die.to_string())])
}

/// Starts the program with variables of the driver; it has read nothing yet.
pub(crate) fn start(root: &Path, request: usize, driver: &[(&str, String)]) -> Child {
    Command::new(python())
        .args(["-S", "-c", DRIVER, &VOLUME_PROGRAM.len().to_string(), &request.to_string()])
        .arg(root)
        .env("DIE", "0")
        .envs(driver.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 is on this machine")
}

/// Runs the program with variables of the driver.
pub(crate) fn run_with(root: &Path, (input, request): &(Vec<u8>, usize), driver: &[(&str, String)]) -> (Option<i32>, Vec<u8>) {
    let mut child = start(root, *request, driver);
    // A killed program reads no more.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.code() == Some(9) || output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer = output.stdout.strip_prefix(READY).unwrap_or(&output.stdout);
    (output.status.code(), answer.to_vec())
}

pub(crate) fn stage(root: &Path, tree: &FileTree, id: &str) -> Result<StageAnswer, flare_diagnostic::Diagnostic> {
    let (_, printed) = run(root, &input_of(&shipment(tree, "site-1", id), id), 0);
    Answer::staged(&printed, "claim")
}

/// The input of a request without files.
pub(crate) fn asking(request: &Value) -> (Vec<u8>, usize) {
    let request = request.to_string().into_bytes();
    ([VOLUME_PROGRAM.as_bytes(), &request].concat(), request.len())
}

/// Sends a request without files; returns the answer.
pub(crate) fn ask(root: &Path, request: &Value) -> Value {
    serde_json::from_slice(&run(root, &asking(request), 0).1).expect("an answer")
}

/// The files below a directory: path → content.
pub(crate) fn texts(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(root) else { return found };
    for entry in entries {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(texts(&path).into_iter().map(|(below, text)| (format!("{name}/{below}"), text)));
        } else {
            found.insert(name, String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned());
        }
    }
    found
}

/// The files on the volume that FLARE would find: it walks the whole workspace for a name, and takes the first.
pub(crate) fn found_by_flare(root: &Path) -> BTreeMap<String, String> {
    let mut found = texts(root);
    let names = ["comm_config", "fed_client", "fed_relay", "fed_server", "resources", "rootCA"];
    found.retain(|path, _| {
        let name = path.rsplit('/').next().unwrap_or_default();
        names.contains(&name.split('.').next().unwrap_or_default()) && !name.ends_with(".flare-kube-kept")
    });
    found
}

/// The content of the kit that a parent would read, which must not be mixed; `None` without `startup`, when no parent starts.
pub(crate) fn kit_on(root: &Path) -> Option<String> {
    let found = texts(root);
    // In whatever order a walk comes across them.
    let sought = found_by_flare(root);
    let contents: std::collections::BTreeSet<_> = sought.values().collect();
    assert!(contents.len() <= 1, "FLARE finds a mixture: {sought:?}");
    let startup: Vec<_> = found.iter().filter(|(path, _)| path.starts_with("startup/")).map(|(_, text)| text).collect();
    if startup.is_empty() {
        return None;
    }
    assert_eq!(startup.len(), STARTUP_FILES, "startup is whole: {found:?}");
    assert_eq!(sought.len(), 3, "FLARE finds each once: {sought:?}");
    let local = found.get("local/resources.json").expect("local stands beside startup");
    assert!(startup.iter().all(|text| *text == local), "a mixture: {found:?}");
    Some(local.clone())
}

/// The steps at which runs are killed, from the first: with `FLARE_KUBE_STAGE_EVERY_STEP` all, otherwise every third one, with another
/// first step in each run.
pub(crate) fn steps() -> impl Iterator<Item = usize> {
    let every = std::env::var_os("FLARE_KUBE_STAGE_EVERY_STEP").is_some();
    let (first, stride) = if every { (1, 1) } else { (1 + usize::try_from(std::process::id() % 3).expect("small"), 3) };
    (first..).step_by(stride)
}

pub(crate) fn volume() -> TempDir {
    let root = TempDir::new().expect("a directory");
    fs::create_dir(root.path().join("jobs")).expect("a directory");
    fs::write(root.path().join("jobs/store"), "keep").expect("a file");
    root
}

pub(crate) fn base64(path: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(path)
}

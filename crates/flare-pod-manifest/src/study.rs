//! Step 2: what the study of the job brings along: `study_data.yaml` (both releases) or `local/study_runtime.yaml` (2.9).

mod check;
mod data;
mod needed;
mod runtime;
mod template_file;

pub use check::check_study_files;
use flare_diagnostic::{Checked, Code, Diagnostic, Faults, Place, shown};
use flare_names::ClaimName;
pub(crate) use runtime::RESERVED;
use serde_json::Value;

use crate::{
    acceptable,
    document::{Entry, Findings, Node},
    origin::Origin,
    path::{STUDY_DATA, STUDY_RUNTIME, SitePath},
    request::{LaunchRequest, utf8},
    site_files::{FileContent, SiteFiles},
    warnings::Warnings,
};

/// What the study adds to the pod.
#[derive(Default)]
pub(crate) struct Study {
    pub(crate) image: Option<String>,
    pub(crate) datasets: Vec<Dataset>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) secret_env: Vec<SecretEnv>,
    pub(crate) secret_mounts: Vec<SecretMount>,
    pub(crate) template: Option<Template>,
    /// Where the datasets come from.
    pub(crate) origin: Option<Origin>,
}

/// A claim that is mounted at `/data/<study>/<dataset>`.
#[derive(Clone)]
pub(crate) struct Dataset {
    pub(crate) name: String,
    pub(crate) claim: String,
    pub(crate) read_only: bool,
}

/// A variable that a Secret of the site fills.
#[derive(Clone)]
pub(crate) struct SecretEnv {
    pub(crate) name: String,
    pub(crate) secret: String,
    pub(crate) key: String,
}

/// A Secret of the site that is mounted, whole or the keys in `items` at their paths.
#[derive(Clone)]
pub(crate) struct SecretMount {
    pub(crate) name: String,
    pub(crate) secret: String,
    pub(crate) mount_path: String,
    pub(crate) items: Vec<(String, String)>,
}

/// A pod template and the place at which faults of its content are reported.
#[derive(Clone)]
pub(crate) struct Template {
    pub(crate) pod: Value,
    pub(crate) place: Place,
}

/// Reads the study files; warnings say what is odd and stops nothing.
pub(crate) fn resolve(request: &LaunchRequest, files: &SiteFiles) -> Result<Checked<Study>, Faults> {
    let runtime = SitePath::local(STUDY_RUNTIME);
    if request.target.capabilities().study_runtime_file && files.file(&runtime).exists() {
        refuse_both(request, files)?;
        return runtime::resolve(request, files);
    }
    match (&request.job.study, request.study_data_path()) {
        (Some(study), Some(path)) => data::resolve(study, &path, files),
        _ => Ok(Checked::clean(Study::default())),
    }
}

/// 2.9: a study runtime file next to a study data file stops every job.
fn refuse_both(request: &LaunchRequest, files: &SiteFiles) -> Result<(), Faults> {
    let mut data_files = vec![SitePath::local(STUDY_DATA)];
    data_files.extend(request.study_data_path());
    match data_files.iter().find(|path| files.file(path).exists()) {
        None => Ok(()),
        Some(path) => {
            let message = format!("`local/{STUDY_RUNTIME}` cannot be used together with the study data file `{path}`");
            let fault = Diagnostic::error(Code::InvalidLaunchRequest, message);
            Err(fault
                .hint(format!("move all studies to `{STUDY_RUNTIME}` and delete the other file"))
                .at(Place::file(path.to_string()))
                .into())
        }
    }
}

/// The text of a file that is there.
fn text_of<'files>(content: &'files FileContent, file: &str) -> Result<&'files str, Faults> {
    match content {
        FileContent::Bytes(bytes) => utf8(bytes, file),
        FileContent::Missing => Err(unusable(file, "is missing")),
        FileContent::Unreadable => Err(unusable(file, "cannot be read")),
    }
}

fn unusable(file: &str, what: &str) -> Faults {
    let message = format!("the file `{file}` {what}");
    Diagnostic::error(Code::InvalidLaunchRequest, message).at(Place::file(file)).into()
}

/// A mapping at the top of a file; what is none is a fault that names the file.
fn top_mapping(root: &Node, file: &str, findings: &mut Findings<'_>) -> bool {
    let is_mapping = matches!(root.kind, crate::document::Kind::Object(_));
    if !is_mapping {
        findings.at(root.offset, format!("the file `{file}` must hold a mapping"), None);
    }
    is_mapping
}

fn warning(file: &str, message: String) -> Diagnostic {
    Diagnostic::warning(Code::Notice, message).at(Place::file(file))
}

/// The warning that a file with other studies has none of the job's name. Jobs that are submitted without a study belong to
/// `default`, so a file that nobody filled in yet is no reason for one.
fn study_is_missing<'name>(
    study: &str,
    known: impl Iterator<Item = &'name str> + Clone,
    file: &str,
    what: &str,
) -> Option<Diagnostic> {
    let mut known = known.peekable();
    if known.peek().is_none() && study == DEFAULT_STUDY {
        return None;
    }
    let warning = warning(file, format!("the study `{}` is not in the {what}", shown(study)));
    Some(match flare_diagnostic::closest(study, known) {
        Some(near) => warning.hint(format!("did you mean `{}`?", shown(near))),
        None => warning.hint("add the study to the file, or submit the job in a study that is there"),
    })
}

/// The study of jobs that are submitted without one.
const DEFAULT_STUDY: &str = "default";

/// Names of studies, datasets and secret mounts: `[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?`.
pub(crate) fn is_study_name(name: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| edge(Some(b)) || matches!(b, b'_' | b'-'))
}

/// Checks the name of a study, a dataset or a secret mount.
fn check_name(entry: &Entry, what: &str, findings: &mut Findings<'_>) {
    if !entry.key_is_text || !is_study_name(&entry.key) {
        findings.at(
            entry.key_offset,
            format!("`{}` is not a valid name of a {what}", shown(&entry.key)),
            Some("use at most 63 lower-case letters, digits, `_` and `-`, with a letter or digit at both ends, in quotes where it reads as a number"),
        );
    }
}

/// A string of a study file that must be there and not empty.
fn nonempty(object: &Node, path: &str, key: &str, findings: &mut Findings<'_>) -> Option<String> {
    let label = crate::document::join(path, key);
    let Some(node) = object.get(key) else {
        findings.missing(object, &label);
        return None;
    };
    let text = node.text().filter(|text| !text.is_empty());
    if text.is_none() {
        findings.wrong(node, &label, "a non-empty string");
    }
    text.map(str::to_owned)
}

/// `source` and `mode` of a dataset.
fn dataset(name: &str, entry: &Node, path: &str, findings: &mut Findings<'_>, warnings: &mut Warnings<'_>) -> Option<Dataset> {
    let claim = nonempty(entry, path, "source", findings);
    if let (Some(claim), Some(node)) = (&claim, entry.get("source")) {
        let doubt = acceptable::name(ClaimName::new(claim), ClaimName::KIND, ClaimName::RULE);
        warnings.doubt(node.offset, &crate::document::join(path, "source"), doubt);
    }
    let label = crate::document::join(path, "mode");
    let read_only = match entry.get("mode") {
        None => {
            findings.missing(entry, &label);
            None
        }
        Some(mode) => match mode.text() {
            Some("ro") => Some(true),
            Some("rw") => Some(false),
            _ => {
                findings.wrong(mode, &label, "`ro` or `rw`");
                None
            }
        },
    };
    Some(Dataset { name: name.to_owned(), claim: claim?, read_only: read_only? })
}

//! Step 3: what the study of the job brings along: `study_data.yaml` (both releases) or `local/study_runtime.yaml` (2.9).

mod data;
mod runtime;
mod template_file;

use flare_diagnostic::{Code, Diagnostic, Faults, Place};
use flare_names::Target;
pub(crate) use runtime::RESERVED;
use serde_json::Value;

use crate::{
    document::{Findings, Node},
    origin::Origin,
    path::SitePath,
    request::{LaunchRequest, utf8},
    site_files::{FileContent, SiteFiles},
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

pub(crate) const RUNTIME_FILE: &str = "study_runtime.yaml";

/// The files that are needed before anything was read.
pub(crate) fn first_files(request: &LaunchRequest) -> Vec<SitePath> {
    let mut files = Vec::new();
    if request.target == Target::V2_9 {
        files.push(SitePath::local(RUNTIME_FILE));
        files.push(SitePath::local("study_data.yaml"));
    }
    if let Some(path) = request.study_data_path()
        && (request.target == Target::V2_9 || request.job.study.is_some())
        && !files.contains(&path)
    {
        files.push(path);
    }
    files
}

/// The pod templates that the study runtime file refers to, valid or not.
pub(crate) fn template_files(request: &LaunchRequest, files: &SiteFiles) -> Vec<SitePath> {
    if request.target != Target::V2_9 {
        return Vec::new();
    }
    files.runtime().map_or(Vec::new(), runtime::template_files)
}

/// Reads the study files; `warnings` takes what is odd and stops nothing.
pub(crate) fn resolve(request: &LaunchRequest, files: &SiteFiles, warnings: &mut Vec<Diagnostic>) -> Result<Study, Faults> {
    let runtime = SitePath::local(RUNTIME_FILE);
    if request.target == Target::V2_9 && files.file(&runtime).is_there() {
        refuse_both(request, files)?;
        return runtime::resolve(request, files, warnings);
    }
    match (&request.job.study, request.study_data_path()) {
        (Some(study), Some(path)) => data::resolve(study, &path, files, warnings),
        _ => Ok(Study::default()),
    }
}

/// 2.9: a study runtime file next to a study data file stops every job.
fn refuse_both(request: &LaunchRequest, files: &SiteFiles) -> Result<(), Faults> {
    let mut data_files = vec![SitePath::local("study_data.yaml")];
    data_files.extend(request.study_data_path());
    match data_files.iter().find(|path| files.file(path).is_there()) {
        None => Ok(()),
        Some(path) => {
            let message = format!("`local/{RUNTIME_FILE}` cannot be used together with the study data file `{path}`");
            let fault = Diagnostic::error(Code::InvalidLaunchRequest, message);
            Err(fault
                .hint(format!("move all studies to `{RUNTIME_FILE}` and delete the other file"))
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
    let message = format!("the file `{}` {what}", file.escape_debug());
    Diagnostic::error(Code::InvalidLaunchRequest, message).at(Place::file(file)).into()
}

/// A mapping at the top of a file; what is none is a fault that names the file.
fn top_mapping(root: &Node, file: &str, findings: &mut Findings<'_>) -> bool {
    let is_mapping = matches!(root.kind, crate::document::Kind::Object(_));
    if !is_mapping {
        findings.at(root.offset, format!("the file `{}` must hold a mapping", file.escape_debug()), None);
    }
    is_mapping
}

fn warning(file: &str, message: String) -> Diagnostic {
    Diagnostic::warning(Code::Notice, message).at(Place::file(file))
}

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
fn check_name(entry: &crate::document::Entry, what: &str, findings: &mut Findings<'_>) {
    if !entry.key_is_text || !is_study_name(&entry.key) {
        findings.at(
            entry.key_offset,
            format!("`{}` is not a valid name of a {what}", entry.key.escape_debug()),
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
fn dataset(name: &str, entry: &Node, path: &str, findings: &mut Findings<'_>) -> Option<Dataset> {
    let claim = nonempty(entry, path, "source", findings);
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

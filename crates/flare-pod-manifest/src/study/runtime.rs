//! `local/study_runtime.yaml` (2.9): strict, and the whole file is checked if it exists, even for a job without study.

mod secrets;

use flare_diagnostic::{Checked, Collector, Faults, Place, shown};

use super::{
    content::{Dataset, Study, Template},
    entries::{check_name, dataset, nonempty, study_is_missing, text_of, top_mapping},
    template_file,
};
use crate::{
    acceptable::{self, Doubt},
    document::{Findings, KeyValue, Kind, Node, join},
    origin::Origin,
    path::{self, STUDY_RUNTIME, SitePath},
    request::{LaunchRequest, collected},
    site_files::{FileContent, SiteFiles},
    warnings::Warnings,
};

pub(crate) const STUDY_KEYS: [&str; 6] = ["container", "datasets", "env", "secret_env", "secret_mounts", "pod_template"];

/// Variables that the launcher sets itself.
pub(crate) const RESERVED: [&str; 6] = [
    "PYTHONPATH",
    "NVFL_WORKSPACE_OWNER_FQCN",
    "NVFL_WORKSPACE_TRANSFER_TOKEN",
    "NVFLARE_JOB_AUTH_TOKEN",
    "NVFLARE_JOB_TOKEN_SIGNATURE",
    "NVFLARE_JOB_SSID",
];

pub(super) fn resolve(request: &LaunchRequest, files: &SiteFiles) -> Result<Checked<Study>, Faults> {
    let mut found = Collector::new();
    let studies = found.require_checked(read_file(files))?;
    let study = pick(request.job.study.as_deref(), studies, &SitePath::local(STUDY_RUNTIME).to_string(), &mut found);
    found.finish(|| study)
}

/// All studies of the file, which must exist.
pub(super) fn read_file(files: &SiteFiles) -> Result<Checked<Studies>, Faults> {
    let source = SitePath::local(STUDY_RUNTIME);
    let file = source.to_string();
    let text = text_of(files.file(&source), &file)?;
    let mut reader = Reader {
        file: &file,
        files,
        findings: Findings::new(&file, text),
        warnings: Warnings::new(&file, text),
        of_templates: Collector::new(),
        text,
    };
    let studies = match files.runtime() {
        Some(root) => reader.studies(root),
        None => crate::document::from_yaml(text, &mut reader.findings).map(|root| reader.studies(&root)).unwrap_or_default(),
    };
    let mut found = collected(reader.findings, reader.warnings);
    found.extend(reader.of_templates);
    found.finish(|| studies)
}

/// The template files of all studies: each is read and checked, for any study.
pub(super) fn template_files(root: &Node) -> Vec<SitePath> {
    let studies = root.get("studies").map_or(&[][..], Node::entries);
    let named = studies.iter().filter_map(|study| study.value.get("pod_template")?.text());
    named.filter_map(path::inside).map(|file| SitePath::local(&file)).collect()
}

pub(super) type Studies = Vec<(String, Study)>;

fn pick(study: Option<&str>, studies: Studies, file: &str, found: &mut Collector) -> Study {
    let Some(study) = study else { return Study::default() };
    let Some(index) = studies.iter().position(|(name, _)| name == study) else {
        let known = studies.iter().map(|(name, _)| name.as_str());
        found.extend(study_is_missing(study, known, file, "study runtime file; the pod gets nothing from it"));
        return Study::default();
    };
    studies.into_iter().nth(index).map(|(_, study)| study).unwrap_or_default()
}

struct Reader<'files> {
    file: &'files str,
    files: &'files SiteFiles,
    findings: Findings<'files>,
    warnings: Warnings<'files>,
    /// Faults and warnings of pod templates in separate files.
    of_templates: Collector,
    text: &'files str,
}

impl Reader<'_> {
    fn studies(&mut self, root: &Node) -> Studies {
        if !top_mapping(root, self.file, &mut self.findings) {
            return Vec::new();
        }
        self.findings.only(root, "", &["format_version", "studies"]);
        match root.get("format_version") {
            None => self.findings.missing(root, "format_version"),
            Some(version) if !is_two(version) => self.findings.wrong(version, "format_version", "the number 2"),
            Some(_) => {}
        }
        let Some(studies) = root.get_non_null("studies") else { return Vec::new() };
        if !self.is_mapping(studies, "studies") {
            return Vec::new();
        }
        studies.entries().iter().map(|entry| (entry.key.clone(), self.study(entry))).collect()
    }

    fn study(&mut self, entry: &KeyValue) -> Study {
        check_name(entry, "study", &mut self.findings);
        let path = join("studies", &entry.key);
        let node = &entry.value;
        if !self.is_mapping(node, &path) {
            return Study::default();
        }
        self.only_study_keys(node, &path);
        let study = Study {
            image: self.image(node, &path),
            datasets: self.each(node, &path, "datasets", Self::dataset),
            env: self.each(node, &path, "env", Self::env),
            secret_env: self.each(node, &path, "secret_env", Self::secret_env),
            secret_mounts: self.each(node, &path, "secret_mounts", Self::secret_mount),
            template: node.get("pod_template").and_then(|node| self.template(node, &join(&path, "pod_template"))),
            origin: Some(Origin::StudyRuntime),
        };
        self.refuse_doubled_variables(node, &path);
        study
    }

    /// Checks the keys of a study. FLARE refuses the whole file for a key of another launcher, so such a key is reported as one.
    fn only_study_keys(&mut self, study: &Node, path: &str) {
        for entry in study.entries().iter().filter(|entry| !STUDY_KEYS.contains(&entry.key.as_str())) {
            let launcher = match entry.key.as_str() {
                "docker_kwargs" => "Docker",
                "slurm" => "Slurm",
                _ => {
                    self.findings.unknown(entry, path, &STUDY_KEYS);
                    continue;
                }
            };
            let message = format!(
                "`{}` is for the {launcher} launcher only, and the Kubernetes launcher refuses a file with it",
                join(path, &entry.key)
            );
            self.findings.at(entry.key_offset, message, Some("remove it from the file of this site"));
        }
    }

    /// Adds a warning about the text of a key, if `doubt` returns one.
    fn doubt(&mut self, object: &Node, path: &str, key: &str, doubt: impl FnOnce(&str) -> Option<Doubt>) {
        if let Some(node) = object.get(key)
            && let Some(text) = node.text().filter(|text| !text.is_empty())
        {
            self.warnings.doubt(node.offset, &join(path, key), doubt(text));
        }
    }

    fn refuse_doubled_variables(&mut self, study: &Node, path: &str) {
        let (Some(env), Some(secret_env)) = (study.get("env"), study.get("secret_env")) else { return };
        for entry in secret_env.entries().iter().filter(|entry| env.get(&entry.key).is_some()) {
            let message = format!("`{}` stands in `env` and in `secret_env` of `{path}`", shown(&entry.key));
            self.findings.at(entry.key_offset, message, Some("keep one of the two"));
        }
    }

    fn is_mapping(&mut self, node: &Node, path: &str) -> bool {
        let is_mapping = matches!(node.kind, Kind::Object(_));
        if !is_mapping {
            self.findings.wrong(node, path, "a mapping");
        }
        is_mapping
    }

    /// The entries of an optional mapping of a study, each read by `read`.
    fn each<T>(&mut self, study: &Node, path: &str, key: &str, read: impl Fn(&mut Self, &KeyValue, &str) -> Option<T>) -> Vec<T> {
        let path = join(path, key);
        let Some(node) = study.get(key) else { return Vec::new() };
        if !self.is_mapping(node, &path) {
            return Vec::new();
        }
        node.entries().iter().filter_map(|entry| read(self, entry, &join(&path, &entry.key))).collect()
    }

    fn image(&mut self, study: &Node, path: &str) -> Option<String> {
        let container = study.get("container")?;
        let path = join(path, "container");
        if !self.is_mapping(container, &path) {
            return None;
        }
        self.findings.only(container, &path, &["image"]);
        self.doubt(container, &path, "image", acceptable::image);
        nonempty(container, &path, "image", &mut self.findings)
    }

    fn dataset(&mut self, entry: &KeyValue, path: &str) -> Option<Dataset> {
        check_name(entry, "dataset", &mut self.findings);
        if !self.is_mapping(&entry.value, path) {
            return None;
        }
        self.findings.only(&entry.value, path, &["type", "source", "mode"]);
        if let Some(kind) = entry.value.get("type").filter(|kind| kind.text() != Some("mount")) {
            let label = join(path, "type");
            if kind.text() == Some("databricks") {
                let message =
                    format!("`{label}` is `databricks`, which the Kubernetes launcher does not support: it takes `mount` alone");
                self.findings.at(kind.offset, message, Some("put the data on a claim, and write `mount`"));
            } else {
                self.findings.wrong(kind, &label, "`mount`, the one type that the Kubernetes launcher takes");
            }
        }
        dataset(&entry.key, &entry.value, path, &mut self.findings, &mut self.warnings)
    }

    fn variable(&mut self, entry: &KeyValue) {
        let shown = shown(&entry.key);
        if !entry.key_is_text || entry.key.is_empty() {
            self.findings.at(entry.key_offset, format!("`{shown}` is not the name of a variable"), Some("put it in quotes"));
        } else if RESERVED.contains(&entry.key.as_str()) {
            self.findings.at(entry.key_offset, format!("`{shown}` is set by the launcher"), Some("remove it"));
        } else {
            self.warnings.doubt(entry.key_offset, &entry.key, acceptable::variable(&entry.key));
        }
    }

    fn env(&mut self, entry: &KeyValue, path: &str) -> Option<(String, String)> {
        self.variable(entry);
        let value = match &entry.value.kind {
            Kind::Bool(value) => Some(value.to_string()),
            Kind::Number(number) => Some(number.text.clone()),
            Kind::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        };
        if value.is_none() {
            self.findings.wrong(&entry.value, path, "a string, a number or a boolean, and not empty");
        }
        Some((entry.key.clone(), value?))
    }

    fn template(&mut self, node: &Node, path: &str) -> Option<Template> {
        match &node.kind {
            Kind::Object(_) => {
                template_file::check(node, &mut self.findings, &mut self.warnings);
                Some(Template { pod: template_file::without_nulls(node), place: self.place(node.offset) })
            }
            Kind::Text(file) => {
                let Some(relative) = path::inside(file) else {
                    self.findings.wrong(node, path, "a path relative to `local/` that does not leave it");
                    return None;
                };
                let source = SitePath::local(&relative);
                let what = match self.files.file(&source) {
                    FileContent::Bytes(_) => None,
                    FileContent::Missing => Some("is missing"),
                    FileContent::Unreadable => Some("cannot be read"),
                };
                if let Some(what) = what {
                    self.findings.at(node.offset, format!("`{path}`: the file `{source}` {what}"), None);
                    return None;
                }
                self.of_templates.keep_checked(template_file::read(&source, self.files))
            }
            _ => {
                self.findings.wrong(node, path, "a mapping, or a path relative to `local/`");
                None
            }
        }
    }

    fn place(&self, offset: usize) -> Place {
        Place::position(self.file, flare_diagnostic::LineIndex::new(self.text).position(offset))
    }
}

/// Whether it is 2, or `2.0`, which is equal in Python.
fn is_two(node: &Node) -> bool {
    matches!(&node.kind, Kind::Number(number) if number.text.parse() == Ok(2.0))
}

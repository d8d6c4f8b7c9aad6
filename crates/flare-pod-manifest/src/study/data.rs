//! `study_data.yaml`: study → dataset → `{source, mode}`. The whole file is checked, for any study.

use flare_diagnostic::{Checked, Collector, Faults, shown};

use super::{
    content::{Dataset, Study},
    entries::{check_name, dataset, study_is_missing, text_of, top_mapping, warning},
};
use crate::{
    document::{Findings, KeyValue, Kind, Node, join},
    origin::Origin,
    path::SitePath,
    request::collected,
    site_files::{FileContent, SiteFiles},
    warnings::Warnings,
};

pub(super) fn resolve(study: &str, path: &SitePath, files: &SiteFiles) -> Result<Checked<Study>, Faults> {
    let file = path.to_string();
    let mut found = Collector::new();
    if matches!(files.file(path), FileContent::Missing) {
        found.push(warning(&file, format!("the study data file `{file}` is missing; no dataset is mounted")));
        return found.finish(Study::default);
    }
    let studies = found.require_checked(read_file(path, files))?;
    let datasets = datasets_of(study, studies, &file, &mut found);
    found.finish(|| Study { datasets, origin: Some(Origin::StudyData), ..Study::default() })
}

/// All studies of the file, which must exist.
pub(super) fn read_file(path: &SitePath, files: &SiteFiles) -> Result<Checked<Studies>, Faults> {
    let file = path.to_string();
    let text = text_of(files.file(path), &file)?;
    let (mut findings, mut doubts) = (Findings::new(&file, text), Warnings::new(&file, text));
    let studies = crate::document::from_yaml(text, &mut findings)
        .map(|root| read(&root, &file, &mut findings, &mut doubts))
        .unwrap_or_default();
    collected(findings, doubts).finish(|| studies)
}

pub(super) type Studies = Vec<(String, Vec<Dataset>)>;

fn read(root: &Node, file: &str, findings: &mut Findings<'_>, warnings: &mut Warnings<'_>) -> Studies {
    if root.is_null() || !top_mapping(root, file, findings) {
        return Vec::new();
    }
    root.entries().iter().map(|entry| (entry.key.clone(), read_study(entry, findings, warnings))).collect()
}

fn read_study(study: &KeyValue, findings: &mut Findings<'_>, warnings: &mut Warnings<'_>) -> Vec<Dataset> {
    check_name(study, "study", findings);
    let path = shown(&study.key);
    if !is_mapping(&study.value, &path, "a mapping of datasets", findings) {
        return Vec::new();
    }
    let read = |entry: &KeyValue| {
        check_name(entry, "dataset", findings);
        let path = join(&path, &entry.key);
        is_mapping(&entry.value, &path, "a mapping with `source` and `mode`", findings)
            .then(|| dataset(&entry.key, &entry.value, &path, findings, warnings))?
    };
    study.value.entries().iter().filter_map(read).collect()
}

fn is_mapping(node: &Node, path: &str, rule: &str, findings: &mut Findings<'_>) -> bool {
    let is_mapping = matches!(node.kind, Kind::Object(_));
    if !is_mapping {
        findings.wrong(node, path, rule);
    }
    is_mapping
}

fn datasets_of(study: &str, studies: Studies, file: &str, found: &mut Collector) -> Vec<Dataset> {
    let Some(index) = studies.iter().position(|(name, _)| name == study) else {
        let known = studies.iter().map(|(name, _)| name.as_str());
        found.extend(study_is_missing(study, known, file, "study data file; no dataset is mounted"));
        return Vec::new();
    };
    let datasets = studies.into_iter().nth(index).map(|(_, datasets)| datasets).unwrap_or_default();
    if datasets.is_empty() {
        found.push(warning(file, format!("the study `{}` has no datasets in the study data file", shown(study))));
    }
    datasets
}

//! `study_data.yaml`: study → dataset → `{source, mode}`. The whole file is checked, whichever study runs.

use flare_diagnostic::{Diagnostic, Faults};

use super::{Dataset, Study, check_name, dataset, text_of, top_mapping, warning};
use crate::{
    document::{Entry, Findings, Kind, Node, join},
    origin::Origin,
    path::SitePath,
    site_files::{FileContent, SiteFiles},
};

pub(super) fn resolve(study: &str, path: &SitePath, files: &SiteFiles, warnings: &mut Vec<Diagnostic>) -> Result<Study, Faults> {
    let file = path.to_string();
    let content = files.file(path);
    if matches!(content, FileContent::Missing) {
        warnings.push(warning(&file, format!("the study data file `{}` is missing; no dataset is mounted", file.escape_debug())));
        return Ok(Study::default());
    }
    let text = text_of(content, &file)?;
    let mut findings = Findings::new(&file, text);
    let studies = Node::from_yaml(text, &mut findings).map(|root| read(&root, &file, &mut findings)).unwrap_or_default();
    Faults::check(findings.into_sorted(), || ())?;
    Ok(Study { datasets: datasets_of(study, studies, &file, warnings), origin: Some(Origin::StudyData), ..Study::default() })
}

type Studies = Vec<(String, Vec<Dataset>)>;

fn read(root: &Node, file: &str, findings: &mut Findings<'_>) -> Studies {
    if root.is_null() || !top_mapping(root, file, findings) {
        return Vec::new();
    }
    root.entries().iter().map(|entry| (entry.key.clone(), read_study(entry, findings))).collect()
}

fn read_study(study: &Entry, findings: &mut Findings<'_>) -> Vec<Dataset> {
    check_name(study, "study", findings);
    if !is_mapping(&study.value, &study.key, "a mapping of datasets", findings) {
        return Vec::new();
    }
    let read = |entry: &Entry| {
        check_name(entry, "dataset", findings);
        let path = join(&study.key, &entry.key);
        is_mapping(&entry.value, &path, "a mapping with `source` and `mode`", findings)
            .then(|| dataset(&entry.key, &entry.value, &path, findings))?
    };
    study.value.entries().iter().filter_map(read).collect()
}

fn is_mapping(node: &Node, path: &str, rule: &str, findings: &mut Findings<'_>) -> bool {
    let is_mapping = matches!(node.kind, Kind::Object(_));
    if !is_mapping {
        findings.wrong(node, &path.escape_debug().to_string(), rule);
    }
    is_mapping
}

fn datasets_of(study: &str, studies: Studies, file: &str, warnings: &mut Vec<Diagnostic>) -> Vec<Dataset> {
    let shown = study.escape_debug();
    if studies.is_empty() {
        warnings.push(warning(file, format!("the study data file holds no study; no dataset is mounted for `{shown}`")));
        return Vec::new();
    }
    let Some((_, datasets)) = studies.into_iter().find(|(name, _)| name == study) else {
        warnings.push(warning(file, format!("the study `{shown}` is not in the study data file; no dataset is mounted")));
        return Vec::new();
    };
    if datasets.is_empty() {
        warnings.push(warning(file, format!("the study `{shown}` has no datasets in the study data file")));
    }
    datasets
}

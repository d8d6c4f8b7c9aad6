//! The whole decision, step by step.

use std::fmt;

use flare_diagnostic::{Checked, Collector, Faults};
use serde_json::{Value, json};

use crate::{
    additions::Additions,
    explain::Explanation,
    pod::{LauncherPart, Merged},
    request::LaunchRequest,
    secrets,
    site_files::SiteFiles,
    study,
};

/// The pod of a job at a site, and its Secrets.
///
/// The Secrets hold private keys, and for 2.8 the pod holds tokens: the `Debug` form shows names only.
#[derive(Clone, PartialEq)]
pub struct Manifest {
    /// A `v1` Pod as Kubernetes JSON.
    pub pod: Value,
    /// `v1` Secrets: the startup Secret of the site, for 2.9 also the credential Secret of the job.
    pub secrets: Vec<Value>,
    /// Where each field came from.
    pub explanation: Explanation,
}

impl Manifest {
    /// `{"pod": …, "secrets": […]}`: the `data` of the machine-readable envelope.
    pub fn to_json(&self) -> Value {
        json!({ "pod": self.pod, "secrets": self.secrets })
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let secrets: Vec<_> = self.secrets.iter().map(name).collect();
        formatter.debug_struct("Manifest").field("pod", &name(&self.pod)).field("secrets", &secrets).finish_non_exhaustive()
    }
}

/// Decides what FLARE's launcher would ask Kubernetes for, with our additions.
///
/// `files` holds what [`LaunchRequest::needed_files`] names; [`SiteFiles::gather`] fills it. The same input gives the same
/// bytes.
///
/// # Errors
/// Every fault of a study file, in file order, with line and column; a job without image; a pod template that cannot take
/// the launcher's part.
pub fn manifest(request: &LaunchRequest, files: &SiteFiles, additions: &Additions) -> Result<Checked<Manifest>, Faults> {
    let (mut found, mut warnings) = (Collector::new(), Vec::new());
    let mut explanation = Explanation::default();
    let study = study::resolve(request, files, &mut warnings);
    found.extend(warnings.drain(..));
    let study = found.require(study)?;
    let part = found.require(LauncherPart::decide(request, &study, &mut explanation))?;
    let mut merged = found.require(Merged::new(part, study.template.as_ref(), &mut explanation))?;
    found.extend(merged.warnings.drain(..));
    additions.apply(&mut merged, request, &mut explanation);
    let mut secrets = secrets::of(request, files, additions, &mut explanation, &mut warnings);
    found.extend(warnings);
    additions.mark_secrets(&mut secrets, request);
    found.finish(|| Manifest { pod: Value::Object(merged.pod), secrets, explanation })
}

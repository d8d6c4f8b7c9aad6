//! The whole decision, step by step.

use std::{collections::BTreeMap, fmt, time::Duration};

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, Place};
use serde_json::{Value, json};

use crate::{
    additions::Additions,
    explain::Explanation,
    hidden::Hidden,
    pod::{LauncherPart, Merged},
    request::LaunchRequest,
    secrets, site_defaults,
    site_files::SiteFiles,
    study,
};

/// The pod of a job at a site, and its Secrets.
///
/// The Secrets contain private keys, and for 2.8 the pod contains tokens: the `Debug` form shows only names.
#[derive(Clone, PartialEq)]
pub struct Manifest {
    /// A `v1` Pod as Kubernetes JSON.
    pub pod: Value,
    /// `v1` Secrets: the startup Secret of the site, for 2.9 also the credential Secret of the job.
    pub secrets: Vec<Value>,
    /// Where each field came from.
    pub explanation: Explanation,
    /// The namespace in which FLARE's launcher asks for the pod, whether the pod says so or not.
    pub namespace: String,
    /// The name of the job's container among those of the pod.
    pub container: String,
    /// How long the pod may wait before its job runs, by the job's word, else the site's, else the launcher's default of 120 s;
    /// [`Duration::MAX`] for ever.
    pub pending_timeout: Duration,
    /// The job's keys that make it bring its own code at the site (`image`, `python_path`): its policy decides whether it is deployed.
    /// Empty for releases without that rule.
    pub own_code: Vec<String>,
    /// What must not be seen of what the job prints.
    pub hidden: Hidden,
}

impl Manifest {
    /// `{"pod": …, "secrets": […]}`: the `data` of the machine-readable envelope.
    pub fn to_json(&self) -> Value {
        json!({ "pod": self.pod, "secrets": self.secrets })
    }
}

/// Paths at which the main container mounts more than one volume, each once.
fn mounted_twice(merged: &Merged) -> impl Iterator<Item = String> {
    let mut seen = BTreeMap::<&str, usize>::new();
    let container = merged.pod.get("spec").and_then(|spec| spec.get("containers")?.get(merged.main));
    let mounts = container.and_then(|container| container.get("volumeMounts")?.as_array());
    for path in mounts.into_iter().flatten().filter_map(|mount| mount.get("mountPath")?.as_str()) {
        *seen.entry(path).or_default() += 1;
    }
    let twice: Vec<_> = seen.into_iter().filter(|(_, count)| *count > 1).map(|(path, _)| path.to_owned()).collect();
    twice.into_iter()
}

fn doubled_mount(path: &str, request: &LaunchRequest) -> Diagnostic {
    let message = format!("two volumes are mounted at `mount_path` `{path}`: Kubernetes refuses the pod");
    let hint = "give each dataset, secret mount and volume of the pod template a path of its own";
    Diagnostic::warning(Code::Notice, message).hint(hint).at(Place::file(&request.file))
}

impl fmt::Debug for Manifest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let secrets: Vec<_> = self.secrets.iter().map(name).collect();
        formatter.debug_struct("Manifest").field("pod", &name(&self.pod)).field("secrets", &secrets).finish_non_exhaustive()
    }
}

/// Decides which objects FLARE's launcher would create in Kubernetes, with the additions of flare-kube.
///
/// `files` has the files that [`LaunchRequest::needed_files`] names; [`SiteFiles::gather`] fills it. The same input gives the
/// same bytes.
///
/// # Errors
/// Every fault of a study file, in file order, with line and column; a job without image; a pod template that cannot be merged
/// with the launcher's part.
pub fn manifest(request: &LaunchRequest, files: &SiteFiles, additions: &Additions) -> Result<Checked<Manifest>, Faults> {
    let mut found = Collector::new();
    let mut explanation = Explanation::default();
    let study = found.require_checked(study::resolve(request, files))?;
    let part = found.require(LauncherPart::decide(request, &study, &mut explanation))?;
    let mut merged = found.require_checked(Merged::new(part, study.template.as_ref(), &mut explanation))?;
    found.extend(mounted_twice(&merged).map(|path| doubled_mount(&path, request)));
    site_defaults::apply(&request.pod_defaults, &mut merged, &mut explanation);
    additions.apply(&mut merged, request, &mut explanation);
    let mut secrets = secrets::of(request, files, additions, &mut explanation, &mut found);
    additions.mark_secrets(&mut secrets, request);
    let hidden = Hidden::of(request);
    found.finish(|| Manifest {
        pod: Value::Object(merged.pod),
        secrets,
        explanation,
        namespace: request.namespace().to_owned(),
        container: request.job.container_name.clone(),
        pending_timeout: request.job.k8s.pending_timeout.unwrap_or(request.launcher.pending_timeout),
        own_code: if request.target.capabilities().own_image_is_own_code { request.job.k8s.own_code.clone() } else { Vec::new() },
        hidden,
    })
}

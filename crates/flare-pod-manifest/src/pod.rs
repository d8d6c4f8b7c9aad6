//! Step 3: makes the launcher's part of the pod from a request and its study, and merges it with the template.

mod args;
mod env;
mod resources;
mod template;
mod volumes;

use flare_diagnostic::{Code, Diagnostic, Faults, Place, shown};
pub use resources::GPU_RESOURCE;
use serde_json::{Map, Value};
pub(crate) use template::Merged;

use crate::{
    explain::Explanation,
    origin::{Origin, Sourced},
    request::LaunchRequest,
    study::Study,
};

/// What the launcher decides about a pod, before any template.
pub(crate) struct LauncherPart {
    pub(crate) pod_name: String,
    pub(crate) namespace: String,
    pub(crate) container_name: String,
    pub(crate) image: String,
    pub(crate) pull_policy: Sourced<&'static str>,
    pub(crate) python: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<Value>,
    pub(crate) resources: Value,
    pub(crate) volumes: Vec<Value>,
    pub(crate) mounts: Vec<Value>,
    pub(crate) pull_secrets: Vec<Value>,
    pub(crate) security_context: Option<Map<String, Value>>,
}

impl LauncherPart {
    /// Decides everything. Fails only if there is no image.
    pub(crate) fn decide(request: &LaunchRequest, study: &Study, explanation: &mut Explanation) -> Result<Self, Faults> {
        let image = image(request, study).ok_or_else(|| no_image(request));
        let python = request.job.k8s.python_path.clone().unwrap_or_else(|| request.launcher.python_path.clone());
        explanation.add("metadata.name", request.job.pod_name.as_str(), Origin::Job);
        // An invalid reference may contain a password.
        let shown_image = image.as_ref().map(|image| match crate::acceptable::image(&image.value) {
            None => image.value.as_str(),
            Some(_) => "(not shown: no valid image reference)",
        });
        if let (Ok(image), Ok(shown)) = (&image, shown_image) {
            explanation.container("image", shown, image.origin);
        }
        explanation.container("command", &python.value, python.origin);
        let args = args::of(request, explanation);
        let resources = resources::of(request, explanation);
        let volumes = volumes::of(request, study, explanation);
        let env = env::of(request, study, explanation);
        explain_pod_fields(request, explanation);
        Ok(Self {
            pod_name: request.job.pod_name.to_string(),
            namespace: request.launcher.namespace.value.clone(),
            container_name: request.job.container_name.clone(),
            image: image?.value,
            pull_policy: match request.pod_defaults.image_pull_policy {
                Some(policy) => Sourced::new(policy.as_str(), Origin::SiteDefault),
                None => Sourced::new("Always", Origin::LauncherDefault),
            },
            python: python.value,
            args,
            env,
            resources,
            volumes: volumes.volumes,
            mounts: volumes.mounts,
            pull_secrets: request.launcher.image_pull_secrets.iter().map(|name| serde_json::json!({ "name": name })).collect(),
            security_context: request.launcher.security_context.clone(),
        })
    }
}

/// The job's image, otherwise the study's, which is the site's default.
fn image(request: &LaunchRequest, study: &Study) -> Option<Sourced<String>> {
    let of_study = || study.image.clone().map(|image| Sourced::new(image, Origin::StudyRuntime));
    request.job.k8s.image.clone().or_else(of_study)
}

fn no_image(request: &LaunchRequest) -> Faults {
    let site = shown(&request.site);
    let message = format!("the job has no `image` for the site `{site}`");
    let fourth = if request.target.capabilities().study_runtime_file {
        ", or `studies.<study>.container.image` in local/study_runtime.yaml"
    } else {
        ""
    };
    let message = match request.job.unmatched_images.as_slice() {
        [] => message,
        places => format!("{message}: what stands at `{}` does not count", places.join("`, `")),
    };
    let hint = format!(
        "set `launcher_spec[\"{site}\"].k8s.image`, `launcher_spec.default.k8s.image`, \
         `resource_spec[\"{site}\"].k8s.image` (the older place){fourth}"
    );
    Diagnostic::error(Code::InvalidLaunchRequest, message).hint(hint).at(Place::file(&request.file)).into()
}

fn explain_pod_fields(request: &LaunchRequest, explanation: &mut Explanation) {
    explanation.add("namespace", request.namespace(), request.launcher.namespace.origin);
    explanation.add("spec.restartPolicy", "Never", Origin::Launcher);
    if !request.launcher.image_pull_secrets.is_empty() {
        explanation.add("spec.imagePullSecrets", request.launcher.image_pull_secrets.join(", "), Origin::Site);
    }
    if let Some(context) = &request.launcher.security_context {
        explanation.add("spec.securityContext", Value::Object(context.clone()).to_string(), Origin::Site);
    }
}

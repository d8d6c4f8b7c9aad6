//! The input of a launcher: a manifest that is parsed, so that it cannot cause an error later.

use std::fmt;

use flare_cluster::DynamicObject;
use flare_diagnostic::{Code, Diagnostic};
use flare_names::labels::{COMPONENT, carries, component};
use flare_pod_manifest::{Hidden, Manifest};
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use crate::{Limits, ours};

/// A job pod to create, with its Secrets.
///
/// It contains keys and tokens, so `Debug` shows only names.
#[derive(Clone)]
pub struct JobPod {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) container: String,
    pub(crate) job: String,
    pub(crate) site: String,
    /// The pod, including fields that this program does not know.
    pub(crate) pod: DynamicObject,
    /// The site's Secret.
    pub(crate) startup: Vec<Secret>,
    /// The Secrets of only this job.
    pub(crate) credentials: Vec<Secret>,
    pub(crate) hidden: Hidden,
    pub(crate) limits: Limits,
}

impl fmt::Debug for JobPod {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JobPod").field("namespace", &self.namespace).field("name", &self.name).finish_non_exhaustive()
    }
}

impl JobPod {
    /// Reads a manifest, including its limit for how long the pod may wait.
    ///
    /// # Errors
    ///
    /// `INVALID_LAUNCH_REQUEST` if the pod lacks the labels of flare-kube, by which it is watched, or is not a Kubernetes object.
    pub fn new(manifest: &Manifest) -> Result<Self, Diagnostic> {
        let Some((job, site)) = ours::job_and_site(manifest) else {
            let [managed, component] = ours::JOB_LABELS.map(|(name, _)| name);
            let message =
                format!("the pod has not the labels by which flare-kube finds its job pods (`{managed}`, `{component}`)");
            return Err(Diagnostic::error(Code::InvalidLaunchRequest, message)
                .hint("take these labels out of the pod template's `metadata`"));
        };
        let mut pod: DynamicObject = read(&manifest.pod, "the pod")?;
        pod.metadata.namespace = Some(manifest.namespace.clone());
        let mut startup = Vec::new();
        let mut credentials = Vec::new();
        for secret in &manifest.secrets {
            let secret: Secret = read(secret, "a Secret of the pod")?;
            let is_of_job = carries(secret.metadata.labels.as_ref(), &[(COMPONENT, component::JOB)]);
            if is_of_job { credentials.push(secret) } else { startup.push(secret) }
        }
        Ok(Self {
            namespace: manifest.namespace.clone(),
            name: pod.metadata.name.clone().unwrap_or_default(),
            container: manifest.container.clone(),
            job,
            site,
            pod,
            startup,
            credentials,
            hidden: manifest.hidden.clone(),
            limits: Limits::with_pending(Some(manifest.pending_timeout)),
        })
    }

    /// Replaces the limits of its phases.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The limits of its phases.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The pod's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the job's container.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// The namespace in which it is created.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Removes the job's tokens from a fault, since an API server quotes what it refuses.
    pub(crate) fn hide(&self, fault: Diagnostic) -> Diagnostic {
        Diagnostic { message: self.hidden.hide(&fault.message).into_owned(), ..fault }
    }
}

/// Reads a Kubernetes object. The error does not contain serde's message, which may quote a value.
fn read<T: for<'de> k8s_openapi::serde::Deserialize<'de>>(object: &Value, what: &str) -> Result<T, Diagnostic> {
    T::deserialize(object).map_err(|_| {
        Diagnostic::error(Code::InvalidLaunchRequest, format!("{what} is not a Kubernetes object"))
            .hint("correct the types of the values in the pod template")
    })
}

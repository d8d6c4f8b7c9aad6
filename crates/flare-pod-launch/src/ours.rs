//! Recognises flare-kube's job pods, and the job of each.

use flare_names::{
    JOB_CONTAINER_PREFIX,
    labels::{self, COMPONENT, JOB_ID, MANAGED_BY, SITE, STUDY, component},
};
use flare_pod_manifest::{CREDENTIALS_PREFIX, Hidden, Manifest};
use k8s_openapi::api::core::v1::Pod;

/// The labels of every job pod of flare-kube, by which a launcher selects them.
pub const JOB_LABELS: [(&str, &str); 2] = [MANAGED_BY, (COMPONENT, component::JOB)];

/// The label selector of job pods and their Secrets.
pub(crate) fn selector() -> String {
    labels::selector(&JOB_LABELS)
}

/// A job pod in the cluster, with only the fields that are needed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPod {
    /// Its name.
    pub pod: String,
    /// Its uid.
    pub uid: String,
    /// The raw id of its job; empty if the pod lacks it.
    pub job: String,
    /// The raw name of its site; empty if the pod lacks it.
    pub site: String,
    /// Its study.
    pub study: Option<String>,
    /// Its phase in Kubernetes.
    pub phase: String,
    /// The container of the job.
    pub container: String,
    /// Secrets that belong to it.
    pub credentials: Vec<String>,
    /// Whether it is being deleted.
    pub is_being_deleted: bool,
    /// When it was created.
    pub created: Option<jiff::Timestamp>,
}

impl KnownPod {
    /// Reads a pod; `None` if it has no name yet or is not a job pod of flare-kube.
    pub(crate) fn of(pod: &Pod) -> Option<Self> {
        let metadata = &pod.metadata;
        if !labels::carries(metadata.labels.as_ref(), &JOB_LABELS) {
            return None;
        }
        let annotation = |name: &str| metadata.annotations.as_ref()?.get(name).cloned();
        let (job, site) = (annotation(JOB_ID).unwrap_or_default(), annotation(SITE).unwrap_or_default());
        Self::read(pod, job, site, annotation(STUDY))
    }

    /// Reads a job pod of FLARE's own launcher, which has neither labels nor annotations (defect 18): its job is known by its container's name.
    pub(crate) fn of_flares_launcher(pod: &Pod, site: &str) -> Option<Self> {
        let container = job_container(pod);
        let id = container.strip_prefix(JOB_CONTAINER_PREFIX)?;
        // The ids of FLARE are UUIDs, and names have a `j` before a leading digit.
        let job = id.strip_prefix('j').unwrap_or(id).to_owned();
        Self::read(pod, job, site.to_owned(), None)
    }

    fn read(pod: &Pod, job: String, site: String, study: Option<String>) -> Option<Self> {
        let metadata = &pod.metadata;
        Some(Self {
            pod: metadata.name.clone()?,
            uid: metadata.uid.clone()?,
            job,
            site,
            study,
            phase: pod.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default(),
            container: job_container(pod),
            credentials: credentials(pod),
            is_being_deleted: metadata.deletion_timestamp.is_some(),
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
        })
    }

    /// Whether the pod belongs to this job at this site.
    pub(crate) fn is_of(&self, job: &str, site: &str) -> bool {
        self.job == job && self.site == site
    }
}

/// The job's container by FLARE's naming rule, since a pod template may add other containers; otherwise the first one. Empty for a pod
/// without containers.
pub fn job_container(pod: &Pod) -> String {
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let named = containers.iter().find(|container| container.name.starts_with(JOB_CONTAINER_PREFIX));
    named.or(containers.first()).map(|container| container.name.clone()).unwrap_or_default()
}

/// The Secrets with the credentials of a pod's job.
pub(crate) fn credentials(pod: &Pod) -> Vec<String> {
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let variables = containers.iter().flat_map(|container| container.env.iter().flatten());
    let secrets = variables.filter_map(|variable| Some(&variable.value_from.as_ref()?.secret_key_ref.as_ref()?.name));
    let mut names: Vec<String> = secrets.filter(|name| name.starts_with(CREDENTIALS_PREFIX)).cloned().collect();
    names.sort();
    names.dedup();
    names
}

/// The tokens that a pod itself contains.
pub(crate) fn tokens(pod: &Pod) -> Hidden {
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    containers.iter().fold(Hidden::default(), |found, container| {
        let env = container.env.iter().flatten();
        let env = env.filter_map(|variable| Some((variable.name.as_str(), variable.value.as_deref()?)));
        found.and(Hidden::of_process(container.args.as_deref().unwrap_or_default(), env))
    })
}

/// Job and site of a manifest, from its annotations.
pub(crate) fn job_and_site(manifest: &Manifest) -> Option<(String, String)> {
    let metadata = &manifest.pod["metadata"];
    let labelled = JOB_LABELS.iter().all(|(name, value)| metadata["labels"][name] == *value);
    let annotation = |name: &str| metadata["annotations"][name].as_str().map(str::to_owned);
    Some((annotation(JOB_ID)?, annotation(SITE)?)).filter(|_| labelled)
}

//! Recognises the job pods of one participant, whichever launcher started them.

use flare_names::{JOB_CONTAINER_PREFIX, ParticipantNames, Role, launcher_site};
use k8s_openapi::api::core::v1::Pod;

use crate::{KnownPod, KnownSecret};

/// A participant whose job pods are looked for.
#[derive(Debug, Clone, Copy)]
pub struct JobPodMatcher<'names> {
    site: &'names str,
    job_pod_suffix: &'names str,
    startup_secret: &'names str,
}

impl<'names> JobPodMatcher<'names> {
    /// The participant with these names. `site` is the name under which its parent process runs.
    pub fn new(role: Role, site: &'names str, names: &'names ParticipantNames) -> Self {
        Self {
            site: launcher_site(role, site),
            job_pod_suffix: &names.job_pod_suffix,
            startup_secret: names.startup_secret.as_str(),
        }
    }

    /// Whether a pod runs a job of this participant. Those of flare-kube's launcher are known by labels and annotation, and never taken
    /// from another site. Those of FLARE's launcher have no label and no owner (defect 18), so name, container and mounted Secret must
    /// all be the participant's.
    pub fn runs(&self, pod: &Pod) -> bool {
        match KnownPod::of(pod) {
            Some(known) => known.site == self.site,
            None => self.runs_by_flares_launcher(pod).is_some_and(|runs| runs),
        }
    }

    /// Reads a pod that runs a job of this participant; `None` for any other.
    pub(crate) fn read(&self, pod: &Pod) -> Option<KnownPod> {
        if !self.runs(pod) {
            return None;
        }
        KnownPod::of(pod).or_else(|| KnownPod::of_flares_launcher(pod, self.site))
    }

    /// Whether a Secret of flare-kube's launcher belongs to this participant.
    pub fn owns(&self, secret: &KnownSecret) -> bool {
        secret.site == self.site
    }

    fn runs_by_flares_launcher(&self, pod: &Pod) -> Option<bool> {
        let name = pod.metadata.name.as_deref()?;
        let job = name.strip_suffix(self.job_pod_suffix)?.strip_suffix('-').filter(|job| !job.is_empty())?;
        let spec = pod.spec.as_ref()?;
        // The pod's name contains the beginning of the id, the container's name the whole id.
        let is_of_job = |name: &str| name.strip_prefix(JOB_CONTAINER_PREFIX).is_some_and(|id| id.starts_with(job));
        let mut mounted = spec.volumes.iter().flatten().filter_map(|volume| volume.secret.as_ref()?.secret_name.as_deref());
        let runs_job = spec.containers.iter().any(|container| is_of_job(&container.name));
        Some(runs_job && mounted.any(|secret| secret == self.startup_secret))
    }
}

#[cfg(test)]
mod tests {
    use flare_names::ServiceName;
    use serde_json::{Value, json};

    use super::*;

    const JOB: &str = "j9c0d6b1e-7a52-4a39-8f0e-1b2c3d4e5f60";

    fn is_of_server(pod: &Value) -> bool {
        let service = ServiceName::new("nvflare-server").expect("a name");
        let names = ParticipantNames::derive(Role::Server, "server1.example.com", "server1.example.com", &service);
        let pod = serde_json::from_value(pod.clone()).expect("a pod");
        JobPodMatcher::new(Role::Server, "server1.example.com", &names).runs(&pod)
    }

    #[test]
    fn a_job_pod_of_flare_is_known_by_name_container_and_secret_together() {
        let pod = |name: &str, container: &str, secret: &str| {
            json!({"metadata": {"name": name, "uid": "u"}, "spec": {"containers": [{"name": container}],
                "volumes": [{"name": "w", "emptyDir": {}}, {"name": "s", "secret": {"secretName": secret}}]}})
        };
        let (name, container, secret) =
            (format!("{JOB}-server-b3eacd33"), format!("container-{JOB}"), "nvflare-startup-server-b3eacd33");
        assert!(is_of_server(&pod(&name, &container, secret)));
        // The name contains only the beginning of a long id.
        assert!(is_of_server(&pod("j9c0d6b1e-server-b3eacd33", &container, secret)));
        assert!(!is_of_server(&pod(&format!("{JOB}-site-1-c828b91c"), &container, secret)), "another site's");
        assert!(!is_of_server(&pod(&name, "main", secret)), "no job");
        assert!(!is_of_server(&pod(&name, &container, "other")), "another participant of that name");
        assert!(!is_of_server(&pod("-server-b3eacd33", "container-", secret)));
        assert!(!is_of_server(&json!({"metadata": {"name": name, "uid": "u"}})));
    }

    #[test]
    fn a_job_pod_of_flare_is_read_with_the_id_of_its_job() {
        let names = ParticipantNames::derive(Role::Client, "site-1", "site-1", &ServiceName::new("site-1").expect("a name"));
        let site = JobPodMatcher::new(Role::Client, "site-1", &names);
        let (name, secret) = (format!("{JOB}-{}", names.job_pod_suffix), names.startup_secret.as_str());
        let pod = json!({"metadata": {"name": name, "uid": "u"}, "status": {"phase": "Running"}, "spec": {
            "containers": [{"name": "proxy"}, {"name": format!("container-{JOB}")}],
            "volumes": [{"name": "s", "secret": {"secretName": secret}}]}});
        let known = site.read(&serde_json::from_value(pod).expect("a pod")).expect("it runs a job of the site");
        assert_eq!((known.pod, known.container), (name, format!("container-{JOB}")));
        assert_eq!((known.job.as_str(), known.site.as_str(), known.phase.as_str()), (&JOB[1..], "site-1", "Running"));
        let parent = json!({"metadata": {"name": "site-1-7c9d", "uid": "u"}, "spec": {"containers": [{"name": "site-1"}]}});
        assert_eq!(site.read(&serde_json::from_value(parent).expect("a pod")), None);
    }

    #[test]
    fn a_job_pod_of_ours_is_known_by_its_labels_and_never_taken_from_another_site() {
        let pod = |site: &str| {
            json!({"metadata": {"name": format!("{JOB}-server-b3eacd33"), "uid": "u", "annotations": {"flare-kube/site": site},
                "labels": {"app.kubernetes.io/managed-by": "flare-kube", "app.kubernetes.io/component": "job"}},
                "spec": {"containers": [{"name": format!("container-{JOB}")}],
                    "volumes": [{"name": "s", "secret": {"secretName": "nvflare-startup-server-b3eacd33"}}]}})
        };
        assert!(is_of_server(&pod("server")));
        assert!(!is_of_server(&pod("site-1")));
    }
}

//! The job pods and Secrets that a participant's launcher left. Those of flare-kube's launcher are found by labels, those of FLARE's
//! launcher by name, container and mounted Secret together, since they have no label and no owner (defects 18, 20).

use flare_cluster::{
    Cluster, Selection,
    k8s_openapi::api::core::v1::{Pod, Secret},
};
use flare_diagnostic::Diagnostic;
use flare_names::Role;
use flare_site_plan::SitePlan;

/// Labels of the objects of flare-kube's launcher.
const OURS: &str = "app.kubernetes.io/managed-by=flare-kube,app.kubernetes.io/part-of=nvflare";

/// Annotation with the raw name of the site.
const SITE: &str = "flare-kube/site";

/// The prefix of the names of FLARE's Secrets with a job's credentials (2.9), followed by job id and site.
const CREDENTIALS: &str = "nvflare-cred-";

/// An object with its uid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) uid: Option<String>,
}

/// The existing objects.
#[derive(Debug, Default)]
pub(super) struct Launched {
    pub(super) pods: Vec<Seen>,
    pub(super) secrets: Vec<Seen>,
}

/// Finds them. Secrets are read by name, or listed by flare-kube's labels; no other Secret in the namespace is read.
pub(super) async fn find(cluster: &Cluster, plan: &SitePlan) -> Result<Launched, Diagnostic> {
    let namespace = plan.namespace.as_str();
    let pods = cluster.namespaced::<Pod>(namespace).list(&Selection::default()).await?;
    let pods: Vec<&Pod> = pods.iter().filter(|pod| is_job_pod(plan, pod)).collect();
    let secrets = cluster.namespaced::<Secret>(namespace);
    let mut found: Vec<Secret> =
        secrets.list(&Selection::labelled(OURS)).await?.into_iter().filter(|secret| is_of_site(plan, &secret.metadata)).collect();
    let credentials = pods.iter().filter_map(|pod| pod.metadata.name.as_deref()).map(|name| format!("{CREDENTIALS}{name}"));
    for name in credentials.chain([plan.names.startup_secret.to_string()]) {
        let is_known = found.iter().any(|secret| secret.metadata.name.as_deref() == Some(&name));
        if !is_known {
            found.extend(secrets.find(&name).await?);
        }
    }
    Ok(Launched {
        pods: pods.iter().filter_map(|pod| seen(&pod.metadata)).collect(),
        secrets: found.iter().filter_map(|secret| seen(&secret.metadata)).collect(),
    })
}

type Metadata = flare_cluster::k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

fn seen(metadata: &Metadata) -> Option<Seen> {
    Some(Seen { name: metadata.name.clone()?, uid: metadata.uid.clone() })
}

/// The name under which the participant's launcher works.
fn site(plan: &SitePlan) -> &str {
    match plan.role {
        Role::Server => "server",
        Role::Client => &plan.site,
    }
}

fn is_of_site(plan: &SitePlan, metadata: &Metadata) -> bool {
    metadata.annotations.as_ref().and_then(|annotations| annotations.get(SITE)).is_some_and(|found| found == site(plan))
}

fn is_labelled(metadata: &Metadata) -> bool {
    let labels = metadata.labels.as_ref();
    OURS.split(',')
        .filter_map(|label| label.split_once('='))
        .all(|(key, value)| labels.is_some_and(|labels| labels.get(key).is_some_and(|found| found == value)))
}

/// Whether a pod belongs to a job of this participant.
fn is_job_pod(plan: &SitePlan, pod: &Pod) -> bool {
    if is_labelled(&pod.metadata) {
        return is_of_site(plan, &pod.metadata);
    }
    let Some(name) = pod.metadata.name.as_deref() else { return false };
    let Some(id) = name.strip_suffix(plan.names.job_pod_suffix.as_str()).and_then(|id| id.strip_suffix('-')) else {
        return false;
    };
    let Some(spec) = &pod.spec else { return false };
    // The pod's name contains the beginning of the id, the container's name the whole id.
    let runs_job = spec
        .containers
        .iter()
        .any(|container| container.name.strip_prefix("container-").is_some_and(|job| !id.is_empty() && job.starts_with(id)));
    let mut secrets = spec.volumes.iter().flatten().filter_map(|volume| volume.secret.as_ref()?.secret_name.as_deref());
    runs_job && secrets.any(|secret| secret == plan.names.startup_secret.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const JOB: &str = "j9c0d6b1e-7a52-4a39-8f0e-1b2c3d4e5f60";

    fn plan() -> SitePlan {
        serde_json::from_str(include_str!("../../../../crates/flare-helm-chart/tests/plans/server-2.8.json")).unwrap()
    }

    fn is_of_us(pod: &Value) -> bool {
        is_job_pod(&plan(), &serde_json::from_value(pod.clone()).unwrap())
    }

    #[test]
    fn a_job_pod_of_flare_is_known_by_name_container_and_secret_together() {
        let pod = |name: &str, container: &str, secret: &str| {
            json!({"metadata": {"name": name}, "spec": {"containers": [{"name": container}],
                "volumes": [{"name": "w", "emptyDir": {}}, {"name": "s", "secret": {"secretName": secret}}]}})
        };
        let (name, container, secret) =
            (format!("{JOB}-server-b3eacd33"), format!("container-{JOB}"), "nvflare-startup-server-b3eacd33");
        assert!(is_of_us(&pod(&name, &container, secret)));
        // The name contains only the beginning of a long id.
        assert!(is_of_us(&pod("j9c0d6b1e-server-b3eacd33", &container, secret)));
        assert!(!is_of_us(&pod(&format!("{JOB}-site-1-c828b91c"), &container, secret)), "another site's");
        assert!(!is_of_us(&pod(&name, "main", secret)), "no job");
        assert!(!is_of_us(&pod(&name, &container, "other")), "another participant of that name");
        assert!(!is_of_us(&pod("-server-b3eacd33", "container-", secret)));
        assert!(!is_of_us(&json!({"metadata": {"name": name}})));
    }

    #[test]
    fn a_job_pod_of_ours_is_known_by_its_labels_and_never_taken_from_another_site() {
        let pod = |site: &str| {
            json!({"metadata": {"name": format!("{JOB}-server-b3eacd33"), "annotations": {SITE: site},
                "labels": {"app.kubernetes.io/managed-by": "flare-kube", "app.kubernetes.io/part-of": "nvflare"}}})
        };
        assert!(is_of_us(&pod("server")));
        assert!(!is_of_us(&pod("site-1")));
    }
}

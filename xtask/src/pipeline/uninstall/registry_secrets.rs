//! The Secrets with registry credentials that `install --create-pull-secret` made for a participant, and who else pulls images with them.

use flare_cluster::{
    Cluster, Selection,
    k8s_openapi::{
        api::{
            apps::v1::Deployment,
            core::v1::{Pod, PodSpec, Secret},
        },
        apimachinery::pkg::apis::meta::v1::ObjectMeta,
    },
    pod_state::has_ended,
};
use flare_diagnostic::{Code, Collector, Diagnostic};
use flare_names::labels::{self, component};
use flare_pod_launch::JobPodMatcher;
use flare_site_plan::SitePlan;

use super::launched::{Seen, seen};

/// The existing Secrets.
#[derive(Debug, Default)]
pub(super) struct RegistrySecrets {
    /// Those that only this participant uses.
    pub(super) own: Vec<Seen>,
    /// A notice about each one that stays, since others use it.
    pub(super) shared: Collector,
}

/// Finds them. Participants with the same credentials share one, which is labelled as that of the first.
pub(super) async fn find(cluster: &Cluster, plan: &SitePlan) -> Result<RegistrySecrets, Diagnostic> {
    let (namespace, deployment) = (plan.namespace.as_str(), plan.names.deployment.as_str());
    let selection = Selection::labelled(labels::selector(&[
        labels::MANAGED_BY,
        (labels::COMPONENT, component::REGISTRY_CREDENTIALS),
        (labels::PARTICIPANT, deployment),
    ]));
    let secrets = cluster.namespaced::<Secret>(namespace).list(&selection).await?;
    let mut found = RegistrySecrets::default();
    if secrets.is_empty() {
        return Ok(found);
    }
    let pods = cluster.namespaced::<Pod>(namespace).list(&Selection::default()).await?;
    let deployments = match cluster.namespaced::<Deployment>(namespace).list(&Selection::default()).await {
        // Then the pods tell, which an uninstallation has to list anyway.
        Err(fault) if fault.code == Code::PermissionDenied => Vec::new(),
        deployments => deployments?,
    };
    let jobs = JobPodMatcher::new(plan.role, &plan.site, &plan.names);
    let others = Others { deployment, deployments: &deployments, pods: &pods, is_own_job: &|pod| jobs.runs(pod) };
    for seen in secrets.iter().filter_map(|secret| seen(&secret.metadata)) {
        match others.user(&seen.name) {
            None => found.own.push(seen),
            Some(user) => found.shared.push(stays(&seen.name, &user, namespace)),
        }
    }
    Ok(found)
}

/// What is in the namespace besides a participant.
struct Others<'api> {
    /// The participant's own Deployment.
    deployment: &'api str,
    deployments: &'api [Deployment],
    pods: &'api [Pod],
    is_own_job: &'api dyn Fn(&Pod) -> bool,
}

impl Others<'_> {
    /// Somebody else who pulls images with a Secret, such as `Deployment site-2`.
    fn user(&self, secret: &str) -> Option<String> {
        let is_other = |metadata: &ObjectMeta| metadata.name.as_deref() != Some(self.deployment);
        let mut deployments = self.deployments.iter().filter(|one| is_other(&one.metadata));
        let deployment = deployments.find(|one| template(one).is_some_and(|spec| names(spec, secret)));
        let mut pods = self.pods.iter().filter(|pod| !self.is_own(pod) && !has_ended(pod));
        let pod = pods.find(|pod| pod.spec.as_ref().is_some_and(|spec| names(spec, secret)));
        let named = |kind: &str, metadata: &ObjectMeta| Some(format!("{kind} {}", metadata.name.as_deref()?));
        deployment.and_then(|one| named("Deployment", &one.metadata)).or_else(|| named("Pod", &pod?.metadata))
    }

    /// Whether a pod is one of the participant's parent or jobs, or a helper pod, which ends by itself.
    fn is_own(&self, pod: &Pod) -> bool {
        let found = pod.metadata.labels.as_ref();
        labels::carries(found, &[(labels::NAME, self.deployment)])
            || labels::carries(found, &[labels::MANAGED_BY, (labels::COMPONENT, component::STAGE)])
            || (self.is_own_job)(pod)
    }
}

fn template(deployment: &Deployment) -> Option<&PodSpec> {
    deployment.spec.as_ref()?.template.spec.as_ref()
}

fn names(spec: &PodSpec, secret: &str) -> bool {
    spec.image_pull_secrets.iter().flatten().any(|one| one.name == secret)
}

fn stays(secret: &str, user: &str, namespace: &str) -> Diagnostic {
    let message = format!("the Secret `{secret}` with registry credentials stays, since {user} names it too");
    Diagnostic::warning(Code::Notice, message)
        .hint(format!("once nobody needs it, `kubectl delete secret {secret} --namespace {namespace}` removes it"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn deployment(name: &str, secret: &str) -> Deployment {
        let template = json!({"spec": {"containers": [], "imagePullSecrets": [{"name": "other"}, {"name": secret}]}});
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": {"selector": {}, "template": template}})).unwrap()
    }

    fn pod(name: &str, labels: &Value, phase: &str) -> Pod {
        let spec = json!({"containers": [], "imagePullSecrets": [{"name": "site-1-registry"}]});
        serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"phase": phase}}))
            .unwrap()
    }

    #[test]
    fn a_secret_that_another_participant_names_stays_and_one_of_ones_own_goes() {
        let own = deployment("site-1", "site-1-registry");
        let user = |deployments: &[Deployment], pods: &[Pod]| {
            let is_own_job = |pod: &Pod| pod.metadata.name.as_deref() == Some("j1-site-1");
            Others { deployment: "site-1", deployments, pods, is_own_job: &is_own_job }.user("site-1-registry")
        };
        let none = json!({});
        let (parent, helper) = (
            json!({"app.kubernetes.io/name": "site-1"}),
            json!({"app.kubernetes.io/managed-by": "flare-kube", "app.kubernetes.io/component": "stage"}),
        );
        let of_own = [
            pod("site-1-7d", &parent, "Running"),
            pod("j1-site-1", &none, "Running"),
            pod("flare-kube-stage-1", &helper, "Pending"),
            pod("ended", &none, "Succeeded"),
        ];
        assert_eq!(user(&[own.clone(), deployment("site-2", "site-2-registry")], &of_own), None);
        let other = deployment("site-2", "site-1-registry");
        assert_eq!(user(&[own.clone(), other], &of_own).as_deref(), Some("Deployment site-2"));
        assert_eq!(user(&[own], &[pod("j2-site-2", &none, "Pending")]).as_deref(), Some("Pod j2-site-2"));
        let notice = stays("site-1-registry", "Deployment site-2", "fl");
        assert!(notice.hint.unwrap().contains("kubectl delete secret site-1-registry --namespace fl"));
    }
}

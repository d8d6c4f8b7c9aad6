//! The job pods and Secrets that a participant's launcher left (defect 20).

use flare_cluster::{
    Cluster, Selection,
    k8s_openapi::{
        api::core::v1::{Pod, Secret},
        apimachinery::pkg::apis::meta::v1::ObjectMeta,
    },
};
use flare_diagnostic::Diagnostic;
use flare_pod_launch::{JobPodMatcher, KnownSecret};
use flare_pod_manifest::credentials_secret;
use flare_site_plan::SitePlan;

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

impl Launched {
    /// What a later look found that this one did not: one that has the same name and another uid was made since.
    pub(super) fn only_in(&self, later: Self) -> Self {
        let since = |known: &[Seen], found: Vec<Seen>| found.into_iter().filter(|one| !known.contains(one)).collect();
        Self { pods: since(&self.pods, later.pods), secrets: since(&self.secrets, later.secrets) }
    }
}

/// Finds them. Secrets are read by name, or listed by flare-kube's labels; no other Secret in the namespace is read.
pub(super) async fn find(cluster: &Cluster, plan: &SitePlan) -> Result<Launched, Diagnostic> {
    let namespace = plan.namespace.as_str();
    let participant = JobPodMatcher::new(plan.role, &plan.site, &plan.names);
    let pods = cluster.namespaced::<Pod>(namespace).list(&Selection::default()).await?;
    let pods: Vec<&Pod> = pods.iter().filter(|pod| participant.runs(pod)).collect();
    let secrets = cluster.namespaced::<Secret>(namespace);
    let is_of_participant = |secret: &Secret| KnownSecret::of(secret).is_some_and(|known| participant.owns(&known));
    let mut found = secrets.list(&KnownSecret::selection()).await?;
    found.retain(is_of_participant);
    let credentials = pods.iter().filter_map(|pod| pod.metadata.name.as_deref()).map(credentials_secret);
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

pub(super) fn seen(metadata: &ObjectMeta) -> Option<Seen> {
    Some(Seen { name: metadata.name.clone()?, uid: metadata.uid.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_launched_between_two_looks_is_known_by_its_uid() {
        let seen = |names: &[(&str, &str)]| -> Vec<Seen> {
            names.iter().map(|(name, uid)| Seen { name: (*name).to_owned(), uid: Some((*uid).to_owned()) }).collect()
        };
        let first = Launched { pods: seen(&[("j1-site-1", "1")]), secrets: seen(&[("startup", "2"), ("j1-site-1-creds", "3")]) };
        let later = Launched { pods: seen(&[("j2-site-1", "4")]), secrets: seen(&[("startup", "5"), ("j1-site-1-creds", "3")]) };
        let since = first.only_in(later);
        assert_eq!((since.pods, since.secrets), (seen(&[("j2-site-1", "4")]), seen(&[("startup", "5")])));
    }
}

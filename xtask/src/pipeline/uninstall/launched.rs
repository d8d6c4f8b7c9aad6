//! The job pods and Secrets that a participant's launcher left (defect 20).

use flare_cluster::{
    Cluster, Selection,
    k8s_openapi::{
        api::core::v1::{Pod, Secret},
        apimachinery::pkg::apis::meta::v1::ObjectMeta,
    },
};
use flare_diagnostic::{Code, Diagnostic};
use flare_pod_launch::{JobPodMatcher, KnownSecret};
use flare_pod_manifest::credentials_secret;
use flare_site_plan::SitePlan;

use crate::pipeline::other_server;

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
    /// Why some stay.
    pub(super) notice: Option<Diagnostic>,
}

impl Launched {
    /// What a later look found that this one did not: one that has the same name and another uid was made since.
    pub(super) fn only_in(&self, later: Self) -> Self {
        let since = |known: &[Seen], found: Vec<Seen>| found.into_iter().filter(|one| !known.contains(one)).collect();
        Self { pods: since(&self.pods, later.pods), secrets: since(&self.secrets, later.secrets), notice: later.notice }
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
    let pods: Vec<_> = pods.iter().filter_map(|pod| seen(&pod.metadata)).collect();
    let secrets: Vec<_> = found.iter().filter_map(|secret| seen(&secret.metadata)).collect();
    if let Some(name) = pods.first().or(secrets.first()).map(|one| &one.name)
        && let Some(other) = other_server::find(cluster, plan).await?
    {
        return Ok(Launched { notice: Some(stays(name, &other, namespace)), ..Launched::default() });
    }
    Ok(Launched { pods, secrets, notice: None })
}

fn stays(name: &str, other: &str, namespace: &str) -> Diagnostic {
    let message = format!(
        "job pods of servers and their Secrets stay, such as `{name}`: they may belong to the server `{other}`, which runs here too"
    );
    Diagnostic::warning(Code::Notice, message)
        .hint(format!("once no job of `{other}` runs, delete them: `kubectl get pods --namespace {namespace}` lists the pods"))
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
        let launched =
            |pods: &[(&str, &str)], secrets: &[(&str, &str)]| Launched { pods: seen(pods), secrets: seen(secrets), notice: None };
        let first = launched(&[("j1-site-1", "1")], &[("startup", "2"), ("j1-site-1-creds", "3")]);
        let later = launched(&[("j2-site-1", "4")], &[("startup", "5"), ("j1-site-1-creds", "3")]);
        let since = first.only_in(later);
        assert_eq!((since.pods, since.secrets), (seen(&[("j2-site-1", "4")]), seen(&[("startup", "5")])));
    }
}

//! Orphans: pods and Secrets of jobs that nobody else removes.

use std::{task::Poll, time::Duration};

use flare_cluster::{Cluster, DeleteOptions, Selection};
use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_names::{
    Role, SERVER_MODULE,
    labels::{COMPONENT, MANAGED_BY, SITE, carries, component},
    launcher_site,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{Pod, Secret},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use tokio::time::Instant;

use crate::{KnownPod, ours};

/// A Secret that is younger may belong to a pod that is being created: that takes as long as the API server may fail ([`crate::Limits::blind`]),
/// and where that tells no time, the local clock may be ahead of the cluster's.
const YOUNG: SignedDuration = SignedDuration::from_mins(15);

/// The state of the parent of the job pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParentState {
    /// It runs, or its state is unknown.
    MayRun,
    /// Its Deployment does not exist.
    Missing,
    /// Its Deployment is scaled to 0.
    ScaledDown,
}

impl ParentState {
    fn reason(self) -> Option<&'static str> {
        match self {
            Self::MayRun => None,
            Self::Missing => Some("its parent is not there any more"),
            Self::ScaledDown => Some("its parent is scaled down, and will not know it again"),
        }
    }
}

/// A Secret that flare-kube's launcher created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSecret {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The raw name of its site.
    pub site: String,
    /// Whether it belongs to one job; otherwise to all jobs of the site.
    pub is_of_job: bool,
    /// When it was created, or last replaced: a launch replaces the Secret that an earlier one left behind.
    pub created: Option<Timestamp>,
}

impl KnownSecret {
    /// Selects the Secrets of flare-kube's launcher, and no other Secret.
    pub fn selection() -> Selection {
        let (managed_by, flare_kube) = MANAGED_BY;
        Selection::labelled(format!("{managed_by}={flare_kube},{COMPONENT} in ({},{})", component::JOB, component::STARTUP_KIT))
    }

    /// Reads a Secret; `None` if it has no name yet or flare-kube's launcher did not create it.
    pub fn of(secret: &Secret) -> Option<Self> {
        let metadata = &secret.metadata;
        if !carries(metadata.labels.as_ref(), &[MANAGED_BY]) {
            return None;
        }
        let is_of_job = match metadata.labels.as_ref()?.get(COMPONENT)?.as_str() {
            component::JOB => true,
            component::STARTUP_KIT => false,
            _ => return None,
        };
        Some(Self {
            name: metadata.name.clone()?,
            uid: metadata.uid.clone()?,
            site: metadata.annotations.as_ref().and_then(|all| all.get(SITE)).cloned().unwrap_or_default(),
            is_of_job,
            created: last_written(metadata),
        })
    }
}

fn last_written(metadata: &ObjectMeta) -> Option<Timestamp> {
    let written = metadata.managed_fields.iter().flatten().filter_map(|fields| fields.time.as_ref());
    written.chain(&metadata.creation_timestamp).map(|time| time.0).max()
}

/// An object that is no longer needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// `Pod` or `Secret`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its uid; only this object is deleted.
    pub uid: String,
    /// Why it is no longer needed.
    pub reason: String,
}

/// Finds the orphans among job pods and Secrets: pods first, each kind sorted by name.
pub(crate) fn orphans(pods: &[KnownPod], secrets: &[KnownSecret], parent: ParentState, now: Timestamp) -> Vec<Orphan> {
    let why = |pod: &KnownPod| match pod.phase.as_str() {
        phase @ ("Succeeded" | "Failed") => Some(format!("its job has ended ({phase})")),
        _ => parent.reason().map(str::to_owned),
    };
    let mut found: Vec<Orphan> = Vec::new();
    for pod in pods {
        if let Some(reason) = why(pod) {
            found.push(Orphan { kind: "Pod", name: pod.pod.clone(), uid: pod.uid.clone(), reason });
        }
    }
    for secret in secrets {
        let is_young = secret.created.is_some_and(|created| now.duration_since(created) < YOUNG);
        let pod = pods.iter().find(|pod| pod.credentials.contains(&secret.name));
        let reason = match (secret.is_of_job, pod) {
            (true, None) if !is_young => Some("its pod is not there".to_owned()),
            (true, Some(pod)) => why(pod).map(|_| format!("it belongs to the pod {}", pod.pod)),
            (true, None) => None,
            (false, _) => {
                let is_used = pods.iter().any(|pod| pod.site == secret.site && why(pod).is_none());
                parent.reason().filter(|_| !is_used).map(str::to_owned)
            }
        };
        if let Some(reason) = reason {
            found.push(Orphan { kind: "Secret", name: secret.name.clone(), uid: secret.uid.clone(), reason });
        }
    }
    found.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
    found
}

/// Finds the orphans in a namespace, or of one site with its parent's Deployment.
///
/// # Errors
///
/// The API server refuses a list or cannot be reached.
pub async fn find_orphans(
    cluster: &Cluster,
    namespace: &str,
    of: Option<(&str, &str)>,
    now: Timestamp,
) -> Result<Vec<Orphan>, Diagnostic> {
    let is_meant = |site: &str| of.is_none_or(|(of, _)| of == site);
    // Secrets are listed before pods, so that the pod of every listed Secret is seen.
    let secrets = cluster.namespaced::<Secret>(namespace).list(&KnownSecret::selection()).await?;
    let pods = cluster.namespaced::<Pod>(namespace).list(&Selection::labelled(ours::selector())).await?;
    let parent = match of {
        Some((site, deployment)) => parent_state(cluster, namespace, site, deployment).await?,
        None => ParentState::MayRun,
    };
    let pods: Vec<_> = pods.iter().filter_map(KnownPod::of).filter(|pod| is_meant(&pod.site)).collect();
    let secrets: Vec<_> = secrets.iter().filter_map(KnownSecret::of).filter(|secret| is_meant(&secret.site)).collect();
    // The age of a Secret is a matter of the cluster's clock, as long as the API server tells it.
    Ok(orphans(&pods, &secrets, parent, cluster.time().unwrap_or(now)))
}

/// The state of a site's parent. The job pods of all servers have the same site, so another server in the namespace may be their parent.
async fn parent_state(cluster: &Cluster, namespace: &str, site: &str, deployment: &str) -> Result<ParentState, Diagnostic> {
    let deployments = cluster.namespaced::<Deployment>(namespace);
    let state = match deployments.find(deployment).await? {
        None => ParentState::Missing,
        Some(found) if is_scaled_down(&found) => ParentState::ScaledDown,
        Some(_) => return Ok(ParentState::MayRun),
    };
    if site != launcher_site(Role::Server, site) {
        return Ok(state);
    }
    Ok(if another_server(cluster, namespace, deployment).await?.is_some() { ParentState::MayRun } else { state })
}

/// The name of a Deployment that runs another server of FLARE than this one in the namespace, whoever wrote its chart. The job pods of all
/// servers have the same site and names, so they may be of that server.
///
/// # Errors
///
/// The API server refuses the list or cannot be reached.
pub async fn another_server(cluster: &Cluster, namespace: &str, deployment: &str) -> Result<Option<String>, Diagnostic> {
    let deployments = cluster.namespaced::<Deployment>(namespace).list(&Selection::default()).await?;
    let mut servers = deployments.iter().filter(|found| runs_server(found)).filter_map(|found| found.metadata.name.as_deref());
    Ok(servers.find(|name| *name != deployment).map(str::to_owned))
}

fn is_scaled_down(deployment: &Deployment) -> bool {
    deployment.spec.as_ref().and_then(|spec| spec.replicas) == Some(0)
}

/// Whether a Deployment runs a server of FLARE.
fn runs_server(deployment: &Deployment) -> bool {
    let spec = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let containers = spec.into_iter().flat_map(|spec| &spec.containers);
    let mut words = containers.flat_map(|container| container.command.iter().chain(&container.args).flatten());
    !is_scaled_down(deployment) && words.any(|word| word.contains(SERVER_MODULE))
}

/// Deletes exactly these orphans, not other objects with their names, and waits until they are gone.
///
/// # Errors
///
/// An error for each orphan that could not be deleted or is not gone within `limit`.
pub async fn delete_orphans(cluster: &Cluster, namespace: &str, orphans: &[Orphan], limit: Duration) -> Result<(), Faults> {
    let mut faults = Vec::new();
    let end = Instant::now() + limit;
    let (pods, secrets) = (cluster.namespaced::<Pod>(namespace), cluster.namespaced::<Secret>(namespace));
    for orphan in orphans {
        let deletion = DeleteOptions { uid: Some(orphan.uid.clone()), ..DeleteOptions::default() };
        let deleted = match orphan.kind {
            "Pod" => pods.delete(&orphan.name, &deletion).await,
            _ => secrets.delete(&orphan.name, &deletion).await,
        };
        faults.extend(deleted.err());
    }
    Faults::check(faults, || ())?;
    let orphans = || orphans.iter().filter(|orphan| orphan.kind == "Pod");
    let Some(first) = orphans().next() else { return Ok(()) };
    let mut left = first.name.clone();
    let none = |pods: &[&Pod]| {
        let is_there = |orphan: &&Orphan| pods.iter().any(|pod| pod.metadata.uid.as_deref() == Some(&orphan.uid));
        match orphans().find(is_there) {
            Some(orphan) => {
                left.clone_from(&orphan.name);
                Poll::Pending
            }
            None => Poll::Ready(Ok(())),
        }
    };
    let selection = Selection::labelled(ours::selector());
    let ended = pods.wait_for_all(&selection, end.saturating_duration_since(Instant::now()), "the end of the pods", none).await;
    ended.map_err(|fault| match fault.code {
        Code::TimedOut => Diagnostic::error(Code::TimedOut, format!("the pod `{left}` is being deleted and is still there"))
            .hint("its node does not answer, or a finalizer keeps it: `kubectl describe pod` shows which")
            .into(),
        _ => fault.into(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn now() -> Timestamp {
        "2026-11-28T12:00:00Z".parse().expect("a time")
    }

    fn pod(name: &str, phase: &str) -> KnownPod {
        KnownPod {
            pod: name.into(),
            uid: format!("u-{name}"),
            job: name.into(),
            site: "site-1".into(),
            study: None,
            phase: phase.into(),
            container: "c".into(),
            credentials: vec![flare_pod_manifest::credentials_secret(name)],
            is_being_deleted: false,
            created: None,
        }
    }

    fn secret(name: &str, is_of_job: bool, age: i64) -> KnownSecret {
        let created = Some(now() - SignedDuration::from_secs(age));
        KnownSecret { name: name.into(), uid: format!("u-{name}"), site: "site-1".into(), is_of_job, created }
    }

    fn found(parent: ParentState) -> Vec<String> {
        let pods = [pod("done", "Succeeded"), pod("runs", "Running"), pod("waits", "Pending")];
        let secrets = [
            secret("nvflare-cred-done", true, 900),
            secret("nvflare-cred-runs", true, 900),
            secret("nvflare-cred-nobodys", true, 900),
            secret("nvflare-cred-young", true, 60),
            secret("nvflare-cred-waits-for-its-predecessor", true, 600),
            secret("nvflare-cred-made-while-the-clock-was-ahead", true, -120),
            secret("nvflare-startup-site-1", false, 900),
        ];
        let orphans = orphans(&pods, &secrets, parent, now());
        orphans.into_iter().map(|orphan| format!("{} {}: {}", orphan.kind, orphan.name, orphan.reason)).collect()
    }

    #[test]
    fn what_a_living_parent_may_need_is_no_orphan() {
        assert_eq!(
            found(ParentState::MayRun),
            [
                "Pod done: its job has ended (Succeeded)",
                "Secret nvflare-cred-done: it belongs to the pod done",
                "Secret nvflare-cred-nobodys: its pod is not there",
            ]
        );
    }

    #[test]
    fn without_its_parent_everything_of_a_site_is_an_orphan_but_what_may_be_on_its_way() {
        let lines = found(ParentState::Missing);
        assert_eq!(lines.len(), 7, "{lines:#?}");
        assert!(!lines.iter().any(|line| line.contains("young")), "{lines:#?}");
        assert!(lines.contains(&"Secret nvflare-startup-site-1: its parent is not there any more".to_owned()), "{lines:#?}");
    }

    #[test]
    fn a_secret_is_as_old_as_its_last_replacement() {
        let time = |minute| now() - SignedDuration::from_mins(minute);
        let known = |fields: &Value| {
            let secret = json!({"metadata": {"name": "nvflare-cred-a", "uid": "u", "creationTimestamp": time(60).to_string(),
                "labels": {"app.kubernetes.io/managed-by": "flare-kube", "app.kubernetes.io/component": "job"}, "managedFields": fields}});
            KnownSecret::of(&serde_json::from_value(secret).unwrap()).unwrap()
        };
        assert_eq!(known(&Value::Null).created, Some(time(60)));
        let replaced = known(&json!([{"time": time(60).to_string()}, {"time": time(1).to_string()}, {}]));
        assert_eq!(replaced.created, Some(time(1)));
        assert!(orphans(&[], &[replaced], ParentState::Missing, now()).is_empty(), "its pod may be on its way");
    }

    #[test]
    fn a_server_of_flare_is_known_by_its_program() {
        let deployment = |replicas: Option<i32>, container: &Value| {
            let template = json!({"spec": {"containers": [container]}});
            let deployment = json!({"spec": {"replicas": replicas, "selector": {}, "template": template}});
            runs_server(&serde_json::from_value(deployment).unwrap())
        };
        let server = json!({"name": "server", "args": ["-u", "-m", "nvflare.private.fed.app.server.server_train"]});
        assert!(deployment(Some(1), &server) && deployment(None, &server));
        assert!(!deployment(Some(0), &server), "it is scaled down");
        let command =
            json!({"name": "server", "command": ["sh", "-c", "exec python3 -m nvflare.private.fed.app.server.server_train"]});
        assert!(deployment(Some(1), &command));
        let client = json!({"name": "client", "args": ["-u", "-m", "nvflare.private.fed.app.client.client_train"]});
        assert!(!deployment(Some(1), &client));
        assert!(!runs_server(&Deployment::default()));
    }
}

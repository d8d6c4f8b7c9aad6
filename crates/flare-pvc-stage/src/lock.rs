//! A lock on a claim: a Lease that its holder renews, and that others may take when it is no longer renewed.
//!
//! Clocks of different machines are not compared: a lock has expired if it did not change while it was observed for its whole lifetime.

use std::time::Duration;

use flare_cluster::{Cluster, Deletion, Objects, Write, k8s_openapi::api::coordination::v1::Lease};
use flare_diagnostic::{Code, Diagnostic};
use serde_json::json;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

/// The lifetime of a lock that is not renewed.
const LIFE: Duration = Duration::from_secs(15);

/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(4);

/// How often a lock that is held is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The prefix of the names of all Leases.
const PREFIX: &str = "flare-kube-stage-";

/// The maximum length of an object's name.
const LONGEST_NAME: usize = 253;

/// The name of a claim's Lease. The claim's name may already have the maximum length.
pub(crate) fn name(claim: &str) -> String {
    format!("{PREFIX}{}", flare_names::stable(claim, LONGEST_NAME - PREFIX.len()))
}

/// A lock that is held until it is released or this process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    cluster: Cluster,
    namespace: String,
    name: String,
    uid: Option<String>,
    renewing: JoinHandle<()>,
}

impl Lock {
    /// Takes the lock of a claim. If it is held, waits until it is free, or as long as it takes to see whether its holder renews it.
    pub(crate) async fn take(cluster: &Cluster, namespace: &str, claim: &str, holder: &str) -> Result<Self, Diagnostic> {
        let name = name(claim);
        let taken = Self::take_lease(&cluster.namespaced::<Lease>(namespace), claim, &name, holder).await?;
        let uid = taken.metadata.uid.clone();
        let renewing = tokio::spawn(renew(cluster.clone(), namespace.to_owned(), name.clone(), holder.to_owned(), taken));
        Ok(Self { cluster: cluster.clone(), namespace: namespace.to_owned(), name, uid, renewing })
    }

    /// Others may take, renew and release the lock between any two requests.
    async fn take_lease(leases: &Objects<Lease>, claim: &str, name: &str, holder: &str) -> Result<Lease, Diagnostic> {
        let begin = Instant::now();
        let mut first: Option<Lease> = None;
        loop {
            match leases.create(&lease(name, holder, None, 0), Write::default()).await {
                Err(fault) if fault.code == Code::ObjectConflict => {}
                created => return created,
            }
            let found = leases.find(name).await?;
            if begin.elapsed() < LIFE {
                first = first.or(found);
                sleep(LOOK).await;
                continue;
            }
            let version = found.as_ref().and_then(|lease| lease.metadata.resource_version.as_deref());
            let unchanged = first.as_ref().and_then(|lease| lease.metadata.resource_version.as_deref()) == version;
            if version.is_none() || !unchanged {
                return Err(busy(found.as_ref(), claim));
            }
            return match leases.replace(name, &lease(name, holder, version, 0)).await {
                Err(fault) if matches!(fault.code, Code::ObjectConflict | Code::ObjectNotFound) => {
                    Err(busy(found.as_ref(), claim))
                }
                replaced => replaced,
            };
        }
    }

    /// Releases the lock if it is still held.
    pub(crate) async fn release(self) -> Result<(), Diagnostic> {
        self.renewing.abort();
        let deletion = Deletion { uid: self.uid.clone(), ..Deletion::default() };
        self.cluster.namespaced::<Lease>(&self.namespace).delete(&self.name, &deletion).await.map(|_| ())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

fn busy(lease: Option<&Lease>, claim: &str) -> Diagnostic {
    let holder = lease.and_then(|lease| lease.spec.as_ref()?.holder_identity.as_deref());
    let who = holder.map_or("another run".to_owned(), |holder| format!("the run `{holder}`"));
    Diagnostic::error(Code::StageLocked, format!("{who} is at work on the claim `{claim}`"))
        .hint("wait until that run has ended; a run that was killed frees the claim within a minute")
}

/// Updates the Lease periodically, so that others see that its holder runs. Stops if somebody else took it.
async fn renew(cluster: Cluster, namespace: String, name: String, holder: String, mut held: Lease) {
    let leases = cluster.namespaced::<Lease>(&namespace);
    for count in 1.. {
        sleep(RENEWAL).await;
        match leases.replace(&name, &lease(&name, &holder, held.metadata.resource_version.as_deref(), count)).await {
            Ok(renewed) => held = renewed,
            Err(fault) if matches!(fault.code, Code::ObjectConflict | Code::ObjectNotFound) => return,
            Err(_) => {}
        }
    }
}

fn lease(name: &str, holder: &str, version: Option<&str>, renewals: u32) -> Lease {
    let lease = json!({"metadata": {"name": name, "resourceVersion": version, "labels": {"app.kubernetes.io/managed-by": "flare-kube"},
            "annotations": {"flare-kube/renewals": renewals.to_string()}},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": LIFE.as_secs()}});
    serde_json::from_value(lease).expect("the fields above are those of a Lease")
}

#[cfg(test)]
mod tests {
    use flare_names::SecretName;

    #[test]
    fn every_claim_has_a_lease_of_its_own_with_a_name_that_is_accepted() {
        assert_eq!(super::name("nvflws"), "flare-kube-stage-nvflws");
        let long = "c".repeat(252);
        let names = [format!("{long}a"), format!("{long}b"), "a.b".to_owned(), "a-b".to_owned()].map(|claim| super::name(&claim));
        for (index, name) in names.iter().enumerate() {
            assert!(SecretName::new(name.as_str()).is_ok(), "{name}");
            assert!(!names[..index].contains(name), "{name}");
        }
    }
}

//! A lock on a claim: a Lease that its holder renews, and that others may take when it is no longer renewed.
//!
//! Clocks of different machines are not compared: a lock has expired if it did not change while it was observed for its whole lifetime.

use std::{sync::Arc, time::Duration};

use flare_cluster::{Cluster, DeleteOptions, Objects, WriteOptions, k8s_openapi::api::coordination::v1::Lease};
use flare_diagnostic::{Code, Diagnostic};
use flare_names::labels::{MANAGED_BY, RENEWALS};
use serde_json::json;
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep},
};

/// The lifetime of a lock that is not renewed.
const LIFE: Duration = if cfg!(test) { Duration::from_secs(1) } else { Duration::from_secs(15) };

/// How often it is renewed.
const RENEWAL: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(4) };

/// How often a release is tried.
const RELEASES: u32 = 3;

/// How long after each try a request that was interrupted may arrive.
const ARRIVAL: Duration = Duration::from_millis(300);

/// How often a lock that is held is looked at.
const LOOK: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(1) };

/// The prefix of the names of all Leases.
const PREFIX: &str = "flare-kube-stage-";

/// The maximum length of an object's name.
const LONGEST_NAME: usize = 253;

/// The name of a claim's Lease. The claim's name may already have the maximum length.
pub(crate) fn name(claim: &str) -> String {
    format!("{PREFIX}{}", flare_names::stable(claim, LONGEST_NAME - PREFIX.len()))
}

/// A lock that, once it is taken, is held until it is released or this process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    cluster: Cluster,
    namespace: String,
    claim: String,
    name: String,
    holder: String,
    /// `None` until it is known to be taken.
    renewing: Option<JoinHandle<()>>,
}

impl Lock {
    /// The lock of a claim, which is not taken yet.
    pub(crate) fn new(cluster: &Cluster, namespace: &str, claim: &str, holder: &str) -> Self {
        let (namespace, name, holder) = (namespace.to_owned(), name(claim), holder.to_owned());
        Self { cluster: cluster.clone(), namespace, claim: claim.to_owned(), name, holder, renewing: None }
    }

    /// Takes it. If it is held, waits until it is free, or as long as it takes to see whether its holder renews it. `lost` is notified if
    /// somebody else takes it later, for instance while this machine was suspended.
    pub(crate) async fn take(&mut self, lost: Arc<Notify>) -> Result<(), Diagnostic> {
        let leases = self.leases();
        let taken = Self::take_lease(&leases, &self.claim, &self.name, &self.holder).await?;
        self.renewing = Some(tokio::spawn(renew(leases, self.name.clone(), self.holder.clone(), taken, lost)));
        Ok(())
    }

    /// Whether it is about to be taken, and not known to be.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.renewing.is_none()
    }

    /// Fails if somebody else has taken it. Asked before something begins that must not happen beside another run.
    pub(crate) async fn confirm(&self) -> Result<(), Diagnostic> {
        let found = self.leases().find(&self.name).await?;
        if is_of(found.as_ref(), &self.holder) { Ok(()) } else { Err(lost(&self.claim)) }
    }

    fn leases(&self) -> Objects<Lease> {
        self.cluster.namespaced::<Lease>(&self.namespace)
    }

    /// Others may take, renew and release the lock between any two requests.
    async fn take_lease(leases: &Objects<Lease>, claim: &str, name: &str, holder: &str) -> Result<Lease, Diagnostic> {
        let begin = Instant::now();
        let mut first: Option<Lease> = None;
        loop {
            match leases.create(&lease(name, holder, None, 0), WriteOptions::default()).await {
                Err(fault) if fault.code == Code::ObjectConflict => {}
                created => return created,
            }
            let found = leases.find(name).await?;
            // The answer to its creation was lost.
            if let Some(own) = found.clone().filter(|found| is_of(Some(found), holder)) {
                return Ok(own);
            }
            if begin.elapsed() < LIFE {
                first = first.or(found);
                sleep(LOOK).await;
                continue;
            }
            if found.is_none() {
                // It was released just now.
                continue;
            }
            let version = found.as_ref().and_then(|lease| lease.metadata.resource_version.as_deref());
            let unchanged = first.as_ref().and_then(|lease| lease.metadata.resource_version.as_deref()) == version;
            if version.is_none() || !unchanged {
                return Err(busy(found.as_ref(), claim));
            }
            return match leases.replace(name, &lease(name, holder, version, 0)).await {
                Err(fault) if matches!(fault.code, Code::ObjectConflict | Code::ObjectNotFound) => {
                    let found = leases.find(name).await?;
                    // Otherwise, the answer was lost, and sending it again was the conflict.
                    if is_of(found.as_ref(), holder) { Ok(found.unwrap_or_default()) } else { Err(busy(found.as_ref(), claim)) }
                }
                replaced => replaced,
            };
        }
    }

    /// Releases the lock if it is held, also if it was only about to be taken.
    pub(crate) async fn release(self) -> Result<(), Diagnostic> {
        self.stop_renewing();
        // Its last renewal may still arrive after it was read.
        for _ in 0..RELEASES {
            let Some(found) = self.leases().find(&self.name).await?.filter(|found| is_of(Some(found), &self.holder)) else {
                if self.renewing.is_some() {
                    break;
                }
                // So may the request that takes it.
                sleep(ARRIVAL).await;
                continue;
            };
            let Lease { metadata, .. } = found;
            let deletion = DeleteOptions { uid: metadata.uid, version: metadata.resource_version, ..DeleteOptions::default() };
            if self.leases().delete(&self.name, &deletion).await? {
                break;
            }
        }
        Ok(())
    }

    fn stop_renewing(&self) {
        if let Some(renewing) = &self.renewing {
            renewing.abort();
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.stop_renewing();
    }
}

fn busy(lease: Option<&Lease>, claim: &str) -> Diagnostic {
    let holder = lease.and_then(|lease| lease.spec.as_ref()?.holder_identity.as_deref());
    let who = holder.map_or("another run".to_owned(), |holder| format!("the run `{holder}`"));
    Diagnostic::error(Code::StageLocked, format!("{who} is at work on the claim `{claim}`"))
        .hint("wait until that run has ended; a run that was killed frees the claim within a minute")
}

/// The fault of a run whose lock somebody else took.
pub(crate) fn lost(claim: &str) -> Diagnostic {
    let message = format!("the lock of the claim `{claim}` was taken by another run, since this one did not renew it in time");
    Diagnostic::error(Code::StageLocked, message)
        .hint("wait until the other run has ended and look at its result; it finishes or undoes what this one began")
}

/// The fault of a run whose time ended before it had the lock.
pub(crate) fn late(claim: &str, what: &str, deadline: Duration) -> Diagnostic {
    let message =
        format!("the {what} did not begin within {} s: it waits for the lock of the claim `{claim}`", deadline.as_secs());
    Diagnostic::error(Code::TimedOut, message)
        .hint("wait until the other run has ended (one that was killed frees the claim within a minute), or give more time with `--timeout`")
}

fn is_of(lease: Option<&Lease>, holder: &str) -> bool {
    lease.and_then(|lease| lease.spec.as_ref()?.holder_identity.as_deref()) == Some(holder)
}

/// Updates the Lease periodically, so that others see that its holder runs, until somebody else took it.
async fn renew(leases: Objects<Lease>, name: String, holder: String, mut held: Lease, lost: Arc<Notify>) {
    for count in 1.. {
        sleep(RENEWAL).await;
        match leases.replace(&name, &lease(&name, &holder, held.metadata.resource_version.as_deref(), count)).await {
            Ok(renewed) => held = renewed,
            Err(fault) if matches!(fault.code, Code::ObjectConflict | Code::ObjectNotFound) => match leases.find(&name).await {
                // The answer to the last renewal was lost.
                Ok(Some(found)) if is_of(Some(&found), &holder) => held = found,
                Ok(_) => return lost.notify_one(),
                Err(_) => {}
            },
            Err(_) => {}
        }
    }
}

fn lease(name: &str, holder: &str, version: Option<&str>, renewals: u32) -> Lease {
    let lease = json!({"metadata": {"name": name, "resourceVersion": version, "labels": {MANAGED_BY.0: MANAGED_BY.1},
            "annotations": {RENEWALS: renewals.to_string()}},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": LIFE.as_secs()}});
    serde_json::from_value(lease).expect("the fields above are those of a Lease")
}

#[cfg(test)]
mod tests;

//! What stagings onto a volume leave in a namespace, taken away: helper pods, the Lease, and the note on the claim. The volume itself
//! is not touched.

use std::{future::Future, time::Duration};

use flare_cluster::{
    Cluster, Operation,
    k8s_openapi::api::{
        coordination::v1::Lease,
        core::v1::{PersistentVolumeClaim, Pod},
    },
};
use flare_diagnostic::{Checked, Faults};
use flare_prepared_kit::PreparedKit;

use crate::{
    Owner, Removed, Unstaged,
    bounded::bounded,
    claim::{self, Note},
    helper_pod,
    lock::{self, Lock},
};

/// How it is removed.
#[derive(Debug, Clone)]
pub struct VolumeUnstageOptions {
    /// Changes nothing.
    pub dry_run: bool,
    /// How long all of it may take.
    pub deadline: Duration,
    /// Names this run: small letters and digits, unique.
    pub run: String,
}

/// Removes what stagings of this kit's participant left around its claim. `stop` ends it early; the next run goes on.
///
/// # Errors
/// Every permission that is missing, before anything is changed; `VOLUME_NOT_OURS` where the claim holds another participant's kit;
/// `STAGE_LOCKED`, `TIMED_OUT`, `INTERRUPTED`, and what flare-cluster says.
pub async fn unstage_volume(
    cluster: &Cluster,
    kit: &PreparedKit,
    options: &VolumeUnstageOptions,
    stop: impl Future<Output = ()>,
) -> Result<Checked<Unstaged>, Faults> {
    bounded(options.deadline, "the removal", stop, Box::pin(all(cluster, kit, options))).await
}

async fn all(cluster: &Cluster, kit: &PreparedKit, options: &VolumeUnstageOptions) -> Result<Checked<Unstaged>, Faults> {
    let (namespace, name) = (kit.plan().namespace.as_str(), kit.plan().workspace.claim.as_str());
    cluster.check_access(&needed(namespace)).await?;
    let note = match cluster.namespaced::<PersistentVolumeClaim>(namespace).find(name).await? {
        Some(found) => claim::noted(&found, &Owner::of(kit)),
        None => Note::Nothing,
    };
    if let Note::Other(owner) = &note {
        return Err(claim::not_ours(name, owner).into());
    }
    let mut removed = Vec::new();
    let pods = helper_pod::of_claim(cluster, namespace, name).await?;
    removed.extend(pods.into_iter().map(|name| Removed { kind: "Pod", name }));
    if cluster.namespaced::<Lease>(namespace).find(&lock::name(name)).await?.is_some() {
        removed.push(Removed { kind: "Lease", name: lock::name(name) });
    }
    if note == Note::Ours {
        removed.push(Removed { kind: "annotations of PersistentVolumeClaim", name: name.to_owned() });
    }
    if !options.dry_run && !removed.is_empty() {
        let lock = Lock::take(cluster, namespace, name, &format!("unstage-{}", options.run)).await?;
        helper_pod::clear(cluster, namespace, name, options.deadline).await?;
        if note == Note::Ours {
            claim::note(cluster, namespace, name, None).await?;
        }
        lock.release().await?;
    }
    Ok(Checked::clean(Unstaged { namespace: namespace.to_owned(), removed }))
}

fn needed(namespace: &str) -> Vec<Operation> {
    let at = Some(namespace);
    let mut needed: Vec<_> = ["list", "watch", "delete"].map(|verb| Operation::on::<Pod>(verb, at)).into();
    needed.extend(["get", "create", "update", "delete"].map(|verb| Operation::on::<Lease>(verb, at)));
    needed.extend(["get", "patch"].map(|verb| Operation::on::<PersistentVolumeClaim>(verb, at)));
    needed
}

//! `stage --mode objects`: checks permissions and conflicts, then applies the `ConfigMap`, then the Secret.
//!
//! An interrupted run leaves at worst a `ConfigMap` without a Secret, which no chart names yet; the next run continues from there.

use std::{future::Future, time::Duration};

use flare_cluster::{
    Cluster, Objects, Operation, WriteOptions,
    k8s_openapi::{
        NamespaceResourceScope, Resource,
        api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Secret, ServiceAccount},
    },
};
use flare_diagnostic::{Checked, Collector, Diagnostic, Faults};
use flare_prepared_kit::{PreparedKit, StagedRecord};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    found::{self, Task},
    manifests::{KitObject, KitObjects},
    neighbours,
};
use crate::{
    bounded::bounded,
    claim::{self, NewClaim, Waiting},
};

/// Options of a staging as objects.
#[derive(Debug, Clone)]
pub struct ObjectStageOptions {
    /// Creates the namespace if it is missing.
    pub create_namespace: bool,
    /// Creates the workspace claim if it is missing: the parent writes to it even if its kit is in objects.
    pub create_claim: Option<NewClaim>,
    /// Changes nothing; the server only checks the objects.
    pub dry_run: bool,
    /// How long the whole staging may take.
    pub deadline: Duration,
}

/// The result of a staging as objects.
#[derive(Debug, Clone)]
pub struct StagedObjects {
    /// The namespace.
    pub namespace: String,
    /// The `ConfigMap`, then the Secret.
    pub objects: [StagedObject; 2],
    /// The number of files in them.
    pub files: usize,
    /// The total size of these files in bytes.
    pub bytes: u64,
    /// The kit's fingerprint.
    pub fingerprint: String,
    /// Whether anything was changed, or with `dry_run` would be.
    pub changed: bool,
    /// Whether the claim was created, or with `dry_run` would be.
    pub claim_created: bool,
    /// The entry that the chart's values need now.
    pub record: StagedRecord,
}

/// An object of a staged kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StagedObject {
    /// `ConfigMap` or `Secret`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Whether it was sent, or with `dry_run` would be.
    pub changed: bool,
}

/// Stages a prepared kit as a `ConfigMap` and a Secret, by server-side apply. `stop` ends it early; the next run continues.
///
/// # Errors
/// As [`KitObjects::of`]; every missing permission, before anything is changed; `OBJECT_NOT_OURS`, `OBJECT_CONFLICT`, `TIMED_OUT`,
/// `INTERRUPTED`, and the errors of flare-cluster.
pub async fn stage_objects(
    cluster: &Cluster,
    kit: &PreparedKit,
    options: &ObjectStageOptions,
    stop: impl Future<Output = ()>,
) -> Result<Checked<StagedObjects>, Faults> {
    let mut found = Collector::new();
    let objects = found.require_checked(KitObjects::of(kit))?;
    let staged = bounded(options.deadline, "the staging", stop, Box::pin(all(cluster, kit, options, &objects))).await;
    let staged = found.require_checked(staged)?;
    found.finish(|| staged)
}

async fn all(
    cluster: &Cluster,
    kit: &PreparedKit,
    options: &ObjectStageOptions,
    objects: &KitObjects,
) -> Result<Checked<StagedObjects>, Faults> {
    let namespace = kit.plan().namespace.as_str();
    let write = WriteOptions { dry_run: options.dry_run, force: false };
    cluster.check_access(&needed(options, namespace)).await?;
    let created = options.create_namespace && claim::make_namespace(cluster, namespace, options.dry_run).await?;
    if created && options.dry_run {
        // In a missing namespace nothing can be tried.
        return Ok(Checked::clean(done(kit, objects, [Task::Apply; 2], options.create_claim.is_some())));
    }
    neighbours::refuse_others(kit, &neighbours::staged(cluster, namespace).await?)?;
    let missing = neighbours::look_at_claim(cluster, kit).await?;
    let config_maps = Pair { objects: cluster.namespaced::<ConfigMap>(namespace), wanted: &objects.config_map };
    let secrets = Pair { objects: cluster.namespaced::<Secret>(namespace), wanted: &objects.secret };
    let tasks = [config_maps.look().await?, secrets.look().await?];
    let claim_created = match (&options.create_claim, &missing) {
        (Some(new), _) => {
            let name = kit.plan().workspace.claim.as_str();
            // A parent that waits for the claim has its kit in the objects.
            claim::find_or_make(cluster, namespace, name, Some(new), Waiting::Accepted, options.dry_run).await?.1
        }
        (None, _) => false,
    };
    config_maps.carry_out(tasks[0], write).await?;
    let secret = secrets.carry_out(tasks[1], write).await;
    secret.map_err(|fault| if write.dry_run { fault } else { without_secret(fault) })?;
    let warnings = missing.into_iter().filter(|_| !claim_created).collect();
    Ok(Checked { value: done(kit, objects, tasks, claim_created), warnings })
}

/// The fault of the Secret, and what becomes of the `ConfigMap` before it: no chart names that one, so `unstage` does not look for it unasked.
fn without_secret(fault: Diagnostic) -> Diagnostic {
    let hint = fault.hint.clone().unwrap_or_default();
    fault.hint(format!(
        "{hint}; the ConfigMap is there already: run the same command again to go on, or `unstage --mode objects` to remove it"
    ))
}

fn done(kit: &PreparedKit, objects: &KitObjects, tasks: [Task; 2], claim_created: bool) -> StagedObjects {
    fn object<K: KitObject>(object: &K, task: Task) -> StagedObject {
        let name = object.metadata().name.clone().unwrap_or_default();
        StagedObject { kind: K::KIND, name, changed: task == Task::Apply }
    }
    let staged = [object(&objects.config_map, tasks[0]), object(&objects.secret, tasks[1])];
    StagedObjects {
        namespace: kit.plan().namespace.to_string(),
        changed: claim_created || staged.iter().any(|object| object.changed),
        objects: staged,
        files: objects.files,
        bytes: objects.bytes,
        fingerprint: kit.fingerprint().to_string(),
        claim_created,
        record: objects.record.clone(),
    }
}

/// Every permission that the staging needs, as the README lists them.
fn needed(options: &ObjectStageOptions, namespace: &str) -> Vec<Operation> {
    let at = Some(namespace);
    let mut needed: Vec<_> = ["get", "list", "create", "patch"].map(|verb| Operation::on::<ConfigMap>(verb, at)).into();
    needed.extend(["get", "create", "patch"].map(|verb| Operation::on::<Secret>(verb, at)));
    needed.push(Operation::on::<PersistentVolumeClaim>("get", at));
    if options.create_claim.is_some() {
        needed.extend(["create", "patch"].map(|verb| Operation::on::<PersistentVolumeClaim>(verb, at)));
    }
    if options.create_namespace {
        needed.extend(["get", "create", "patch"].map(|verb| Operation::on::<Namespace>(verb, None)));
        needed.extend(["list", "watch"].map(|verb| Operation::on::<ServiceAccount>(verb, at)));
    }
    needed
}

/// A wanted object and the existing one.
struct Pair<'kit, K> {
    objects: Objects<K>,
    wanted: &'kit K,
}

impl<K> Pair<'_, K>
where
    K: KitObject + Resource<Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    fn name(&self) -> String {
        self.wanted.metadata().name.clone().unwrap_or_default()
    }

    async fn look(&self) -> Result<Task, Diagnostic> {
        found::judge(self.objects.find(&self.name()).await?.as_ref(), self.wanted)
    }

    /// Applies the object if necessary, and compares the server's copy with it.
    async fn carry_out(&self, task: Task, write: WriteOptions) -> Result<(), Diagnostic> {
        if task == Task::Nothing {
            return Ok(());
        }
        let name = self.name();
        let kept = self.objects.apply(&name, self.wanted, write).await?;
        if kept.content() == self.wanted.content() {
            return Ok(());
        }
        Err(found::holds_other(&format!("the {} `{name}`", K::KIND))
            .hint("another tool changes it: see who else writes in this namespace"))
    }
}

#[cfg(test)]
mod tests {
    use flare_diagnostic::Code;

    use super::*;

    #[test]
    fn a_secret_that_is_refused_tells_what_becomes_of_the_config_map() {
        let fault = without_secret(Diagnostic::error(Code::AdmissionRefused, "exceeded quota").hint("ask the administrator"));
        assert_eq!((fault.code, fault.message.as_str()), (Code::AdmissionRefused, "exceeded quota"));
        let hint = fault.hint.unwrap();
        assert!(hint.starts_with("ask the administrator; ") && hint.contains("`unstage --mode objects`"), "{hint}");
    }
}

//! Removes what stagings onto a volume leave: helper pods, the Lease and the claim's annotations; on request also the kit on the volume.

use std::{future::Future, time::Duration};

use flare_cluster::{
    Cluster, Operation,
    k8s_openapi::api::{
        coordination::v1::Lease,
        core::v1::{PersistentVolumeClaim, Pod},
    },
};
use flare_diagnostic::{Checked, Code, Diagnostic, Faults};
use flare_prepared_kit::PreparedKit;

use crate::{
    RemovedKit,
    answer::{Answer, left_over},
    claim::{self, Note},
    helper_pod::{self, Mount},
    holders, lock,
    run::{Resources, Run, RunOptions},
    shipment::{KIT, KitOwner, Shipment},
    unstaged::{Removed, Unstaged},
};

/// Options of the removal.
#[derive(Debug, Clone)]
pub struct VolumeUnstageOptions {
    /// Also removes from the volume `startup/`, `local/`, the kit for a rollback, and kits that a restore put aside.
    pub remove_kit: bool,
    /// Keeps the claim's annotations: the kit stays on the volume and need not be staged again.
    pub keep_note: bool,
    /// The image of the helper pod, if not the parent's.
    pub image: Option<String>,
    /// Changes nothing.
    pub dry_run: bool,
    /// How long the whole removal may take.
    pub deadline: Duration,
    /// The unique id of this run: lower-case letters and digits.
    pub run: String,
}

/// What an interrupted removal leaves: before it changes the volume, and from then on.
const LEAVES: [&str; 2] = [
    "what it had not removed yet is left",
    "the kit is on the volume as before, or has been removed from there at least in part",
];

/// The kind of a removed directory in reports.
const DIRECTORY: &str = "directory on the volume";

/// Removes what stagings of this kit's participant left around its claim. `stop` ends it early; the next run continues.
///
/// # Errors
/// Every missing permission, before anything is changed; `VOLUME_NOT_OURS` if the claim has another participant's kit, unless nothing on
/// it would be touched; with `remove_kit` also `CLAIM_NOT_USABLE`, `CLAIM_IN_USE` and the errors of a helper pod; `STAGE_LOCKED`, `TIMED_OUT`, `INTERRUPTED`, and the errors of
/// flare-cluster.
pub async fn unstage_volume(
    cluster: &Cluster,
    kit: &PreparedKit,
    options: &VolumeUnstageOptions,
    stop: impl Future<Output = ()>,
) -> Result<Checked<Unstaged>, Faults> {
    let image = options.image.as_deref();
    let (leaves, deadline) = (LEAVES, options.deadline);
    let run_options = RunOptions { verb: "unstage", what: "removal", leaves, image, deadline, id: &options.run };
    let removal = Removal { run: Run::new(cluster, kit, &run_options)?, owner: KitOwner::of(kit), options };
    removal.run.carry_out(stop, async |held| Box::pin(removal.all(held)).await).await
}

/// The notice that data which a restore put aside belong to the site and are not removed, except for kits.
fn stays(path: &str, claim: &str) -> Diagnostic {
    let message = format!("`{path}` on the volume of claim `{claim}` stays: what a restore took the place of is the site's own");
    Diagnostic::warning(Code::Notice, message).hint("remove it by hand once nothing in it is needed")
}

struct Removal<'run> {
    run: Run<'run>,
    owner: KitOwner,
    options: &'run VolumeUnstageOptions,
}

impl Removal<'_> {
    async fn all(&self, held: &mut Resources) -> Result<Checked<Unstaged>, Faults> {
        let (cluster, namespace, name) = (self.run.cluster, self.run.namespace.as_str(), self.run.claim.as_str());
        cluster.check_access(&self.needed()).await?;
        let (mut removed, mut warnings) = (Vec::new(), Vec::new());
        let pods = helper_pod::left_behind(cluster, namespace, name).await?;
        removed.extend(pods.into_iter().map(|name| Removed { kind: "Pod", name }));
        if cluster.namespaced::<Lease>(namespace).find(&lock::name(name)).await?.is_some() {
            removed.push(Removed { kind: "Lease", name: lock::name(name) });
        }
        let found = cluster.namespaced::<PersistentVolumeClaim>(namespace).find(name).await?;
        let note = found.as_ref().map_or(Note::Nothing, |claim| claim::noted(claim, &self.owner));
        if let Note::Other(owner) = &note {
            if !self.options.remove_kit && self.options.keep_note {
                // The claim was given to another participant, and nothing of this one is on it.
                return Ok(Checked::clean(Unstaged { namespace: namespace.to_owned(), removed: Vec::new() }));
            }
            return Err(claim::not_ours(name, owner).into());
        }
        let takes_note = note == Note::Ours && !self.options.keep_note;
        if takes_note {
            removed.push(Removed { kind: "annotations of PersistentVolumeClaim", name: name.to_owned() });
        }
        let remove_kit = self.options.remove_kit && found.is_some();
        if remove_kit {
            // A volume that no pod can mount would be waited for until the deadline.
            claim::find(cluster, namespace, name).await?;
            holders::refuse(cluster, namespace, name, &self.run.end_of_parent()).await?;
        }
        if self.options.dry_run {
            removed.extend(KIT.iter().filter(|_| remove_kit).map(|name| Removed { kind: DIRECTORY, name: (*name).to_owned() }));
        } else if remove_kit || !removed.is_empty() {
            self.run.lock(held).await?;
            if remove_kit {
                // The parent may have been scaled up while this run waited for the lock.
                holders::refuse(cluster, namespace, name, &self.run.end_of_parent()).await?;
            }
            self.run.clear_pods().await?;
            if remove_kit {
                Box::pin(self.run.start_pod(held, &Mount::default())).await?;
            }
            if takes_note {
                self.run.note(held, None).await?;
            }
            if remove_kit {
                let gone = Box::pin(self.in_volume()).await?;
                removed.extend(gone.removed.into_iter().map(|name| Removed { kind: DIRECTORY, name }));
                warnings.extend(gone.aside.map(|path| stays(&path, name)));
                warnings.extend(left_over(&gone.stays, name));
            }
        }
        Ok(Checked { value: Unstaged { namespace: namespace.to_owned(), removed }, warnings })
    }

    /// Removes the kit from the volume.
    async fn in_volume(&self) -> Result<RemovedKit, Diagnostic> {
        let request = Shipment::removal(self.owner.clone()).request(&self.options.run);
        let printed = self.run.ask(request, tokio::io::empty(), 0).await?;
        Answer::removed(&printed, &self.run.claim)
    }

    fn needed(&self) -> Vec<Operation> {
        let at = Some(self.run.namespace.as_str());
        let mut needed = if self.options.remove_kit {
            self.run.needed()
        } else {
            let mut around: Vec<_> = ["list", "watch", "delete"].map(|verb| Operation::on::<Pod>(verb, at)).into();
            around.extend(["get", "create", "update", "delete"].map(|verb| Operation::on::<Lease>(verb, at)));
            around.push(Operation::on::<PersistentVolumeClaim>("get", at));
            around
        };
        needed.push(Operation::on::<PersistentVolumeClaim>("patch", at));
        needed
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use flare_names::labels::{KIT_FINGERPRINT, KIT_OWNER};
    use flare_prepared_kit::OpenOptions;
    use serde_json::json;

    use super::*;
    use crate::api_server::ApiServer;

    fn kit() -> PreparedKit {
        let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/cases/server-2.8-defaults/expected");
        PreparedKit::open(&case, OpenOptions { accept_changes: true }).expect("a prepared kit").value
    }

    async fn unstage(cluster: &Cluster, remove_kit: bool) -> Result<Checked<Unstaged>, Faults> {
        let (deadline, run) = (Duration::from_mins(1), "1".to_owned());
        let options = VolumeUnstageOptions { remove_kit, keep_note: false, image: None, dry_run: false, deadline, run };
        Box::pin(unstage_volume(cluster, &kit(), &options, std::future::pending())).await
    }

    /// Removes the kit as well; returns the fault.
    async fn refused(cluster: &Cluster) -> Diagnostic {
        unstage(cluster, true).await.expect_err("it is refused").first().clone()
    }

    #[tokio::test]
    async fn a_claim_that_has_lost_its_volume_is_not_waited_for() {
        let (server, cluster) = ApiServer::start().await;
        let claim = json!({"metadata": {"name": "nvflws"}, "status": {"phase": "Lost"}});
        server.put("/api/v1/namespaces/default/persistentvolumeclaims/nvflws", claim);
        assert_eq!(refused(&cluster).await.code, Code::ClaimNotUsable);
        assert!(server.writes().is_empty(), "{:?}", server.writes());
    }

    /// The rights that the README lists.
    #[tokio::test]
    async fn each_verb_that_is_missing_is_named_and_nothing_is_removed() {
        let (server, cluster) = ApiServer::start().await;
        let claim = "/api/v1/namespaces/default/persistentvolumeclaims/nvflws";
        let annotations = json!({KIT_OWNER: claim::written(&KitOwner::of(&kit())), KIT_FINGERPRINT: "f1"});
        server.put(claim, json!({"metadata": {"name": "nvflws", "annotations": annotations}}));
        let around = [
            ("pods", &["list", "watch", "delete"][..]),
            ("leases", &["get", "create", "update", "delete"][..]),
            ("persistentvolumeclaims", &["get", "patch"][..]),
        ];
        let for_the_kit = [("pods", &["get", "create"][..]), ("pods/exec", &["get", "create"][..])];
        let with_kit = around.into_iter().chain(for_the_kit).map(|rule| (true, rule));
        for (remove_kit, (resource, verbs)) in around.into_iter().map(|rule| (false, rule)).chain(with_kit) {
            for verb in verbs {
                server.forbid(verb, resource);
                let faults = unstage(&cluster, remove_kit).await.expect_err(verb);
                let named: Vec<_> = faults.all().iter().map(|fault| (fault.code, fault.message.clone())).collect();
                let message = format!("the user `anna` may not {verb} `{resource}` in namespace `default`");
                assert_eq!(named, [(Code::PermissionDenied, message)], "{verb} {resource}");
            }
        }
        assert!(server.writes().is_empty(), "{:?}", server.writes());
        // Without the kit, what only a helper pod needs is not asked for.
        server.forbid("create", "pods");
        let removed = unstage(&cluster, false).await.expect("it may").value.removed;
        assert_eq!(removed, [Removed { kind: "annotations of PersistentVolumeClaim", name: "nvflws".to_owned() }]);
        let annotations = server.object(claim).expect("it stays")["metadata"]["annotations"].clone();
        assert_eq!(annotations, json!({}), "only the note goes");
    }

    /// `unstage` has no `--restart`.
    #[tokio::test]
    async fn a_kit_that_a_pod_uses_stays_and_the_hint_names_what_ends_the_parent() {
        let (server, cluster) = ApiServer::start().await;
        server.put("/api/v1/namespaces/default/persistentvolumeclaims/nvflws", json!({"metadata": {"name": "nvflws"}}));
        let volume = json!({"name": "w", "persistentVolumeClaim": {"claimName": "nvflws"}});
        let pod = json!({"metadata": {"name": "user"}, "spec": {"containers": [], "volumes": [volume]}});
        server.put("/api/v1/namespaces/default/pods/user", pod);
        let fault = refused(&cluster).await;
        assert_eq!(fault.code, Code::ClaimInUse);
        let hint = fault.hint.expect("a hint");
        let command = "`kubectl scale deployment nvflare-server --namespace default --replicas=0`";
        assert!(hint.contains(command) && !hint.contains("--restart"), "{hint}");
        assert!(server.writes().is_empty(), "{:?}", server.writes());
    }
}

//! The whole road: checks, lock, helper pod, stream, answer, and whatever happens, nothing left behind.

use std::{future::Future, time::Duration};

use flare_cluster::{
    Cluster, Exec, Input, Operation,
    k8s_openapi::api::{
        apps::v1::Deployment,
        coordination::v1::Lease,
        core::v1::{Namespace, PersistentVolumeClaim, Pod, ServiceAccount},
    },
};
use flare_diagnostic::{Checked, Code, Diagnostic, Faults};
use flare_prepared_kit::PreparedKit;
use tokio::{select, time::timeout};

use crate::{
    Owner, Shipment, VOLUME_PROGRAM,
    answer::{self, Answer},
    claim::{self, NewClaim},
    helper_pod, holders,
    lock::Lock,
    parent::{self, Stopped},
    values::{self, ParentPod},
};

/// How long cleaning up may take.
const CLEANUP: Duration = Duration::from_secs(30);

/// How a kit is staged.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Options {
    /// Makes the namespace where it is missing.
    pub create_namespace: bool,
    /// Makes the claim where it is missing.
    pub create_claim: Option<NewClaim>,
    /// Another image for the helper pod than the parent's.
    pub image: Option<String>,
    /// Puts back the kit that the last staging replaced, in place of staging.
    pub rollback: bool,
    /// Scales a running parent down before and up again afterwards; else a running one is refused.
    pub restart: bool,
    /// Stages even where the claim says that this kit is there already.
    pub again: bool,
    /// Changes nothing.
    pub dry_run: bool,
    /// How long all of it may take.
    pub deadline: Duration,
    /// Names this run: small letters and digits, unique.
    pub run: String,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Where.
    pub namespace: String,
    /// The claim.
    pub claim: String,
    /// How many files the kit has.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The kit's fingerprint.
    pub fingerprint: String,
    /// Whether anything was changed, or with `dry_run` would be.
    pub changed: bool,
    /// Whether the claim was made, or with `dry_run` would be.
    pub claim_created: bool,
}

/// Stages a prepared kit. `stop` ends it early; what was begun is removed in any case.
///
/// # Errors
/// Every permission that is missing, before anything is changed; `CLAIM_NOT_USABLE`, `CLAIM_IN_USE`, `STAGE_LOCKED`, `VOLUME_NOT_OURS`,
/// `STAGE_FAILED`, `TIMED_OUT`, `INTERRUPTED`, and what flare-cluster says.
pub async fn stage(
    cluster: &Cluster,
    kit: &PreparedKit,
    options: &Options,
    stop: impl Future<Output = ()>,
) -> Result<Checked<Staged>, Faults> {
    let shipment = Shipment::of(kit)?;
    let mut parent = values::parent_pod(kit)?;
    parent.image = options.image.clone().unwrap_or(parent.image);
    let namespace = kit.plan().namespace.to_string();
    let run = Run { cluster, kit, options, namespace, claim: kit.plan().workspace.claim.to_string(), shipment, parent };
    let mut held = Held::default();
    let ended = select! {
        ended = timeout(options.deadline, run.all(&mut held)) => ended.map_err(|_| Code::TimedOut),
        () = stop => Err(Code::Interrupted),
    };
    let ended = ended.unwrap_or_else(|why| Err(cut_off(why, options.deadline, &held.waits_for).into()));
    let left = run.clean(held).await;
    match ended {
        Ok(mut checked) => {
            checked.warnings.extend(left);
            Ok(checked)
        }
        Err(faults) => Err(faults.after(left)),
    }
}

/// The fault of a run that did not come to its own end.
fn cut_off(why: Code, deadline: Duration, waits_for: &str) -> Diagnostic {
    if why == Code::Interrupted {
        return Diagnostic::error(why, "interrupted; what was begun has been removed").hint("run the same command again");
    }
    let reason = if waits_for.is_empty() { String::new() } else { format!("; the helper pod waits: {waits_for}") };
    Diagnostic::error(why, format!("the staging did not end within {} s{reason}", deadline.as_secs())).hint(
        "mend what it waits for (node, volume, image; `kubectl describe` shows more), or give it more time with `--timeout`",
    )
}

/// What has to be given back.
#[derive(Default)]
struct Held {
    /// Why the helper pod does not run yet, as the cluster says it.
    waits_for: String,
    /// The parent that was scaled down, and to how many pods it goes back.
    parent: Option<Stopped>,
    lock: Option<Lock>,
    pod: Option<String>,
}

struct Run<'run> {
    cluster: &'run Cluster,
    kit: &'run PreparedKit,
    options: &'run Options,
    namespace: String,
    claim: String,
    shipment: Shipment<'run>,
    parent: ParentPod,
}

impl Run<'_> {
    async fn all(&self, held: &mut Held) -> Result<Checked<Staged>, Faults> {
        let (cluster, options) = (self.cluster, self.options);
        cluster.check_access(&self.needed()).await?;
        if options.create_namespace && claim::make_namespace(cluster, &self.namespace, options.dry_run).await? && options.dry_run
        {
            // Nothing below a namespace that is not there can be tried.
            return Ok(Checked::clean(self.staged(true, options.create_claim.is_some())));
        }
        let (found, created) =
            claim::find_or_make(cluster, &self.namespace, &self.claim, options.create_claim.as_ref(), options.dry_run).await?;
        let owner = Owner::of(self.kit);
        let fingerprint = self.kit.fingerprint().to_string();
        let changed = options.again || options.rollback || !claim::holds(&found, &owner, &fingerprint);
        let staged = self.staged(changed, created);
        if !changed {
            if options.restart && !options.dry_run {
                parent::restore(cluster, &self.namespace, self.kit.plan().names.deployment.as_str()).await?;
            }
            return Ok(Checked::clean(staged));
        }
        if !options.restart {
            holders::refuse(cluster, &self.namespace, &self.claim).await?;
        }
        if options.dry_run {
            return Ok(Checked::clean(staged));
        }
        held.lock = Some(Lock::take(cluster, &self.namespace, &self.claim, &format!("stage-{}", options.run)).await?);
        if options.restart {
            // Held before it is scaled down, so that it comes up again wherever this run is cut off.
            held.parent = parent::find(cluster, &self.namespace, self.kit.plan().names.deployment.as_str()).await?;
            if let Some(parent) = &held.parent {
                parent.stop(cluster, &self.namespace).await?;
            }
            holders::wait_for_none(cluster, &self.namespace, &self.claim).await?;
        }
        helper_pod::clear(cluster, &self.namespace, &self.claim, options.deadline).await?;
        claim::note(cluster, &self.namespace, &self.claim, None).await?;
        let printed = Box::pin(self.in_volume(held, &owner)).await?;
        if options.rollback {
            let back = Answer::rolled_back(&printed, &self.claim)?;
            let noted = back.as_deref().map(|fingerprint| (&owner, fingerprint));
            claim::note(cluster, &self.namespace, &self.claim, noted).await?;
            return Ok(Checked::clean(Staged { fingerprint: back.unwrap_or_default(), ..staged }));
        }
        let answer = Answer::staged(&printed, &self.claim)?;
        claim::note(cluster, &self.namespace, &self.claim, Some((&owner, &fingerprint))).await?;
        Ok(Checked { value: staged, warnings: warnings(&answer, &self.claim) })
    }

    fn staged(&self, changed: bool, claim_created: bool) -> Staged {
        Staged {
            namespace: self.namespace.clone(),
            claim: self.claim.clone(),
            files: self.shipment.files(),
            bytes: self.shipment.bytes(),
            fingerprint: self.kit.fingerprint().to_string(),
            changed,
            claim_created,
        }
    }

    /// Every permission that the road needs, as README lists them.
    fn needed(&self) -> Vec<Operation> {
        let namespace = Some(self.namespace.as_str());
        let mut needed: Vec<_> =
            ["get", "list", "watch", "create", "delete"].map(|verb| Operation::on::<Pod>(verb, namespace)).into();
        needed.extend(Operation::exec(&self.namespace));
        needed.extend(["get", "create", "update", "delete"].map(|verb| Operation::on::<Lease>(verb, namespace)));
        needed.extend(["get", "patch"].map(|verb| Operation::on::<PersistentVolumeClaim>(verb, namespace)));
        if self.options.restart {
            needed.extend(["get", "patch"].map(|verb| Operation::on::<Deployment>(verb, namespace)));
        }
        if self.options.create_claim.is_some() {
            needed.push(Operation::on::<PersistentVolumeClaim>("create", namespace));
        }
        if self.options.create_namespace {
            needed.extend(["get", "create", "patch"].map(|verb| Operation::on::<Namespace>(verb, None)));
            needed.extend(["list", "watch"].map(|verb| Operation::on::<ServiceAccount>(verb, namespace)));
        }
        needed
    }

    /// Runs the volume's program in a helper pod and gives what it printed.
    async fn in_volume(&self, held: &mut Held, owner: &Owner) -> Result<Vec<u8>, Diagnostic> {
        let name = format!("flare-kube-stage-{}", self.options.run);
        let pod = helper_pod::manifest(&name, &self.claim, &self.parent, self.options.deadline);
        // Before it is asked for: an answer that is lost may still have made it.
        held.pod = Some(name.clone());
        select! {
            started = helper_pod::start(self.cluster, &self.namespace, &pod, self.options.deadline, &mut held.waits_for) => started?,
            fault = claim::cannot_be_provisioned(self.cluster, &self.namespace, &self.claim) => return Err(fault),
        }
        let nothing = Shipment::rollback(owner.clone());
        let shipment = if self.options.rollback { &nothing } else { &self.shipment };
        let request = shipment.request(&self.options.run);
        let (input, length) = shipment.input(VOLUME_PROGRAM.as_bytes(), &request);
        // The program comes over the stream, so that the request's address stays short: the program's length, the request's.
        let reading = "import sys; exec(sys.stdin.buffer.read(int(sys.argv[1])))";
        let (program, length_of_request) = (VOLUME_PROGRAM.len().to_string(), request.len().to_string());
        let command = [self.parent.python.as_str(), "-c", reading, &program, &length_of_request, helper_pod::MOUNT];
        let exec = Exec {
            namespace: self.namespace.clone(),
            pod: name,
            container: Some(helper_pod::CONTAINER.to_owned()),
            command: command.map(str::to_owned).into(),
            deadline: self.options.deadline,
        };
        exec.output(self.cluster, Input::Sized(input, length)).await
    }

    /// Gives back what is held. What cannot be removed ends by itself, so it is a warning.
    async fn clean(&self, held: Held) -> Vec<Diagnostic> {
        let mut left = Vec::new();
        let cleaning = async {
            if let Some(pod) = &held.pod
                && let Err(fault) = helper_pod::delete(self.cluster, &self.namespace, pod).await
            {
                left.push(stays(&format!("the helper pod `{pod}`"), &fault));
            }
            if let Some(stopped) = &held.parent
                && let Err(fault) = stopped.start(self.cluster, &self.namespace).await
            {
                left.push(stopped.still_down(&fault));
            }
            if let Some(lock) = held.lock
                && let Err(fault) = lock.release().await
            {
                left.push(stays("the Lease of the staging", &fault));
            }
        };
        let _ = timeout(CLEANUP, cleaning).await;
        left
    }
}

fn stays(what: &str, fault: &Diagnostic) -> Diagnostic {
    Diagnostic::warning(Code::Notice, format!("{what} could not be removed: {}", fault.message))
        .hint("it ends by itself; the next staging removes it")
}

fn warnings(answer: &answer::Staged, claim: &str) -> Vec<Diagnostic> {
    let misplaced = answer.misplaced.iter().map(|path| {
        Diagnostic::warning(
            Code::Notice,
            format!("`{path}` on the volume of claim `{claim}` is a kit at the wrong level, which no parent reads"),
        )
        .hint("remove it from the volume once nothing in it is needed: it holds private keys")
    });
    let recovered = answer.recovered.then(|| {
        Diagnostic::warning(
            Code::Notice,
            format!("an earlier staging of claim `{claim}` had been cut off; it was finished first"),
        )
        .hint("nothing is left to do")
    });
    recovered.into_iter().chain(misplaced).collect()
}

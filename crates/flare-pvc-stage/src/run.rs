//! What every verb with a helper pod shares: permissions, lock, pod, program, and cleanup in any case.

mod cleanup;
mod restart;

use std::{future::Future, sync::Arc, time::Duration};

use flare_cluster::{
    Cluster, Exec, Operation,
    k8s_openapi::api::{
        coordination::v1::Lease,
        core::v1::{PersistentVolumeClaim, Pod},
    },
};
use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_prepared_kit::PreparedKit;
use tokio::{join, select, sync::Notify, time::timeout};

use crate::{
    KitOwner, VOLUME_PROGRAM, answer, claim,
    helper_pod::{self, Mount},
    lock::{self, Lock},
    parent::Stopped,
    provisioning, rescheduling,
    values::{self, ParentPod},
};

/// One run of a verb on one claim.
pub(crate) struct Run<'run> {
    pub(crate) cluster: &'run Cluster,
    pub(crate) namespace: String,
    pub(crate) claim: String,
    /// The parent's Deployment.
    deployment: String,
    parent: ParentPod,
    deadline: Duration,
    /// What is done, as a noun for messages: `staging`.
    what: &'static str,
    leaves: [&'static str; 2],
    /// The verb and the run's unique id: `stage-1f`.
    name: String,
}

/// What has to be released or removed.
#[derive(Default)]
pub(crate) struct Resources {
    /// What was created on request, and stays however the run ends: "the claim `nvflws`".
    pub(crate) created: Vec<String>,
    /// Why the helper pod does not run yet, according to the pod.
    waits_for: String,
    /// The same according to the claim, or to what the node says of the pod, which know more.
    claim_waits_for: String,
    /// The parent that was scaled down, with the number of replicas to restore.
    parent: Option<Stopped>,
    lock: Option<Lock>,
    /// Notified when another run takes the lock.
    lost: Arc<Notify>,
    pod: Option<String>,
    /// Whether it runs, so that its program may be at work.
    is_running: bool,
    /// Whether it may change the volume.
    may_change: bool,
}

impl Resources {
    /// What is left if the run is interrupted.
    fn left(&self, [before, since]: [&str; 2]) -> String {
        let mut left = if self.is_running && self.may_change { since } else { before }.to_owned();
        for what in &self.created {
            left.push_str(&format!("; {what}, which it created, stays"));
        }
        left
    }
}

/// The properties and options of a verb.
#[derive(Debug, Clone)]
pub(crate) struct RunOptions<'run> {
    /// The verb in names of objects: `stage`.
    pub(crate) verb: &'static str,
    /// What is done, as a noun for messages: `staging`.
    pub(crate) what: &'static str,
    /// What the run leaves if it is interrupted: before it changes the volume, and from then on.
    pub(crate) leaves: [&'static str; 2],
    /// The image of the helper pod, if not the parent's.
    pub(crate) image: Option<&'run str>,
    /// How long the whole run may take.
    pub(crate) deadline: Duration,
    /// The unique id of this run: lower-case letters and digits.
    pub(crate) id: &'run str,
}

impl<'run> Run<'run> {
    pub(crate) fn new(cluster: &'run Cluster, kit: &PreparedKit, options: &RunOptions<'_>) -> Result<Self, Diagnostic> {
        let mut parent = values::parent_pod(kit)?;
        if let Some(image) = options.image {
            image.clone_into(&mut parent.image);
        }
        let plan = kit.plan();
        Ok(Self {
            cluster,
            namespace: plan.namespace.to_string(),
            claim: plan.workspace.claim.to_string(),
            deployment: plan.names.deployment.to_string(),
            parent,
            deadline: options.deadline,
            what: options.what,
            leaves: options.leaves,
            name: format!("{}-{}", options.verb, options.id),
        })
    }

    /// Does the work within its deadline. `stop` ends it early; what was created is removed in any case.
    pub(crate) async fn carry_out<T>(
        &self,
        stop: impl Future<Output = ()>,
        work: impl AsyncFnOnce(&mut Resources) -> Result<Checked<T>, Faults>,
    ) -> Result<Checked<T>, Faults> {
        let mut held = Resources::default();
        let lost = Arc::clone(&held.lost);
        let ended = select! {
            ended = timeout(self.deadline, work(&mut held)) => ended.map_err(|_| Code::TimedOut),
            () = stop => Err(Code::Interrupted),
            () = lost.notified() => Err(Code::StageLocked),
        };
        let ended = ended.unwrap_or_else(|why| Err(self.cut_off(why, &held).into()));
        let mut found = Collector::new();
        let is_lost = held.lock.is_some() && ended.as_ref().is_err_and(is_lock_lost);
        let value = found.keep_checked(ended);
        Box::pin(self.clean(held, is_lost, &mut found)).await;
        found.finish_some(value)
    }

    /// The fault of a run that was interrupted or exceeded its deadline.
    fn cut_off(&self, why: Code, held: &Resources) -> Diagnostic {
        match why {
            Code::StageLocked => return lock::lost(&self.claim),
            Code::Interrupted => return interrupted(self.what, &held.left(self.leaves)),
            _ if held.lock.as_ref().is_some_and(Lock::is_waited_for) => return lock::late(&self.claim, self.what, self.deadline),
            _ => {}
        }
        let waits_for = if held.claim_waits_for.is_empty() { &held.waits_for } else { &held.claim_waits_for };
        let reason = if waits_for.is_empty() { String::new() } else { format!("; the helper pod waits: {waits_for}") };
        Diagnostic::error(why, format!("the {} did not end within {} s{reason}", self.what, self.deadline.as_secs())).hint(
            "mend what it waits for (node, volume, image; `kubectl describe` shows more), or give it more time with `--timeout`",
        )
    }

    /// The permissions for lock, pod and program, as the README lists them.
    pub(crate) fn needed(&self) -> Vec<Operation> {
        let namespace = Some(self.namespace.as_str());
        let mut needed: Vec<_> =
            ["get", "list", "watch", "create", "delete"].map(|verb| Operation::on::<Pod>(verb, namespace)).into();
        needed.extend(Operation::exec(&self.namespace));
        needed.extend(["get", "create", "update", "delete"].map(|verb| Operation::on::<Lease>(verb, namespace)));
        needed.push(Operation::on::<PersistentVolumeClaim>("get", namespace));
        needed
    }

    /// Takes the lock of the claim.
    pub(crate) async fn lock(&self, held: &mut Resources) -> Result<(), Diagnostic> {
        let lost = Arc::clone(&held.lost);
        // Recorded before the request: the Lease may exist even if the answer is lost.
        let lock = held.lock.insert(Lock::new(self.cluster, &self.namespace, &self.claim, &self.name));
        lock.take(lost).await
    }

    /// Fails if another run has taken the lock. A renewal only notices it some time later.
    async fn confirm_lock(held: &Resources) -> Result<(), Diagnostic> {
        match &held.lock {
            Some(lock) => lock.confirm().await,
            None => Ok(()),
        }
    }

    /// Annotates the claim with the kit on its volume, or removes the annotations. Not if another run has taken the lock, whose kit is the
    /// newer one.
    pub(crate) async fn note(&self, held: &Resources, kit: Option<(&KitOwner, &str)>) -> Result<(), Diagnostic> {
        Self::confirm_lock(held).await?;
        claim::note(self.cluster, &self.namespace, &self.claim, kit).await
    }

    /// After a refusal that left this participant's kit on the volume, notes it again. Fails only if another run has taken the lock: without
    /// the note, the next run asks the volume.
    pub(crate) async fn note_again(&self, held: &Resources, owner: &KitOwner, printed: &[u8]) -> Result<(), Diagnostic> {
        let Some(fingerprint) = answer::still_noted(printed) else { return Ok(()) };
        match self.note(held, Some((owner, &fingerprint))).await {
            Err(fault) if fault.code == Code::StageLocked => Err(fault),
            _ => Ok(()),
        }
    }

    /// Starts the helper pod.
    pub(crate) async fn start_pod(&self, held: &mut Resources, mount: &Mount) -> Result<(), Diagnostic> {
        let name = self.pod();
        // As the chart, which asks for the same group. A cluster that does not tell is taken for another one.
        let depends = self.parent.security.depends_on_cluster();
        let asked = async { depends && self.cluster.has_api_group(OPENSHIFT).await.unwrap_or_default() };
        let (is_openshift, confirmed) = join!(asked, Self::confirm_lock(held));
        confirmed?;
        let contexts = self.parent.security.contexts(is_openshift).unwrap_or_default();
        let pod = helper_pod::manifest(&name, &self.claim, mount, &self.parent, &contexts, self.deadline);
        // Recorded before the request: the pod may exist even if the answer is lost.
        (held.pod, held.may_change) = (Some(name.clone()), !mount.read_only);
        helper_pod::create(self.cluster, &self.namespace, &pod).await?;
        let is_outpaced = select! {
            started = Box::pin(self.starts(held, &name)) => started.map(|()| false)?,
            () = rescheduling::gets_volume(self.cluster, &self.namespace, &self.claim, self.deadline) => true,
        };
        if is_outpaced {
            rescheduling::replace(self.cluster, &self.namespace, &name, &pod).await?;
            Box::pin(self.starts(held, &name)).await?;
        }
        held.waits_for.clear();
        held.claim_waits_for.clear();
        // Another run may have looked for helper pods before this one was created.
        Self::confirm_lock(held).await?;
        held.is_running = true;
        Ok(())
    }

    /// Waits until the helper pod runs, and fails as soon as it cannot.
    async fn starts(&self, held: &mut Resources, name: &str) -> Result<(), Diagnostic> {
        let (waits_for, claim_waits_for) = (&mut held.waits_for, &mut held.claim_waits_for);
        select! {
            runs = helper_pod::runs(self.cluster, &self.namespace, name, self.deadline, waits_for) => runs,
            () = helper_pod::has_started(self.cluster, &self.namespace, name, self.deadline) => Ok(()),
            fault = provisioning::gets_no_volume(self.cluster, &self.namespace, &self.claim, name, claim_waits_for) => Err(fault),
        }
    }

    /// Deletes helper pods of this claim that a killed run left.
    pub(crate) async fn clear_pods(&self) -> Result<(), Diagnostic> {
        helper_pod::clear(self.cluster, &self.namespace, &self.claim, self.deadline).await
    }

    /// The volume's program in the helper pod. Its input is its own text, a request of `request` bytes, and the request's body.
    pub(crate) fn program(&self, request: usize) -> Exec {
        // The program is sent as input, so that the URL of the request stays short. The lengths are arguments, since not every server can
        // close only the input.
        let reading = "import sys; exec(sys.stdin.buffer.read(int(sys.argv[1])))";
        let (program, request) = (VOLUME_PROGRAM.len().to_string(), request.to_string());
        let python = self.parent.python.as_str();
        let command = [python, helper_pod::WITHOUT_SITE, "-c", reading, &program, &request, helper_pod::MOUNT];
        Exec {
            namespace: self.namespace.clone(),
            pod: self.pod(),
            container: Some(helper_pod::CONTAINER.to_owned()),
            command: command.map(str::to_owned).into(),
            deadline: self.deadline,
        }
    }

    fn pod(&self) -> String {
        format!("flare-kube-{}", self.name)
    }
}

/// The API group of clusters that choose users and groups of pods themselves.
const OPENSHIFT: &str = "security.openshift.io";

fn is_lock_lost(faults: &Faults) -> bool {
    faults.all().iter().any(|fault| fault.code == Code::StageLocked)
}

/// What a run onto a volume leaves if it is interrupted.
pub(crate) const ON_THE_VOLUME: [&str; 2] =
    ["it changed nothing on the volume", "the volume holds what it held before, or all of the new"];

/// The fault of an interrupted run.
pub(crate) fn interrupted(what: &str, left: &str) -> Diagnostic {
    Diagnostic::error(Code::Interrupted, format!("the {what} was interrupted; {left}")).hint("run the same command again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_run_says_what_is_left_of_it() {
        let mut held = Resources { may_change: true, ..Resources::default() };
        assert_eq!(held.left(ON_THE_VOLUME), "it changed nothing on the volume");
        held.created = vec!["the namespace `n`".to_owned(), "the claim `c`".to_owned()];
        let created = "; the namespace `n`, which it created, stays; the claim `c`, which it created, stays";
        assert_eq!(held.left(ON_THE_VOLUME), format!("it changed nothing on the volume{created}"));
        held.is_running = true;
        assert_eq!(held.left(ON_THE_VOLUME), format!("the volume holds what it held before, or all of the new{created}"));
        held.may_change = false;
        assert_eq!(held.left(["no file was written"; 2]), format!("no file was written{created}"));
    }
}

//! What every verb with a helper pod shares: permissions, lock, pod, program, and cleanup in any case.

use std::{future::Future, time::Duration};

use flare_cluster::{
    Cluster, Exec, Operation,
    k8s_openapi::api::{
        coordination::v1::Lease,
        core::v1::{PersistentVolumeClaim, Pod},
    },
};
use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_prepared_kit::PreparedKit;
use tokio::{select, time::timeout};

use crate::{
    VOLUME_PROGRAM, claim,
    helper_pod::{self, Mount},
    holders,
    lock::Lock,
    parent::{self, Stopped},
    values::{self, ParentPod},
};

/// How long cleaning up may take.
const CLEANUP: Duration = Duration::from_secs(30);

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
    /// The verb and the run's unique id: `stage-1f`.
    name: String,
}

/// What has to be released or removed.
#[derive(Default)]
pub(crate) struct Held {
    /// Why the helper pod does not run yet, according to the cluster.
    waits_for: String,
    /// The parent that was scaled down, with the number of replicas to restore.
    parent: Option<Stopped>,
    lock: Option<Lock>,
    pod: Option<String>,
}

/// The properties and options of a verb.
#[derive(Debug, Clone)]
pub(crate) struct Manner<'run> {
    /// The verb in names of objects: `stage`.
    pub(crate) verb: &'static str,
    /// What is done, as a noun for messages: `staging`.
    pub(crate) what: &'static str,
    /// The image of the helper pod, if not the parent's.
    pub(crate) image: Option<&'run str>,
    /// How long the whole run may take.
    pub(crate) deadline: Duration,
    /// The unique id of this run: lower-case letters and digits.
    pub(crate) id: &'run str,
}

impl<'run> Run<'run> {
    pub(crate) fn new(cluster: &'run Cluster, kit: &PreparedKit, manner: &Manner<'_>) -> Result<Self, Diagnostic> {
        let mut parent = values::parent_pod(kit)?;
        if let Some(image) = manner.image {
            image.clone_into(&mut parent.image);
        }
        let plan = kit.plan();
        Ok(Self {
            cluster,
            namespace: plan.namespace.to_string(),
            claim: plan.workspace.claim.to_string(),
            deployment: plan.names.deployment.to_string(),
            parent,
            deadline: manner.deadline,
            what: manner.what,
            name: format!("{}-{}", manner.verb, manner.id),
        })
    }

    /// Does the work within its deadline. `stop` ends it early; what was created is removed in any case.
    pub(crate) async fn carry_out<T>(
        &self,
        stop: impl Future<Output = ()>,
        work: impl AsyncFnOnce(&mut Held) -> Result<Checked<T>, Faults>,
    ) -> Result<Checked<T>, Faults> {
        let mut held = Held::default();
        let ended = select! {
            ended = timeout(self.deadline, work(&mut held)) => ended.map_err(|_| Code::TimedOut),
            () = stop => Err(Code::Interrupted),
        };
        let ended = ended.unwrap_or_else(|why| Err(self.cut_off(why, &held.waits_for).into()));
        let mut found = Collector::new();
        let value = found.keep_checked(ended);
        self.clean(held, &mut found).await;
        found.finish_some(value)
    }

    /// The fault of a run that was interrupted or exceeded its deadline.
    fn cut_off(&self, why: Code, waits_for: &str) -> Diagnostic {
        if why == Code::Interrupted {
            return interrupted();
        }
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
    pub(crate) async fn lock(&self, held: &mut Held) -> Result<(), Diagnostic> {
        held.lock = Some(Lock::take(self.cluster, &self.namespace, &self.claim, &self.name).await?);
        Ok(())
    }

    /// Scales the parent down, and waits until nobody uses the claim.
    pub(crate) async fn stop_parent(&self, held: &mut Held) -> Result<(), Diagnostic> {
        // Recorded before it is scaled down, so that it is scaled up again wherever this run ends.
        held.parent = parent::find(self.cluster, &self.namespace, &self.deployment).await?;
        if let Some(parent) = &held.parent {
            parent.stop(self.cluster, &self.namespace).await?;
        }
        holders::wait_for_none(self.cluster, &self.namespace, &self.claim).await
    }

    /// Scales the parent up if a killed run left it down.
    pub(crate) async fn restore_parent(&self) -> Result<(), Diagnostic> {
        parent::restore(self.cluster, &self.namespace, &self.deployment).await
    }

    /// Starts the helper pod.
    pub(crate) async fn start_pod(&self, held: &mut Held, mount: &Mount) -> Result<(), Diagnostic> {
        let name = self.pod();
        let pod = helper_pod::manifest(&name, &self.claim, mount, &self.parent, self.deadline);
        // Recorded before the request: the pod may exist even if the answer is lost.
        held.pod = Some(name);
        select! {
            started = helper_pod::start(self.cluster, &self.namespace, &pod, self.deadline, &mut held.waits_for) => started,
            fault = claim::cannot_be_provisioned(self.cluster, &self.namespace, &self.claim) => Err(fault),
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
        let command = [self.parent.python.as_str(), "-c", reading, &program, &request, helper_pod::MOUNT];
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

    /// Releases and removes what is held. A failure is a warning, since lock and pod end by themselves.
    async fn clean(&self, held: Held, found: &mut Collector) {
        let cleaning = async {
            if let Some(pod) = &held.pod
                && let Err(fault) = helper_pod::delete(self.cluster, &self.namespace, pod).await
            {
                found.push(stays(&format!("the helper pod `{pod}`"), &fault));
            }
            if let Some(stopped) = &held.parent
                && let Err(fault) = stopped.start(self.cluster, &self.namespace).await
            {
                found.push(stopped.still_down(&fault));
            }
            if let Some(lock) = held.lock
                && let Err(fault) = lock.release().await
            {
                found.push(stays(&format!("the Lease of the {}", self.what), &fault));
            }
        };
        let _ = timeout(CLEANUP, cleaning).await;
    }
}

/// The fault of an interrupted run.
pub(crate) fn interrupted() -> Diagnostic {
    Diagnostic::error(Code::Interrupted, "interrupted; what was begun has been removed").hint("run the same command again")
}

fn stays(what: &str, fault: &Diagnostic) -> Diagnostic {
    Diagnostic::warning(Code::Notice, format!("{what} could not be removed: {}", fault.message))
        .hint("it ends by itself; the next staging removes it")
}

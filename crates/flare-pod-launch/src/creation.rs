//! Creates a pod: its Secrets first, then the pod, and never two of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use flare_cluster::{ApiResource, Backoff, Cluster, DynamicObject, Objects, WriteOptions};
use flare_diagnostic::{Code, Diagnostic};
use k8s_openapi::api::core::v1::{Pod, Secret};
use tokio::time::{Instant, sleep};

use crate::{JobPod, KnownPod, Observation, renewal::Renewal, trouble};

/// The pauses between attempts to create an object.
pub(crate) const BACKOFF: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(15));

/// How long to wait whether a request without an answer is still carried out.
const LATE: Duration = Duration::from_secs(2);

/// Gets the reason of each attempt that failed and is repeated.
pub(crate) type Report<'creation> = &'creation (dyn Fn(String) + Sync);

/// The progress of a creation, shared with whoever may cancel it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    step: Arc<AtomicU8>,
    awaits_credential: Arc<AtomicBool>,
}

const SECRETS: u8 = 0;
const POD: u8 = 1;
const WITHDRAWN: u8 = 2;
const NOT_AGAIN: u8 = 3;

impl Progress {
    /// Cancels the creation. Succeeds as long as the pod was not requested.
    pub(crate) fn withdraw(&self) -> bool {
        self.step.compare_exchange(SECRETS, WITHDRAWN, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Does not request the pod again.
    pub(crate) fn stop(&self) {
        if !self.withdraw() {
            let _ = self.step.compare_exchange(POD, NOT_AGAIN, Ordering::SeqCst, Ordering::SeqCst);
        }
    }

    /// Whether the pod was requested, at least once.
    pub(crate) fn has_asked(&self) -> bool {
        matches!(self.step.load(Ordering::SeqCst), POD | NOT_AGAIN)
    }

    /// Marks the pod as requested: from now on it may exist. `false` if the creation was cancelled.
    fn ask(&self) -> bool {
        self.step.compare_exchange(SECRETS, POD, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Whether the creation was cancelled before the pod was requested, or the pod must not be requested again.
    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(self.step.load(Ordering::SeqCst), WITHDRAWN | NOT_AGAIN)
    }

    /// Whether the Secrets wait for a credential that the API server accepts, which takes longer than an answer to the launch may take.
    pub(crate) fn awaits_credential(&self) -> bool {
        self.awaits_credential.load(Ordering::SeqCst)
    }

    pub(crate) fn await_credential(&self, is_awaited: bool) {
        self.awaits_credential.store(is_awaited, Ordering::SeqCst);
    }

    fn may_ask_again(&self) -> bool {
        self.step.load(Ordering::SeqCst) == POD
    }
}

/// The fault of a creation that was cancelled before the pod was requested.
pub(crate) fn cancelled() -> Diagnostic {
    Diagnostic::error(Code::Interrupted, "the launch was given up before the pod was asked for")
}

/// The result of a creation. Without a `Debug` form, since a pod contains tokens.
pub(crate) enum Creation {
    /// The pod was not requested. [`JobObjects::discard`] deletes the job's Secrets that may have been created by then.
    Refused(Diagnostic),
    /// The pod exists.
    Made { pod: Box<Pod>, taken_over: bool },
    /// There is no pod, with the reason; or that is unknown.
    None(Observation),
}

/// Lets the API server check a pod and its Secrets without storing them. Returns whether the pod exists and would be taken over.
///
/// # Errors
///
/// What would refuse a launch, or end it at once.
pub async fn check_launch(cluster: &Cluster, job: &JobPod) -> Result<bool, Diagnostic> {
    JobObjects::new(cluster, &job.namespace).check(job).await.map_err(|fault| job.hide(fault))
}

/// The namespace in which pods and Secrets are created.
#[derive(Debug, Clone)]
pub(crate) struct JobObjects {
    pub(crate) pods: Objects<Pod>,
    pub(crate) any_pods: Objects<DynamicObject>,
    pub(crate) secrets: Objects<Secret>,
}

impl JobObjects {
    pub(crate) fn new(cluster: &Cluster, namespace: &str) -> Self {
        Self {
            pods: cluster.namespaced(namespace),
            any_pods: cluster.dynamic(&ApiResource::erase::<Pod>(&()), Some(namespace)),
            secrets: cluster.namespaced(namespace),
        }
    }

    /// Creates the Secrets and then the pod.
    pub(crate) async fn create(&self, job: &JobPod, progress: &Progress, report: Report<'_>) -> Creation {
        let of_site = job.startup.iter().map(|secret| (secret, false));
        let of_job = job.credentials.iter().map(|secret| (secret, true));
        for (secret, is_of_job) in of_site.chain(of_job) {
            if let Err(fault) = self.put(job, secret, is_of_job, progress, report).await {
                return Creation::Refused(job.hide(fault));
            }
        }
        if progress.ask() { self.create_pod(job, progress, report).await } else { Creation::Refused(cancelled()) }
    }

    async fn check(&self, job: &JobPod) -> Result<bool, Diagnostic> {
        let dry = WriteOptions { dry_run: true, force: false };
        for secret in job.startup.iter().chain(&job.credentials) {
            match self.secrets.create(secret, dry).await {
                Err(fault) if fault.code != Code::ObjectConflict => return Err(fault),
                _ => {}
            }
        }
        match self.any_pods.create(&job.pod, dry).await {
            Ok(_) => Ok(false),
            Err(fault) if fault.code == Code::ObjectConflict => match self.of_that_name(job).await {
                NameHolder::Another => Err(Diagnostic::error(Code::ObjectNotOurs, held_by_another(job))),
                _ => Ok(true),
            },
            Err(fault) => Err(fault),
        }
    }

    async fn create_pod(&self, job: &JobPod, progress: &Progress, report: Report<'_>) -> Creation {
        let (mut backoff, mut is_doubtful, mut last) = (BACKOFF, false, None);
        let mut renewal = Renewal::within(&job.limits);
        let mut failed = |message: &str| {
            let message = job.hidden.hide(message).into_owned();
            last = Some(message.clone());
            report(message);
        };
        while progress.may_ask_again() {
            match self.any_pods.create(&job.pod, WriteOptions::default()).await {
                Ok(made) => match parsed(made) {
                    Some(pod) => return Creation::Made { pod, taken_over: false },
                    // It was created, although the answer cannot be read.
                    None => is_doubtful = true,
                },
                Err(fault) if fault.code == Code::ObjectConflict => match self.of_that_name(job).await {
                    NameHolder::Ours(pod) => return Creation::Made { pod, taken_over: !is_doubtful },
                    NameHolder::Another => return Creation::None(name_taken(job)),
                    NameHolder::Ending => failed(&format!("an earlier pod `{}` of this job is still being deleted", job.name)),
                    NameHolder::Unknown(_) | NameHolder::Nothing => {}
                },
                Err(fault) if trouble::may_pass(&fault) => {
                    is_doubtful = true;
                    failed(&fault.message);
                }
                Err(fault) if renewal.is_awaited(&fault, Instant::now()) => failed(&fault.message),
                // An earlier request without an answer may have created it.
                Err(fault) => match if is_doubtful { self.of_that_name(job).await } else { NameHolder::Nothing } {
                    NameHolder::Ours(pod) => return Creation::Made { pod, taken_over: false },
                    NameHolder::Unknown(_) => is_doubtful = true,
                    _ => return Creation::None(trouble::of_creation(&fault)),
                },
            }
            backoff.pause().await;
        }
        if is_doubtful {
            sleep(LATE).await;
        }
        match self.of_that_name(job).await {
            NameHolder::Ours(pod) => Creation::Made { pod, taken_over: false },
            NameHolder::Unknown(_) => Creation::None(Observation::TimePassed),
            NameHolder::Ending | NameHolder::Another | NameHolder::Nothing => {
                Creation::None(last.map_or(Observation::Gone, |message| Observation::NotCreated {
                    class: crate::Class::Transient,
                    reason: "NotCreated".to_owned(),
                    message,
                }))
            }
        }
    }

    /// The pod with this name, of this job or another one.
    pub(crate) async fn of_that_name(&self, job: &JobPod) -> NameHolder {
        match self.pods.find(&job.name).await {
            Err(fault) => NameHolder::Unknown(fault),
            Ok(None) => NameHolder::Nothing,
            Ok(Some(pod)) => match KnownPod::of(&pod) {
                Some(known) if known.is_of(&job.job, &job.site) && known.is_being_deleted => NameHolder::Ending,
                Some(known) if known.is_of(&job.job, &job.site) => NameHolder::Ours(Box::new(pod)),
                _ => NameHolder::Another,
            },
        }
    }
}

/// What has the name of the job's pod.
pub(crate) enum NameHolder {
    Ours(Box<Pod>),
    /// A pod of this job that is being deleted.
    Ending,
    Another,
    Nothing,
    /// Why the API server did not say it.
    Unknown(Diagnostic),
}

fn parsed(pod: DynamicObject) -> Option<Box<Pod>> {
    pod.try_parse().ok().map(Box::new)
}

fn name_taken(job: &JobPod) -> Observation {
    Observation::NotCreated { class: crate::Class::Hopeless, reason: "AlreadyExists".to_owned(), message: held_by_another(job) }
}

pub(crate) fn held_by_another(job: &JobPod) -> String {
    format!("there is a pod `{}` that flare-kube did not make for this job", job.name)
}

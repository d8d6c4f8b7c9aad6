//! Requests to the API server for single jobs, each in its own task.

use std::{sync::Arc, time::Duration};

use flare_cluster::{Backoff, Cluster, DeleteOptions, LogSelection, Objects, Selection, about};
use flare_diagnostic::Diagnostic;
use k8s_openapi::api::core::v1::Pod;
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::sleep,
};

use crate::{
    JobPod, Observation, PodLookup,
    creation::{Creation, JobObjects, Progress},
    entry::JobEntry,
    secrets::{NameLock, Ownership},
    trouble,
};

/// How long one request may take, including retries. A read without an answer counts as trouble.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long after a failure the API server is asked whether it answers again.
pub(crate) const PROBE_PAUSES: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(30));

/// How many lines at the end of a log are kept as evidence.
const LOG_LINES: u32 = 50;
const LOG_BYTES: usize = 16 << 10;

/// The result of work, for the job with a name and a number. Without a `Debug` form, since a pod contains tokens.
pub(crate) enum Answer {
    Created(String, u64, Creation),
    Learned(String, u64, Observation),
    /// Whether the pod owns its Secrets, and the tokens in them.
    Owned(String, u64, Ownership),
    /// Whether the API server lists pods again.
    Probed(Result<(), Diagnostic>),
}

/// Starts work.
pub(crate) struct Worker {
    pub(crate) cluster: Cluster,
    pub(crate) namespace: String,
    pub(crate) objects: JobObjects,
    pub(crate) answers: mpsc::UnboundedSender<Answer>,
    pub(crate) request_limits: RequestLimits,
    /// The number of creations that are not finished, clean-up included.
    pub(crate) creations: watch::Sender<usize>,
}

/// Counts a creation until it is dropped.
struct Counted(watch::Sender<usize>);

impl Counted {
    fn new(creations: &watch::Sender<usize>) -> Self {
        creations.send_modify(|count| *count += 1);
        Self(creations.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// How many requests of one kind are under way at once, which limits the load on the API server. Each kind has its own limit, so that a look,
/// on which the end of a job may depend, waits neither for logs that a dead node does not give nor for deletions.
pub(crate) struct RequestLimits {
    looks: Arc<Semaphore>,
    logs: Arc<Semaphore>,
    deletions: Arc<Semaphore>,
}

impl RequestLimits {
    pub(crate) fn new() -> Self {
        let limit = |count| Arc::new(Semaphore::new(count));
        Self { looks: limit(32), logs: limit(16), deletions: limit(16) }
    }
}

impl Worker {
    fn spawn(&self, limit: &Arc<Semaphore>, work: impl Future<Output = Answer> + Send + 'static) {
        let (answers, limit) = (self.answers.clone(), Arc::clone(limit));
        tokio::spawn(async move {
            let _permit = limit.acquire_owned().await;
            // Without a receiver, the launcher was dropped.
            let _ = answers.send(work.await);
        });
    }

    pub(crate) fn create(&self, job: JobPod, number: u64, progress: Progress, name_lock: NameLock) {
        let objects = self.objects.clone();
        let answers = self.answers.clone();
        let counted = Counted::new(&self.creations);
        // A creation may have to wait for the API server or an earlier pod of its name, so it does not count towards the limit.
        tokio::spawn(async move {
            let locked = name_lock.lock().await;
            let report = |message| {
                let observation = Observation::CreationFailed { message };
                let _ = answers.send(Answer::Learned(job.name.clone(), number, observation));
            };
            let creation = objects.create(&job, &progress, &report).await;
            let is_clear = match &creation {
                Creation::Refused(fault) => objects.discard(&job).await && !trouble::may_pass(fault),
                Creation::Made { .. } | Creation::None(_) => true,
            };
            drop(locked);
            let _ = answers.send(Answer::Created(job.name.clone(), number, creation));
            if !is_clear {
                objects.discard_later(&job, &name_lock).await;
            }
            drop(counted);
        });
    }

    pub(crate) fn look(&self, name: &str, number: u64) {
        let (pods, name) = (self.objects.pods.clone(), name.to_owned());
        self.spawn(&self.request_limits.looks, async move {
            let look = match pods.find(&name).await {
                Ok(Some(pod)) => PodLookup::Found(Box::new(pod)),
                Ok(None) => PodLookup::Nothing,
                Err(fault) => trouble::of_look(&fault),
            };
            Answer::Learned(name, number, Observation::Looked(look))
        });
    }

    pub(crate) fn read_log(&self, name: &str, container: &str, number: u64) {
        let (cluster, namespace, name) = (self.cluster.clone(), self.namespace.clone(), name.to_owned());
        let selection = LogSelection {
            container: Some(container.to_owned()),
            last_lines: Some(LOG_LINES),
            at_most_bytes: Some(LOG_BYTES),
            ..LogSelection::default()
        };
        self.spawn(&self.request_limits.logs, async move {
            let lines: Vec<String> = match cluster.with_request_deadline(DEADLINE).logs(&namespace, &name, &selection).await {
                Ok(log) => log.lines().map(str::to_owned).collect(),
                Err(fault) => vec![format!("(the log could not be read: {})", fault.message)],
            };
            Answer::Learned(name, number, Observation::Logged(lines))
        });
    }

    pub(crate) fn delete(&self, name: &str, uid: Option<&str>, grace: Option<u32>, number: u64) {
        let (pods, name) = (self.objects.pods.clone(), name.to_owned());
        let deletion = DeleteOptions { grace_seconds: grace, uid: uid.map(str::to_owned), ..DeleteOptions::default() };
        self.spawn(&self.request_limits.deletions, async move {
            let deleted = pods.delete(&name, &deletion).await.map_err(|fault| fault.message);
            Answer::Learned(name, number, Observation::Deleted(deleted))
        });
    }

    /// Makes the pod the owner of its Secrets after a pause; if that is refused, they are deleted when the job ends.
    pub(crate) fn own(&self, pod: &str, uid: &str, secrets: &[String], number: u64, pause: Duration) {
        if secrets.is_empty() {
            return;
        }
        let (objects, pod, uid, secrets) = (self.objects.clone(), pod.to_owned(), uid.to_owned(), secrets.to_vec());
        let answers = self.answers.clone();
        tokio::spawn(async move {
            if !pause.is_zero() {
                sleep(about(pause)).await;
            }
            let ownership = objects.own(&secrets, &pod, &uid).await;
            let _ = answers.send(Answer::Owned(pod, number, ownership));
        });
    }

    /// Deletes the Secrets of a finished job, and then lets its settlement be sent.
    pub(crate) fn delete_secrets(&self, pod: &str, entry: JobEntry, name_lock: NameLock) {
        let (objects, pod) = (self.objects.clone(), pod.to_owned());
        tokio::spawn(async move {
            let limit = entry.life.limits.removal;
            let left = objects.remove(&pod, &entry.credentials, limit, &name_lock).await;
            entry.settle(left);
        });
    }

    pub(crate) fn probe(&self, pause: Duration) {
        let (pods, answers) = (self.objects.pods.clone(), self.answers.clone());
        // Most of its time it waits, so it does not count towards a limit.
        tokio::spawn(async move {
            let _ = answers.send(Answer::Probed(probe(&pods, pause).await));
        });
    }
}

/// Lists no pods a while after a failure, which succeeds when the watch would: a resumed watch is silent as long as nothing changes.
pub(crate) async fn probe(pods: &Objects<Pod>, pause: Duration) -> Result<(), Diagnostic> {
    sleep(about(pause)).await;
    pods.list(&Selection::named("flare-kube-probe")).await.map(|_| ())
}

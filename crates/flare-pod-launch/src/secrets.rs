//! The Secrets of a job's pod: created before it, owned by it, and deleted where there is no pod.

use std::{sync::Arc, time::Duration};

use flare_cluster::{DeleteOptions, WriteOptions, about};
use flare_diagnostic::{Code, Diagnostic};
use flare_pod_manifest::Hidden;
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use crate::{
    JobPod,
    creation::{BACKOFF, JobObjects, NameHolder, Progress, Report, cancelled, held_by_another},
    removal,
    renewal::Renewal,
    trouble,
};

/// How often a Secret is tried, with pauses of a quarter of a minute in all.
const ATTEMPTS: u32 = 7;

/// When the Secrets of a refused job are deleted again, since a request that was not answered may be carried out later.
const AGAIN: [Duration; 5] =
    [Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8), Duration::from_secs(30), Duration::from_mins(1)];

/// The lock of a pod's name: of several creations of one name, and deletions of their Secrets, only one is under way.
pub(crate) type NameLock = Arc<Mutex<()>>;

/// The result of making a pod the owner of its Secrets.
pub(crate) struct Ownership {
    /// Whether it owns all of them.
    pub(crate) is_owner: bool,
    /// Whether another attempt may succeed where this one has failed.
    pub(crate) may_pass: bool,
    /// The tokens in them, if all can be read.
    pub(crate) hidden: Option<Hidden>,
}

/// Whether trouble may pass for somebody who has time.
fn may_pass_later(fault: &Diagnostic) -> bool {
    trouble::may_pass(fault) || trouble::is_of_credential(fault)
}

impl JobObjects {
    /// Creates a Secret, or replaces the one with its name, as FLARE's launcher does. A Secret of only this job is left as it is where a pod has
    /// the job's name: it belongs to that pod.
    pub(crate) async fn put(
        &self,
        job: &JobPod,
        secret: &Secret,
        is_of_job: bool,
        progress: &Progress,
        report: Report<'_>,
    ) -> Result<(), Diagnostic> {
        let (mut backoff, mut attempts, mut last) = (BACKOFF, 0, cancelled());
        let mut renewal = Renewal::within(&job.limits);
        while !progress.is_cancelled() {
            let put = self.put_once(job, secret, is_of_job, progress).await;
            let awaits_credential = put.as_ref().is_err_and(|(fault, _)| renewal.is_awaited(fault, Instant::now()));
            progress.await_credential(awaits_credential);
            let Err((fault, may_pass)) = put else { return Ok(()) };
            attempts += u32::from(!awaits_credential);
            if !awaits_credential && (!may_pass || attempts == ATTEMPTS) {
                return Err(fault);
            }
            report(job.hidden.hide(&fault.message).into_owned());
            last = fault;
            backoff.pause().await;
        }
        Err(last)
    }

    /// One attempt; with a fault, whether another attempt may succeed.
    async fn put_once(
        &self,
        job: &JobPod,
        secret: &Secret,
        is_of_job: bool,
        progress: &Progress,
    ) -> Result<(), (Diagnostic, bool)> {
        let judged = |fault: Diagnostic| {
            let may_pass = trouble::may_pass(&fault);
            (fault, may_pass)
        };
        match self.secrets.create(secret, WriteOptions::default()).await {
            Ok(_) => return Ok(()),
            Err(fault) if fault.code == Code::ObjectConflict => {}
            // A namespace that does not exist is not found either, and does not appear by waiting.
            Err(fault) => return Err(judged(fault)),
        }
        if is_of_job {
            match self.of_that_name(job).await {
                // The pod is taken over once its creation is refused; it may have other tokens than the request.
                NameHolder::Ours(_) => return Ok(()),
                NameHolder::Another => {
                    let fault = Diagnostic::error(Code::ObjectNotOurs, held_by_another(job))
                        .hint("end that job, or submit this one again, which gives it another id");
                    return Err((fault, false));
                }
                NameHolder::Unknown(fault) => return Err(judged(fault)),
                NameHolder::Ending | NameHolder::Nothing => {}
            }
        }
        // The launch may have been refused meanwhile.
        if progress.is_cancelled() {
            return Err((cancelled(), false));
        }
        let name = secret.metadata.name.as_deref().unwrap_or_default();
        let Err(fault) = self.secrets.replace(name, secret).await else { return Ok(()) };
        // Deleted or changed between the two requests.
        let changed = matches!(fault.code, Code::ObjectNotFound | Code::ObjectConflict);
        let may_pass = changed || trouble::may_pass(&fault);
        Err((fault, may_pass))
    }

    /// Makes a pod the owner of its Secrets, so that they are deleted with it.
    pub(crate) async fn own(&self, secrets: &[String], pod: &str, uid: &str) -> Ownership {
        let owner = json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid}]}});
        let mut ownership = Ownership { is_owner: true, may_pass: false, hidden: Some(Hidden::default()) };
        for name in secrets {
            let secret = match self.secrets.merge(name, &owner, WriteOptions::default()).await {
                Ok(secret) => Some(secret),
                Err(fault) => {
                    ownership.is_owner = false;
                    ownership.may_pass |= may_pass_later(&fault);
                    self.secrets.find(name).await.ok().flatten()
                }
            };
            ownership.hidden = ownership.hidden.zip(secret).map(|(hidden, secret)| {
                let values = secret.data.unwrap_or_default().into_values().map(|value| value.0);
                hidden.and(Hidden::of_secret(values))
            });
        }
        ownership
    }

    /// Deletes the Secrets of a pod that is gone, for as long as `limit` allows. Returns why one of them stays.
    pub(crate) async fn remove(&self, pod: &str, secrets: &[String], limit: Duration, name_lock: &NameLock) -> Option<String> {
        let (end, mut attempts) = (Instant::now() + limit, 0);
        loop {
            let locked = name_lock.lock().await;
            let Err(fault) = self.remove_once(pod, secrets).await else { return None };
            drop(locked);
            attempts += 1;
            let pause = about(removal::pause(attempts));
            if !may_pass_later(&fault) || Instant::now() + pause >= end {
                return Some(fault.message);
            }
            sleep(pause).await;
        }
    }

    async fn remove_once(&self, pod: &str, secrets: &[String]) -> Result<(), Diagnostic> {
        // One that stays needs them, and so does one that was created meanwhile.
        if self.pods.find(pod).await?.is_some() {
            return Ok(());
        }
        for secret in secrets {
            self.secrets.delete(secret, &DeleteOptions::default()).await?;
        }
        Ok(())
    }

    /// Deletes the Secrets of a job whose pod was not requested, except where a pod has its name: that one needs them. Returns whether
    /// the API server answered.
    pub(crate) async fn discard(&self, job: &JobPod) -> bool {
        match self.of_that_name(job).await {
            NameHolder::Ours(_) | NameHolder::Another => return true,
            NameHolder::Unknown(_) => return false,
            NameHolder::Ending | NameHolder::Nothing => {}
        }
        let mut is_answered = true;
        for name in job.credentials.iter().filter_map(|secret| secret.metadata.name.as_deref()) {
            is_answered &= self.secrets.delete(name, &DeleteOptions::default()).await.is_ok();
        }
        is_answered
    }

    /// Deletes them again for a while: a request without an answer may create them after they were deleted.
    pub(crate) async fn discard_later(&self, job: &JobPod, name_lock: &NameLock) {
        for pause in AGAIN {
            sleep(about(pause)).await;
            let _locked = name_lock.lock().await;
            self.discard(job).await;
        }
    }
}

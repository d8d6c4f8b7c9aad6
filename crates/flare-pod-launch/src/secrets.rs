//! The Secrets of a job's pod: created before it, owned by it, and deleted where there is no pod.

use std::{sync::Arc, time::Duration};

use flare_cluster::{DeleteOptions, WriteOptions, about};
use flare_diagnostic::{Code, Diagnostic};
use flare_pod_manifest::Hidden;
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;
use tokio::{sync::Mutex, time::sleep};

use crate::{
    JobPod,
    creation::{BACKOFF, JobObjects, NameHolder, Progress, cancelled, strangers},
    trouble,
};

/// How often a Secret is tried, with pauses of a quarter of a minute in all.
const ATTEMPTS: u32 = 7;

/// When the Secrets of a refused job are deleted again, since a request that was not answered may be carried out later.
const AGAIN: [Duration; 5] =
    [Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8), Duration::from_secs(30), Duration::from_mins(1)];

/// The lock of a pod's name: of several creations of one name, and deletions of their Secrets, only one is under way.
pub(crate) type NameLock = Arc<Mutex<()>>;

impl JobObjects {
    /// Creates a Secret, or replaces the one with its name, as FLARE's launcher does. A Secret that belongs to another job's pod is not
    /// replaced.
    pub(crate) async fn put(&self, secret: &Secret, of_job: Option<&JobPod>, progress: &Progress) -> Result<(), Diagnostic> {
        let name = secret.metadata.name.as_deref().unwrap_or_default();
        let (mut backoff, mut attempts, mut last) = (BACKOFF, 0, cancelled());
        while !progress.is_cancelled() {
            let (fault, may_pass) = match self.secrets.create(secret, WriteOptions::default()).await {
                Ok(_) => return Ok(()),
                Err(fault) if fault.code == Code::ObjectConflict => {
                    if let Some(job) = of_job
                        && matches!(self.of_that_name(job).await, NameHolder::Strangers)
                    {
                        return Err(Diagnostic::error(Code::ObjectNotOurs, strangers(job))
                            .hint("end that job, or submit this one again, which gives it another id"));
                    }
                    let Err(fault) = self.secrets.replace(name, secret).await else { return Ok(()) };
                    // Deleted or changed between the two requests.
                    let changed = matches!(fault.code, Code::ObjectNotFound | Code::ObjectConflict);
                    let may_pass = changed || trouble::may_pass(&fault);
                    (fault, may_pass)
                }
                // A namespace that does not exist is not found either, and does not appear by waiting.
                Err(fault) => {
                    let may_pass = trouble::may_pass(&fault);
                    (fault, may_pass)
                }
            };
            attempts += 1;
            if !may_pass || attempts == ATTEMPTS {
                return Err(fault);
            }
            last = fault;
            backoff.pause().await;
        }
        Err(last)
    }

    /// Makes a pod the owner of its Secrets, so that they are deleted with it. Returns whether that succeeded, and the tokens in them if
    /// all can be read.
    pub(crate) async fn own(&self, secrets: &[String], pod: &str, uid: &str) -> (bool, Option<Hidden>) {
        let owner = json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid}]}});
        let (mut is_owned, mut hidden) = (true, Some(Hidden::default()));
        for name in secrets {
            let secret = if let Ok(secret) = self.secrets.merge(name, &owner, WriteOptions::default()).await {
                Some(secret)
            } else {
                is_owned = false;
                self.secrets.find(name).await.ok().flatten()
            };
            hidden = hidden.zip(secret).map(|(hidden, secret)| {
                let values = secret.data.unwrap_or_default().into_values().map(|value| value.0);
                hidden.and(Hidden::of_secret(values))
            });
        }
        (is_owned, hidden)
    }

    /// Deletes the Secrets of a job whose pod was not requested, except where a pod has its name: that one needs them. Returns whether
    /// the API server answered.
    pub(crate) async fn discard(&self, job: &JobPod) -> bool {
        match self.of_that_name(job).await {
            NameHolder::Ours(_) | NameHolder::Strangers => return true,
            NameHolder::Unknown => return false,
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

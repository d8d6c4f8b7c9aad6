//! Releases and removes what a run holds, however it ended.

use std::{future::Future, time::Duration};

use flare_diagnostic::{Code, Collector, Diagnostic};
use tokio::{join, time::timeout};

use super::{Resources, Run};
use crate::helper_pod;

/// How long each step of cleaning up may take: longer than one request with its repetitions.
const CLEANUP: Duration = Duration::from_secs(40);

impl Run<'_> {
    /// Releases and removes what is held. A failure is a warning, since lock and pod end by themselves. If another run has the lock, it may
    /// be at work on the volume, so the parent stays down.
    pub(super) async fn clean(&self, held: Resources, is_lost: bool, found: &mut Collector) {
        // Its program completes a swap in its grace period, beside which the parent would find some of the old and some of the new.
        let may_be_at_work = found.has_errors() && held.is_running && held.may_change && held.parent.is_some();
        let starting = async {
            match &held.parent {
                Some(stopped) if is_lost => Err(stopped.left_to_another_run()),
                Some(stopped) => in_time(stopped.start(self.cluster)).await.map_err(|why| stopped.still_down(&why)),
                None => Ok(()),
            }
        };
        let deleting = async {
            let Some(pod) = &held.pod else { return Ok(()) };
            let deletion = async {
                helper_pod::delete(self.cluster, &self.namespace, pod, grace(held.is_running)).await?;
                if !may_be_at_work {
                    return Ok(());
                }
                Box::pin(helper_pod::wait_for_end(self.cluster, &self.namespace, pod, CLEANUP)).await
            };
            in_time(deletion).await.map_err(|why| stays(&format!("the helper pod `{pod}`"), &why))
        };
        let (started, deleted) = if may_be_at_work {
            let deleted = deleting.await;
            (starting.await, deleted)
        } else {
            join!(starting, deleting)
        };
        let released = match held.lock {
            Some(lock) if !is_lost => {
                in_time(lock.release()).await.map_err(|why| stays(&format!("the Lease of the {}", self.what), &why))
            }
            _ => Ok(()),
        };
        found.extend([started, deleted, released].into_iter().filter_map(Result::err));
    }
}

/// A step of cleaning up, with its own limit. The error is the reason, for a warning.
async fn in_time(step: impl Future<Output = Result<(), Diagnostic>>) -> Result<(), String> {
    match timeout(CLEANUP, step).await {
        Ok(done) => done.map_err(|fault| fault.message),
        Err(_) => Err(format!("no end within {} s", CLEANUP.as_secs())),
    }
}

/// The grace period of a helper pod other than its own. A container that only begins may not notice that it should end.
fn grace(is_running: bool) -> Option<u32> {
    (!is_running).then_some(1)
}

fn stays(what: &str, why: &str) -> Diagnostic {
    Diagnostic::warning(Code::Notice, format!("{what} could not be removed: {why}"))
        .hint("it ends by itself; the next staging removes it")
}

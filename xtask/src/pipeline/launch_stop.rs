//! Why a run of job pods is ended before its jobs, and what those who wait for a job are told of it.

use std::time::Duration;

use flare_cluster::{Cluster, k8s_openapi::api::core::v1::Pod};
use flare_diagnostic::Code;
use tokio::{sync::watch, time::sleep};

/// How long the API server may leave a request unanswered before a run that is being ended no longer waits for it.
const SILENCE: Duration = Duration::from_secs(10);

/// The pause between two such requests.
const PROBE: Duration = Duration::from_secs(2);

/// Why a run ended before its jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    OutOfTime,
    Interrupted,
}

/// What the jobs of a run are told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stop {
    /// Why they are to be ended.
    pub(super) why: Option<Stopped>,
    /// Whether the API server no longer answers, so that nothing more can be learned of them.
    pub(super) is_silent: bool,
}

/// Completes with the reason when the jobs are to be ended.
pub(super) async fn is_to_end(stopped: &mut watch::Receiver<Stop>) -> &'static str {
    match stopped.wait_for(|stop| stop.why.is_some()).await.map(|stop| stop.why) {
        Ok(Some(Stopped::OutOfTime)) => "the time for the run is over",
        _ => "the run was interrupted",
    }
}

/// Completes when the API server no longer answers.
pub(super) async fn is_silent(mut stop: watch::Receiver<Stop>) {
    if stop.wait_for(|stop| stop.is_silent).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Asks the API server for one of the pods again and again; completes when it gives no answer.
pub(super) async fn silence(cluster: &Cluster, pods: &[(String, String)]) {
    let cluster = cluster.clone().with_request_deadline(SILENCE);
    while let Some((namespace, name)) = pods.first() {
        let answer = cluster.namespaced::<Pod>(namespace).find(name).await;
        let silent = [Code::ClusterUnreachable, Code::ClusterBusy, Code::TimedOut];
        if answer.is_err_and(|fault| silent.contains(&fault.code)) {
            return;
        }
        sleep(PROBE).await;
    }
}

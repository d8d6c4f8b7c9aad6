//! Waits until the installed parent runs, stays up, and has joined its federation.

use std::time::Duration;

use flare_cluster::k8s_openapi::api::core::v1::Pod;
use flare_diagnostic::{Diagnostic, shown};
use flare_doctor::{
    Finding,
    joining::{self, LogSource},
    registered::{Joined, LogReader},
    rollout::{self, ParentDeployment, RunningParent},
};
use flare_names::Role;
use flare_site_plan::SitePlan;

use super::{
    link_test::LinkTest,
    proven,
    run::{Run, Until},
};

/// The number of lines at the end of the log that are shown of a parent that has not joined.
const SHOWN_LINES: usize = 15;

/// Waits for the parent. One that was proven before and not changed by this run is checked once.
pub(super) async fn wait(run: &Run<'_>, changed: bool) -> Result<RunningParent, Finding> {
    let noted = if changed { None } else { proven::read(run).await.ok().flatten() };
    let mut stable = if noted.is_some() { Duration::ZERO } else { rollout::WaitOptions::STABLE };
    loop {
        let running = runs(run, stable).await?;
        let known = noted.as_ref().is_some_and(|noted| noted.is_of(&running));
        if noted.is_some() && !known && stable.is_zero() {
            // It was restarted since.
            stable = rollout::WaitOptions::STABLE;
            continue;
        }
        if run.options.until == Until::Running || joins(run, &running, known).await? {
            return Ok(running);
        }
    }
}

async fn runs(run: &Run<'_>, stable: Duration) -> Result<RunningParent, Finding> {
    let target =
        ParentDeployment { namespace: run.namespace().to_owned(), deployment: run.kit.plan().names.deployment.to_string() };
    let options = rollout::WaitOptions { deadline: run.left(), stable, clock: crate::environment::now };
    rollout::wait(run.cluster, &target, &options, run.progress).await.map(|rollout| rollout.running)
}

/// Whether a running parent has joined; `false` if it was restarted or stopped, so that its rollout must be checked again.
/// The log of a parent that is known to have joined need not say so, since the log may begin later.
async fn joins(run: &Run<'_>, running: &RunningParent, known: bool) -> Result<bool, Finding> {
    let plan = run.kit.plan();
    (run.progress)(if plan.role == Role::Server {
        "waiting until the server has started"
    } else {
        "waiting until the client has registered"
    });
    let source = LogSource { namespace: run.namespace(), pod: &running.pod, container: &running.container };
    let start = LogReader::new(plan.role, &plan.site).of_known(known);
    let mut links = LinkTest::new(run.left());
    let between = async || {
        if !still_runs(run, running).await {
            return Err(Stop::Replaced);
        }
        let refused = if plan.role == Role::Client { links.look(run, running).await } else { None };
        refused.map_or(Ok(()), |refused| Err(Stop::Refused(refused)))
    };
    let look = |lines| joining::look(run.cluster, source, &start, lines);
    let last = match joining::until_joined(look, run.end, between).await {
        Ok(last) => last,
        Err(Stop::Replaced) => return Ok(false),
        Err(Stop::Refused(refused)) => return Err(refused),
    };
    let cause = match last.joined() {
        Joined::Yes => return Ok(true),
        Joined::Lost(cause) => Some(cause),
        Joined::No(cause) => cause,
    };
    // What was tested from the pod says more than a log that repeats that it tries.
    Err(match (links.last(), &last.unread) {
        (Some(broken), _) => broken.evidence(last.last_lines(SHOWN_LINES)),
        (None, Some(fault)) => not_read(fault),
        (None, None) => not_joined(plan, cause.map(|cause| (cause.message, cause.hint)), last.last_lines(SHOWN_LINES)),
    })
}

/// What ends the wait for a parent that runs and has not joined.
enum Stop {
    /// It was restarted or replaced.
    Replaced,
    /// Its server refuses it for good.
    Refused(Finding),
}

/// Whether the container with this log still runs.
async fn still_runs(run: &Run<'_>, running: &RunningParent) -> bool {
    let pod = run.cluster.namespaced::<Pod>(run.namespace()).find(&running.pod).await;
    pod.ok().flatten().is_some_and(|pod| running.still_is(&pod))
}

/// The finding if the log of a running parent could not be read: neither that it has joined nor that it has not.
fn not_read(fault: &Diagnostic) -> Finding {
    let why = Finding::unknown("D82", "the parent runs; whether its participant has joined", fault);
    why.hint("see why the API server does not get logs from the node's kubelet; `--until running` installs without them")
}

fn not_joined(plan: &SitePlan, cause: Option<(&str, &str)>, last: Vec<String>) -> Finding {
    let what = match (plan.role, &plan.server_target) {
        (Role::Server, _) => "the server runs and has not started to serve".to_owned(),
        (Role::Client, None) => "the client runs and has not registered at its server".to_owned(),
        (Role::Client, Some((host, port))) => {
            let port = port.map(|port| format!(", port {port}")).unwrap_or_default();
            format!("the client runs and has not registered at its server `{}`{port}", shown(host))
        }
    };
    let (message, hint) = match cause {
        Some((message, hint)) => (format!("{what}: {message}"), hint),
        None => (
            what,
            "see the last lines of its log, and whether the server runs and is reached under that name; `--timeout` gives it more time",
        ),
    };
    Finding::error("D82", message, hint).evidence(last)
}

#[cfg(test)]
mod tests {
    use flare_diagnostic::Code;
    use flare_doctor::Severity;

    use super::*;

    #[test]
    fn a_log_that_cannot_be_read_says_nothing_about_the_parent() {
        let found = not_read(&Diagnostic::error(Code::ClusterBusy, "dial tcp 10.0.0.5:10250: i/o timeout"));
        assert_eq!((found.id, found.severity), ("D82", Severity::Unknown));
        assert!(found.message.contains("10250") && found.hint.is_some(), "{found:?}");
    }
}

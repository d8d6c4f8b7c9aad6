//! Checks of a participant's running release in its cluster. Nothing is changed.

mod claim;
mod joined;
mod judgement;
mod probe;
mod questions;
mod service;
#[cfg(test)]
mod tests;

use flare_cluster::Cluster;
use flare_diagnostic::shown;
use flare_prepared_kit::PreparedKit;
use tokio::time::Instant;

use self::judgement::settled;
use crate::{
    Finding, Severity,
    rollout::{self, Options, Running, Target},
};

/// Runs every check that needs the cluster: the rollout first, then, if the parent runs, the checks that need it. `progress` is called
/// with a description of each step.
pub async fn check(
    cluster: &Cluster,
    kit: &PreparedKit,
    options: &Options,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Vec<Finding> {
    let end = Instant::now() + options.deadline;
    let plan = kit.plan();
    let target = Target { namespace: plan.namespace.to_string(), deployment: plan.names.deployment.to_string() };
    let running = rollout::wait(cluster, &target, options, progress).await;
    let mut found = vec![reached(cluster)];
    match &running {
        Ok(running) => found.extend(rolled_out(running)),
        Err(finding) => found.push(finding.clone()),
    }
    if !is_fault(&found, &["D31"]) {
        progress("looking at the workspace claim");
        found.extend(settled("D31", claim::check(cluster, kit).await));
    }
    let Ok(running) = running else {
        found.extend(NEED_A_PARENT.map(not_without_parent));
        return found;
    };
    progress("looking at the Service");
    found.extend(settled("D70", service::check(cluster, kit, &running).await));
    progress("asking the parent's own Python");
    found.extend(in_the_pod(cluster, kit, &running).await);
    progress("reading the parent's log");
    // A client that cannot reach the server is not waited for.
    let end = if is_fault(&found, &["D71", "D72"]) { Instant::now() } else { end };
    found.extend(settled("D82", joined::check(cluster, kit, &running, end).await));
    found
}

/// The cluster that answers, so that results say which one it was.
fn reached(cluster: &Cluster) -> Finding {
    let context = cluster.context().map(|name| format!(", context `{}`", shown(name))).unwrap_or_default();
    Finding::ok("D01", format!("Kubernetes {} answers at {}{context}", shown(cluster.version()), shown(cluster.server())))
}

fn is_fault(found: &[Finding], ids: &[&str]) -> bool {
    found.iter().any(|finding| finding.severity == Severity::Error && ids.contains(&finding.id))
}

fn rolled_out(running: &Running) -> Vec<Finding> {
    let mut found = settled("D80", Vec::new());
    let restarts = running.restarts;
    if restarts == 0 {
        found.extend(settled("D81", Vec::new()));
    } else {
        let message = format!("the parent runs, and was started again {} before", crate::finding::times(restarts));
        found.push(Finding::warning("D81", message, "see why with `logs --previous`"));
    }
    found
}

/// The checks that need a running parent.
const NEED_A_PARENT: [&str; 8] = ["D70", "D35", "D46", "D13", "D45", "D71", "D72", "D82"];

fn not_without_parent(id: &'static str) -> Finding {
    Finding::new(id, Severity::Unknown, "not checked: the parent does not run")
}

/// Runs the program in the parent's pod, and checks whether the pod was started with this kit.
async fn in_the_pod(cluster: &Cluster, kit: &PreparedKit, running: &Running) -> Vec<Finding> {
    let plan = kit.plan();
    let mut found = settled("D83", claim::stale(cluster, kit, running).await);
    let request = questions::of(kit);
    let python = plan.parent.command.first().map_or("python3", String::as_str);
    match probe::run(cluster, plan.namespace.as_str(), running, python, &request).await {
        Ok(answer) => found.extend(judgement::findings(plan, &answer, &request.links)),
        Err(fault) => {
            let ids = ["D35", "D46", "D13", "D45", "D71", "D72"];
            found.extend(ids.map(|id| Finding::unknown(id, crate::Check::of(id).map_or(id, |check| check.title), &fault)));
        }
    }
    found
}

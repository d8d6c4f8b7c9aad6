//! Checks of a participant's running release in its cluster. Nothing is changed.

mod broken_link;
mod claim;
mod joined;
mod judgement;
mod packages;
mod probe;
mod questions;
mod rights;
mod service;
#[cfg(test)]
mod tests;

use flare_cluster::Cluster;
use flare_diagnostic::{Code, shown};
use flare_prepared_kit::PreparedKit;
use k8s_openapi::api::apps::v1::Deployment;
use tokio::time::Instant;

use self::judgement::settled;
pub use self::{
    broken_link::BrokenLink,
    rights::{helm_needs, wait_needs},
};
use crate::{
    Finding, Severity,
    rollout::{self, ParentDeployment, RunningParent, WaitOptions},
};

/// Runs every check that needs the cluster: the rollout first, then, if the parent runs, the checks that need it. `progress` is called
/// with a description of each step. An API server that stops answering meanwhile is a fault, D01.
pub async fn check(
    cluster: &Cluster,
    kit: &PreparedKit,
    options: &WaitOptions,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Vec<Finding> {
    let mut found = Box::pin(look(cluster, kit, options, progress)).await;
    let is_unknown = found.iter().any(|finding| finding.severity == Severity::Unknown);
    if is_unknown && !is_fault(&found, &["D01"]) {
        found.extend(gone(cluster, kit).await);
    }
    found
}

/// The finding if the API server does not answer, or no longer takes the credential.
async fn gone(cluster: &Cluster, kit: &PreparedKit) -> Option<Finding> {
    let plan = kit.plan();
    let answer = cluster.namespaced::<Deployment>(plan.namespace.as_str()).find(plan.names.deployment.as_str()).await;
    let fault = answer.err().filter(|fault| keeps_from_every_answer(fault.code))?;
    Some(Finding::of("D01", &fault))
}

/// Whether an error is one of the connection, not of one object or right: nothing else is answered then, either.
const fn keeps_from_every_answer(code: Code) -> bool {
    matches!(
        code,
        Code::ClusterUnreachable
            | Code::ClusterBusy
            | Code::TimedOut
            | Code::ClusterNotTrusted
            | Code::CredentialRefused
            | Code::CredentialUnavailable
            | Code::ClusterAnswerInvalid
    )
}

async fn look(
    cluster: &Cluster,
    kit: &PreparedKit,
    options: &WaitOptions,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Vec<Finding> {
    let end = Instant::now() + options.deadline;
    let plan = kit.plan();
    let target = ParentDeployment { namespace: plan.namespace.to_string(), deployment: plan.names.deployment.to_string() };
    let rollout = rollout::wait(cluster, &target, options, progress).await;
    let mut found = vec![reached(cluster)];
    match &rollout {
        Ok(rollout) => found.extend(rolled_out(&rollout.running)),
        Err(finding) => found.push(finding.clone()),
    }
    if is_fault(&found, &["D01"]) {
        let all = rights::IDS.into_iter().chain(["D31"]).chain(NEED_A_PARENT);
        found.extend(all.map(|id| Finding::new(id, Severity::Unknown, "not checked: the API server does not answer")));
        return found;
    }
    if !is_fault(&found, &["D31"]) {
        progress("looking at the workspace claim");
        found.extend(settled("D31", claim::check(cluster, kit).await));
    }
    progress("asking what the user may do");
    found.extend(rights::check(cluster, kit, rollout.is_ok()).await);
    let Ok(rollout) = rollout else {
        found.extend(NEED_A_PARENT.map(not_without_parent));
        return found;
    };
    progress("looking at the Service");
    found.extend(settled("D70", service::check(cluster, kit, &rollout.running).await));
    progress("asking the parent's own Python");
    found.extend(in_the_pod(cluster, kit, &rollout.running).await);
    progress("reading the parent's log");
    // A client that cannot reach the server, or that runs with another kit, is not waited for.
    let end = if is_fault(&found, &["D31", "D71", "D72"]) { Instant::now() } else { end };
    found.extend(settled("D82", joined::check(cluster, kit, &rollout, end).await));
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

fn rolled_out(running: &RunningParent) -> Vec<Finding> {
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

/// Tests the connection of a client to its server from the parent's pod: FLARE's log does not say why a client cannot connect. `None` if
/// nothing is wrong, also if it could not be tested.
pub async fn broken_link(cluster: &Cluster, kit: &PreparedKit, running: &RunningParent) -> Option<BrokenLink> {
    let plan = kit.plan();
    let request = questions::of_links(kit);
    let python = plan.parent.command.first().map_or("python3", String::as_str);
    let answer = probe::run(cluster, plan.namespace.as_str(), running, python, &request).await.ok()?;
    judgement::broken(&answer, &request.links)
}

/// Runs the program in the parent's pod, and checks whether the pod was started with this kit.
async fn in_the_pod(cluster: &Cluster, kit: &PreparedKit, running: &RunningParent) -> Vec<Finding> {
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

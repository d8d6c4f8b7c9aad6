//! What the user may do of that which the verbs about a participant need. The API server is asked; nothing is tried.

use flare_cluster::{Cluster, Operation};
use flare_diagnostic::{Code, Faults};
use flare_prepared_kit::PreparedKit;
use flare_site_plan::{LauncherResource, LauncherRight, SitePlan};
use futures_util::future::join4;
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::{Event, Node, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount},
    rbac::v1::{Role, RoleBinding},
    storage::v1::StorageClass,
};

use crate::{Check, Finding, Severity};

/// The checks of this module.
pub(super) const IDS: [&str; 4] = ["D10", "D11", "D12", "D14"];

/// What is said of each of them if a right is missing, and what can be done.
const MISSING: [(&str, &str); 4] = [
    (
        "the user may not do all that an installation needs",
        "an administrator grants what is listed; `install` names a command for each",
    ),
    (
        "the user may not run programs in pods, which a staging onto the volume and some of these checks need",
        "an administrator grants both verbs on `pods/exec`; `stage --mode objects` needs neither",
    ),
    (
        "the user lacks rights that the chart grants to the parent's launcher, and Kubernetes lets nobody grant what they lack",
        "have an administrator install the chart or grant what is listed, or make the Role without the chart (`rbac.create=false`)",
    ),
    (
        "the user may not read all of nodes and storage classes: a class that is missing, or the address of a node, is not told",
        "nothing is to be done unless that is needed; an administrator grants it by a ClusterRole",
    ),
];

/// Asks about everything. A right that is missing is a warning if no parent runs; one that runs needs it only when it is staged or installed
/// again. What is of the whole cluster is never needed.
pub(super) async fn check(cluster: &Cluster, kit: &PreparedKit, is_running: bool) -> Vec<Finding> {
    let plan = kit.plan();
    let (namespace, makes_role) = (plan.namespace.as_str(), makes_role(kit));
    let (installation, exec, reading) = (installation(namespace, makes_role), Operation::exec(namespace), reading());
    let grants = async { if makes_role { may_grant(cluster, plan).await } else { Ok(()) } };
    let (installs, executes) = (cluster.check_access(&installation), cluster.check_access(&exec));
    let asked: [_; 4] = join4(installs, executes, grants, cluster.check_access(&reading)).await.into();
    let asked = IDS.into_iter().zip(asked);
    let severity = |id| if is_running || id == "D14" { Severity::Info } else { Severity::Warning };
    asked.map(|(id, asked)| finding(id, severity(id), asked)).collect()
}

/// The finding of a check of this module.
fn finding(id: &'static str, severity: Severity, asked: Result<(), Faults>) -> Finding {
    let title = Check::of(id).map_or(id, |check| check.title);
    let Err(faults) = asked else { return Finding::ok(id, title) };
    if let Some(unanswered) = faults.all().iter().find(|fault| fault.code != Code::PermissionDenied) {
        return Finding::unknown(id, title, unanswered);
    }
    let (missing, hint) = IDS.iter().position(|one| *one == id).map_or((title, title), |row| MISSING[row]);
    Finding::new(id, severity, missing).hint(hint).evidence(faults.all().iter().map(|fault| &fault.message))
}

/// Whether the chart makes the Role of the launcher.
fn makes_role(kit: &PreparedKit) -> bool {
    !kit.values().is_ok_and(|values| values["rbac"]["create"] == false)
}

/// What an installation does in every case; it asks for more if its values make more objects.
fn installation(namespace: &str, makes_role: bool) -> Vec<Operation> {
    let at = Some(namespace);
    let mut needed = Vec::new();
    for verb in ["get", "create", "patch"] {
        needed.extend([
            Operation::on::<Deployment>(verb, at),
            Operation::on::<Service>(verb, at),
            Operation::on::<ServiceAccount>(verb, at),
        ]);
        if makes_role {
            needed.extend([Operation::on::<Role>(verb, at), Operation::on::<RoleBinding>(verb, at)]);
        }
    }
    needed.extend(helm_needs(namespace));
    needed.extend(wait_needs(namespace));
    needed.push(Operation::on::<PersistentVolumeClaim>("get", at));
    needed
}

/// What Helm does itself, whatever is in the chart: it stores its revisions in Secrets.
pub fn helm_needs(namespace: &str) -> impl Iterator<Item = Operation> {
    ["get", "list", "create", "update", "delete"].into_iter().map(move |verb| Operation::on::<Secret>(verb, Some(namespace)))
}

/// What the wait for a parent does ([`crate::rollout`]).
pub fn wait_needs(namespace: &str) -> impl Iterator<Item = Operation> {
    let at = Some(namespace);
    let watched = ["list", "watch"].into_iter().flat_map(move |verb| {
        [
            Operation::on::<Deployment>(verb, at),
            Operation::on::<ReplicaSet>(verb, at),
            Operation::on::<Pod>(verb, at),
            Operation::on::<Event>(verb, at),
        ]
    });
    watched.chain([Operation::on::<Pod>("get", at).subresource("log")])
}

/// What the chart's Role grants.
fn granted(plan: &SitePlan) -> Vec<Operation> {
    let at = Some(plan.namespace.as_str());
    let of = |right: LauncherRight| {
        right.verbs.iter().map(move |verb| match right.resource {
            LauncherResource::Pods => Operation::on::<Pod>(verb, at),
            LauncherResource::Events => Operation::on::<Event>(verb, at),
            LauncherResource::Secrets => Operation::on::<Secret>(verb, at),
        })
    };
    plan.launcher_rights().into_iter().flat_map(of).collect()
}

/// Whether the user may make the Role: with all of its rights, or with the one that stands for them.
async fn may_grant(cluster: &Cluster, plan: &SitePlan) -> Result<(), Faults> {
    let Err(lacking) = cluster.check_access(&granted(plan)).await else { return Ok(()) };
    let escalate = Operation::on::<Role>("escalate", Some(plan.namespace.as_str()));
    if cluster.may(&escalate).await? { Ok(()) } else { Err(lacking) }
}

/// What some messages and `install --expose host-port` know from the whole cluster.
fn reading() -> [Operation; 3] {
    [Operation::on::<StorageClass>("get", None), Operation::on::<Node>("get", None), Operation::on::<Node>("list", None)]
}

#[cfg(test)]
mod tests {
    use flare_diagnostic::Diagnostic;
    use flare_file_tree::{FileTree, RelativePath};
    use flare_prepared_kit::FingerprintedKit;

    use super::*;

    fn plan(text: &str) -> SitePlan {
        serde_json::from_str(text).unwrap()
    }

    const CLIENT: &str = include_str!("../../../flare-helm-chart/tests/plans/client-2.8.json");

    #[test]
    fn a_missing_right_is_no_fault_and_an_unanswered_question_says_nothing() {
        let of = |asked| finding("D11", Severity::Warning, asked);
        assert_eq!(of(Ok(())).severity, Severity::Ok);
        let denied = |what: &str| Diagnostic::error(Code::PermissionDenied, format!("the user `anna` may not {what}"));
        let missing = of(Err(Faults::new(denied("get"), [denied("create")])));
        assert_eq!((missing.severity, missing.message.contains("run programs in pods")), (Severity::Warning, true));
        assert!(missing.hint.is_some_and(|hint| hint.contains("pods/exec")));
        assert_eq!(missing.evidence, ["the user `anna` may not get", "the user `anna` may not create"]);
        let unanswered = of(Err(Faults::new(denied("get"), [Diagnostic::error(Code::ClusterBusy, "later")])));
        assert_eq!(unanswered.severity, Severity::Unknown);
    }

    #[test]
    fn what_is_asked_follows_the_chart_and_the_release() {
        let kit = |values: &str| {
            let mut chart = FileTree::new();
            chart.insert_file(RelativePath::literal("values.yaml"), values, 0o644);
            PreparedKit::assemble(plan(CLIENT), FingerprintedKit::new(FileTree::new()).unwrap(), chart).unwrap()
        };
        assert!(makes_role(&kit("rbac: {create: true}\n")) && makes_role(&kit("{}\n")));
        assert!(!makes_role(&kit("rbac: {create: false}\n")));
        let roles = |operations: &[Operation]| operations.contains(&Operation::on::<Role>("create", Some("fl")));
        assert!(roles(&installation("fl", true)) && !roles(&installation("fl", false)));
        let newer = plan(include_str!("../../../flare-helm-chart/tests/plans/client-2.9.json"));
        for (plan, has) in [(plan(CLIENT), false), (newer, true)] {
            let at = Some(plan.namespace.as_str());
            let granted = granted(&plan);
            assert_eq!(granted.contains(&Operation::on::<Secret>("patch", at)), has, "{granted:?}");
            assert_eq!(granted.contains(&Operation::on::<Event>("list", at)), has, "{granted:?}");
        }
    }
}

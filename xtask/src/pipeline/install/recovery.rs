//! Rolls back after a parent failed: the release returns to a good revision, and with it the kit on the volume.

use std::time::Duration;

use flare_diagnostic::{Code, Collector, Diagnostic};
use flare_doctor::rollout::{self, ParentDeployment};
use flare_pvc_stage::staged_fingerprint;
use tokio::time::timeout;

use super::{
    attempt::Attempt,
    beside, earlier_kit, pull_secret,
    readiness::Before,
    run::{Recovery, RemainingObjects, Run},
};
use crate::runtime;

/// How long each step may take, in addition to the installation's deadline.
const LIMIT: Duration = Duration::from_mins(2);

/// How long it may take to see what stays.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// Restores the previous state after a run failed, unless another run has changed the release meanwhile.
pub(super) async fn after(run: &Run<'_>, attempt: Attempt, before: Option<&Before>, found: &mut Collector) -> Recovery {
    if run.options.keep_failed {
        return Recovery::Left { kit: None };
    }
    let history = match run.release_within(LIMIT, |release| release.history()) {
        Ok(history) => history,
        // Going back unseen could take away what another run has installed.
        Err(fault) => {
            let what = "neither the release nor its kit was put back, since the release's history cannot be read";
            return left(what, &fault, &by_hand(run, before), None, found);
        }
    };
    if !attempt.is_newest(&history)
        && let Some(newest) = history.last()
    {
        found.push(beside::of_release(&run.place.release, newest));
        return Recovery::OfAnother;
    }
    recover(run, before, found).await
}

/// Restores the previous state. What cannot be restored is a warning with a hint. Ctrl-C ends each step of it, and what is left then is told
/// in the same way.
pub(super) async fn recover(run: &Run<'_>, before: Option<&Before>, found: &mut Collector) -> Recovery {
    if run.options.keep_failed {
        return Recovery::Left { kit: None };
    }
    let Some(back) = before else {
        (run.progress)("removing the release, since there was none before");
        let removed = run.release_within(LIMIT, |release| release.uninstall());
        return match removed {
            Ok(was_there) => Recovery::Removed { was_there, stays: what_stays(run).await },
            Err(fault) => left("the release could not be removed", &fault, &by_hand(run, None), None, found),
        };
    };
    let kit = match earlier_kit::put_back(run, back, found).await {
        Ok(kit) => kit,
        Err(faults) => {
            faults.into_iter().for_each(|fault| found.push(kit_stays(&fault)));
            None
        }
    };
    let revision = back.revision;
    (run.progress)(&format!("going back to revision {revision}"));
    match run.release_within(LIMIT, |release| release.rollback(revision)) {
        Ok(()) => Recovery::RolledBack { revision, kit, runs: runs_again(run).await },
        Err(fault) => left("the release could not be rolled back", &fault, &by_hand(run, before), kit, found),
    }
}

/// Helm's command that restores the previous state.
fn by_hand(run: &Run<'_>, before: Option<&Before>) -> String {
    let release = &run.place.release;
    match before {
        Some(before) => run.place.command(&format!("rollback {release} {}", before.revision)),
        None => run.place.command(&format!("uninstall {release}")),
    }
}

/// What is left of the participant without its release: what `stage` put into the cluster, and the Secret that this run made.
async fn what_stays(run: &Run<'_>) -> RemainingObjects {
    let (plan, record) = (run.kit.plan(), run.kit.staged_record().ok().flatten());
    let kit = match record {
        Some(_) => None,
        None => timeout(LOOK_LIMIT, staged_fingerprint(run.cluster, run.kit)).await.ok().and_then(Result::ok).flatten(),
    };
    let named = |kind: &str, name: Option<String>| name.map(|name| format!("{kind} {name}"));
    let made = run.options.pull_secret.as_ref().map(|_| pull_secret::name(plan).0);
    let (config_map, secret) = record.map(|record| (record.config_map, record.secret)).unwrap_or_default();
    let objects = [named("ConfigMap", config_map), named("Secret", secret), named("Secret", made)];
    RemainingObjects { claim: plan.workspace.claim.to_string(), kit, objects: objects.into_iter().flatten().collect() }
}

/// A release that stays as it is; `kit` was put back on the volume already.
fn left(what: &str, fault: &Diagnostic, command: &str, kit: Option<String>, found: &mut Collector) -> Recovery {
    let hint = stays(command, kit.as_deref());
    found.push(Diagnostic::warning(Code::Notice, format!("{what}: {}", fault.message)).hint(hint));
    Recovery::Left { kit }
}

fn stays(command: &str, kit: Option<&str>) -> String {
    let hint = format!("`{command}` does it by hand; `helm history` shows the revisions");
    match kit {
        Some(kit) => format!("{hint}; the kit of that revision, {kit}, is on the volume again"),
        None => hint,
    }
}

fn kit_stays(fault: &Diagnostic) -> Diagnostic {
    let message = format!("the kit that belongs to the earlier revision could not be put back on the volume: {}", fault.message);
    Diagnostic::warning(Code::Notice, message)
        .hint("stage the earlier prepared kit again with `stage --restart`, or use `stage --rollback`")
}

/// Whether the earlier parent is seen to run again, without waiting whether it stays up.
async fn runs_again(run: &Run<'_>) -> bool {
    let target =
        ParentDeployment { namespace: run.namespace().to_owned(), deployment: run.kit.plan().names.deployment.to_string() };
    let options = rollout::WaitOptions { deadline: LIMIT, stable: Duration::from_secs(2), clock: crate::environment::now };
    tokio::select! {
        ended = Box::pin(rollout::wait(run.cluster, &target, &options, run.progress)) => ended.is_ok(),
        () = runtime::stopped(run.stop) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kit_that_went_back_alone_is_named() {
        assert!(stays("helm rollback a 1", Some("3f0c")).ends_with("the kit of that revision, 3f0c, is on the volume again"));
        assert!(!stays("helm rollback a 1", None).contains("kit"));
    }
}

//! Rolls back after a parent failed: the release returns to a good revision, and with it the kit on the volume.

use std::time::Duration;

use flare_diagnostic::{Code, Collector, Diagnostic, Faults};
use flare_doctor::rollout::{self, Target};
use flare_pvc_stage::{Options, Progress, stage, staged_fingerprint};

use super::{
    readiness::Before,
    run::{Recovery, Run},
};
use crate::pipeline::stage::run_name;

/// How long each step may take, in addition to the installation's deadline.
const LIMIT: Duration = Duration::from_mins(2);

/// Restores the previous state. What cannot be restored is a warning with a hint.
pub(super) async fn recover(run: &Run<'_>, before: Option<&Before>, found: &mut Collector) -> Recovery {
    if run.options.keep_failed {
        return Recovery::Left;
    }
    let Some(before) = before else {
        (run.progress)("removing the release, since there was none before");
        let removed = run.release_within(LIMIT, |release| release.uninstall());
        return match removed {
            Ok(_) => Recovery::Removed,
            Err(fault) => left(run, "the release could not be removed", &fault, "helm uninstall", found),
        };
    };
    let kit = match put_kit_back(run, before).await {
        Ok(kit) => kit,
        Err(faults) => {
            faults.into_iter().for_each(|fault| found.push(kit_stays(&fault)));
            None
        }
    };
    (run.progress)(&format!("going back to revision {}", before.revision));
    let revision = before.revision;
    match run.release_within(LIMIT, |release| release.rollback(revision)) {
        Ok(()) => Recovery::RolledBack { revision, kit, runs: runs_again(run).await },
        Err(fault) => left(
            run,
            "the release could not be rolled back",
            &fault,
            &format!("helm rollback {} {revision}", run.place.release),
            found,
        ),
    }
}

fn left(run: &Run<'_>, what: &str, fault: &Diagnostic, command: &str, found: &mut Collector) -> Recovery {
    let hint = format!("`{command} --namespace {}` does it by hand; `helm history` shows the revisions", run.namespace());
    found.push(Diagnostic::warning(Code::Notice, format!("{what}: {}", fault.message)).hint(hint));
    Recovery::Left
}

fn kit_stays(fault: &Diagnostic) -> Diagnostic {
    let message = format!("the kit that belongs to the earlier revision could not be put back on the volume: {}", fault.message);
    Diagnostic::warning(Code::Notice, message)
        .hint("stage the earlier prepared kit again with `stage --restart`, or use `stage --rollback`")
}

/// Puts back the kit that the staging before this installation replaced; returns its fingerprint. Does nothing if the earlier revision
/// ran the same kit, or mounts its own objects.
async fn put_kit_back(run: &Run<'_>, before: &Before) -> Result<Option<String>, Faults> {
    let own = run.kit.fingerprint().to_string();
    let Some(earlier) = before.fingerprint.as_ref().filter(|earlier| **earlier != own) else { return Ok(None) };
    if run.kit.staged_record()?.is_some() || staged_fingerprint(run.cluster, run.kit).await?.as_ref() != Some(&own) {
        return Ok(None);
    }
    (run.progress)("putting the earlier kit back on the volume");
    let options = Options {
        create_namespace: false,
        create_claim: None,
        // The failed image may be the cause.
        image: Some(before.image.clone()),
        rollback: true,
        restart: true,
        again: false,
        repair: false,
        dry_run: false,
        deadline: LIMIT,
        run: run_name(),
    };
    let silent: Progress<'_> = &|_, _| ();
    let back = Box::pin(stage(run.cluster, run.kit, &options, silent, std::future::pending())).await?.value.fingerprint;
    if back == *earlier {
        return Ok(Some(back));
    }
    let message = "the kit that was put back is not the one with which the earlier revision ran".to_owned();
    Err(Diagnostic::error(Code::StageFailed, message).hint("stage the earlier prepared kit again").into())
}

/// Whether the earlier parent runs again, without waiting whether it stays up.
async fn runs_again(run: &Run<'_>) -> bool {
    let target = Target { namespace: run.namespace().to_owned(), deployment: run.kit.plan().names.deployment.to_string() };
    let options = rollout::Options { deadline: LIMIT, stable: Duration::from_secs(2), clock: crate::environment::now };
    rollout::wait(run.cluster, &target, &options, run.progress).await.is_ok()
}

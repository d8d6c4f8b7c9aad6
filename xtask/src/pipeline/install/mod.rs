//! Installs a staged kit: ends with a participant that has joined its federation, or restores the previous state.

mod attempt;
mod back;
mod before_staging;
mod beside;
mod chart_objects;
mod connected;
mod drift;
mod earlier_kit;
mod exposure;
mod forwarding;
mod kept;
mod link_test;
mod proof;
mod proven;
mod pull_secret;
mod readiness;
mod recovery;
mod registry;
mod run;
mod values;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_doctor::{Finding, Severity, offline, rollout::RunningParent};
use flare_helm::{Setting, Upgrade, Values};
use flare_prepared_kit::{OpenOptions, PreparedKit};
use tokio::time::Instant;

pub(crate) use self::{
    attempt::Attempt,
    back::take_back,
    before_staging::refuse_before_staging,
    beside::{KnownRevisions, in_the_way, known_revisions},
    forwarding::forward,
    kept::refuse_loss,
    pull_secret::check_docker_config,
    run::{Exposed, Installed, NotInstalled, Options, Progress, Recovery, RemainingObjects, Until},
    values::Given,
};
use self::{connected::Connected, readiness::Ready, run::Run};
use super::{places, stage::Request};
use crate::{context::Context, runtime};

/// The value with the fingerprint of the kit: the pod's annotation, whose change restarts the parent (defect 11).
const FINGERPRINT: &str = "kitFingerprint";

/// Opens the kit, checks everything, installs, and waits until the participant has joined.
#[expect(clippy::result_large_err, reason = "a run returns it once")]
pub(crate) fn install(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Checked<Installed>, NotInstalled> {
    let installed = runtime::block_on(participant(context, request, options, progress)).map_err(NotInstalled::from)?;
    match installed {
        Ok(installed) => Ok(request.located(Ok(installed))?),
        Err(failed) => Err(NotInstalled { faults: places::faults_below(failed.faults, request.prepared), ..failed }),
    }
}

async fn participant(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Checked<Installed>, NotInstalled> {
    let end = Instant::now() + options.limit;
    let mut found = Collector::new();
    let kit = found.require_checked(request.open(OpenOptions::default()))?;
    found.require_checked(refuse_what_cannot_work(&kit, context.environment.now))?;
    let values = found.require(values_of(&kit, options))?;
    found.require(forwarding::check_ports(kit.plan(), options))?;
    let connected = found.require(Connected::new(context, request, options, kit).await)?;
    let run = connected.run(context, options, end, progress);
    progress("looking at chart, values and cluster");
    let ready = tokio::select! {
        ready = Box::pin(readiness::look(&run, &values)) => ready,
        () = runtime::interrupted(&context.interrupt) => Err(nothing_changed().into()),
    };
    let ready = found.require_checked(ready)?;
    let outcome = Box::pin(carry_out(context, &run, &values, &ready, &mut found)).await;
    let (revision, parent) = match outcome {
        Ok(done) => done,
        Err(failed) => return Err(NotInstalled { faults: with_warnings(failed.faults, found), ..failed }),
    };
    let exposed = match exposed(context, &run, parent.as_ref(), &mut found).await {
        Ok(exposed) => exposed,
        Err(fault) => {
            let faults = with_warnings(fault.into(), found);
            let recovery = Some(Recovery::Left { kit: None });
            return Err(NotInstalled { recovery, attempt: Some(Attempt::Made(revision)), ..faults.into() });
        }
    };
    let installed = Installed {
        exposed,
        revision,
        changed: ready.changed || ready.unlocked,
        before: ready.before.filter(|_| ready.changed).map(|before| before.revision),
        unlocked: ready.unlocked,
        pull_secret: ready.secret.map(|secret| secret.name),
        image: ready.objects.image().to_owned(),
        helm: connected.helm.version().to_string(),
        parent,
        place: connected.place,
        kit: connected.kit,
    };
    Ok(found.finish(|| installed)?)
}

/// The address of the running server outside the cluster, if `--expose` asks for it.
async fn exposed(
    context: &Context<'_>,
    run: &Run<'_>,
    parent: Option<&RunningParent>,
    found: &mut Collector,
) -> Result<Option<Exposed>, Diagnostic> {
    let Some((expose, parent)) = run.options.expose.zip(parent) else { return Ok(None) };
    tokio::select! {
        exposed = Box::pin(exposure::wait(run, parent, expose, context.environment.now, found)) => exposed.map(Some),
        () = runtime::interrupted(&context.interrupt) => {
            Err(Diagnostic::error(Code::Interrupted, "interrupted; the server has started, and its address is not known").hint("run the same command again"))
        }
    }
}

/// Upgrades the release if needed, and waits until the parent is ready. Returns the revision and, except in a dry run, the parent.
async fn carry_out(
    context: &Context<'_>,
    run: &Run<'_>,
    values: &Values,
    ready: &Ready,
    found: &mut Collector,
) -> Result<(u64, Option<RunningParent>), NotInstalled> {
    let unchanged = ready.newest.filter(|_| !ready.changed);
    if run.options.dry_run {
        return Ok((unchanged.unwrap_or(ready.next), None));
    }
    let revision = if let Some(revision) = unchanged {
        revision
    } else {
        if let Some(secret) = ready.secret.as_ref().filter(|_| ready.makes_secret)
            && let Err(fault) = secret.apply(run.cluster, run.namespace()).await
        {
            // The release was not touched.
            let recovery = Some(Recovery::Left { kit: None });
            return Err(NotInstalled { recovery, ..fault.into() });
        }
        match upgrade(run, values, ready) {
            Ok(revision) => revision,
            Err(fault) if fault.code == Code::Interrupted => return Err(interrupted(run, ready, None).into()),
            Err(fault) => {
                let attempt = Attempt::Failed { next: ready.next, ended: fault.code == Code::TimedOut };
                return Err(failed(run, ready, attempt, (fault, Vec::new()), found).await);
            }
        }
    };
    let proof = tokio::select! {
        proof = Box::pin(proof::wait(run, ready.changed)) => proof,
        () = runtime::interrupted(&context.interrupt) => return Err(interrupted(run, ready, Some(revision)).into()),
    };
    match proof {
        Ok(parent) => {
            if let Err(fault) = proven::write(run, revision, &parent).await {
                let message = format!("that revision {revision} works could not be noted: {}", fault.message);
                found.push(
                    Diagnostic::warning(Code::Notice, message)
                        .hint("run `install` again, which writes the note; without it, a later failure goes back to what Helm calls deployed"),
                );
            }
            Ok((revision, Some(parent)))
        }
        Err(finding) if finding.severity == Severity::Unknown => {
            // Nothing says that the parent does not work.
            let recovery = Some(Recovery::Left { kit: None });
            let attempt = Some(Attempt::Made(revision));
            Err(NotInstalled { faults: fault_of(run, &finding).into(), findings: vec![finding], recovery, attempt })
        }
        Err(finding) => {
            let fault = fault_of(run, &finding);
            Err(failed(run, ready, Attempt::Made(revision), (fault, vec![finding]), found).await)
        }
    }
}

fn upgrade(run: &Run<'_>, values: &Values, ready: &Ready) -> Result<u64, Diagnostic> {
    (run.progress)(&format!("installing revision {} of the release {}", ready.next, run.place.release));
    // Helm returns as soon as the objects are sent; waiting follows separate rules.
    run.release(|release| release.upgrade(run.chart, values, Upgrade::default())).map(|upgraded| upgraded.revision)
}

/// Restores the previous state, unless this run changed nothing.
async fn failed(
    run: &Run<'_>,
    ready: &Ready,
    attempt: Attempt,
    (fault, findings): (Diagnostic, Vec<Finding>),
    found: &mut Collector,
) -> NotInstalled {
    let recovery = if ready.changed {
        recovery::after(run, attempt, ready.before.as_ref(), found).await
    } else {
        Recovery::Left { kit: None }
    };
    NotInstalled { faults: fault.into(), findings, recovery: Some(recovery), attempt: Some(attempt) }
}

fn fault_of(run: &Run<'_>, finding: &Finding) -> Diagnostic {
    let late = run.left().is_zero();
    let code = if late { Code::TimedOut } else { Code::InstallFailed };
    let fault = Diagnostic::error(code, format!("{}: {}", finding.id, finding.message));
    match &finding.hint {
        Some(hint) => fault.hint(hint.clone()),
        None => fault.hint("look at the pod with `kubectl describe`, then run the same command again"),
    }
}

/// Refuses a kit with errors in the offline checks of `verify`, and passes on their warnings.
pub(crate) fn refuse_what_cannot_work(kit: &PreparedKit, now: i64) -> Result<Checked<()>, Faults> {
    let mut found = Collector::new();
    for finding in offline::check(kit, now) {
        let (message, hint) = (format!("{}: {}", finding.id, finding.message), finding.hint.unwrap_or_default());
        let diagnostic = match finding.severity {
            Severity::Error => Diagnostic::error(Code::CheckFailed, message),
            Severity::Warning => Diagnostic::warning(Code::Notice, message),
            Severity::Ok | Severity::Info | Severity::Unknown => continue,
        };
        let diagnostic = diagnostic.hint(hint);
        found.push(match finding.place {
            Some(place) => diagnostic.at(*place),
            None => diagnostic,
        });
    }
    found.finish(|| ())
}

/// The values of the release: the user's, and those that users cannot override.
fn values_of(kit: &PreparedKit, options: &Options) -> Result<Values, Faults> {
    let mut own = own_settings(kit, options)?;
    own.extend(exposure::settings(kit.plan(), options.expose)?);
    values::read(&options.values, own)
}

/// Values that users cannot override: the kit's fingerprint, and the created pull Secret if the kit names none.
fn own_settings(kit: &PreparedKit, options: &Options) -> Result<Vec<Setting>, Diagnostic> {
    let mut own = vec![Setting::Text(format!("{FINGERPRINT}={}", kit.fingerprint()))];
    let (secret, is_named) = pull_secret::name(kit.plan());
    if options.pull_secret.is_some() && !is_named {
        own.extend(pull_secret::setting(&secret, &kept::of_files(&options.values), &options.values.settings)?);
    }
    Ok(own)
}

fn with_warnings(faults: Faults, found: Collector) -> Faults {
    let warnings = found.finish(|| ()).map(|checked| checked.warnings);
    faults.after(warnings.unwrap_or_default())
}

fn nothing_changed() -> Diagnostic {
    Diagnostic::error(Code::Interrupted, "interrupted before the release was changed").hint("run the same command again")
}

/// The error of an interrupted run, with the state of the cluster.
fn interrupted(run: &Run<'_>, ready: &Ready, revision: Option<u64>) -> Diagnostic {
    let release = &run.place.release;
    let message = match revision {
        Some(revision) => {
            format!("interrupted; revision {revision} of the release `{release}` is in place, and whether it works is not known")
        }
        None => format!("interrupted while Helm changed the release `{release}`; it was ended, and calls that revision failed"),
    };
    let back = match &ready.before {
        Some(before) if ready.changed => {
            format!("; `{}` goes back", run.place.command(&format!("rollback {release} {}", before.revision)))
        }
        _ => String::new(),
    };
    Diagnostic::error(Code::Interrupted, message).hint(format!("run the same command again to go on{back}"))
}

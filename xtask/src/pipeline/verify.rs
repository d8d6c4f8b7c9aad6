//! Prepared kit → what is wrong with it and with the participant that runs from it.

use std::time::Duration;

use flare_diagnostic::{Code, Faults};
use flare_doctor::{CHECKS, Counts, Finding, Severity, offline, online, rollout};
use flare_prepared_kit::{OpenOptions, PreparedKit};

use super::stage::Request;
use crate::{context::Context, interrupt::interrupted, runtime};

/// How a participant is verified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Looks at the prepared kit alone.
    pub(crate) offline: bool,
    /// How long all of it may take.
    pub(crate) deadline: Duration,
    /// So long the parent has to run without a restart.
    pub(crate) stable: Duration,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// The participant.
    pub(crate) participant: String,
    /// At least one for each check, in the order of the table of checks.
    pub(crate) findings: Vec<Finding>,
    /// How many there are of each weight.
    pub(crate) counts: Counts,
}

/// Opens the kit and looks at it, then at the release in its cluster. What is wrong is no error but in the findings.
pub(crate) fn verify(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &Options,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Result<Verified, Faults> {
    let (kit, mut findings) = open(request, context.environment.now)?;
    if !options.offline {
        findings.extend(in_cluster(context, request, options, &kit, progress)?);
    }
    Ok(verified(kit.plan().participant.clone(), &findings))
}

/// The kit, in spite of its faults, and what is wrong with it. A directory that `prepare` did not make is an error.
pub(crate) fn open(request: &Request<'_>, now: i64) -> Result<(PreparedKit, Vec<Finding>), Faults> {
    let of_layout = |fault| Finding::of("D40", fault);
    let (kit, mut findings) = match request.open(OpenOptions::default()) {
        Ok(checked) => (checked.value, checked.warnings.iter().map(of_layout).collect::<Vec<_>>()),
        Err(faults) if faults.all().iter().all(|fault| fault.code == Code::InvalidPreparedKit) => {
            // A directory that is no prepared kit at all fails in either manner.
            let kit = request.open(OpenOptions { accept_changes: true })?.value;
            (kit, faults.all().iter().chain(faults.warnings()).map(of_layout).collect())
        }
        Err(faults) => return Err(faults),
    };
    findings.extend(offline::check(&kit, now));
    Ok((kit, findings))
}

fn in_cluster(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &Options,
    kit: &PreparedKit,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Result<Vec<Finding>, Faults> {
    let looking = rollout::Options { deadline: options.deadline, stable: options.stable, clock: crate::environment::now };
    let stop = runtime::interrupted(&context.interrupt);
    let looked = request.in_cluster(context, options.deadline, |cluster| async move {
        tokio::select! {
            found = online::check(&cluster, kit, &looking, progress) => Ok(found),
            () = stop => Err(interrupted().into()),
        }
    });
    match looked {
        Ok(found) => Ok(found),
        Err(faults) if faults.first().code == Code::Interrupted => Err(faults),
        Err(faults) => Ok(faults.all().iter().map(|fault| Finding::of("D01", fault)).collect()),
    }
}

/// Puts findings in order. A check of which something is known that weighs is not ok besides.
fn verified(participant: String, findings: &[Finding]) -> Verified {
    let weighs = |id| findings.iter().any(|finding: &Finding| finding.id == id && finding.severity >= Severity::Unknown);
    let mut kept: Vec<_> =
        findings.iter().filter(|finding| finding.severity != Severity::Ok || !weighs(finding.id)).cloned().collect();
    kept.sort_by_key(|finding| CHECKS.iter().position(|check| check.id == finding.id));
    Verified { participant, counts: Counts::of(&kept), findings: kept }
}

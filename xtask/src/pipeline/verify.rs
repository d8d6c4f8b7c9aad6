//! Prepared kit → findings about it and about the participant that runs from it.

use std::time::Duration;

use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_doctor::{CHECKS, Counts, Finding, Severity, offline, online, rollout};
use flare_prepared_kit::{OpenOptions, PreparedKit};

use super::{kit_facts::KitFacts, stage::Request};
use crate::{context::Context, interrupt::interrupted, runtime};

/// Options of a verification.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Checks only the prepared kit.
    pub(crate) offline: bool,
    /// How long the whole verification may take.
    pub(crate) deadline: Duration,
    /// How long the parent must run without a restart.
    pub(crate) stable: Duration,
}

/// The result of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// The participant.
    pub(crate) participant: String,
    /// At least one finding for each check, in the order of the table of checks.
    pub(crate) findings: Vec<Finding>,
    /// What is known of its kit.
    pub(crate) facts: Option<KitFacts>,
    /// The number of findings of each severity.
    pub(crate) counts: Counts,
}

/// Checks the kit, then the release in its cluster. Faults are findings, not errors.
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
    Ok(verified(&kit, &findings))
}

/// Opens the kit in spite of its faults; returns it with its findings. A directory that `prepare` did not create is an error.
pub(crate) fn open(request: &Request<'_>, now: i64) -> Result<(PreparedKit, Vec<Finding>), Faults> {
    let of_layout = |fault| Finding::of("D40", fault);
    let (kit, mut findings) = match request.open(OpenOptions::default()) {
        Ok(checked) => (checked.value, checked.warnings.iter().map(of_layout).collect::<Vec<_>>()),
        Err(faults) if faults.all().iter().all(|fault| fault.code == Code::InvalidPreparedKit) => {
            // A directory that is not a prepared kit fails in both cases.
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
    let looking = rollout::WaitOptions { deadline: options.deadline, stable: options.stable, clock: crate::environment::now };
    let stop = runtime::interrupted(&context.interrupt);
    let looked = request.in_cluster_to_its_end(context, options.deadline, |cluster| async move {
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

/// Fails with the findings that are faults, for a verb that checks at its end.
pub(crate) fn refuse_faults(findings: &[Finding]) -> Result<(), Faults> {
    let failed = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let error = |finding: &Finding| {
        let fault = Diagnostic::error(Code::CheckFailed, format!("{}: {}", finding.id, finding.message));
        fault.hint(finding.hint.clone().unwrap_or_else(|| "`verify` shows what was found in full".to_owned()))
    };
    Faults::check(failed.map(error).collect(), || ())
}

/// Sorts the findings. A check with a fault, a warning or an unknown is not ok as well.
fn verified(kit: &PreparedKit, findings: &[Finding]) -> Verified {
    let weighs = |id| findings.iter().any(|finding: &Finding| finding.id == id && finding.severity >= Severity::Unknown);
    let mut kept: Vec<_> =
        findings.iter().filter(|finding| finding.severity != Severity::Ok || !weighs(finding.id)).cloned().collect();
    kept.sort_by_key(|finding| CHECKS.iter().position(|check| check.id == finding.id));
    let (participant, facts) = (kit.plan().participant.clone(), Some(KitFacts::of(kit)));
    Verified { participant, facts, counts: Counts::of(&kept), findings: kept }
}

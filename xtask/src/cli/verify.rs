//! `verify`: checks whether a participant runs and has joined.

use std::{path::PathBuf, thread, time::Duration};

use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_doctor::{Finding, Severity, rollout};
use serde_json::json;

use super::{
    arguments::{ClusterArguments, changes_nothing},
    report::ReportArguments,
    seconds,
};
use crate::{
    context::Context,
    output::{Failure, Format, Outcome, VerbResult, table, write_to_stdout},
    pipeline::verify::{self, Options, Verified},
};

/// Check that a participant runs and has joined its federation, or report why not
///
/// First the prepared kit is checked: certificates, key and root (also by strict rules), names, image. Then the release in its cluster:
/// the Deployment is rolled out and its pod runs for 20 s without a restart; the Service selects it; the claim and the pod have this
/// kit. Then, with the parent's own Python in its pod: its packages, its connection to the API server and the permissions of its
/// ServiceAccount, the server's name, port and certificate, and mutual TLS with the kit's certificate. Last the parent's log: registered,
/// or why not.
///
/// Nothing is changed. A hopeless state is reported as soon as Kubernetes knows it; a transient one is waited for until `--timeout`, and a
/// registration for at most a minute. What the user may not read is `unknown`, with the reason. The exit status is 1 if a check found a
/// fault.
#[derive(Debug, clap::Args)]
#[command(mut_arg("dry_run", changes_nothing))]
pub(crate) struct Arguments {
    /// The prepared kit: an output of `prepare`.
    #[arg(value_name = "PREPARED")]
    prepared: PathBuf,
    /// Check only the prepared kit; no cluster is needed.
    #[arg(long)]
    offline: bool,
    /// Repeat the checks, and print the findings each time they change, until Ctrl-C.
    #[arg(long)]
    watch: bool,
    /// How long the parent must run without a restart, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = rollout::WaitOptions::STABLE.as_secs(), value_parser = seconds::from_none, allow_negative_numbers = true)]
    stable: u64,
    #[command(flatten)]
    report: ReportArguments,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// The pause between two verifications with `--watch`.
const PAUSE: Duration = Duration::from_secs(5);

/// Verifies and prints the findings.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    arguments.report.around(context, ("verify", &arguments.prepared), || look_or_watch(context, arguments))
}

fn look_or_watch(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    if !arguments.watch {
        return outcome(&look(context, arguments)?);
    }
    if context.shared.format != Format::Text {
        let fault = Diagnostic::error(Code::InvalidArgs, "`--watch` prints text, since it has no end to print a document at");
        return Err(fault.hint("leave `--watch` or `-o` out").into());
    }
    watch(context, arguments)
}

/// Prints the findings each time that they change. Ctrl-C is how it ends, or a reader that has gone: with the status of the last
/// verification, whose findings have been printed already.
fn watch(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let mut last: Option<Verified> = None;
    loop {
        let verified = match (look(context, arguments), &last) {
            (Err(faults), Some(last)) if faults.first().code == Code::Interrupted => return without_text(outcome(last)),
            (verified, _) => verified?,
        };
        if last.as_ref().is_none_or(|last| last.findings != verified.findings) {
            let printed = write_to_stdout(&format!("{}\n", text(&verified)))?;
            if printed.is_break() {
                return without_text(outcome(&verified));
            }
        }
        for _ in 0..PAUSE.as_millis() / 100 {
            if context.interrupt.check().is_err() {
                return without_text(outcome(&verified));
            }
            thread::sleep(Duration::from_millis(100));
        }
        last = Some(verified);
    }
}

fn without_text(result: VerbResult) -> VerbResult {
    match result {
        Ok(outcome) => Ok(Outcome { text: String::new(), ..outcome }),
        Err(failure) => Err(Failure { shown: None, ..failure }),
    }
}

fn look(context: &Context<'_>, arguments: &Arguments) -> Result<Verified, Faults> {
    let prepared = context.environment.absolute(&arguments.prepared)?;
    let request = arguments.cluster.request(&prepared);
    let options = Options {
        offline: arguments.offline,
        deadline: arguments.cluster.time_limit(),
        stable: Duration::from_secs(arguments.stable),
    };
    context.step(|| format!("verifying {}", prepared.display()));
    let activity = context.activity();
    let verified = verify::verify(context, &request, &options, &|what| activity.show(what));
    activity.end();
    verified
}

/// Findings as a result, which is a failure if one is a fault.
pub(super) fn outcome(verified: &Verified) -> VerbResult {
    let mut data = json!({"participant": verified.participant, "findings": verified.findings, "counts": verified.counts});
    if let Some(facts) = &verified.facts {
        facts.add_to(&mut data);
    }
    let outcome = Outcome { data, text: text(verified), ..Outcome::default() };
    let failed: Vec<_> = verified.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    if failed.is_empty() {
        return Ok(outcome);
    }
    let mut ids: Vec<_> = failed.iter().map(|finding| finding.id).collect();
    ids.dedup();
    let message = format!("{} of {} findings are faults: {}", failed.len(), verified.findings.len(), ids.join(", "));
    let fault = Diagnostic::error(Code::CheckFailed, message).hint("mend the first fault first: others often follow from it");
    Err(Failure { faults: fault.into(), shown: Some(Box::new(outcome)) })
}

/// A table, and below it the hint of each finding that is not ok.
fn text(verified: &Verified) -> String {
    let head = ["CHECK", "RESULT", "FINDING"].map(str::to_owned);
    let rows = verified
        .findings
        .iter()
        .map(|finding| [finding.id.to_owned(), finding.severity.as_str().to_owned(), finding.message.clone()]);
    let mut text = table(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
    for finding in verified.findings.iter().filter(|finding| finding.severity >= Severity::Info) {
        text.push_str(&details(finding));
    }
    text
}

fn details(finding: &Finding) -> String {
    let mut text = String::new();
    if finding.hint.is_none() && finding.evidence.is_empty() {
        return text;
    }
    text.push_str(&format!("\n{} {}: {}\n", finding.id, finding.severity.as_str(), finding.message));
    for line in &finding.evidence {
        text.push_str(&format!("  | {line}\n"));
    }
    if let Some(hint) = &finding.hint {
        text.push_str(&format!("  Hint: {hint}\n"));
    }
    text
}

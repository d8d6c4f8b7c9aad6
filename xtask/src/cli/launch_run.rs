//! `launch run`: runs job pods to their ends.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_names::Target;
use flare_pod_launch::{Evidence, JobPod, JobState, Limits, Settlement, Transition};
use flare_pod_manifest::{Additions, Manifest};
use serde_json::{Value, json};

use super::{arguments::ClusterArguments, seconds};
use crate::{
    context::Context,
    output::{Failure, Outcome, VerbResult, printable, table, write_to_stderr},
    pipeline::{
        launch::{self, UnsubmittedId},
        launch_removal,
        launch_run::{self, JobRequest, JobResult, Report, RunOptions, Stopped},
    },
};

/// Run jobs to their ends: create their pods and Secrets, follow them, keep the evidence of failures, and remove them
///
/// They are given by a prepared kit and a job, with placeholders for what only a running parent knows, or by whole launch requests
/// (`schema launch-request`), all of one parent.
///
/// Each new state of a job is printed to stderr with its reason. One watch on pods and one on events follow all jobs. A pod that cannot
/// start is ended with its reason: at once if waiting cannot help, otherwise after the pending timeout. If a job's pod already exists,
/// for example after this program was killed, it is taken over. A job that was never submitted has no id; it gets one made of its name, its
/// files and its study, so that the same job is known again and another one is not taken for it.
///
/// Ctrl-C and `--timeout` end the jobs. A job that runs for longer, or waits for a node that an autoscaler adds, for which a pod has up to
/// ten minutes more, needs a longer `--timeout` than the default.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  flare-kube launch run site-1-k8s --job my-job
  flare-kube launch run --request a.json --request b.json --kit workspace -o json")]
pub(crate) struct Arguments {
    /// A prepared kit.
    #[arg(value_name = "PREPARED", required_unless_present_any = ["request", "kit"], conflicts_with = "request", requires = "job")]
    prepared: Option<PathBuf>,
    /// The job: its directory, or the meta.json, meta.conf or meta.yml in it.
    #[arg(long, value_name = "JOB")]
    job: Option<PathBuf>,
    /// The study in which the job is submitted [default: the job's own, otherwise `default`].
    #[arg(long, value_name = "STUDY", requires = "job", conflicts_with_all = ["request", "kit"])]
    study: Option<String>,
    /// A launch request, as JSON; may be given several times.
    #[arg(long, value_name = "FILE", requires = "kit", conflicts_with = "job")]
    request: Vec<PathBuf>,
    /// The parent's workspace directory on this machine: startup/, local/ and study data are read below it.
    #[arg(long, value_name = "DIR", requires = "request", conflicts_with_all = ["prepared", "job"])]
    kit: Option<PathBuf>,
    #[arg(long, value_name = "RELEASE", conflicts_with = "prepared", help = format!(
        "The FLARE release of the requests: {} [default: {}]. A prepared kit has its own",
        Target::choice(&Target::ALL), Target::default()
    ))]
    target: Option<Target>,
    /// How long a pod may wait for a node, and then for its job to run, in seconds [default: from job and site, otherwise 120].
    #[arg(long, value_name = "SECONDS", value_parser = seconds::from_none, allow_negative_numbers = true)]
    pending_timeout: Option<u64>,
    /// Keep pods that ended by themselves, with their Secrets.
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Runs the jobs and prints how each ended.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let asked = asked(context, arguments)?;
    let cluster = &arguments.cluster;
    let options =
        RunOptions { keep: arguments.keep, evidence_of_success: false, dry_run: cluster.dry_run, limit: cluster.time_limit() };
    let quiet = context.shared.quiet;
    let tell = move |pod: &str, to: &Transition| {
        if !quiet {
            write_to_stderr(&format!("{pod}: {}\n", printable(&to.to_string())));
        }
    };
    let report = launch_run::run(context, &cluster.access(), asked.value, &options, &tell)?;
    let outcome = Outcome { data: data(&report, options.dry_run), text: text(&report, options.dry_run), warnings: Vec::new() };
    let mut found: Collector = asked.warnings.into_iter().collect();
    found.extend(faults(&report, options.dry_run));
    match found.finish(|| ()) {
        Ok(checked) => Ok(Outcome { warnings: checked.warnings, ..outcome }),
        Err(faults) => Err(Failure { faults, shown: Some(Box::new(outcome)) }),
    }
}

/// Reads and checks all jobs before any is created.
fn asked(context: &Context<'_>, arguments: &Arguments) -> Result<Checked<Vec<JobRequest>>, Faults> {
    let absolute = |path: &Path| context.environment.absolute(path);
    let (mut found, additions) = (Collector::new(), Additions::default());
    let mut jobs = Vec::new();
    let mut add = |named: &Path, made: Result<Checked<Manifest>, Faults>| match made {
        Ok(made) => {
            found.extend(made.warnings);
            match job(named, &made.value, arguments) {
                Ok(job) => jobs.push(job),
                Err(fault) => found.push(fault),
            }
        }
        Err(faults) => found.extend(faults),
    };
    if let (Some(prepared), Some(job)) = (&arguments.prepared, &arguments.job) {
        let (prepared, at) = (absolute(prepared)?, absolute(job)?);
        let study = arguments.study.as_deref();
        add(job, launch::from_prepared(&prepared, &at, study, UnsubmittedId::OfContent, &additions));
    }
    for request in &arguments.request {
        let kit = absolute(arguments.kit.as_deref().unwrap_or(Path::new("")))?;
        let target = arguments.target.unwrap_or_default();
        add(request, launch::from_request(&absolute(request)?, &kit, target, &additions));
    }
    let mut seen = BTreeSet::new();
    for job in &jobs {
        if !seen.insert((job.pod.namespace(), job.pod.name())) {
            let message = format!("`{}` asks for the pod `{}`, as another request does", job.request, job.pod.name());
            found.push(Diagnostic::error(Code::InvalidArgs, message).hint("name each job once at each site"));
        }
    }
    found.finish(|| jobs)
}

fn job(named: &Path, manifest: &Manifest, arguments: &Arguments) -> Result<JobRequest, Diagnostic> {
    let mut pod = JobPod::new(manifest)?;
    if let Some(namespace) = arguments.cluster.namespace.as_deref().filter(|namespace| *namespace != pod.namespace()) {
        let message = format!("`{}` asks for namespace `{}`, not `{namespace}`", named.display(), pod.namespace());
        return Err(
            Diagnostic::error(Code::InvalidArgs, message).hint("leave `--namespace` out: the launcher's own namespace counts")
        );
    }
    if let Some(seconds) = arguments.pending_timeout {
        pod = pod.with_limits(Limits::with_pending(Some(Duration::from_secs(seconds))));
    }
    Ok(JobRequest { request: named.to_string_lossy().into_owned(), pod })
}

/// Why the run failed; an interruption comes first.
fn faults(report: &Report, dry_run: bool) -> Collector {
    let mut faults = Collector::new();
    match report.stopped {
        Some(Stopped::Interrupted) => faults.push(launch_removal::interrupted(report)),
        Some(Stopped::OutOfTime) => faults.extend(launch_removal::out_of_time(report)),
        None => {}
    }
    for job in &report.jobs {
        if !dry_run {
            faults.extend(launch_removal::warning(job));
            faults.extend(launch_removal::ended_before(job));
        }
        match (&job.end, &job.refused) {
            // It was given up with the run.
            (_, Some(refused)) if refused.code == Code::Interrupted && report.stopped.is_some() => {}
            (_, Some(refused)) if dry_run => faults.push(refused.clone()),
            (_, Some(refused)) => {
                let message = format!("the job of pod `{}` has not started: {}", job.pod, refused.message);
                let hint = refused.hint.clone().unwrap_or_else(|| Code::JobNotSucceeded.hint().into());
                faults.push(Diagnostic::error(Code::JobNotSucceeded, message).hint(hint));
            }
            (Some(end), _) if !job.has_succeeded() && (report.stopped.is_none() || end.state != JobState::Aborted) => {
                let code = end.exit_code.map(|code| format!(" with {code}")).unwrap_or_default();
                let said = if end.message.is_empty() { String::new() } else { format!(": {}", end.message) };
                let state = end.state.as_str().replace('_', " ");
                let message = format!("the job of pod `{}` has {state}{code}, {}{said}", job.pod, end.reason);
                faults.push(Diagnostic::error(Code::JobNotSucceeded, message).hint(Code::JobNotSucceeded.hint()));
            }
            (None, None) if !dry_run && report.stopped.is_none() => {
                let message = format!("the launcher lost the job of pod `{}`", job.pod);
                faults.push(Diagnostic::error(Code::Internal, message));
            }
            _ => {}
        }
    }
    faults
}

fn data(report: &Report, dry_run: bool) -> Value {
    let jobs: Vec<_> = report.jobs.iter().map(|job| if dry_run { planned(job) } else { ran(job) }).collect();
    let mut data = json!({"jobs": jobs, "api_requests": report.api_requests});
    if dry_run {
        data["dry_run"] = json!(true);
    }
    data
}

/// How the job ended. One of which the run learned no end was ended with it.
fn state(job: &JobResult) -> JobState {
    let without_end = if job.is_unknown { JobState::Aborted } else { JobState::NotStarted };
    job.end.as_ref().map_or(without_end, |end| end.state)
}

fn planned(job: &JobResult) -> Value {
    let would = match (&job.refused, job.taken_over) {
        (Some(_), _) => "be refused",
        (None, true) => "take over",
        (None, false) => "create",
    };
    json!({"request": job.request, "pod": job.pod, "namespace": job.namespace, "would": would})
}

fn ran(job: &JobResult) -> Value {
    let events: Vec<_> = job
        .transitions
        .iter()
        .map(|to| json!({"at": to.at.to_string(), "state": to.state.as_str(), "reason": to.reason, "message": to.message}))
        .collect();
    let end = job.end.as_ref();
    let refused = job.refused.as_ref();
    let class = end.and_then(|end| end.class).map(flare_pod_launch::Class::as_str);
    json!({
        "request": job.request,
        "pod": job.pod,
        "namespace": job.namespace,
        "uid": job.uid,
        "taken_over": job.taken_over,
        "state": state(job).as_str(),
        "return_code": end.map(|end| end.return_code),
        "exit_code": end.and_then(|end| end.exit_code),
        "class": class,
        "reason": end.map(|end| end.reason.as_str()).or(refused.map(|fault| fault.code.as_str())),
        "message": end.map(|end| end.message.as_str()).or(refused.map(|fault| fault.message.as_str())),
        "events": events,
        "evidence": job.evidence.as_ref().map(evidence),
        "removed": matches!(job.settlement, Some(Settlement::Removed)),
    })
}

fn evidence(evidence: &Evidence) -> Value {
    json!({"conditions": evidence.conditions, "events": evidence.events, "log": evidence.log})
}

fn text(report: &Report, dry_run: bool) -> String {
    if dry_run {
        let line = |job: &JobResult| match (&job.refused, job.taken_over) {
            (Some(_), _) => format!("{}: the API server refuses pod {}\n", printable(&job.request), job.pod),
            (None, true) => {
                format!("{}: would take over pod {} in namespace {}\n", printable(&job.request), job.pod, job.namespace)
            }
            (None, false) => {
                format!("{}: would create pod {} in namespace {}\n", printable(&job.request), job.pod, job.namespace)
            }
        };
        return report.jobs.iter().map(line).collect();
    }
    let head = ["REQUEST", "POD", "STATE", "CODE", "REASON"].map(str::to_owned);
    let rows = report.jobs.iter().map(|job| {
        let end = job.end.as_ref();
        [
            printable(&job.request).into_owned(),
            job.pod.clone(),
            state(job).as_str().to_owned(),
            end.map_or("-".to_owned(), |end| end.return_code.to_string()),
            end.map_or("-", |end| end.reason.as_str()).to_owned(),
        ]
    });
    let mut text = table(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
    for job in report.jobs.iter().filter(|job| job.taken_over) {
        text.push_str(&format!("{} was there already and was taken over\n", job.pod));
    }
    for job in report.jobs.iter().filter(|job| !job.has_succeeded()) {
        let Some(evidence) = &job.evidence else { continue };
        text.push_str(&format!("\n{}\n", job.pod));
        let parts = [("condition", &evidence.conditions), ("event", &evidence.events), ("log", &evidence.log)];
        for (what, lines) in parts {
            for line in lines {
                text.push_str(&format!("  {what}: {line}\n"));
            }
        }
    }
    text
}

//! Runs job pods from their manifests to their ends, with one launcher for each namespace, and collects the results.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use flare_cluster::{Access, Cluster};
use flare_diagnostic::{Diagnostic, Faults};
use flare_pod_launch::{
    End, Evidence, Job, JobPod, Launcher, Limits, Notice, Options, Settlement, State, Transition, check_launch,
};
use futures_util::future::join_all;
use tokio::{sync::watch, time::timeout};

use super::stage::connect;
use crate::{context::Context, runtime};

/// How long to wait for jobs that are being ended, beyond their own limits.
const LAST: Duration = Duration::from_secs(30);

/// How long to wait at the end for the deletion of Secrets of launches that were refused because the API server was slow.
const CLEAN_UP: Duration = Duration::from_secs(20);

/// A job to run.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The user's name for it: the file of the request or the job.
    pub(crate) request: String,
    pub(crate) pod: JobPod,
}

/// Options of a run.
#[derive(Debug)]
pub(crate) struct RunOptions {
    pub(crate) keep: bool,
    pub(crate) evidence_of_success: bool,
    pub(crate) dry_run: bool,
    pub(crate) limit: Duration,
}

/// The result of a job.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) request: String,
    pub(crate) pod: String,
    pub(crate) namespace: String,
    pub(crate) uid: Option<String>,
    pub(crate) taken_over: bool,
    pub(crate) transitions: Vec<Transition>,
    /// How it ended; `None` if that is unknown.
    pub(crate) end: Option<End>,
    /// Why nothing was requested: the job has neither a pod nor a return code.
    pub(crate) refused: Option<Diagnostic>,
    pub(crate) evidence: Option<Evidence>,
    pub(crate) settlement: Option<Settlement>,
}

/// Why a run ended before its jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    OutOfTime,
    Interrupted,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) jobs: Vec<Ran>,
    pub(crate) api_requests: u64,
    pub(crate) stopped: Option<Stopped>,
}

/// Called with a pod's name and its new state.
pub(crate) type Tell<'run> = &'run (dyn Fn(&str, &Transition) + Sync);

/// Runs the jobs to their ends. On timeout or interruption, ends them and waits for that.
pub(crate) fn run(
    context: &Context<'_>,
    access: &Access,
    jobs: Vec<Asked>,
    options: &RunOptions,
    tell: Tell<'_>,
) -> Result<Report, Faults> {
    runtime::block_on(async {
        let cluster = connect(context, access, options.limit).await?;
        if options.dry_run {
            return check(&cluster, jobs).await;
        }
        let (stop, stopped) = watch::channel(None);
        let launchers = launchers(context, &cluster, &jobs, options);
        let working = join_all(jobs.into_iter().map(|job| one(&launchers, job, stopped.clone(), tell)));
        let stopping = async {
            tokio::select! {
                () = tokio::time::sleep(options.limit) => stop.send_replace(Some(Stopped::OutOfTime)),
                () = runtime::interrupted(&context.interrupt) => stop.send_replace(Some(Stopped::Interrupted)),
            };
            std::future::pending::<()>().await;
        };
        let jobs = tokio::select! {
            jobs = working => jobs,
            () = stopping => Vec::new(),
        };
        // The runtime ends with this block, and with it the deletion of Secrets of launches that were refused.
        let _ = timeout(CLEAN_UP, join_all(launchers.values().map(Launcher::clean_up))).await;
        Ok(Report { jobs, api_requests: cluster.requests(), stopped: *stopped.borrow() })
    })?
}

fn launchers(context: &Context<'_>, cluster: &Cluster, jobs: &[Asked], options: &RunOptions) -> BTreeMap<String, Launcher> {
    let RunOptions { keep, evidence_of_success, .. } = *options;
    let options = Options { keep, evidence_of_success, ..Options::new(context.environment.clock()) };
    let namespaces: BTreeSet<&str> = jobs.iter().map(|job| job.pod.namespace()).collect();
    let start = |namespace: &str| (namespace.to_owned(), Launcher::start(cluster, namespace, options.clone()));
    namespaces.into_iter().map(start).collect()
}

/// Lets the API server check each job without storing anything.
async fn check(cluster: &Cluster, jobs: Vec<Asked>) -> Result<Report, Faults> {
    let checked = join_all(jobs.into_iter().map(|job| async move {
        let there = check_launch(cluster, &job.pod).await;
        let mut ran = Ran::new(&job);
        match there {
            Ok(there) => ran.taken_over = there,
            Err(fault) => ran.refused = Some(fault),
        }
        ran
    }));
    let jobs = checked.await;
    Ok(Report { jobs, api_requests: cluster.requests(), stopped: None })
}

impl Ran {
    fn new(job: &Asked) -> Self {
        Self::of(&job.request, job.pod.name(), job.pod.namespace())
    }

    /// The result of a job of which nothing is known yet.
    pub(crate) fn of(request: &str, pod: &str, namespace: &str) -> Self {
        Self {
            request: request.to_owned(),
            pod: pod.to_owned(),
            namespace: namespace.to_owned(),
            uid: None,
            taken_over: false,
            transitions: Vec::new(),
            end: None,
            refused: None,
            evidence: None,
            settlement: None,
        }
    }

    /// Whether it succeeded.
    pub(crate) fn has_succeeded(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.state == State::Succeeded)
    }

    fn take(&mut self, notice: Notice, tell: Tell<'_>) {
        match notice {
            Notice::Changed(to) => {
                tell(&self.pod, &to);
                self.transitions.push(to);
            }
            Notice::Ended(end) => {
                let to = Transition { at: end.at, state: end.state, reason: end.reason.clone(), message: end.message.clone() };
                tell(&self.pod, &to);
                self.transitions.push(to);
                self.end = Some(end);
            }
            Notice::Kept(evidence) => self.evidence = Some(evidence),
            Notice::Settled(settlement) => self.settlement = Some(settlement),
        }
    }
}

async fn one(
    launchers: &BTreeMap<String, Launcher>,
    asked: Asked,
    mut stopped: watch::Receiver<Option<Stopped>>,
    tell: Tell<'_>,
) -> Ran {
    let mut ran = Ran::new(&asked);
    let Some(launcher) = launchers.get(asked.pod.namespace()) else { return ran };
    let last = last_limit(asked.pod.limits());
    let mut job = match launcher.launch(asked.pod).await {
        Ok(job) => job,
        Err(fault) => {
            ran.refused = Some(fault);
            return ran;
        }
    };
    ran.uid.clone_from(&job.uid);
    ran.taken_over = job.taken_over;
    let why = tokio::select! {
        () = follow(&mut job, &mut ran, tell) => return ran,
        why = stopped.wait_for(Option::is_some) => match why.map(|why| *why) {
            Ok(Some(Stopped::OutOfTime)) => "the time for the run is over",
            _ => "the run was interrupted",
        },
    };
    launcher.terminate(&job.pod, None, why);
    // The remaining steps have their own limits; this one is for unforeseen cases.
    let _ = timeout(last, follow(&mut job, &mut ran, tell)).await;
    ran
}

/// How long a job may take from the request for its end to its settlement, if its pod is deleted normally.
fn last_limit(limits: &Limits) -> Duration {
    limits.longest_abort().saturating_add(limits.evidence).saturating_add(LAST)
}

async fn follow(job: &mut Job, ran: &mut Ran, tell: Tell<'_>) {
    while let Some(notice) = job.next().await {
        ran.take(notice, tell);
    }
}

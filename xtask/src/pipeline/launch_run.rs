//! Runs job pods from their manifests to their ends, with one launcher for each namespace, and collects the results.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use flare_cluster::{Access, Cluster};
use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_pod_launch::{
    End, Evidence, Job, JobPod, JobState, Launcher, LauncherOptions, Limits, Notice, Settlement, Transition, check_launch,
};
use futures_util::future::join_all;
use tokio::{
    sync::{Semaphore, SemaphorePermit, watch},
    time::{Instant, sleep_until, timeout},
};

pub(crate) use super::launch_stop::Stopped;
use super::{
    launch_stop::{Stop, is_silent, is_to_end, silence},
    stage::{connect, in_cluster},
};
use crate::{context::Context, runtime};

/// How long to wait for jobs that are being ended, beyond their own limits.
const LAST: Duration = Duration::from_secs(30);

/// How long to wait at the end for the deletion of Secrets of launches that were refused because the API server was slow.
const CLEAN_UP: Duration = Duration::from_secs(20);

/// How long the API server may take for the Secrets of a job. Nobody waits for the answer to a launch as a parent does, which has less time.
const ANSWER: Duration = Duration::from_secs(20);

/// How many jobs are launched at once. Each launch is answered in time or refused, and replaces the Secret of its site: an API server that
/// gets hundreds at once answers the last of them too late.
const AT_ONCE: usize = 16;

/// A job to run.
#[derive(Debug)]
pub(crate) struct JobRequest {
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
pub(crate) struct JobResult {
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
    /// Whether the run ended before it knew what became of the pod, since the API server no longer answered.
    pub(crate) is_unknown: bool,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) jobs: Vec<JobResult>,
    pub(crate) api_requests: u64,
    pub(crate) stopped: Option<Stopped>,
}

/// Called with a pod's name and its new state.
pub(crate) type Tell<'run> = &'run (dyn Fn(&str, &Transition) + Sync);

/// Runs the jobs to their ends. On timeout or interruption, ends them and waits for that, as long as the API server answers.
pub(crate) fn run(
    context: &Context<'_>,
    access: &Access,
    jobs: Vec<JobRequest>,
    options: &RunOptions,
    tell: Tell<'_>,
) -> Result<Report, Faults> {
    if options.dry_run {
        return in_cluster(context, access, options.limit, |cluster| async move { check(&cluster, jobs).await });
    }
    let end = Instant::now() + options.limit;
    runtime::block_on(async {
        let cluster = connect(context, access, options.limit).await?;
        let (stop, stopped) = watch::channel(Stop::default());
        let (launchers, places) = (launchers(context, &cluster, &jobs, options), Semaphore::new(AT_ONCE));
        let asked: Vec<_> = jobs.iter().map(|job| (job.pod.namespace().to_owned(), job.pod.name().to_owned())).collect();
        let working = async {
            let jobs = join_all(jobs.into_iter().map(|job| one(&launchers, &places, job, stopped.clone(), tell))).await;
            let why = stopped.borrow().why;
            // The runtime ends with this block, and with it the deletion of Secrets of launches that were refused.
            tokio::select! {
                _ = timeout(CLEAN_UP, join_all(launchers.values().map(Launcher::clean_up))) => {}
                () = is_silent(stopped.clone()) => {}
            }
            (jobs, why)
        };
        let stopping = async {
            let why = tokio::select! {
                () = sleep_until(end) => Stopped::OutOfTime,
                () = runtime::interrupted(&context.interrupt) => Stopped::Interrupted,
            };
            stop.send_modify(|stop| stop.why = Some(why));
            silence(&cluster, &asked).await;
            stop.send_modify(|stop| stop.is_silent = true);
            std::future::pending::<()>().await;
        };
        let (jobs, stopped) = tokio::select! {
            ended = working => ended,
            () = stopping => (Vec::new(), None),
        };
        Ok(Report { jobs, api_requests: cluster.requests(), stopped })
    })?
}

fn launchers(context: &Context<'_>, cluster: &Cluster, jobs: &[JobRequest], options: &RunOptions) -> BTreeMap<String, Launcher> {
    let RunOptions { keep, evidence_of_success, .. } = *options;
    let options =
        LauncherOptions { keep, evidence_of_success, answer: ANSWER, ..LauncherOptions::new(context.environment.clock()) };
    let namespaces: BTreeSet<&str> = jobs.iter().map(|job| job.pod.namespace()).collect();
    let start = |namespace: &str| (namespace.to_owned(), Launcher::start(cluster, namespace, options.clone()));
    namespaces.into_iter().map(start).collect()
}

/// Lets the API server check each job without storing anything.
async fn check(cluster: &Cluster, jobs: Vec<JobRequest>) -> Result<Report, Faults> {
    let checked = join_all(jobs.into_iter().map(|job| async move {
        let there = check_launch(cluster, &job.pod).await;
        let mut ran = JobResult::new(&job);
        match there {
            Ok(there) => ran.taken_over = there,
            Err(fault) => ran.refused = Some(fault),
        }
        ran
    }));
    let jobs = checked.await;
    Ok(Report { jobs, api_requests: cluster.requests(), stopped: None })
}

impl JobResult {
    fn new(job: &JobRequest) -> Self {
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
            is_unknown: false,
        }
    }

    /// Whether it succeeded.
    pub(crate) fn has_succeeded(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.state == JobState::Succeeded)
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
            Notice::Uid(uid) => self.uid = Some(uid),
            Notice::Kept(evidence) => self.evidence = Some(evidence),
            Notice::Settled(settlement) => self.settlement = Some(settlement),
        }
    }
}

async fn one(
    launchers: &BTreeMap<String, Launcher>,
    places: &Semaphore,
    asked: JobRequest,
    stopped: watch::Receiver<Stop>,
    tell: Tell<'_>,
) -> JobResult {
    let mut ran = JobResult::new(&asked);
    let Some(launcher) = launchers.get(asked.pod.namespace()) else { return ran };
    let mut is_stopped = stopped.clone();
    let place = tokio::select! {
        place = places.acquire() => place.ok(),
        _ = is_to_end(&mut is_stopped) => {
            ran.refused = Some(Diagnostic::error(Code::Interrupted, "the run ended before the pod was asked for"));
            return ran;
        }
    };
    let is_unknown = tokio::select! {
        () = to_its_end(launcher, asked.pod, place, stopped.clone(), &mut ran, tell) => false,
        () = is_silent(stopped) => true,
    };
    ran.is_unknown = is_unknown;
    ran
}

/// Launches a job, gives its place away once that is answered, and follows it to its end.
async fn to_its_end(
    launcher: &Launcher,
    pod: JobPod,
    place: Option<SemaphorePermit<'_>>,
    mut stopped: watch::Receiver<Stop>,
    ran: &mut JobResult,
    tell: Tell<'_>,
) {
    let (name, last) = (pod.name().to_owned(), last_limit(pod.limits()));
    let mut launching = std::pin::pin!(launcher.launch(pod));
    let answer = tokio::select! {
        answer = &mut launching => answer,
        why = is_to_end(&mut stopped) => {
            launcher.terminate(&name, None, why);
            launching.await
        }
    };
    drop(place);
    let mut job = match answer {
        Ok(job) => job,
        Err(fault) => {
            ran.refused = Some(fault);
            return;
        }
    };
    ran.uid.clone_from(&job.uid);
    ran.taken_over = job.taken_over;
    let why = tokio::select! {
        () = follow(&mut job, ran, tell) => return,
        why = is_to_end(&mut stopped) => why,
    };
    launcher.terminate(&name, None, why);
    // The remaining steps have their own limits; this one is for unforeseen cases.
    let _ = timeout(last, follow(&mut job, ran, tell)).await;
}

/// How long a job may take from the request for its end to its settlement, if its pod is deleted normally.
fn last_limit(limits: &Limits) -> Duration {
    limits.longest_abort().saturating_add(limits.evidence).saturating_add(LAST)
}

async fn follow(job: &mut Job, ran: &mut JobResult, tell: Tell<'_>) {
    while let Some(notice) = job.next().await {
        ran.take(notice, tell);
    }
}

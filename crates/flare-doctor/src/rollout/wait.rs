//! Waits for a parent, with a time limit.

use std::time::Duration;

use flare_cluster::Cluster;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::{Instant, sleep_until};

use super::{
    look::{ParentDeployment, Rollout, RolloutStatus, RunningParent},
    watched::{self, WatchedObjects},
};
use crate::{Finding, Severity};

/// Options of the wait.
#[derive(Debug, Clone, Copy)]
pub struct WaitOptions {
    /// The time limit. One that is shorter than `stable` never succeeds.
    pub deadline: Duration,
    /// How long the same pod must run without a restart; a crash after the imports happens within this time.
    pub stable: Duration,
    /// The wall clock.
    pub clock: fn() -> jiff::Timestamp,
}

impl WaitOptions {
    /// How long a parent must run before it counts as stable.
    pub const STABLE: Duration = Duration::from_secs(20);
}

/// How long the API server may take to answer while it is asked whether it is there again.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// How often a lasting state is evaluated again if nothing changes.
const TICK: Duration = Duration::from_millis(500);

/// Watches a parent until it is stable, it is hopeless, or the time is up. `progress` is called with a short text about what is waited
/// for, each time that it changes.
///
/// While the API server does not answer, nothing is concluded from what it said before.
///
/// # Errors
/// The reason, as a finding of severity `error`, or `unknown` if the cluster showed nothing; D01 if the API server did not answer at the end.
pub async fn wait(
    cluster: &Cluster,
    target: &ParentDeployment,
    options: &WaitOptions,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Result<Rollout, Finding> {
    let (mut messages, mut watched) = (watched::watch(cluster, target), WatchedObjects::default());
    let mut patience = Patience::new(Instant::now(), *options);
    let mut said = String::new();
    loop {
        let wake = patience.wake(Instant::now());
        tokio::select! {
            change = messages.next() => {
                // Changes usually come in groups.
                let more = std::iter::from_fn(|| messages.next().now_or_never().flatten());
                for change in change.into_iter().chain(more) {
                    let applied = watched.apply(change);
                    applied.map_err(|fault| Finding::unknown("D80", &format!("the Deployment `{}`", target.deployment), &fault))?;
                }
                if watched.is_complete() {
                    let looking = watched.look_further(cluster, target, (options.clock)());
                    // Additional requests must not outlast the wait.
                    let _late = tokio::time::timeout(options.deadline.min(Duration::from_secs(10)), looking).await;
                }
            }
            () = sleep_until(wake) => {
                let _late = tokio::time::timeout(ANSWER_LIMIT, watched.ask_again(cluster, target)).await;
            }
        }
        let is_known = watched.is_complete() && watched.interruption.is_none();
        let verdict = is_known.then(|| watched.judge(target, (options.clock)()));
        if let Some(words) = verdict.as_ref().map(|verdict| words(verdict, options.stable)).filter(|words| *words != said) {
            progress(&words);
            said = words;
        }
        if let Some(end) = patience.look(Instant::now(), verdict) {
            return match end {
                Ok(running) => Ok(Rollout { running, deployment: watched.deployment().cloned().unwrap_or_default() }),
                Err(finding) => Err(watched.interruption.as_ref().map_or(finding, |fault| Finding::of("D01", fault))),
            };
        }
    }
}

fn words(verdict: &RolloutStatus, stable: Duration) -> String {
    match verdict {
        RolloutStatus::Running(running) if stable.is_zero() => format!("the pod `{}` runs", running.pod),
        RolloutStatus::Running(running) => {
            format!("the pod `{}` runs, and has to stay up for {} s", running.pod, stable.as_secs())
        }
        RolloutStatus::Waiting(finding) | RolloutStatus::Hopeless { finding, .. } => finding.message.clone(),
    }
}

/// How long states have lasted: the part of the wait that needs no cluster.
#[derive(Debug)]
struct Patience {
    options: WaitOptions,
    end: Instant,
    /// The running pod with its restarts, and since when.
    runs: Option<(RunningParent, Instant)>,
    /// What seems hopeless, and since when.
    doubt: Option<(Finding, Instant)>,
    last: Option<Finding>,
}

impl Patience {
    fn new(now: Instant, options: WaitOptions) -> Self {
        Self { options, end: now + options.deadline, runs: None, doubt: None, last: None }
    }

    /// When to evaluate again if nothing changes.
    fn wake(&self, now: Instant) -> Instant {
        (now + TICK).min(self.end)
    }

    /// The end of the wait, if this verdict is one.
    fn look(&mut self, now: Instant, verdict: Option<RolloutStatus>) -> Option<Result<RunningParent, Finding>> {
        let ended = match verdict {
            Some(RolloutStatus::Running(running)) => self.running(now, running),
            Some(RolloutStatus::Waiting(finding)) => {
                (self.runs, self.doubt, self.last) = (None, None, Some(finding));
                None
            }
            Some(RolloutStatus::Hopeless { finding, after }) => self.hopeless(now, finding, after),
            None => None,
        };
        ended.or_else(|| (now >= self.end).then(|| Err(self.late())))
    }

    fn running(&mut self, now: Instant, running: RunningParent) -> Option<Result<RunningParent, Finding>> {
        (self.doubt, self.last) = (None, None);
        let since = self.runs.as_ref().filter(|(known, _)| *known == running).map_or(now, |(_, since)| *since);
        if now.duration_since(since) >= self.options.stable {
            return Some(Ok(running));
        }
        self.runs = Some((running, since));
        None
    }

    /// A hopeless state, identified by its id, since its message may change with each attempt.
    fn hopeless(&mut self, now: Instant, finding: Finding, after: Duration) -> Option<Result<RunningParent, Finding>> {
        let since = self.doubt.as_ref().filter(|(known, _)| known.id == finding.id).map_or(now, |(_, since)| *since);
        (self.runs, self.last) = (None, Some(finding.clone()));
        if now.duration_since(since) >= after {
            return Some(Err(finding));
        }
        self.doubt = Some((finding, since));
        None
    }

    /// The finding when the time is up: what it waited for.
    fn late(&self) -> Finding {
        let seconds = self.options.deadline.as_secs();
        match (&self.last, &self.runs) {
            (Some(finding), _) => Finding { message: format!("not within {seconds} s: {}", finding.message), ..finding.clone() },
            (None, Some((running, since))) => {
                let lasted = self.end.duration_since(*since).as_secs();
                let stable = self.options.stable.as_secs();
                let message =
                    format!("not within {seconds} s: the pod `{}` has run for {lasted} s only, not for {stable} s", running.pod);
                Finding::error("D81", message, "look again in a moment, or give it more time with `--timeout`")
            }
            (None, None) => {
                let message = format!("the Deployment was not checked: the API server showed nothing of it within {seconds} s");
                Finding::new("D80", Severity::Unknown, message).hint("give it more time with `--timeout`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_mins(1);

    fn patience(now: Instant) -> Patience {
        Patience::new(now, WaitOptions { deadline: DEADLINE, stable: WaitOptions::STABLE, clock: || jiff::Timestamp::UNIX_EPOCH })
    }

    #[test]
    fn it_is_told_what_a_running_pod_is_waited_for() {
        assert_eq!(words(&running(0), Duration::ZERO), "the pod `site-1-a` runs");
        assert_eq!(words(&running(0), WaitOptions::STABLE), "the pod `site-1-a` runs, and has to stay up for 20 s");
    }

    fn running(restarts: i32) -> RolloutStatus {
        let text = |text: &str| text.to_owned();
        let running =
            RunningParent { pod: text("site-1-a"), uid: text("u"), container: text("site-1"), node: text("node-1"), restarts };
        RolloutStatus::Running(running)
    }

    fn waiting(id: &'static str) -> RolloutStatus {
        RolloutStatus::Waiting(Finding::error(id, "no node has room", "add a node"))
    }

    fn hopeless(message: &str, after: u64) -> RolloutStatus {
        RolloutStatus::Hopeless { finding: Finding::error("D51", message, "make it"), after: Duration::from_secs(after) }
    }

    #[test]
    fn a_pod_counts_once_it_has_run_long_enough_without_a_restart() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut patience = patience(start);
        assert_eq!(patience.look(at(0), Some(running(0))), None);
        assert_eq!(patience.look(at(19), Some(running(0))), None);
        assert_eq!(patience.look(at(20), Some(running(1))), None, "it was started again");
        assert_eq!(patience.look(at(39), Some(running(1))), None);
        assert_eq!(patience.look(at(39), None), None, "a look that shows nothing takes nothing back");
        assert!(matches!(patience.look(at(40), Some(running(1))), Some(Ok(RunningParent { restarts: 1, .. }))));
    }

    #[test]
    fn a_doubt_that_passes_ends_nothing_and_one_that_lasts_does() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut patience = patience(start);
        assert_eq!(patience.look(at(0), Some(hopeless("a", 3))), None);
        assert_eq!(patience.look(at(2), Some(waiting("D61"))), None);
        assert_eq!(patience.look(at(4), Some(hopeless("a", 3))), None, "it begins again");
        assert_eq!(patience.look(at(6), Some(hopeless("other words", 3))), None);
        let Some(Err(finding)) = patience.look(at(7), Some(hopeless("b", 3))) else { panic!("it has lasted") };
        assert_eq!(finding.message, "b");
        assert!(matches!(patience.look(at(8), Some(hopeless("at once", 0))), Some(Err(_))));
    }

    #[test]
    fn every_wait_ends_and_says_for_what_it_waited() {
        let start = Instant::now();
        let ended = |verdict: Option<RolloutStatus>| match patience(start).look(start + DEADLINE, verdict) {
            Some(Err(finding)) => finding,
            other => panic!("not the end: {other:?}"),
        };
        let late = ended(Some(waiting("D61")));
        assert_eq!((late.id, late.message.as_str()), ("D61", "not within 60 s: no node has room"));
        assert_eq!(ended(Some(hopeless("gone", 100))).message, "not within 60 s: gone");
        assert!(ended(Some(running(0))).message.contains("has run for 0 s only"));
        assert_eq!(ended(None).severity, Severity::Unknown);
        let mut patience = patience(start);
        assert!(patience.wake(start) > start && patience.wake(start + DEADLINE) == start + DEADLINE);
        assert_eq!(patience.look(start + DEADLINE - TICK, Some(waiting("D61"))), None);
    }
}

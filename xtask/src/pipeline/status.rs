//! Prepared kit → the current state of the participant, and the logs of its pods.

use std::{ops::ControlFlow, time::Duration};

use flare_cluster::{Cluster, LogSelection};
use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_doctor::{
    log_line,
    state::{self, ParticipantState, PodState},
};
use flare_names::{Role, job_pod, launcher_site};
use flare_prepared_kit::{OpenOptions, PreparedKit};
use futures_util::{AsyncBufRead, AsyncBufReadExt as _};
use tokio::time::Instant;

use super::{
    kit_facts::KitFacts,
    stage::{self, Request},
};
use crate::{context::Context, runtime};

/// The selection of a log.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogOptions {
    /// The ID of the job; `None` for the parent.
    pub(crate) job: Option<String>,
    /// Only the last lines.
    pub(crate) tail: Option<u32>,
    /// The container that ran before the last restart.
    pub(crate) previous: bool,
    /// Follows the log until the container ends.
    pub(crate) follow: bool,
}

/// The pod with the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogSource {
    pub(crate) pod: String,
    pub(crate) container: String,
}

/// Called with each line of a log. `Break` means that no more lines are wanted.
type Sink<'run> = &'run mut dyn FnMut(String) -> Result<ControlFlow<()>, Diagnostic>;

/// A participant whose kit could be opened, and its state in the cluster.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) facts: KitFacts,
    pub(crate) state: ParticipantState,
}

/// Reads once the release, its pods, and the kit's fingerprints in three places.
pub(crate) fn status(context: &Context<'_>, request: &Request<'_>, limit: Duration) -> Result<Seen, Faults> {
    let kit = &open(request)?;
    let state = request.in_cluster(context, limit, |cluster| async move { Ok(state::look(&cluster, kit).await?) })?;
    let (name, role) = (kit.plan().participant.clone(), kit.plan().role);
    Ok(Seen { name, role, facts: KitFacts::of(kit), state })
}

/// Reads the log of a participant's parent or of one of its jobs, without what looks like a secret. Following ends with the container
/// or with an interruption, which is not a fault.
pub(crate) fn logs(
    context: &Context<'_>,
    request: &Request<'_>,
    options: &LogOptions,
    limit: Duration,
    sink: Sink<'_>,
) -> Result<LogSource, Faults> {
    let kit = &open(request)?;
    let end = Instant::now() + limit;
    request.in_cluster_to_its_end(context, limit, |cluster| async move {
        let begun = async {
            let source = source(&cluster, kit, options).await?;
            let log = read(&cluster, kit, &source, options).await?;
            Ok((source, log))
        };
        let (source, log) = Box::pin(runtime::until(&context.interrupt, end, || stage::late(limit), begun)).await?;
        tokio::select! {
            printed = print(log, &source, sink) => printed?,
            () = runtime::interrupted(&context.interrupt) => {}
        }
        Ok(source)
    })
}

/// Opens the kit; changes of it do not matter here.
fn open(request: &Request<'_>) -> Result<PreparedKit, Faults> {
    request.open(OpenOptions { accept_changes: true }).map(|checked| checked.value)
}

async fn source(cluster: &Cluster, kit: &PreparedKit, options: &LogOptions) -> Result<LogSource, Diagnostic> {
    let state = state::look(cluster, kit).await?;
    let pod = match &options.job {
        Some(job) => of_job(kit, state, job)?,
        None => state.pods.into_iter().next().ok_or_else(|| {
            let plan = kit.plan();
            let message = format!("there is no pod of `{}` in namespace `{}`", plan.participant, plan.namespace);
            Diagnostic::error(Code::ObjectNotFound, message).hint("install the chart, or see with `verify` why it has no pod")
        })?,
    };
    if options.previous && pod.restarts == 0 {
        let message = format!("no container of the pod `{}` ran before: it was never started again", pod.name);
        return Err(Diagnostic::error(Code::ObjectNotFound, message).hint("leave `--previous` out"));
    }
    Ok(LogSource { pod: pod.name, container: pod.container })
}

fn of_job(kit: &PreparedKit, state: ParticipantState, job: &str) -> Result<PodState, Diagnostic> {
    let plan = kit.plan();
    // A name that the launcher derives. Its suffix is the same for every job of the participant.
    let derived = job_pod(job, launcher_site(plan.role, &plan.site));
    let named = |name: &str| derived.as_ref().is_some_and(|derived| derived.as_str() == name) || name == job;
    let jobs: Vec<_> = state.jobs.iter().map(|pod| format!("`{}`", pod.name)).collect();
    state.jobs.into_iter().find(|pod| named(&pod.name)).ok_or_else(|| {
        let known =
            if jobs.is_empty() { "there are no pods of jobs".to_owned() } else { format!("there are {}", jobs.join(", ")) };
        let message = format!("there is no pod of the job `{job}` at `{}`: {known}", plan.participant);
        Diagnostic::error(Code::ObjectNotFound, message)
            .hint("FLARE's launcher deletes a job's pod when the job ends; `status` lists those that are there")
    })
}

/// A log: whole, or as it is being written.
enum Log<Stream> {
    Whole(String),
    Followed(Stream),
}

async fn read(
    cluster: &Cluster,
    kit: &PreparedKit,
    source: &LogSource,
    options: &LogOptions,
) -> Result<Log<impl AsyncBufRead + use<>>, Diagnostic> {
    let namespace = kit.plan().namespace.as_str();
    let selection = LogSelection {
        container: Some(source.container.clone()),
        last_lines: options.tail,
        previous: options.previous,
        ..LogSelection::default()
    };
    if options.follow {
        cluster.follow_logs(namespace, &source.pod, &selection).await.map(Log::Followed)
    } else {
        cluster.logs(namespace, &source.pod, &selection).await.map(Log::Whole)
    }
}

async fn print(log: Log<impl AsyncBufRead>, source: &LogSource, sink: Sink<'_>) -> Result<(), Diagnostic> {
    let log = match log {
        Log::Whole(text) => {
            for line in text.lines() {
                if sink(log_line(line))?.is_break() {
                    break;
                }
            }
            return Ok(());
        }
        Log::Followed(log) => log,
    };
    let mut log = std::pin::pin!(log);
    loop {
        // As bytes, since what a program prints need not be UTF-8.
        let mut line = Vec::new();
        let read = log.read_until(b'\n', &mut line).await.map_err(|_| {
            Diagnostic::error(Code::StreamBroken, format!("the log of pod `{}` broke off", source.pod))
                .hint("run the same command again")
        })?;
        let text = String::from_utf8_lossy(&line);
        if read == 0 || sink(log_line(text.trim_end_matches(['\n', '\r'])))?.is_break() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a log that are printed until `enough` of them are.
    fn printed(log: Log<&[u8]>, enough: usize) -> Vec<String> {
        let source = LogSource { pod: "site-1-0".to_owned(), container: "site-1".to_owned() };
        let mut lines = Vec::new();
        let mut sink = |line: String| -> Result<ControlFlow<()>, Diagnostic> {
            lines.push(line);
            Ok(if lines.len() < enough { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        };
        runtime::block_on(print(log, &source, &mut sink)).unwrap().unwrap();
        lines
    }

    #[test]
    fn a_log_is_printed_line_by_line_until_its_reader_has_gone() {
        let text = "one\ntwo\r\n\nfour";
        for enough in 1..=5 {
            let expected: Vec<_> = ["one", "two", "", "four"].into_iter().take(enough).collect();
            assert_eq!(printed(Log::Followed(text.as_bytes()), enough), expected);
            assert_eq!(printed(Log::Whole(text.to_owned()), enough), expected);
        }
        assert!(printed(Log::Followed(b""), 1).is_empty());
    }

    #[test]
    fn a_line_that_is_not_utf_8_does_not_end_a_log_that_is_followed() {
        assert_eq!(printed(Log::Followed(b"caf\xe9\nnext\n"), 9), ["caf\u{fffd}", "next"]);
    }
}

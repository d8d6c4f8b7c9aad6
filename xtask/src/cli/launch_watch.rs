//! `launch watch`: follows the job pods of a site.

use std::{collections::BTreeMap, path::PathBuf};

use clap::ArgGroup;
use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_pod_launch::{JobState, KnownPod, Notice, Transition};
use serde_json::{Value, json};

use super::arguments::{ClusterArguments, changes_nothing};
use crate::{
    context::Context,
    output::{Failure, Outcome, VerbResult, printable, write_to_stderr},
    pipeline::launch_site,
};

/// Follow the job pods of a site without changing them
///
/// Each new state is printed with its reason, until `--timeout` or Ctrl-C; the result is the final state of each job. A prepared kit
/// selects the job pods of its site, whichever launcher made them; with only a namespace, those of flare-kube's launcher at all sites in it
/// are followed.
#[derive(Debug, clap::Args)]
#[command(
    mut_arg("dry_run", changes_nothing),
    group(ArgGroup::new("scope").args(["prepared", "namespace"]).required(true).multiple(true)),
)]
pub(crate) struct Arguments {
    /// A prepared kit, to select its site [default: all sites of `--namespace`].
    #[arg(value_name = "PREPARED")]
    prepared: Option<PathBuf>,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// The last known state of a pod.
struct Seen {
    pod: KnownPod,
    transitions: Vec<Transition>,
}

/// Follows the pods and prints their changes.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let cluster = &arguments.cluster;
    let prepared = arguments.prepared.as_ref().map(|path| context.environment.absolute(path)).transpose()?;
    let scope = launch_site::scope(prepared.as_deref(), cluster.namespace.as_deref(), &cluster.access())?;
    // By name, since the uids of pods are in no order; a pod that is made again has another one.
    let mut seen = BTreeMap::<(String, String), Seen>::new();
    let tell = |pod: &KnownPod, notice: Notice| {
        let to = match notice {
            Notice::Changed(to) => to,
            Notice::Ended(end) => Transition { at: end.at, state: end.state, reason: end.reason, message: end.message },
            Notice::Uid(_) | Notice::Kept(_) | Notice::Settled(_) => return,
        };
        if !context.shared.quiet {
            write_to_stderr(&format!("{}: {}\n", pod.pod, printable(&to.to_string())));
        }
        let at = (pod.pod.clone(), pod.uid.clone());
        let one = seen.entry(at).or_insert_with(|| Seen { pod: pod.clone(), transitions: Vec::new() });
        one.transitions.push(to);
    };
    let stopped = launch_site::watch(context, &cluster.access(), &scope.value, cluster.time_limit(), tell)?;
    let seen: Vec<_> = seen.values().map(row).collect();
    let text = seen
        .iter()
        .map(|row| format!("{} {} {}\n", text_of(row, "pod"), text_of(row, "state"), text_of(row, "reason")))
        .collect();
    let outcome = Outcome { data: json!({"namespace": scope.value.namespace, "jobs": seen}), text, warnings: scope.warnings };
    if stopped {
        let fault = Diagnostic::error(Code::Interrupted, "interrupted; nothing was changed in the cluster");
        let fault = fault.hint("run the same command again to follow the jobs further");
        let faults = Faults::from(fault).after(outcome.warnings.clone());
        return Err(Failure { faults, shown: Some(Box::new(outcome)) });
    }
    Ok(outcome)
}

fn text_of<'row>(row: &'row Value, key: &str) -> &'row str {
    row[key].as_str().unwrap_or_default()
}

fn row(seen: &Seen) -> Value {
    let last = seen.transitions.last();
    let events: Vec<_> = seen
        .transitions
        .iter()
        .map(|to| json!({"at": to.at.to_string(), "state": to.state.as_str(), "reason": to.reason, "message": to.message}))
        .collect();
    json!({
        "pod": seen.pod.pod, "uid": seen.pod.uid, "job": seen.pod.job, "site": seen.pod.site, "study": seen.pod.study,
        "state": last.map_or(JobState::Unknown, |to| to.state).as_str(), "reason": last.map(|to| to.reason.as_str()), "events": events,
    })
}

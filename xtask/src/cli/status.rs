//! `status` and `logs`: show the current state of a participant, and the logs of its pods.

use std::path::{Path, PathBuf};

use flare_diagnostic::{Code, Diagnostic};
use flare_doctor::state::{PodState, State};
use serde_json::json;

use super::{arguments::ClusterArguments, stage_federation::FederationArguments, status_federation};
use crate::{
    context::Context,
    output::{Format, Outcome, VerbResult, printable, table, write_to_stdout},
    pipeline::status::{self, LogOptions},
};

/// Show a participant as it is now: its Deployment, pods and restarts, which kit is where, whether it has joined, and its job pods.
///
/// One look that judges nothing and waits for nothing; `verify` does both. The kit's fingerprint is shown in three places: as prepared,
/// as staged on the workspace claim, and as the running parent was started with. Where they differ, something is left to be done.
///
/// `--federation` looks at every participant of a federation.yaml and shows in one table how far each is; exit status 1 where one of them
/// is not up.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The prepared kit: an output of `prepare`.
    #[arg(value_name = "PREPARED", required_unless_present = "federation")]
    prepared: Option<PathBuf>,
    #[command(flatten)]
    federation: FederationArguments,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Print the log of a participant's parent, or of one of its jobs.
///
/// FLARE's colours are left out, and so is what looks like a secret: FLARE 2.8 logs the tokens of its sessions.
#[derive(Debug, clap::Args)]
pub(crate) struct LogArguments {
    /// The prepared kit: an output of `prepare`.
    #[arg(value_name = "PREPARED")]
    prepared: PathBuf,
    /// The pod of this job, by the job's ID or the pod's name.
    #[arg(long, value_name = "ID")]
    job: Option<String>,
    /// Go on printing what is logged, until the container ends or Ctrl-C.
    #[arg(short, long, conflicts_with = "previous")]
    follow: bool,
    /// The container that ran before the last restart.
    #[arg(long)]
    previous: bool,
    /// Only so many lines from the end.
    #[arg(long, value_name = "LINES")]
    tail: Option<u32>,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Reads the state once and prints it.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    if let Some(file) = &arguments.federation.federation {
        return status_federation::run(context, file, &arguments.federation, &arguments.cluster);
    }
    let prepared = context.environment.absolute(arguments.prepared.as_deref().unwrap_or(Path::new("")))?;
    let request = arguments.cluster.request(&prepared);
    let state = status::status(context, &request, arguments.cluster.time_limit())?;
    Ok(Outcome { data: json!(state), text: text(&state), ..Outcome::default() })
}

/// Prints a log, as text line by line, or as one document with the lines.
pub(crate) fn logs(context: &Context<'_>, arguments: &LogArguments) -> VerbResult {
    let as_lines = context.shared.format == Format::Text;
    if arguments.follow && !as_lines {
        let fault = Diagnostic::error(Code::InvalidArgs, "`--follow` prints text, since it has no end to print a document at");
        return Err(fault.hint("leave `--follow` or `-o` out").into());
    }
    let prepared = context.environment.absolute(&arguments.prepared)?;
    let request = arguments.cluster.request(&prepared);
    let (job, tail) = (arguments.job.clone(), arguments.tail);
    let options = LogOptions { job, tail, previous: arguments.previous, follow: arguments.follow };
    let mut lines = Vec::new();
    let mut sink = |line: String| {
        if as_lines {
            return write_to_stdout(&format!("{line}\n"));
        }
        lines.push(line);
        Ok(())
    };
    let source = status::logs(context, &request, &options, arguments.cluster.time_limit(), &mut sink)?;
    let data = json!({"pod": source.pod, "container": source.container, "lines": lines});
    Ok(Outcome { data, ..Outcome::default() })
}

fn text(state: &State) -> String {
    let mut rows = vec![["PARTICIPANT", "ROLE", "NAMESPACE", "DEPLOYMENT", "JOINED"].map(str::to_owned)];
    let deployment = state.deployment.as_ref().map_or_else(
        || "missing".to_owned(),
        |deployment| format!("{} {}/{}", deployment.name, deployment.available, deployment.desired),
    );
    let joined = match state.joined {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    };
    rows.push([state.participant.clone(), state.role.to_owned(), state.namespace.clone(), deployment, joined.to_owned()]);
    let mut text = table(&rows);
    if let Some(reason) = &state.reason {
        text.push_str(&format!("\n{}\n", printable(reason)));
    }
    let pods = state.pods.iter().map(|pod| row("parent", pod)).chain(state.jobs.iter().map(|pod| row("job", pod)));
    let head = ["POD", "OF", "STATUS", "READY", "RESTARTS", "CREATED", "NODE"].map(str::to_owned);
    text.push_str(&format!("\n{}", table(&std::iter::once(head).chain(pods).collect::<Vec<_>>())));
    let kit = &state.kit;
    let place = |name: &str, fingerprint: Option<&str>| [name.to_owned(), fingerprint.unwrap_or("-").to_owned()];
    let kits = [
        place("prepared", Some(&kit.prepared)),
        place("staged", kit.staged.as_deref()),
        place("running", kit.running.as_deref()),
    ];
    text.push_str(&format!(
        "\n{}",
        table(&std::iter::once(["KIT", "FINGERPRINT"].map(str::to_owned)).chain(kits).collect::<Vec<_>>())
    ));
    text
}

fn row(of: &str, pod: &PodState) -> [String; 7] {
    let shown = |text: Option<&String>| text.map_or_else(|| "-".to_owned(), Clone::clone);
    let ready = if pod.ready { "yes" } else { "no" };
    let restarts = pod.restarts.to_string();
    let (name, status) = (pod.name.clone(), pod.status.clone());
    [name, of.to_owned(), status, ready.to_owned(), restarts, shown(pod.created.as_ref()), shown(pod.node.as_ref())]
}

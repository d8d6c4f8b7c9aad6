//! `status` and `logs`: show the current state of a participant, and the logs of its pods.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use flare_diagnostic::{Code, Diagnostic};
use flare_doctor::state::{ParticipantState, PodState};
use serde_json::json;

use super::{
    arguments::{ClusterArguments, FederationArguments, changes_nothing},
    report::ReportArguments,
    status_federation,
};
use crate::{
    context::Context,
    output::{Format, Outcome, VerbResult, printable, table, write_to_stdout},
    pipeline::{
        federation_status::ParticipantStatus,
        status::{self, LogOptions},
    },
};

/// Show the current state of a participant: its Deployment, pods and restarts, its kit, whether it has joined, and its job pods
///
/// Nothing is checked or waited for; `verify` does both. The kit's fingerprint is shown three times: as prepared, as staged on the
/// workspace claim, and as the running parent was started with. If they differ, something is left to do.
///
/// `--federation` looks at every participant of a federation.yaml and shows in one table how far each is; exit status 1 where one of them
/// is not up, but that of the reason if none can be looked at for one reason.
#[derive(Debug, clap::Args)]
#[command(mut_arg("dry_run", changes_nothing))]
pub(crate) struct Arguments {
    /// The prepared kit: an output of `prepare`.
    #[arg(value_name = "PREPARED", required_unless_present_any = ["federation", "prepared_directory"])]
    prepared: Option<PathBuf>,
    #[command(flatten)]
    federation: FederationArguments,
    #[command(flatten)]
    report: ReportArguments,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Print the log of a participant's parent, or of one of its jobs
///
/// FLARE's colours are left out, and so is what looks like a secret, since some releases of FLARE log their session tokens.
#[derive(Debug, clap::Args)]
#[command(mut_arg("dry_run", changes_nothing))]
pub(crate) struct LogArguments {
    /// The prepared kit: an output of `prepare`.
    #[arg(value_name = "PREPARED")]
    prepared: PathBuf,
    /// The job whose pod's log is printed: its ID or the pod's name [default: the parent].
    #[arg(long, value_name = "ID")]
    job: Option<String>,
    /// Follow the log until the container ends or Ctrl-C.
    #[arg(short, long, conflicts_with = "previous")]
    follow: bool,
    /// Print the log of the container that ran before the last restart.
    #[arg(long)]
    previous: bool,
    /// Print only this number of lines at the end.
    #[arg(long, value_name = "LINES")]
    tail: Option<u32>,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Reads the state once and prints it.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let prepared = arguments.prepared.as_deref().unwrap_or(Path::new(""));
    let federation = &arguments.federation;
    let subject = federation.federation.as_deref().unwrap_or(prepared);
    arguments.report.around(context, ("status", subject), || match &federation.federation {
        Some(file) => status_federation::run(context, file, federation, &arguments.cluster),
        None => of_one(context, prepared, arguments),
    })
}

fn of_one(context: &Context<'_>, prepared: &Path, arguments: &Arguments) -> VerbResult {
    let prepared = context.environment.absolute(prepared)?;
    let request = arguments.cluster.request(&prepared);
    let seen = status::status(context, &request, arguments.cluster.time_limit())?;
    let text = text(&seen.state);
    Ok(Outcome {
        data: json!({"participants": [status_federation::row(&ParticipantStatus::of(seen))]}),
        text,
        ..Outcome::default()
    })
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
        Ok(ControlFlow::Continue(()))
    };
    let source = status::logs(context, &request, &options, arguments.cluster.time_limit(), &mut sink)?;
    let data = json!({"pod": source.pod, "container": source.container, "lines": lines});
    Ok(Outcome { data, ..Outcome::default() })
}

fn text(state: &ParticipantState) -> String {
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

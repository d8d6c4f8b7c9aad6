//! `install`: installs a prepared and staged kit until its participant has joined.

use std::path::PathBuf;

use flare_diagnostic::{Checked, Faults};
use flare_doctor::Counts;
use flare_names::Role;
use serde_json::json;

use super::{
    arguments::ClusterArguments,
    installation::{Expose, HelmArguments, ReleaseArguments, ValueArguments, recovered},
    next_steps::NextSteps,
};
use crate::{
    context::Context,
    output::{Failure, Format, Outcome, VerbResult, printable, write_to_stderr, write_to_stdout},
    pipeline::install::{self, Installed, NotInstalled, Options, Until},
};

/// Install a prepared and staged kit, and wait until its participant has joined the federation
///
/// The user's own Helm, 3 or 4, installs or upgrades the chart of the kit. Before that, kit, values, claim, Secrets and permissions are
/// checked, and what cannot work is refused. Afterwards the parent is watched: transient states are waited for, a hopeless one (a missing
/// image, a crash, a quota) ends the run at once with the reason and the last lines of the log.
///
/// If that fails, the release is rolled back to the last good revision with its kit, and a first installation is removed. A changed kit
/// restarts the parent. A run with nothing to change only checks.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The prepared kit: an output of `prepare`.
    #[arg(value_name = "PREPARED")]
    prepared: PathBuf,
    #[command(flatten)]
    values: ValueArguments,
    #[command(flatten)]
    helm: HelmArguments,
    /// Create the namespace if it is missing.
    #[arg(long)]
    create_namespace: bool,
    #[command(flatten)]
    release: ReleaseArguments,
    /// The state of the participant that ends the wait.
    #[arg(long, value_enum, value_name = "STATE", default_value_t = State::Joined)]
    until: State,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// When an installation is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum State {
    /// The parent has run for 20 s.
    Running,
    /// The client is registered at its server, or the server has started.
    Joined,
}

/// Installs the kit, and prints the result and the next steps.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let cluster = &arguments.cluster;
    let prepared = context.environment.absolute(&arguments.prepared)?;
    let request = cluster.request(&prepared);
    let given = (&arguments.values, &arguments.helm);
    let options = Options {
        until: if arguments.until == State::Running { Until::Running } else { Until::Joined },
        ..arguments.release.options(context, given, arguments.create_namespace, cluster)?
    };
    install::check_docker_config(options.pull_secret.as_deref())?;
    context.step(|| format!("installing {}", prepared.display()));
    let bar = context.activity();
    let installed = install::install(context, &request, &options, &|words| bar.show(words));
    bar.end();
    let Checked { value: installed, warnings } = installed.map_err(failure)?;
    let mut outcome = Outcome { warnings, ..outcome(&installed, cluster, arguments.until) };
    if arguments.release.expose == Some(Expose::PortForward) && !cluster.dry_run {
        if context.shared.format == Format::Text {
            // The next steps are for as long as the ports are forwarded.
            let _ = write_to_stdout(&std::mem::take(&mut outcome.text))?;
        }
        let say = |words: &str| {
            if !context.shared.quiet {
                write_to_stderr(&format!("{words}\n"));
            }
        };
        if let Err(faults) = install::forward(context, &request, &installed, &say) {
            return Err(with_installed(faults, outcome));
        }
    }
    Ok(outcome)
}

/// What failed after the installation, which stands, with its result.
fn with_installed(faults: Faults, outcome: Outcome) -> Failure {
    let (warnings, outcome) = (outcome.warnings, Outcome { warnings: Vec::new(), ..outcome });
    Failure { faults: faults.after(warnings), shown: Some(Box::new(outcome)) }
}

fn outcome(installed: &Installed, cluster: &ClusterArguments, until: State) -> Outcome {
    let plan = installed.kit.plan();
    let (release, namespace, revision) = (&installed.place.release, &installed.place.namespace, installed.revision);
    let mut data = json!({"release": release, "revision": revision, "namespace": namespace,
        "deployment": plan.names.deployment, "service": plan.names.service, "changed": installed.changed,
        "fingerprint": installed.kit.fingerprint().to_string(), "image": installed.image, "helm": installed.helm,
        "unlocked": installed.unlocked, "pull_secret": installed.pull_secret,
        "pod": installed.parent.as_ref().map(|parent| &parent.pod), "node": installed.parent.as_ref().map(|parent| &parent.node)});
    let what = match (cluster.dry_run, installed.changed) {
        (false, true) => "installed",
        (true, true) => "would install",
        (_, false) => "nothing to change:",
    };
    let mut text = format!("{what} release {release}, revision {revision}, in namespace {namespace}\n");
    if cluster.dry_run {
        data["dry_run"] = json!(true);
        return Outcome { data, text, ..Outcome::default() };
    }
    if let Some(parent) = &installed.parent {
        let state = match (until, plan.role) {
            (State::Running, _) => "runs",
            (State::Joined, Role::Server) => "has started",
            (State::Joined, Role::Client) => "is registered at its server",
        };
        text.push_str(&format!(
            "{} {} {state}: pod {} on node {}\n",
            plan.role,
            printable(&plan.participant),
            parent.pod,
            parent.node
        ));
    }
    if let Some(exposed) = &installed.exposed {
        data["exposed"] = exposed.to_json();
        text.push_str(&format!("{}\n", exposed.sentence()));
    }
    let next = NextSteps::of(plan, &cluster.access(), installed.exposed.as_ref());
    data["next"] = next.to_json();
    text.push_str(&next.text());
    Outcome { data, text, ..Outcome::default() }
}

/// The faults, with the findings about the parent and what was rolled back.
fn failure(not_installed: NotInstalled) -> Failure {
    let NotInstalled { faults, findings, recovery, .. } = not_installed;
    let Some(recovery) = recovery else { return faults.into() };
    let (state, mut text) = recovered(&recovery);
    let evidence = findings.iter().flat_map(|finding| &finding.evidence);
    text.extend(evidence.map(|line| format!("  {line}\n")));
    let data = json!({"findings": findings, "counts": Counts::of(&findings), "recovery": state});
    Failure { faults, shown: Some(Box::new(Outcome { data, text, ..Outcome::default() })) }
}

#[cfg(test)]
mod tests {
    use flare_diagnostic::{Code, Diagnostic};

    use super::*;

    #[test]
    fn a_port_that_cannot_be_forwarded_does_not_hide_what_was_installed() {
        let outcome = Outcome {
            data: json!({"release": "server1", "changed": true}),
            text: "installed release server1\n".to_owned(),
            warnings: vec![Diagnostic::warning(Code::Notice, "a name leads elsewhere")],
        };
        let failure = with_installed(Diagnostic::error(Code::InvalidArgs, "the port is taken").into(), outcome);
        let shown = failure.shown.unwrap();
        assert_eq!((&shown.data["release"], shown.text.as_str()), (&json!("server1"), "installed release server1\n"));
        assert!(shown.warnings.is_empty(), "they are printed once");
        assert_eq!((failure.faults.all().len(), failure.faults.warnings().len()), (1, 1));
    }
}

//! `up`: installs a federation in its clusters with one command.

use std::path::PathBuf;

use flare_names::{Role, Target};
use flare_pvc_stage::VolumeStageOptions;
use serde_json::{Value, json};

use super::{
    arguments::{self, ClusterArguments, HelperImageArgument, PreparationArguments, StagingMode},
    federation_view::{FederationView, shown},
    installation::{HelmArguments, ReleaseArguments, ValueArguments, recovered},
    next_steps::NextSteps,
    report::ReportArguments,
    staging::{KitArguments, PlaceArguments, refuse_for_objects},
};
use crate::{
    context::Context,
    output::{Failure, Outcome, VerbResult, printable},
    pipeline::{
        install,
        stage_federation::Staging,
        up::{
            self, Options, Preparation, PreparedFederation, PreparedParticipant, Reached, State, Step, Steps, WouldPrepare,
            prepare_all,
        },
    },
};

/// Bring every participant of a federation.yaml into its cluster: prepared, staged, installed, and proven to have joined
///
/// Before anything is sent, the whole federation is checked: one server, one provisioning, no claim twice, a server certificate that
/// contains the name that each client calls, images and kits of one FLARE release. Then comes the server and, once it is proven
/// to run, the sites in parallel. A site that fails does not stop the others.
///
/// Everything can be run again: only what is missing or changed is done. A participant whose kit changed is restarted, the others are
/// not touched. Values of `-f` and `--set` go on top of those that federation.yaml has for each participant. `down` takes everything away again but the claims.
#[derive(Debug, clap::Args)]
#[command(
    mut_arg("namespace", arguments::refused),
    mut_arg("expose", |expose| expose.help("Let clients and admins outside of its cluster reach the server, as `install` does [default: `expose` in federation.yaml]")),
    mut_arg("timeout", |timeout| timeout.help("The time limit of each participant from staging to checks, in seconds; a step that begins late gets at least 30 s")),
)]
pub(crate) struct Arguments {
    /// The federation.yaml.
    #[arg(long, value_name = "FILE", conflicts_with = "namespace")]
    federation: PathBuf,
    /// The directory in which each participant gets a prepared kit [default: each kit's prepared/k8s].
    #[arg(long = "prepared", id = "prepared_directory", visible_alias = "output", value_name = "DIR")]
    prepared: Option<PathBuf>,
    /// The FLARE release that runs the kits [default: as `prepare`].
    #[arg(long, value_name = "RELEASE")]
    target: Option<Target>,
    /// How many sites are worked on at the same time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,
    #[command(flatten)]
    place: PlaceArguments,
    #[command(flatten)]
    helper: HelperImageArgument,
    #[command(flatten)]
    kit: KitArguments,
    // What `up` does anyway; accepted, since it takes the flags of `stage`.
    #[arg(long, hide = true)]
    restart: bool,
    // On top of each participant's values in federation.yaml.
    #[command(flatten)]
    values: ValueArguments,
    #[command(flatten)]
    helm: HelmArguments,
    #[command(flatten)]
    release: ReleaseArguments,
    #[command(flatten)]
    kits: PreparationArguments,
    #[command(flatten)]
    report: ReportArguments,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Brings up all participants, and prints the results.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    arguments.report.around(context, ("up", &arguments.federation), || bring_up(context, arguments))
}

fn bring_up(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let cluster = &arguments.cluster;
    let preparation = arguments.preparation(context)?;
    let options = arguments.options(context)?;
    install::check_docker_config(options.install.pull_secret.as_deref())?;
    let prepared = prepare_all(context, &preparation)?;
    let (participants, mut warnings) = match prepared.value {
        PreparedFederation::Ready(participants) => (participants, prepared.warnings),
        PreparedFederation::Would(would) => return Ok(Outcome { warnings: prepared.warnings, ..would_prepare(&would) }),
    };
    let names: Vec<_> = participants.iter().map(|one| one.destined.name.as_str()).collect();
    let view = FederationView::begin(context, &names);
    let (reached, ended) = up::up(context, &participants, &options, &|number, steps, words| view.show(number, steps, words));
    view.end();
    let outcome = outcome(&participants, &reached, cluster.dry_run);
    match ended {
        Ok(checked) => {
            warnings.extend(checked.warnings);
            Ok(Outcome { warnings, ..outcome })
        }
        Err(faults) => Err(Failure { faults: faults.after(warnings), shown: Some(Box::new(outcome)) }),
    }
}

impl Arguments {
    fn preparation(&self, context: &Context<'_>) -> Result<Preparation, Failure> {
        Ok(Preparation {
            file: context.environment.absolute(&self.federation)?,
            output: self.prepared.as_ref().map(|path| context.environment.absolute(path)).transpose()?,
            target: self.target,
            access: self.cluster.access(),
            overlay: None,
            values: self.values.given(context)?.files,
            options: self.kits.run_options(context, self.cluster.dry_run),
        })
    }

    fn options(&self, context: &Context<'_>) -> Result<Options, Failure> {
        let (cluster, place) = (&self.cluster, &self.place);
        let staging = match place.mode() {
            StagingMode::Objects => {
                refuse_for_objects(&self.helper, &self.kit, &[("--restart", self.restart)])?;
                Staging::Objects(place.object_options(cluster))
            }
            StagingMode::Pvc => {
                // A changed kit restarts its parent anyway.
                let options = place.volume_options(&self.helper, &self.kit, cluster);
                Staging::Volume(VolumeStageOptions { restart: true, ..options })
            }
        };
        let install = self.release.options(context, (&self.values, &self.helm), place.create_namespace, cluster)?;
        up::refuse_port_forward(install.expose)?;
        let at_once = usize::from(self.parallel);
        Ok(Options { staging, install, limit: cluster.time_limit(), at_once, dry_run: cluster.dry_run })
    }
}

fn outcome(participants: &[PreparedParticipant], reached: &[Reached], dry_run: bool) -> Outcome {
    let both = || participants.iter().zip(reached);
    let rows: Vec<Value> = both()
        .map(|(participant, reached)| {
            let (destined, steps) = (&participant.destined, reached.steps);
            // A dry run has nothing to verify.
            let ok = steps.are_good() || dry_run && Step::ALL.into_iter().all(|step| steps.get(step) != State::Failed);
            let mut row = json!({"name": destined.name, "role": destined.role, "steps": steps.to_json(),
                "seconds": reached.times.to_json(), "ok": ok, "prepared": destined.prepared, "findings": reached.findings,
                "recovery": reached.recovery.as_ref().map(|recovery| recovered(recovery).0),
                "exposed": reached.exposed.as_ref().map(install::Exposed::to_json)});
            destined.facts().add_to(&mut row);
            row
        })
        .collect();
    let mut data = json!({ "participants": rows });
    if dry_run {
        data["dry_run"] = json!(true);
    }
    let mut text = shown(both().map(|(one, reached)| (one.destined.name.as_str(), one.destined.role.to_string(), reached.steps)));
    if dry_run && both().any(|(_, reached)| reached.steps.get(Step::Stage) == State::Done) {
        text.push_str("kits would be staged first; what comes after is looked at once they are\n");
    }
    for (one, recovery) in both().filter_map(|(one, reached)| Some((one, reached.recovery.as_ref()?))) {
        text.push_str(&format!("{}: {}", printable(&one.destined.name), recovered(recovery).1));
    }
    for (one, exposed) in both().filter_map(|(one, reached)| Some((one, reached.exposed.as_ref()?))) {
        text.push_str(&format!("{} is {}\n", printable(&one.destined.name), exposed.sentence()));
    }
    let is_up = |(one, reached): &(&PreparedParticipant, &Reached)| one.destined.role == Role::Server && reached.steps.are_good();
    if let Some((server, reached)) = both().find(is_up).filter(|_| !dry_run) {
        let (plan, access) = (server.destined.kit().plan(), server.destined.access());
        let next = NextSteps::of(plan, access, reached.exposed.as_ref());
        data["next"] = next.to_json();
        text.push_str(&next.text());
    }
    Outcome { data, text, ..Outcome::default() }
}

/// A dry run in which kits would have to be prepared.
fn would_prepare(would: &[WouldPrepare]) -> Outcome {
    let steps = |state: State| {
        let mut steps = Steps::default();
        steps.set(Step::Prepare, state);
        steps
    };
    let rows: Vec<_> = would
        .iter()
        .map(|one| json!({"name": one.name, "role": one.role, "steps": steps(one.state).to_json(), "ok": true}))
        .collect();
    let mut text = shown(would.iter().map(|one| (one.name.as_str(), one.role.to_string(), steps(one.state))));
    text.push_str("kits would be prepared first; what comes after is looked at once they are\n");
    Outcome { data: json!({"participants": rows, "dry_run": true}), text, ..Outcome::default() }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Args as _, Command};

    use super::Arguments;
    use crate::cli::{install, stage};

    /// What a flag takes, without its words.
    fn form(flag: &Arg) -> impl PartialEq + std::fmt::Debug + use<> {
        let values: Vec<_> = flag.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        let names: Vec<_> = flag.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
        (flag.get_short(), names, flag.get_default_values().to_owned(), values, format!("{:?}", flag.get_num_args()))
    }

    #[test]
    fn the_flags_of_stage_and_install_are_taken_and_mean_the_same() {
        let up = Arguments::augment_args(Command::new("up"));
        let verbs =
            [stage::Arguments::augment_args(Command::new("stage")), install::Arguments::augment_args(Command::new("install"))];
        // A whole federation is neither taken back nor printed, and is up once all have joined.
        let others = ["rollback", "render", "until"];
        // Words of their own: `up` restarts in any case, and the values are for both.
        let own_words = ["expose", "timeout", "restart", "values", "federation", "prepared"];
        for verb in &verbs {
            for flag in verb.get_arguments().filter(|flag| !flag.is_positional()) {
                let long = flag.get_long().unwrap();
                let taken = up.get_arguments().find(|taken| taken.get_long() == Some(long));
                assert_eq!(taken.is_none(), others.contains(&long), "--{long} of {}", verb.get_name());
                let Some(taken) = taken else { continue };
                assert_eq!(form(taken), form(flag), "--{long} of {}", verb.get_name());
                if !own_words.contains(&long) {
                    assert_eq!(taken.get_help().map(ToString::to_string), flag.get_help().map(ToString::to_string), "--{long}");
                }
            }
        }
    }
}

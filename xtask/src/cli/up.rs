//! `up`: installs a federation in its clusters with one command.

use std::path::PathBuf;

use flare_diagnostic::{Code, Diagnostic};
use flare_names::Target;
use flare_pvc_stage::{ObjectStageOptions, VolumeStageOptions};
use serde_json::{Value, json};

use super::{
    arguments::{ClusterArguments, PreparationArguments, StagingMode},
    federation_view::{FederationView, shown},
    install::{Expose, HelmArguments, ValueArguments},
    report::ReportArguments,
    staging::{PlaceArguments, refuse_for_objects},
};
use crate::{
    context::Context,
    output::{Failure, Outcome, VerbResult, printable},
    pipeline::{
        install::{self, Until},
        stage,
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
#[allow(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub(crate) struct Arguments {
    /// The federation.yaml.
    #[arg(long, value_name = "FILE")]
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
    /// Where the kits are put [default: pvc].
    #[arg(long, value_enum, value_name = "MODE")]
    mode: Option<StagingMode>,
    #[command(flatten)]
    place: PlaceArguments,
    /// The image of the helper pods; it needs Python 3.8 [default: the parents'].
    #[arg(long, value_name = "IMAGE")]
    helper_image: Option<String>,
    /// Move kits at the wrong level (`server-k8s/startup`, `startup/startup`) to the right one or, if that has a kit, to the kept
    /// earlier kits.
    #[arg(long)]
    repair: bool,
    /// Stage even the kits that their claims say are already there.
    #[arg(long)]
    again: bool,
    // What `up` does anyway; accepted, since it takes the flags of `stage`.
    #[arg(long, hide = true)]
    restart: bool,
    /// On top of each participant's values in federation.yaml.
    #[command(flatten)]
    values: ValueArguments,
    #[command(flatten)]
    helm: HelmArguments,
    /// Let clients and admins outside of its cluster reach the server [default: `expose` in federation.yaml].
    #[arg(long, value_enum, value_name = "HOW")]
    expose: Option<Expose>,
    /// Create the Secret with credentials for the image's registry from this docker config file, such as ~/.docker/config.json.
    #[arg(long, value_name = "FILE")]
    create_pull_secret: Option<PathBuf>,
    /// Free releases that an interrupted Helm run left locked. Only if no other run uses them.
    #[arg(long)]
    unlock: bool,
    /// Keep failed parents for inspection instead of rolling back.
    #[arg(long)]
    keep_failed: bool,
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
    cluster.refuse_namespace()?;
    let preparation = arguments.preparation(context)?;
    let options = arguments.options(context)?;
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
        if self.expose == Some(Expose::PortForward) {
            let message = "`up` opens no port: a port forward lasts as long as its program";
            let hint = "`install --expose port-forward` opens one; other sites need `load-balancer`, `host-port` or `microk8s`";
            return Err(Diagnostic::error(Code::InvalidArgs, message).hint(hint).into());
        }
        let staging = match self.mode.unwrap_or(StagingMode::Pvc) {
            StagingMode::Objects => {
                refuse_for_objects(&[
                    ("--helper-image", self.helper_image.is_some()),
                    ("--restart", self.restart),
                    ("--again", self.again),
                    ("--repair", self.repair),
                ])?;
                Staging::Objects(ObjectStageOptions {
                    create_namespace: place.create_namespace,
                    create_claim: place.new_claim(),
                    dry_run: cluster.dry_run,
                    deadline: cluster.time_limit(),
                })
            }
            StagingMode::Pvc => Staging::Volume(VolumeStageOptions {
                create_namespace: place.create_namespace,
                create_claim: place.new_claim(),
                image: self.helper_image.clone(),
                rollback: false,
                // A changed kit restarts its parent anyway.
                restart: true,
                again: self.again,
                repair: self.repair,
                dry_run: cluster.dry_run,
                deadline: cluster.time_limit(),
                run: stage::run_name(),
            }),
        };
        let install = install::Options {
            helm: self.helm.helm.clone(),
            values: self.values.given(context)?,
            create_namespace: place.create_namespace,
            pull_secret: self.create_pull_secret.as_ref().map(|file| context.environment.absolute(file)).transpose()?,
            expose: self.expose.map(flare_federation::Expose::from),
            called: Vec::new(),
            unlock: self.unlock,
            keep_failed: self.keep_failed,
            until: Until::Joined,
            dry_run: cluster.dry_run,
            limit: cluster.time_limit(),
        };
        let (verify_within, at_once) = (cluster.time_limit(), usize::from(self.parallel));
        Ok(Options { staging, install, verify_within, at_once, dry_run: cluster.dry_run })
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
    for (one, exposed) in both().filter_map(|(one, reached)| Some((one, reached.exposed.as_ref()?))) {
        text.push_str(&format!("{} is {}\n", printable(&one.destined.name), exposed.sentence()));
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

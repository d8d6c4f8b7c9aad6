//! The verbs of users: one file per verb, each with its arguments and the printing of its result.

pub(crate) mod arguments;
mod backup;
mod cluster;
mod completions;
mod down;
mod federation_view;
mod init;
mod install;
mod installation;
mod launch;
mod launch_canary;
mod launch_run;
mod launch_sweep;
mod launch_watch;
mod man;
mod names;
mod next_steps;
mod prepare;
mod report;
mod reprovision;
mod restore;
mod saved;
mod schema;
mod seconds;
mod stage;
mod stage_federation;
mod staging;
mod status;
mod status_federation;
mod study_data;
mod uninstall;
mod unstage;
mod up;
mod verify;

use crate::{context::Context, output::VerbResult};

/// The verbs of users.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Prepare(prepare::Arguments),
    Init(init::Arguments),
    Stage(stage::Arguments),
    Unstage(unstage::Arguments),
    Install(Box<install::Arguments>),
    Uninstall(uninstall::Arguments),
    Reprovision(Box<reprovision::Arguments>),
    Verify(verify::Arguments),
    Status(status::Arguments),
    Logs(status::LogArguments),
    Up(up::Arguments),
    Down(down::Arguments),
    StudyData(study_data::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Names(names::Arguments),
    Launch(launch::Arguments),
    Schema(schema::Arguments),
    Cluster(cluster::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

impl Verb {
    /// Whether its result is Kubernetes objects, which can be printed as YAML.
    pub(crate) fn prints_yaml(&self) -> bool {
        match self {
            Self::Launch(arguments) => arguments.prints_objects(),
            Self::Stage(arguments) => arguments.prints_objects(),
            _ => false,
        }
    }
}

/// Runs a verb. `command` is the command line as this run shows it, from which completions and manual pages are generated.
pub(crate) fn run(context: &Context<'_>, verb: Verb, command: impl FnOnce() -> clap::Command) -> VerbResult {
    match verb {
        Verb::Prepare(arguments) => prepare::run(context, &arguments),
        Verb::Init(arguments) => init::run(context, &arguments),
        Verb::Stage(arguments) => stage::run(context, &arguments),
        Verb::Unstage(arguments) => unstage::run(context, &arguments),
        Verb::Install(arguments) => install::run(context, &arguments),
        Verb::Uninstall(arguments) => uninstall::run(context, &arguments),
        Verb::Reprovision(arguments) => reprovision::run(context, &arguments),
        Verb::Verify(arguments) => verify::run(context, &arguments),
        Verb::Status(arguments) => status::run(context, &arguments),
        Verb::Logs(arguments) => status::logs(context, &arguments),
        Verb::Up(arguments) => up::run(context, &arguments),
        Verb::Down(arguments) => down::run(context, &arguments),
        Verb::StudyData(arguments) => study_data::run(context, &arguments),
        Verb::Backup(arguments) => backup::run(context, &arguments),
        Verb::Restore(arguments) => restore::run(context, &arguments),
        Verb::Names(arguments) => names::run(&arguments),
        Verb::Launch(arguments) => launch::run(context, &arguments),
        Verb::Schema(arguments) => schema::run(&arguments),
        Verb::Cluster(arguments) => cluster::run(context, &arguments),
        Verb::Completions(arguments) => Ok(completions::run(&arguments, command())),
        Verb::Man(arguments) => man::run(context, &arguments, command()),
    }
}

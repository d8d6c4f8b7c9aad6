//! `launch`: prints job pods before anything runs, and runs them to their ends.

use std::path::PathBuf;

use clap::Subcommand;
use flare_diagnostic::{Checked, Code, Diagnostic, printable};
use flare_names::Target;
use flare_pod_manifest::{Additions, Admitted, ContainerDefault};
use serde_json::{Value, json};

use super::{launch_canary, launch_run, launch_sweep, launch_watch};
use crate::{
    context::Context,
    output::{Format, Outcome, VerbResult, documents},
    pipeline::launch::{self, OwnCode, UnsubmittedId},
};

/// Print, run, follow and clean up job pods.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Manifest(ManifestArguments),
    Run(launch_run::Arguments),
    Watch(launch_watch::Arguments),
    Sweep(launch_sweep::Arguments),
    Canary(launch_canary::Arguments),
}

impl Arguments {
    /// Whether its result is Kubernetes objects.
    pub(crate) fn prints_objects(&self) -> bool {
        matches!(self.verb, Verb::Manifest(_))
    }
}

/// Print the Pod and the Secrets of a job at a site, and the source of each field
///
/// They are made from a prepared kit and a job, with placeholders for what only a running parent knows, or from a whole launch request
/// (`schema launch-request`).
///
/// The text shows the source of each field: the job's default, the job's block for the site, the site, the launcher's default, the
/// pod template, or flare-kube. JSON and YAML contain the whole Secrets, with the kit's private key, so be careful with them.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  flare-kube launch manifest site-1-k8s --job my-job
  flare-kube launch manifest --request request.json --kit workspace -o json")]
#[allow(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub(crate) struct ManifestArguments {
    /// A prepared kit.
    #[arg(value_name = "PREPARED", required_unless_present_any = ["request", "kit"], conflicts_with = "request", requires = "job")]
    prepared: Option<PathBuf>,
    /// The job: its directory, or the meta.json, meta.conf or meta.yml in it.
    #[arg(long, value_name = "JOB")]
    job: Option<PathBuf>,
    /// The study in which the job is submitted [default: the job's own, otherwise `default`].
    #[arg(long, value_name = "STUDY", requires = "job", conflicts_with_all = ["request", "kit"])]
    study: Option<String>,
    /// A launch request, as JSON.
    #[arg(long, value_name = "FILE", requires = "kit", conflicts_with = "job")]
    request: Option<PathBuf>,
    /// The parent's workspace directory on this machine: startup/, local/ and study data are read below it.
    #[arg(long, value_name = "DIR", requires = "request", conflicts_with_all = ["prepared", "job"])]
    kit: Option<PathBuf>,
    #[arg(long, value_name = "RELEASE", conflicts_with = "prepared", help = format!(
        "The FLARE release of the request: {} [default: {}]. A prepared kit has its own",
        Target::choice(&Target::ALL), Target::default()
    ))]
    target: Option<Target>,
    /// Print the pod of FLARE's own launcher, without labels, container defaults and other additions of flare-kube.
    #[arg(long)]
    no_additions: bool,
    /// Leave out labels and annotations with job, site and study.
    #[arg(long)]
    no_labels: bool,
    /// Leave the API token in the pod, as FLARE's launcher does.
    #[arg(long)]
    keep_api_token: bool,
    /// Leave out this default of the main container's securityContext; may be given several times.
    #[arg(long, value_enum, value_name = "DEFAULT")]
    no_container_default: Vec<ContainerSwitch>,
    /// Keep only .crt, .key, .pem and .json files in the startup Secret, as FLARE's launcher does.
    #[arg(long)]
    only_certificate_files: bool,
    /// End the pod after this number of seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)), conflicts_with = "no_additions")]
    active_deadline: Option<u32>,
}

/// A default of the main container that can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ContainerSwitch {
    /// `allowPrivilegeEscalation: false`
    PrivilegeEscalation,
    /// `capabilities: {drop: [ALL]}`
    Capabilities,
    /// `runAsNonRoot: true`
    NonRoot,
    /// `seccompProfile: {type: RuntimeDefault}`
    Seccomp,
}

/// Runs the subcommand of `launch`.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    match &arguments.verb {
        Verb::Manifest(arguments) => print_manifest(context, arguments),
        Verb::Run(arguments) => launch_run::run(context, arguments),
        Verb::Watch(arguments) => launch_watch::run(context, arguments),
        Verb::Sweep(arguments) => launch_sweep::run(context, arguments),
        Verb::Canary(arguments) => launch_canary::run(context, arguments),
    }
}

fn print_manifest(context: &Context<'_>, arguments: &ManifestArguments) -> VerbResult {
    let absolute = |path: &PathBuf| context.environment.absolute(path);
    let additions = additions(arguments);
    let directory = arguments.kit.as_ref().or(arguments.prepared.as_ref()).map(absolute).transpose()?;
    let made = match (&arguments.request, &arguments.kit, &arguments.prepared, &arguments.job) {
        (Some(request), Some(kit), ..) => {
            launch::from_request(&absolute(request)?, &absolute(kit)?, arguments.target.unwrap_or_default(), &additions)?
        }
        (_, _, Some(prepared), Some(job)) => {
            let (prepared, job, study) = (absolute(prepared)?, absolute(job)?, arguments.study.as_deref());
            launch::from_prepared(&prepared, &job, study, UnsubmittedId::Placeholder, &additions)?
        }
        _ => {
            let fault = Diagnostic::error(Code::InvalidArgs, "neither a request nor a prepared kit with a job is given");
            return Err(fault.hint("give PREPARED with `--job`, or `--request` with `--kit`").into());
        }
    };
    let Checked { value: manifest, mut warnings } = made;
    let own_code = match directory {
        Some(directory) => match launch::own_code(&directory, &manifest) {
            Ok(own_code) => own_code,
            Err(faults) => return Err(faults.after(warnings).into()),
        },
        None => Checked::clean(None),
    };
    warnings.extend(own_code.warnings);
    let mut data = manifest.to_json();
    let mut text = match context.shared.format {
        Format::Yaml => documents(std::iter::once(&manifest.pod).chain(&manifest.secrets)),
        _ => summary(&manifest),
    };
    if let Some(own_code) = own_code.value {
        if context.shared.format != Format::Yaml {
            text.push_str(&own_code_text(&own_code));
        }
        // A request is often used without a whole kit, and then nothing is known about the site.
        if own_code.policy.is_some() {
            data["byoc"] = own_code_data(&own_code);
        }
    }
    Ok(Outcome { data, text, warnings })
}

fn additions(arguments: &ManifestArguments) -> Additions {
    if arguments.no_additions {
        return Additions::none();
    }
    let mut additions = Additions { active_deadline_seconds: arguments.active_deadline, ..Additions::default() };
    additions.labels &= !arguments.no_labels;
    additions.no_token &= !arguments.keep_api_token;
    additions.all_startup_files &= !arguments.only_certificate_files;
    for switch in &arguments.no_container_default {
        additions.container.remove(&match switch {
            ContainerSwitch::PrivilegeEscalation => ContainerDefault::NoPrivilegeEscalation,
            ContainerSwitch::Capabilities => ContainerDefault::DropCapabilities,
            ContainerSwitch::NonRoot => ContainerDefault::RunAsNonRoot,
            ContainerSwitch::Seccomp => ContainerDefault::SeccompProfile,
        });
    }
    additions
}

/// Why the job brings its own code, and whom the site lets do so.
fn own_code_text(own_code: &OwnCode) -> String {
    let keys: Vec<_> = own_code.keys.iter().map(|key| printable(key)).collect();
    let mut text = format!("Own code (BYOC): the job counts as bringing its own code at this site, by {}\n", keys.join(", "));
    match own_code.policy {
        None => text.push_str("  who may run it: not known, the kit has no policy (local/authorization.json)\n"),
        Some(file) => {
            let roles: Vec<_> =
                own_code.roles.iter().map(|(role, admitted)| format!("{}: {admitted}", printable(role))).collect();
            text.push_str(&format!("  who may run it, by local/{file}: {}\n", roles.join("; ")));
        }
    }
    text
}

fn own_code_data(own_code: &OwnCode) -> Value {
    let role = |(role, admitted): &(String, Admitted)| {
        let (word, users) = match admitted {
            Admitted::All => ("all", Value::Null),
            Admitted::Some(users) => ("some", json!(users)),
            Admitted::None => ("none", Value::Null),
        };
        json!({ "role": role, "admitted": word, "users": users })
    };
    json!({
        "keys": own_code.keys,
        "policy": own_code.policy.map(|file| format!("local/{file}")),
        "roles": own_code.roles.iter().map(role).collect::<Vec<_>>(),
    })
}

/// The fields of the pod with the source of each value, and the names of the Secrets.
fn summary(manifest: &flare_pod_manifest::Manifest) -> String {
    let name = |object: &serde_json::Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let mut text = format!("Pod {}\n{}", name(&manifest.pod), manifest.explanation);
    for secret in &manifest.secrets {
        let keys: Vec<_> = secret["data"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        text.push_str(&format!("Secret {}: {}\n", name(secret), keys.join(", ")));
    }
    text
}

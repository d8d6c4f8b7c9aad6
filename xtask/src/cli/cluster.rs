//! `cluster up|down|status|reset`: a local one-node cluster for development and tests.

use std::{path::PathBuf, sync::LazyLock, time::Duration};

use flare_diagnostic::{Code, Diagnostic, Faults};
use flare_testbed::{ClusterName, DefaultStorageClass, Provider, Removed, Status, Taint, UpOptions, image::FlareImage};
use serde_json::json;

use super::seconds::seconds;
use crate::{
    context::Context,
    output::{Failure, Outcome, VerbResult, printable},
};

/// Manage a local one-node cluster for development and tests
///
/// All of its files are in one directory of the cache; its processes are in separate namespaces, which no packet can leave. `down` leaves nothing
/// behind, even after a crash. Your own kubeconfig is neither read nor written.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Up(UpArguments),
    /// End the cluster and remove everything that belongs to it; of a cluster that was named by its kubeconfig, only the record is removed
    ///
    /// Works after any failure, and if nothing is left to do.
    Down(Named),
    /// Show whether the cluster is ready: exit 0 if it is, 1 if it is not or does not exist.
    Status(Named),
    /// End the cluster and start it again with the same options: empty, with the same kubeconfig path and new keys.
    Reset(Named),
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The cluster's name: a DNS label. Clusters with different names can run side by side.
    #[arg(long, default_value = "local", value_name = "NAME")]
    name: String,
}

/// Start a cluster and wait until its node is ready, with DNS, storage and a registry
///
/// A running cluster is left as it is; the rest of a broken one is removed first. Everything that the machine lacks is reported at once
/// before anything is started; a start that fails or is interrupted is undone.
#[derive(Debug, clap::Args)]
struct UpArguments {
    #[command(flatten)]
    named: Named,
    /// What runs it. `auto` means: the cluster of `--kubeconfig` if given, otherwise kind if Docker runs (and all options are supported
    /// by kind), otherwise programs built from source (once, in about 15 minutes).
    #[arg(long, value_enum, default_value_t, value_name = "PROVIDER")]
    provider: ProviderArgument,
    /// An existing cluster. Never guessed and never changed, and `down` does not end it.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// How many nvidia.com/gpu the node advertises; pods get no real device.
    #[arg(long, default_value_t, value_name = "N")]
    gpus: u32,
    /// A taint of the node; may be repeated.
    #[arg(long = "taint", value_name = "KEY=VALUE:EFFECT")]
    taints: Vec<Taint>,
    /// The storage class of claims that name none. `local-path` binds with the first pod, `local-path-immediate` at once; both always
    /// exist.
    #[arg(long, value_enum, default_value_t, value_name = "CLASS")]
    default_storage_class: StorageClassArgument,
    /// The FLARE images in the cluster's registry, by tag; `none` for none. Building the first one takes some minutes.
    #[arg(long, value_delimiter = ',', default_value = DEFAULT_IMAGES.as_str(), value_name = "TAGS", value_parser = images)]
    images: Vec<Images>,
    /// The port of the registry, inside the cluster's own network.
    #[arg(long, default_value_t = 5000, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    registry_port: u16,
    /// Whether missing Debian packages are installed, with apt-get; with `=false` they are only listed.
    #[arg(
        long,
        default_value_t = true,
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set,
        value_name = "BOOL"
    )]
    install_packages: bool,
    /// How long the built components may take until the cluster is ready, in seconds.
    #[arg(long, default_value_t = 120, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    timeout: u64,
}

/// The tags of the images that a cluster has by default.
static DEFAULT_IMAGES: LazyLock<String> = LazyLock::new(|| {
    let tags: Vec<_> = FlareImage::DEFAULT.iter().map(|image| image.tag()).collect();
    tags.join(",")
});

/// An image, or `none`.
#[derive(Debug, Clone, Copy)]
struct Images(Option<FlareImage>);

fn images(text: &str) -> Result<Images, String> {
    let refused = |fault: Diagnostic| format!("{fault}: {}", fault.hint.clone().unwrap_or_default());
    if text == "none" { Ok(Images(None)) } else { text.parse().map(|image| Images(Some(image))).map_err(refused) }
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum ProviderArgument {
    #[default]
    Auto,
    Kubeconfig,
    Kind,
    Source,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum StorageClassArgument {
    #[default]
    LocalPath,
    LocalPathImmediate,
    None,
}

/// Runs the subcommand, with progress on stderr.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    context.with_testbed(|testbed| match &arguments.verb {
        Verb::Up(up) => {
            let options = options(context, up)?;
            let checked = flare_testbed::up(testbed, &name(&up.named)?, &options)?;
            Ok(Outcome { text: next_steps(&checked.value), data: json!(checked.value), warnings: checked.warnings })
        }
        Verb::Down(named) => Ok(removed_outcome(&named.name, &flare_testbed::down(testbed, &name(named)?)?)),
        Verb::Status(named) => status_result(&flare_testbed::status(testbed, &name(named)?)?),
        Verb::Reset(named) => {
            let checked = flare_testbed::reset(testbed, &name(named)?)?;
            Ok(Outcome { text: next_steps(&checked.value), data: json!(checked.value), warnings: checked.warnings })
        }
    })
}

fn name(named: &Named) -> Result<ClusterName, Faults> {
    ClusterName::new(named.name.as_str())
}

fn options(context: &Context<'_>, up: &UpArguments) -> Result<UpOptions, Diagnostic> {
    Ok(UpOptions {
        provider: match up.provider {
            ProviderArgument::Auto => None,
            ProviderArgument::Kubeconfig => Some(Provider::Kubeconfig),
            ProviderArgument::Kind => Some(Provider::Kind),
            ProviderArgument::Source => Some(Provider::Source),
        },
        kubeconfig: up.kubeconfig.as_deref().map(|file| context.environment.absolute(file)).transpose()?,
        gpus: up.gpus,
        taints: up.taints.clone(),
        default_storage_class: match up.default_storage_class {
            StorageClassArgument::LocalPath => DefaultStorageClass::LocalPath,
            StorageClassArgument::LocalPathImmediate => DefaultStorageClass::LocalPathImmediate,
            StorageClassArgument::None => DefaultStorageClass::None,
        },
        images: up.images.iter().filter_map(|images| images.0).collect(),
        registry_port: up.registry_port,
        install_packages: up.install_packages,
        timeout: Duration::from_secs(up.timeout),
    })
}

/// What to do next with a running cluster.
fn next_steps(status: &Status) -> String {
    let kubeconfig = status.kubeconfig.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let quoted = shlex::try_quote(&kubeconfig).map_or_else(|_| kubeconfig.clone(), std::borrow::Cow::into_owned);
    format!("{}\nexport KUBECONFIG={}\nkubectl get nodes\n", table(status), printable(&quoted))
}

fn status_result(status: &Status) -> VerbResult {
    let outcome = Outcome { data: json!(status), text: table(status), warnings: Vec::new() };
    let up = format!("run `cluster up --name {}`", status.name);
    let fault = |problem: &String| Diagnostic::error(Code::CheckFailed, problem.clone()).hint(up.clone());
    let faults = status.problems.iter().map(fault).collect();
    match Faults::check(faults, || ()) {
        Ok(()) => Ok(outcome),
        Err(faults) => Err(Failure { faults, shown: Some(Box::new(outcome)) }),
    }
}

fn table(status: &Status) -> String {
    let none = || "-".to_owned();
    let registry = match (&status.registry, &status.registry_address) {
        (Some(name), Some(address)) => format!("{name} (from this machine {address})"),
        (Some(name), None) => name.clone(),
        _ => none(),
    };
    let rows = [
        ("name", status.name.clone()),
        ("provider", status.provider.map_or_else(none, |provider| provider.to_string())),
        ("ready", if status.ready { "yes" } else { "no" }.to_owned()),
        ("kubeconfig", status.kubeconfig.as_ref().map_or_else(none, |path| path.display().to_string())),
        ("kubernetes", status.kubernetes.clone().unwrap_or_else(none)),
        ("registry", registry),
        ("images", if status.images.is_empty() { none() } else { status.images.join(" ") }),
    ];
    rows.iter().map(|(label, value)| format!("{label:<12}{}\n", printable(value))).collect()
}

fn removed_outcome(name: &str, removed: &Removed) -> Outcome {
    let mut parts = Vec::new();
    let count = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    if removed.processes > 0 {
        parts.push(count(removed.processes, "process", "processes"));
    }
    parts.extend(removed.links.iter().map(|link| format!("link {link}")));
    if removed.control_groups > 0 {
        parts.push(format!("its control group in {}", count(removed.control_groups, "hierarchy", "hierarchies")));
    }
    if !removed.mounts.is_empty() {
        parts.push(count(removed.mounts.len(), "mount", "mounts"));
    }
    parts.extend(removed.state.then(|| "its state directory".to_owned()));
    let text = match (removed.is_nothing(), removed.forgotten) {
        (true, _) => format!("nothing of a cluster `{name}` is there\n"),
        (false, true) => format!("forgot the cluster `{name}`, which is your own and stays as it is\n"),
        (false, false) => format!("removed of the cluster `{name}`: {}\n", parts.join(", ")),
    };
    Outcome { data: json!(removed), text, warnings: Vec::new() }
}

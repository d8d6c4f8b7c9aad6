//! Groups of flags that several verbs share, so that a flag has one name, one meaning and one help text everywhere.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use flare_diagnostic::Diagnostic;
use flare_names::{InvalidName, NamespaceName};
use flare_pvc_stage::NewClaim;
use flare_site_config::quantity::{InvalidQuantity, Quantity};
use flare_site_plan::{Acceptance, LauncherChoice};

use super::seconds::seconds;
use crate::{
    context::Context,
    pipeline::{request::RunOptions, stage::Request},
};

/// The program that starts job pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Launcher {
    /// FLARE's own launcher
    #[default]
    Flare,
    /// The launcher of flare-kube
    FlareKube,
}

impl Launcher {
    /// The choice as the plan takes it.
    const fn choice(self) -> LauncherChoice {
        match self {
            Self::Flare => LauncherChoice::Flare,
            Self::FlareKube => LauncherChoice::FlareKube,
        }
    }
}

/// How kits are prepared: for verbs that prepare some.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PreparationArguments {
    /// The program that starts job pods. With `flare-kube` the keys of `job_launcher` that FLARE's own launcher does not know (cpu,
    /// memory, `shm_size`, tolerations and others) are accepted and stored in the prepared kit, for `launch`.
    #[arg(long, value_enum, value_name = "LAUNCHER", default_value_t)]
    launcher: Launcher,
    /// Accept certificates that Python 3.13 and later refuses, with a warning (an image with an older Python may accept them).
    #[arg(long)]
    accept_certificates: bool,
    /// Discard files that were added to an earlier output, or edited there. Without this flag they are listed, and nothing is replaced;
    /// the content of its transfer/ always stays.
    #[arg(long)]
    discard_changes: bool,
}

impl PreparationArguments {
    /// The options of a run of `prepare`.
    pub(crate) fn run_options(&self, context: &Context<'_>, dry_run: bool) -> RunOptions {
        RunOptions {
            acceptance: Acceptance { certificates: self.accept_certificates },
            launcher: self.launcher.choice(),
            now: context.environment.now,
            discard_changes: self.discard_changes,
            working_directory: context.environment.working_directory.clone(),
            dry_run,
            interrupt: context.interrupt.clone(),
        }
    }
}

/// Which cluster a verb works on, and how: flattened into the arguments of every verb that talks to one.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ClusterArguments {
    /// The kubeconfig file [default: `KUBECONFIG`, else ~/.kube/config, else the Pod's own account].
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig [default: its current context].
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The namespace [default: that of the prepared kit].
    #[arg(long, short = 'n', value_name = "NAME", value_parser = namespace)]
    pub(crate) namespace: Option<String>,
    /// How long the verb may take, in seconds, or as a time such as `90s` or `5m`.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) timeout: u64,
    /// Change nothing; show what would be changed.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// The flag `--dry-run` of a verb that only reads: it is accepted, since every verb that talks to a cluster has it.
pub(crate) fn changes_nothing(dry_run: clap::Arg) -> clap::Arg {
    dry_run.help("Has no effect: this verb changes nothing")
}

/// The flag `--namespace` of a verb for a whole federation, with which it cannot be used: each participant has its own.
pub(crate) fn refused(namespace: clap::Arg) -> clap::Arg {
    namespace.hide(true)
}

impl ClusterArguments {
    /// The selected cluster.
    pub(crate) fn access(&self) -> flare_cluster::Access {
        flare_cluster::Access { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() }
    }

    /// A request about a prepared kit in that cluster.
    pub(crate) fn request<'run>(&'run self, prepared: &'run Path) -> Request<'run> {
        Request { prepared, namespace: self.namespace.as_deref(), access: self.access(), values: Vec::new() }
    }

    /// The time that the verb may take.
    pub(crate) fn time_limit(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

/// The federation instead of one prepared kit.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct FederationArguments {
    /// Every participant of a federation.yaml, in place of one prepared kit.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prepared", "namespace"])]
    pub(crate) federation: Option<PathBuf>,
    /// The `--output` of `prepare --federation` [default: each kit's prepared/k8s].
    #[arg(long = "prepared", id = "prepared_directory", value_name = "DIR", requires = "federation",
        conflicts_with_all = ["prepared", "namespace"])]
    prepared: Option<PathBuf>,
}

impl FederationArguments {
    /// The directory with the prepared kits, absolute.
    pub(crate) fn prepared(&self, context: &Context<'_>) -> Result<Option<PathBuf>, Diagnostic> {
        self.prepared.as_ref().map(|path| context.environment.absolute(path)).transpose()
    }
}

/// Parses the name of a namespace. Checked here because no API server takes another one for a namespace that could be there.
fn namespace(text: &str) -> Result<String, InvalidName> {
    NamespaceName::new(text).map(|name| name.to_string())
}

/// Parses the size of a claim that is created: a Kubernetes quantity above zero. Checked here because the API server's message
/// would not name the flag.
pub(crate) fn claim_size(text: &str) -> Result<String, String> {
    let quantity: Quantity = text.parse().map_err(|error: InvalidQuantity| error.to_string())?;
    if quantity > Quantity::default() {
        Ok(text.to_owned())
    } else {
        Err("a claim needs a size above zero, such as 10Gi".to_owned())
    }
}

/// The id of the flag that has a claim created, whatever it is called in a verb.
pub(crate) const CLAIM_SIZE: &str = "claim_size";

/// What a claim that is created is like: for verbs with a flag of the id [`CLAIM_SIZE`].
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct NewClaimArguments {
    /// Storage class of a claim that is created; `''` to bind to an existing volume [default: the cluster's].
    #[arg(long, value_name = "CLASS", requires = CLAIM_SIZE)]
    storage_class: Option<String>,
    /// Access mode of a claim that is created.
    #[arg(long, value_name = "MODE", requires = CLAIM_SIZE, default_value = "ReadWriteOnce",
        value_parser = ["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"])]
    access_mode: String,
}

impl NewClaimArguments {
    /// A claim of this size.
    pub(crate) fn of_size(&self, size: &str) -> NewClaim {
        NewClaim { size: size.to_owned(), storage_class: self.storage_class.clone(), access_mode: self.access_mode.clone() }
    }
}

/// The image of helper pods.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct HelperImageArgument {
    /// The image of helper pods; it needs Python 3.8 [default: the parent's].
    #[arg(long, value_name = "IMAGE")]
    pub(crate) helper_image: Option<String>,
}

/// How a verb comes to what is on a volume.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct HelperArguments {
    #[command(flatten)]
    pub(crate) image: HelperImageArgument,
    /// A Helm values file, as for `install`; may be repeated. The helper pod takes its image, pull Secrets, security settings and
    /// placement from it.
    #[arg(long, short = 'f', value_name = "FILE")]
    pub(crate) values: Vec<PathBuf>,
    /// Scale a running parent down before, and up again afterwards.
    #[arg(long)]
    pub(crate) restart: bool,
}

impl HelperArguments {
    /// The absolute paths of the values files.
    pub(crate) fn values(&self, context: &Context<'_>) -> Result<Vec<PathBuf>, Diagnostic> {
        self.values.iter().map(|file| context.environment.absolute(file)).collect()
    }
}

/// Where a staged kit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StagingMode {
    /// On the workspace volume, put there by a helper pod.
    Pvc,
    /// In a `ConfigMap` and a Secret, which the chart mounts over the volume.
    Objects,
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::ClusterArguments;

    #[test]
    fn the_size_of_a_claim_is_a_quantity_above_zero() {
        for size in ["10Gi", "1.5Gi", "500M", "1e9"] {
            assert_eq!(super::claim_size(size).as_deref(), Ok(size));
        }
        for none in ["nonsense", "10GB", "", "0", "-1Gi", "10 Gi"] {
            assert!(super::claim_size(none).is_err(), "{none}");
        }
    }

    #[test]
    fn a_timeout_is_at_least_a_second_and_all_else_may_be_left_out() {
        let parse = |line: &str| {
            let command = ClusterArguments::augment_args(clap::Command::new("verb"));
            command.try_get_matches_from(line.split(' ')).and_then(|matches| ClusterArguments::from_arg_matches(&matches))
        };
        let arguments = parse("verb").unwrap();
        assert_eq!((arguments.time_limit().as_secs(), arguments.dry_run), (300, false));
        assert!(arguments.kubeconfig.is_none() && arguments.context.is_none() && arguments.namespace.is_none());
        assert_eq!(parse("verb -n fl --timeout 1").unwrap().namespace.as_deref(), Some("fl"));
        assert!(parse("verb --timeout 0").is_err());
    }

    #[test]
    fn a_namespace_is_a_label_of_dns() {
        let parse = |name: &str| {
            let command = ClusterArguments::augment_args(clap::Command::new("verb"));
            command
                .try_get_matches_from(["verb".to_owned(), format!("--namespace={name}")])
                .map(|_| ())
                .map_err(|error| error.to_string())
        };
        assert!(parse("fl-1").is_ok() && parse(&"a".repeat(63)).is_ok());
        for wrong in ["", "FL", "fl.site", "fl_1", "-fl", "fl/pods", "../fl", &"a".repeat(64)] {
            let refused = parse(wrong).unwrap_err();
            assert!(refused.contains("--namespace") && refused.contains("lower-case letters"), "{wrong}: {refused}");
        }
    }
}

//! The arguments and the output that the verbs share which install a release: `install`, `up` and `reprovision`.

use std::path::PathBuf;

use flare_diagnostic::Diagnostic;
use flare_helm::Setting;
use serde_json::{Value, json};

use super::arguments::ClusterArguments;
use crate::{
    context::Context,
    pipeline::{
        install::{Given, Options, Recovery, Until},
        kit_facts::short,
    },
};

/// The values of a release.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ValueArguments {
    /// A values file on top of the chart's values; later files take precedence.
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    values: Vec<PathBuf>,
    /// A value, as for Helm's flag; takes precedence over values files.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// A value that is always a string; takes precedence over `--set`.
    #[arg(long, value_name = "KEY=VALUE")]
    set_string: Vec<String>,
}

impl ValueArguments {
    /// The values, with absolute paths.
    pub(super) fn given(&self, context: &Context<'_>) -> Result<Given, Diagnostic> {
        let files = self.values.iter().map(|file| context.environment.absolute(file)).collect::<Result<_, _>>()?;
        let settings = self.set.iter().cloned().map(Setting::Guessed);
        Ok(Given { files, settings: settings.chain(self.set_string.iter().cloned().map(Setting::Text)).collect() })
    }
}

/// The arguments of the verbs that use Helm.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct HelmArguments {
    /// The Helm program, 3.13 or later [default: `HELM`, otherwise the first on `PATH`].
    #[arg(long, value_name = "PROGRAM")]
    pub(super) helm: Option<PathBuf>,
}

/// What is made or freed before a release can be installed, for verbs that install one.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct PrerequisiteArguments {
    /// Create the Secret with credentials for the image's registry from this docker config file, such as ~/.docker/config.json.
    #[arg(long, value_name = "FILE")]
    create_pull_secret: Option<PathBuf>,
    /// Free a release that an interrupted Helm run left locked. Only if no other run uses it.
    #[arg(long)]
    pub(super) unlock: bool,
}

impl PrerequisiteArguments {
    /// The absolute path of the docker config file.
    pub(super) fn pull_secret(&self, context: &Context<'_>) -> Result<Option<PathBuf>, Diagnostic> {
        self.create_pull_secret.as_ref().map(|file| context.environment.absolute(file)).transpose()
    }
}

/// How a release is made, for verbs that install one.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ReleaseArguments {
    #[command(flatten)]
    prerequisites: PrerequisiteArguments,
    /// Let clients and admins outside of the cluster reach a server, wait for its address, and compare it with the names in its certificate.
    #[arg(long, value_enum, value_name = "HOW")]
    pub(super) expose: Option<Expose>,
    /// Keep a failed parent for inspection instead of rolling back.
    #[arg(long)]
    keep_failed: bool,
}

impl ReleaseArguments {
    /// The options of an installation that ends when the participant has joined.
    ///
    /// # Errors
    /// `INVALID_ARGS` for paths that are not UTF-8.
    pub(super) fn options(
        &self,
        context: &Context<'_>,
        (values, helm): (&ValueArguments, &HelmArguments),
        create_namespace: bool,
        cluster: &ClusterArguments,
    ) -> Result<Options, Diagnostic> {
        Ok(Options {
            helm: helm.helm.clone(),
            values: values.given(context)?,
            create_namespace,
            pull_secret: self.prerequisites.pull_secret(context)?,
            expose: self.expose.map(flare_federation::Expose::from),
            called: Vec::new(),
            unlock: self.prerequisites.unlock,
            keep_failed: self.keep_failed,
            until: Until::Joined,
            dry_run: cluster.dry_run,
            limit: cluster.time_limit(),
        })
    }
}

/// How a server is reached from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Expose {
    /// By a Service of type `LoadBalancer`.
    LoadBalancer,
    /// By ports of the node on which it runs.
    HostPort,
    /// By the ingress addon of `MicroK8s`: its ConfigMap of TCP ports gets those of this server, and keeps those of others.
    #[value(name = "microk8s")]
    MicroK8s,
    /// By forwarded ports of this machine, at 127.0.0.1 until Ctrl-C, for tests; they follow a parent that restarts.
    PortForward,
}

impl From<Expose> for flare_federation::Expose {
    fn from(expose: Expose) -> Self {
        match expose {
            Expose::LoadBalancer => Self::LoadBalancer,
            Expose::HostPort => Self::HostPort,
            Expose::PortForward => Self::PortForward,
            Expose::MicroK8s => Self::MicroK8s,
        }
    }
}

/// What was rolled back, as JSON and as text.
pub(super) fn recovered(recovery: &Recovery) -> (Value, String) {
    match recovery {
        Recovery::RolledBack { revision, kit, runs } => {
            let with = kit.as_ref().map(|kit| format!(", with the kit {} on the volume", short(kit))).unwrap_or_default();
            let now = if *runs { "its parent runs again" } else { "its parent was not seen to run again" };
            (
                json!({"state": "rolled_back", "revision": revision, "kit": kit, "runs": runs}),
                format!("went back to revision {revision}{with}; {now}\n"),
            )
        }
        Recovery::Removed { was_there, stays } => {
            let what = if *was_there { "removed the release, since there was none before" } else { "there is no release" };
            let claim = match &stays.kit {
                Some(kit) => format!("the kit {} on the claim {}", short(kit), stays.claim),
                None => format!("the claim {}", stays.claim),
            };
            let all: String = stays.objects.iter().map(|object| format!(", the {object}")).collect();
            (json!({"state": "removed", "stays": stays}), format!("{what}; what stays: {claim}{all}\n"))
        }
        Recovery::OfAnother => (
            json!({"state": "left", "kit": null, "why": "another_run"}),
            "left everything as it is, since another run is at work on this participant\n".to_owned(),
        ),
        Recovery::Left { kit } => {
            let but = kit.as_ref().map(|kit| format!("; the earlier kit {} is on the volume again", short(kit)));
            (json!({"state": "left", "kit": kit}), format!("left the release as it is{}\n", but.unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::install::RemainingObjects;

    #[test]
    fn a_kit_that_is_back_without_its_release_is_told() {
        let (data, text) = recovered(&Recovery::Left { kit: Some("3f0c".to_owned()) });
        assert_eq!(data, json!({"state": "left", "kit": "3f0c"}));
        assert_eq!(text, "left the release as it is; the earlier kit 3f0c is on the volume again\n");
        assert_eq!(recovered(&Recovery::Left { kit: None }).1, "left the release as it is\n");
        let (data, text) = recovered(&Recovery::OfAnother);
        assert_eq!((&data["state"], &data["why"]), (&json!("left"), &json!("another_run")));
        assert!(text.starts_with("left everything as it is, since another run"), "{text}");
    }

    #[test]
    fn a_first_installation_that_failed_says_what_stays_of_it() {
        let stays =
            RemainingObjects { claim: "nvflws".into(), kit: Some("3f0c".into()), objects: vec!["Secret site-1-registry".into()] };
        let (data, text) = recovered(&Recovery::Removed { was_there: true, stays: stays.clone() });
        let all = json!({"claim": "nvflws", "kit": "3f0c", "objects": ["Secret site-1-registry"]});
        assert_eq!(data, json!({"state": "removed", "stays": all}));
        assert_eq!(
            text,
            "removed the release, since there was none before; what stays: the kit 3f0c on the claim nvflws, the Secret site-1-registry\n"
        );
        let stays = RemainingObjects { kit: None, objects: Vec::new(), ..stays };
        let (_, text) = recovered(&Recovery::Removed { was_there: false, stays });
        assert_eq!(text, "there is no release; what stays: the claim nvflws\n");
    }
}

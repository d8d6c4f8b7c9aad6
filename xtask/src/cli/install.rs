//! `install`: installs a prepared and staged kit until its participant has joined.

use std::path::PathBuf;

use flare_diagnostic::Diagnostic;
use flare_doctor::Counts;
use flare_helm::Setting;
use flare_names::Role;
use flare_site_plan::{Ports, SitePlan};
use serde_json::{Value, json};

use super::arguments::ClusterArguments;
use crate::{
    context::Context,
    output::{Failure, Outcome, VerbResult, printable, write_to_stderr},
    pipeline::install::{self, Given, Installed, NotInstalled, Options, Recovery, Until},
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
    /// Create the Secret with credentials for the image's registry from this docker config file, such as ~/.docker/config.json.
    #[arg(long, value_name = "FILE")]
    create_pull_secret: Option<PathBuf>,
    /// Let clients and admins outside of the cluster reach a server, wait for its address, and compare it with the names in its certificate.
    #[arg(long, value_enum, value_name = "HOW")]
    expose: Option<Expose>,
    /// Free a release that an interrupted Helm run left locked. Only if no other run uses it.
    #[arg(long)]
    unlock: bool,
    /// Keep a failed parent for inspection instead of rolling back.
    #[arg(long)]
    keep_failed: bool,
    /// The state of the participant that ends the wait.
    #[arg(long, value_enum, value_name = "STATE", default_value_t = State::Joined)]
    until: State,
    #[command(flatten)]
    cluster: ClusterArguments,
}

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

/// When an installation is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum State {
    /// The parent has run for 20 s.
    Running,
    /// The client is registered at its server, or the server has started.
    Joined,
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

/// Installs the kit, and prints the result and the next steps.
pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> VerbResult {
    let cluster = &arguments.cluster;
    let prepared = context.environment.absolute(&arguments.prepared)?;
    let request = cluster.request(&prepared);
    let options = Options {
        helm: arguments.helm.helm.clone(),
        values: arguments.values.given(context)?,
        create_namespace: arguments.create_namespace,
        pull_secret: arguments.create_pull_secret.as_ref().map(|file| context.environment.absolute(file)).transpose()?,
        expose: arguments.expose.map(flare_federation::Expose::from),
        called: Vec::new(),
        unlock: arguments.unlock,
        keep_failed: arguments.keep_failed,
        until: if arguments.until == State::Running { Until::Running } else { Until::Joined },
        dry_run: cluster.dry_run,
        limit: cluster.time_limit(),
    };
    context.step(|| format!("installing {}", prepared.display()));
    let bar = context.activity();
    let installed = install::install(context, &request, &options, &|words| bar.show(words));
    bar.end();
    if let Ok(installed) = &installed
        && arguments.expose == Some(Expose::PortForward)
        && !cluster.dry_run
    {
        let say = |words: &str| {
            if !context.shared.quiet {
                write_to_stderr(&format!("{words}\n"));
            }
        };
        install::forward(context, &request, &installed.value, &say)?;
    }
    match installed {
        Ok(installed) => Ok(Outcome { warnings: installed.warnings, ..outcome(&installed.value, cluster, arguments.until) }),
        Err(not_installed) => Err(failure(not_installed)),
    }
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
    let next = next_steps(plan, cluster);
    data["next"] = next.iter().map(|(what, how)| json!({"what": what, "how": how})).collect();
    text.push_str(&next.iter().map(|(what, how)| format!("  {what}: {how}\n")).collect::<String>());
    Outcome { data, text, ..Outcome::default() }
}

/// The next steps for the user: a few words, and a command or a sentence.
fn next_steps(plan: &SitePlan, cluster: &ClusterArguments) -> Vec<(&'static str, String)> {
    let kubectl = kubectl(plan, cluster);
    let mut next = vec![("log", format!("{kubectl} logs deployment/{} --follow", plan.names.deployment))];
    let Ports::Server { fl, admin, .. } = plan.ports else {
        next.push(("jobs", "an admin submits them at the server; this site starts its part by itself".to_owned()));
        return next;
    };
    let port = admin.unwrap_or(fl);
    let (service, namespace) = (&plan.names.service, &plan.namespace);
    let host = plan.server_target.as_ref().map_or_else(|| plan.participant.clone(), |(host, _)| host.clone());
    let host = printable(&host).into_owned();
    next.push((
        "admin console",
        format!("start `startup/fl_admin.sh` of an admin's startup kit of this project; it calls {host}, port {port}"),
    ));
    next.push(("reach it", format!("in the cluster as {service}.{namespace}:{port}; from this machine, with {host} pointing to 127.0.0.1, by `{kubectl} port-forward service/{service} {port}:{port}`")));
    next.push(("submit a job", "`submit_job DIRECTORY` in the admin console, then `list_jobs`".to_owned()));
    next
}

/// The `kubectl` command for this cluster and namespace, for a shell.
fn kubectl(plan: &SitePlan, cluster: &ClusterArguments) -> String {
    let mut words = vec!["kubectl".to_owned()];
    words.extend(cluster.kubeconfig.iter().flat_map(|file| ["--kubeconfig".to_owned(), file.to_string_lossy().into_owned()]));
    words.extend(cluster.context.iter().flat_map(|context| ["--context".to_owned(), context.clone()]));
    words.extend(["--namespace".to_owned(), plan.namespace.to_string()]);
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| "kubectl".to_owned())
}

/// The faults, with the findings about the parent and what was rolled back.
fn failure(not_installed: NotInstalled) -> Failure {
    let NotInstalled { faults, findings, recovery } = not_installed;
    let Some(recovery) = recovery else { return faults.into() };
    let (state, mut text) = recovered(&recovery);
    let evidence = findings.iter().flat_map(|finding| &finding.evidence);
    text.extend(evidence.map(|line| format!("  {line}\n")));
    let data = json!({"findings": findings, "counts": Counts::of(&findings), "recovery": state});
    Failure { faults, shown: Some(Box::new(Outcome { data, text, ..Outcome::default() })) }
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
        Recovery::Left { kit } => {
            let but = kit.as_ref().map(|kit| format!("; the earlier kit {} is on the volume again", short(kit)));
            (json!({"state": "left", "kit": kit}), format!("left the release as it is{}\n", but.unwrap_or_default()))
        }
    }
}

/// The beginning of a fingerprint, for people.
fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::install::Stays;

    #[test]
    fn a_kit_that_is_back_without_its_release_is_told() {
        let (data, text) = recovered(&Recovery::Left { kit: Some("3f0c".to_owned()) });
        assert_eq!(data, json!({"state": "left", "kit": "3f0c"}));
        assert_eq!(text, "left the release as it is; the earlier kit 3f0c is on the volume again\n");
        assert_eq!(recovered(&Recovery::Left { kit: None }).1, "left the release as it is\n");
    }

    #[test]
    fn a_first_installation_that_failed_says_what_stays_of_it() {
        let stays = Stays { claim: "nvflws".into(), kit: Some("3f0c".into()), objects: vec!["Secret site-1-registry".into()] };
        let (data, text) = recovered(&Recovery::Removed { was_there: true, stays: stays.clone() });
        let all = json!({"claim": "nvflws", "kit": "3f0c", "objects": ["Secret site-1-registry"]});
        assert_eq!(data, json!({"state": "removed", "stays": all}));
        assert_eq!(
            text,
            "removed the release, since there was none before; what stays: the kit 3f0c on the claim nvflws, the Secret site-1-registry\n"
        );
        let stays = Stays { kit: None, objects: Vec::new(), ..stays };
        let (_, text) = recovered(&Recovery::Removed { was_there: false, stays });
        assert_eq!(text, "there is no release; what stays: the claim nvflws\n");
    }
}

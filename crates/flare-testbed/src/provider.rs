//! Who runs the cluster, and the two providers that are not ours.

use std::path::Path;

use flare_diagnostic::{Code, Diagnostic, Faults};

use crate::{
    Provider, Surroundings, UpOptions,
    command::{command, find, output, run},
    kubectl::Kubectl,
    state::{Record, StateFolder},
};

/// The first of: what the user asked for, the cluster whose kubeconfig the user named, kind where Docker runs, source.
pub(crate) fn choose(surroundings: &Surroundings<'_>, options: &UpOptions) -> Result<Provider, Faults> {
    match (options.provider, &options.kubeconfig) {
        (Some(Provider::Kubeconfig) | None, Some(_)) => Ok(Provider::Kubeconfig),
        (Some(Provider::Kubeconfig), None) => {
            Err(Diagnostic::error(Code::InvalidArgs, "the provider `kubeconfig` needs a kubeconfig")
                .hint("name it with `--kubeconfig FILE`; one is never guessed")
                .into())
        }
        (Some(other), Some(_)) => Err(Diagnostic::error(
            Code::InvalidArgs,
            format!("the provider `{other}` makes a cluster of its own and takes no kubeconfig"),
        )
        .hint("leave out `--kubeconfig`, or take `--provider kubeconfig`")
        .into()),
        (Some(chosen), None) => Ok(chosen),
        (None, None) if find(surroundings, "kind").is_some() && docker_runs(surroundings) => Ok(Provider::Kind),
        (None, None) => Ok(Provider::Source),
    }
}

/// Whether Docker's daemon answers; its client alone is of no use.
fn docker_runs(surroundings: &Surroundings<'_>) -> bool {
    let ask = || -> Result<bool, Faults> {
        let answer = output(command(surroundings, "docker")?.args(["info", "--format", "{{.ServerVersion}}"]), &[])?;
        Ok(answer.status.success() && !answer.stdout.trim_ascii().is_empty())
    };
    ask().unwrap_or(false)
}

/// Remembers a cluster that is there already, where it answers. Nothing in it is changed.
pub(crate) fn adopt(
    surroundings: &Surroundings<'_>,
    state: &StateFolder,
    options: &UpOptions,
    kubeconfig: &Path,
) -> Result<(), Faults> {
    let shown = kubeconfig.display();
    let kubeconfig = std::path::absolute(kubeconfig).unwrap_or_else(|_| kubeconfig.to_owned());
    if !Kubectl::installed(surroundings, &kubeconfig)?.is_ready() {
        return Err(Diagnostic::error(Code::ClusterFailed, format!("the cluster of `{shown}` does not answer"))
            .hint("check it with `kubectl --kubeconfig FILE get --raw /readyz`")
            .into());
    }
    state.make("")?;
    state.remember(&Record {
        provider: Provider::Kubeconfig,
        kubeconfig,
        address: None,
        parts: Vec::new(),
        options: options.clone(),
    })
}

/// Starts a cluster with kind, whose kubeconfig goes into the state folder and nowhere else.
pub(crate) fn create_kind(surroundings: &Surroundings<'_>, state: &StateFolder, options: &UpOptions) -> Result<(), Faults> {
    surroundings.check()?;
    state.make("")?;
    let kubeconfig = state.kubeconfig();
    state.remember(&Record {
        provider: Provider::Kind,
        kubeconfig: kubeconfig.clone(),
        address: None,
        parts: Vec::new(),
        options: options.clone(),
    })?;
    let wait = format!("{}s", options.timeout.as_secs());
    let mut kind = command(surroundings, "kind")?;
    kind.args(["create", "cluster", "--name", &kind_name(state), "--wait", &wait, "--kubeconfig"]).arg(&kubeconfig);
    run(&mut kind, &[]).map(drop)
}

/// Ends a cluster of kind. The kubeconfig is named, so that kind does not clean the user's own.
pub(crate) fn delete_kind(surroundings: &Surroundings<'_>, state: &StateFolder) -> Result<(), Faults> {
    let mut kind = command(surroundings, "kind")?;
    kind.args(["delete", "cluster", "--name", &kind_name(state), "--kubeconfig"]).arg(state.kubeconfig());
    run(&mut kind, &[]).map(drop)
}

fn kind_name(state: &StateFolder) -> String {
    format!("flare-kube-{}", state.name())
}

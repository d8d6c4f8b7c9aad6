//! Starts a cluster: missing requirements are reported first, and a start that fails or is interrupted is undone.

use flare_diagnostic::{Checked, Code, Diagnostic, Faults};

use crate::{
    ClusterName, Context, Provider, Status, UpOptions, cluster_lock::ClusterLock, down, preflight, provider, start,
    state::StateDirectory, status,
};

/// Starts a cluster and waits until it is ready. A running one is left as it is; the rest of a broken one is removed,
/// and the cluster is made anew, which takes seconds and gives it a known state.
///
/// # Errors
/// [`Code::MachineNotReady`] for each missing requirement and [`Code::KubeconfigInvalid`], before anything is started.
/// [`Code::ClusterFailed`], [`Code::TimedOut`], [`Code::Interrupted`], after which nothing of the cluster is left.
pub fn up(context: &Context<'_>, name: &ClusterName, options: &UpOptions) -> Result<Checked<Status>, Faults> {
    let state = StateDirectory::of(context, name);
    let chosen = provider::choose(context, options)?;
    let ready_machine = || match chosen {
        Provider::Source => preflight::check(context, options),
        Provider::Kind => provider::check_kind(context),
        Provider::Kubeconfig => provider::check_kubeconfig(options),
    };
    let is_new = state.record().is_none();
    if is_new {
        // Before the lock, so that an unsuitable machine is not changed.
        ready_machine()?;
    }
    let lock = ClusterLock::take(context, &state)?;
    if let Some(ready) = ready_already(context, &state, options)? {
        return Ok(ready);
    }
    let checked = if is_new { Ok(()) } else { ready_machine() };
    match checked.and_then(|()| make(context, &state, chosen, options)) {
        Ok(ready) => Ok(Checked { value: ready, warnings: provider::lacks(chosen, options).into_iter().collect() }),
        Err(faults) => {
            let removed = down::remove(context, &state);
            lock.remove();
            Err(match removed {
                Ok(_) => faults,
                Err(left) => with_others(faults, &left),
            })
        }
    }
}

/// The faults with those of the removal that are not among them: the cause of both may be the same.
fn with_others(faults: Faults, left: &Faults) -> Faults {
    let others = left.all().iter().filter(|fault| !faults.all().contains(fault)).cloned().collect();
    match Faults::from_list(others) {
        Some(others) => faults.and(others),
        None => faults,
    }
}

/// Ends a cluster and starts it again with the same options. That is faster than deleting everything in it (two and eleven
/// seconds, while deleting one namespace can take a minute), and nothing can be left over.
/// The kubeconfig keeps its path, but not its keys. The user's own cluster is refused.
///
/// # Errors
/// As [`up`] and [`crate::down`]; [`Code::InvalidArgs`] if there is no such cluster, or it is the user's own.
pub fn reset(context: &Context<'_>, name: &ClusterName) -> Result<Checked<Status>, Faults> {
    let state = StateDirectory::of(context, name);
    let record = state.record().ok_or_else(|| {
        Diagnostic::error(Code::InvalidArgs, format!("there is no cluster `{name}`"))
            .hint(format!("start it with `cluster up --name {name}`"))
    })?;
    if record.provider == Provider::Kubeconfig {
        return Err(Diagnostic::error(
            Code::InvalidArgs,
            format!("the cluster `{name}` is your own, and nothing in it is deleted"),
        )
        .hint("delete in it by hand what you no longer need")
        .into());
    }
    let options = UpOptions { provider: Some(record.provider), timeout: record.options.timeout, ..record.options };
    down::down(context, name)?;
    up(context, name, &options)
}

/// The status of the cluster, if it already runs as requested.
fn ready_already(context: &Context<'_>, state: &StateDirectory, options: &UpOptions) -> Result<Option<Checked<Status>>, Faults> {
    let Some(record) = state.record() else { return Ok(None) };
    let now = status::status(context, state.name())?;
    if !now.ready {
        return Ok(None);
    }
    (context.report)(&format!("the cluster `{}` runs already; nothing is changed", state.name()));
    let mut warnings = Vec::new();
    if !record.options.asks_for_the_same(options) {
        let differs =
            format!("the cluster `{}` runs as it was asked for first, which differs from what is asked now", state.name());
        let hint = format!("run `cluster down --name {0}`, then `cluster up --name {0}` with the new options", state.name());
        warnings.push(Diagnostic::warning(Code::Notice, differs).hint(hint));
    }
    Ok(Some(Checked { value: now, warnings }))
}

fn make(context: &Context<'_>, state: &StateDirectory, chosen: Provider, options: &UpOptions) -> Result<Status, Faults> {
    let left = down::remove(context, state)?;
    if !left.is_nothing() {
        (context.report)(&format!("removed what was left of an earlier cluster `{}`", state.name()));
    }
    match (chosen, &options.kubeconfig) {
        (Provider::Kubeconfig, Some(kubeconfig)) => provider::adopt(context, state, options, kubeconfig)?,
        (Provider::Kubeconfig, None) => {
            return Err(Diagnostic::error(Code::Internal, "a kubeconfig was chosen without one").into());
        }
        (Provider::Kind, _) => provider::create_kind(context, state, options)?,
        (Provider::Source, _) => start::start(context, state, options)?,
    }
    status::status(context, state.name())
}

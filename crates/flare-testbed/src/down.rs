//! Ends a cluster by inspecting the machine, not by its record, so that it works after any failure and can be repeated.

use flare_diagnostic::Faults;

use crate::{
    ClusterName, Context, Provider, cluster_lock::ClusterLock, control_group, mount, namespaces::state_label, process, provider,
    state::StateDirectory,
};

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Removed {
    /// How many processes were ended.
    pub processes: usize,
    /// Links that were removed; not those that disappear with the cluster's processes.
    pub links: Vec<String>,
    /// The number of hierarchies from which the cluster's control group was removed.
    pub control_groups: usize,
    /// Mounts below the state directory that were removed.
    pub mounts: Vec<std::path::PathBuf>,
    /// Whether there was a state directory.
    pub state: bool,
    /// Whether the record of the user's own cluster was removed.
    pub forgotten: bool,
}

impl Removed {
    /// Whether nothing was removed.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Ends a cluster and removes everything that belongs to it. Of a cluster that the user named by a kubeconfig only the record
/// is removed.
///
/// # Errors
/// [`flare_diagnostic::Code::ClusterFailed`] if something cannot be removed, [`flare_diagnostic::Code::ToolNotFound`] without
/// the programs of the operating system, [`flare_diagnostic::Code::Interrupted`] while it waits for another run.
pub fn down(context: &Context<'_>, name: &ClusterName) -> Result<Removed, Faults> {
    let state = StateDirectory::of(context, name);
    let lock = ClusterLock::take(context, &state)?;
    let removed = remove(context, &state)?;
    lock.remove();
    Ok(removed)
}

/// Like [`down`], for a run that holds the lock. It ignores interruptions, because it cleans up after them.
pub(crate) fn remove(context: &Context<'_>, state: &StateDirectory) -> Result<Removed, Faults> {
    let provider = state.record().map(|record| record.provider);
    if provider == Some(Provider::Kind) {
        provider::delete_kind(context, state)?;
    }
    let group = state.control_group();
    let processes = process::end_all(&state_label(state), &group)?;
    let links = crate::link::remove(context, state)?;
    let control_groups = control_group::remove(&group)?;
    let mounts = mount::unmount_below(state.root());
    let forgotten = provider == Some(Provider::Kubeconfig);
    Ok(Removed { processes, links, control_groups, mounts, state: state.remove()?, forgotten })
}

//! Ending a cluster by what the machine says, not by what we remember: it works after any kind of end, and twice.

use flare_diagnostic::Faults;

use crate::{
    ClusterName, Context, Provider, cluster_lock::ClusterLock, control_group, mount, namespaces::state_label, process, provider,
    state::StateDirectory,
};

/// What was taken down.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Removed {
    /// How many processes were ended.
    pub processes: usize,
    /// Links that were removed. Those that go with the cluster's processes are not counted.
    pub links: Vec<String>,
    /// From how many hierarchies the cluster's control group was removed.
    pub control_groups: usize,
    /// Mounts below the state directory that were removed.
    pub mounts: Vec<std::path::PathBuf>,
    /// Whether there was a state directory.
    pub state: bool,
    /// Whether a cluster of another provider was only forgotten.
    pub forgotten: bool,
}

impl Removed {
    /// Whether there was anything.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Ends a cluster and removes everything of it. A cluster that the user named by a kubeconfig is only forgotten.
///
/// # Errors
/// [`flare_diagnostic::Code::ClusterFailed`] where something stays, [`flare_diagnostic::Code::ToolNotFound`] without
/// the programs of the operating system, [`flare_diagnostic::Code::Interrupted`] while another run is waited for.
pub fn down(context: &Context<'_>, name: &ClusterName) -> Result<Removed, Faults> {
    let state = StateDirectory::of(context, name);
    let lock = ClusterLock::take(context, &state)?;
    let removed = remove(context, &state)?;
    lock.remove();
    Ok(removed)
}

/// As [`down`], for a run that holds the lock. It does not stop when the run is interrupted: it is how an interrupted run
/// ends.
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

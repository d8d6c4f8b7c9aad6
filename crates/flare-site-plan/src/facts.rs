//! Facts that follow from role and release alone. They are methods and not fields, so that a plan stored by an earlier run has them too.

use flare_diagnostic::{Code, Diagnostic, Place};
use flare_names::{Role, Target};

use crate::plan::SitePlan;

/// Which port shows that a parent is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadinessPort {
    /// The port for job pods.
    Parent,
    /// A server's port for clients.
    FederatedLearning,
    /// None: a probe of the only port would fill the log.
    None,
}

/// What the launcher does in the namespace, and so what its Role must grant, besides creating, deleting and watching pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LauncherRights {
    /// It reads the events of its pods.
    pub reads_events: bool,
    /// The verbs that it uses on Secrets.
    pub secret_verbs: &'static [&'static str],
}

impl SitePlan {
    /// The port of the readiness probe. A parent that logs each probe of its parent port is probed elsewhere.
    pub const fn readiness_port(&self) -> ReadinessPort {
        match self.role {
            _ if self.target.capabilities().quiet_parent_port => ReadinessPort::Parent,
            Role::Server => ReadinessPort::FederatedLearning,
            Role::Client => ReadinessPort::None,
        }
    }

    /// The rights that the launcher of the release needs; exactly these are granted.
    pub const fn launcher_rights(&self) -> LauncherRights {
        let release = self.target.capabilities();
        let secret_verbs: &[_] = if release.credentials_in_secret {
            &["create", "get", "update", "patch", "delete"]
        } else {
            &["create", "get", "update"]
        };
        LauncherRights { reads_events: release.pod_events, secret_verbs }
    }

    /// Whether Slurm's launcher and scripts come with the release and are removed, as Docker's are. An earlier release does not know
    /// them, so they belong to the user.
    pub const fn replaces_slurm(&self) -> bool {
        self.target.capabilities().slurm
    }

    /// Whether a kit with the scheme `shared-file` is refused; otherwise the scheme is overwritten.
    pub const fn refuses_shared_file(&self) -> bool {
        self.target.capabilities().refuses_shared_file
    }

    /// What can be done about a link between parent and job pods that is not encrypted.
    pub fn clear_link_hint(&self) -> String {
        clear_link_hint(self.target)
    }

    /// Defect 33: the warning about a kit that has both study files, if the release starts no job with both.
    pub fn study_files_conflict(&self, has_data: bool, has_runtime: bool) -> Option<Diagnostic> {
        study_files_conflict(self.target, has_data, has_runtime)
    }
}

/// See [`SitePlan::clear_link_hint`].
pub(crate) fn clear_link_hint(target: Target) -> String {
    if target.capabilities().internal_mutual_tls {
        return "leave `parent.internal_connection_security` out of `k8s.yaml` to get mutual TLS".to_owned();
    }
    let apart = "keep other workloads out of this namespace";
    match Target::first_with(|release| release.internal_mutual_tls) {
        Some(later) => format!("{apart}, or use FLARE {later}, whose internal link is mutual TLS"),
        None => apart.to_owned(),
    }
}

/// See [`SitePlan::study_files_conflict`].
pub(crate) fn study_files_conflict(target: Target, has_data: bool, has_runtime: bool) -> Option<Diagnostic> {
    target.study_files_conflict(has_data, has_runtime).then(|| {
        Diagnostic::warning(
            Code::StudyFilesConflict,
            format!(
                "the kit has both `local/study_data.yaml` and `local/study_runtime.yaml`: FLARE {target} starts no job with both"
            ),
        )
        .hint("move the entries of `study_data.yaml` into `study_runtime.yaml` and delete the former")
        .at(Place::file("local/study_data.yaml"))
    })
}

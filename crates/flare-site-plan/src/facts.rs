//! Facts that follow from other facts of the plan alone: its role, its release, its workspace. They are methods and not fields, so that a
//! plan stored by an earlier run has them too.

use flare_diagnostic::{Code, Diagnostic, Place};
use flare_names::{Role, Target};

use crate::plan::{SitePlan, Workspace};

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

/// A resource of the core API group that the launcher uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LauncherResource {
    /// Job pods.
    Pods,
    /// The events of its pods.
    Events,
    /// The credentials of jobs.
    Secrets,
}

impl LauncherResource {
    /// The name in a rule of a Role.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Events => "events",
            Self::Secrets => "secrets",
        }
    }
}

/// What the launcher does in the namespace with one resource: a rule of its Role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LauncherRight {
    /// The resource.
    pub resource: LauncherResource,
    /// The verbs, in the order of the Role.
    pub verbs: &'static [&'static str],
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
    pub fn launcher_rights(&self) -> Vec<LauncherRight> {
        let release = self.target.capabilities();
        let secret_verbs: &[_] = if release.credentials_in_secret {
            &["create", "get", "update", "patch", "delete"]
        } else {
            &["create", "get", "update"]
        };
        let mut rights =
            vec![LauncherRight { resource: LauncherResource::Pods, verbs: &["create", "delete", "get", "list", "watch"] }];
        if release.pod_events {
            rights.push(LauncherRight { resource: LauncherResource::Events, verbs: &["get", "list", "watch"] });
        }
        rights.push(LauncherRight { resource: LauncherResource::Secrets, verbs: secret_verbs });
        rights
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

impl Workspace {
    /// The directory of a server's job store, from which its jobs and their results outlive the pod.
    pub fn job_store(&self) -> String {
        format!("{}/jobs-storage", self.mount_path)
    }

    /// The directory of the snapshots from which a server resumes jobs.
    pub fn snapshots(&self) -> String {
        format!("{}/snapshot-storage", self.mount_path)
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

//! Every name that a participant has in Kubernetes, derived from its raw name once.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    ConfigMapName, DeploymentName, PodName, ReleaseName, RoleName, SecretName, ServiceName, VolumeName,
    rules::{hashed, stable},
};

/// What a participant does in a federation, as far as Kubernetes is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The one server of a federation.
    Server,
    /// A site that trains.
    Client,
}

impl Role {
    /// `server` or `client`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Every name that one participant has in Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipantNames {
    /// Deployment, its container, `ServiceAccount` and the value of `app.kubernetes.io/name`.
    pub deployment: DeploymentName,
    /// The Service under which job pods reach their parent.
    pub service: ServiceName,
    /// The Helm release.
    pub release: ReleaseName,
    /// Role and `RoleBinding` of the launcher.
    pub launcher_role: RoleName,
    /// The Secret that FLARE's launcher fills from `startup/` for job pods.
    pub startup_secret: SecretName,
    /// What follows the job id in the name of each job pod.
    pub job_pod_suffix: String,
    /// The `ConfigMap` that holds a staged `local/`; each kit appends `-` and a version.
    pub staged_local: ConfigMapName,
    /// The Secret that holds a staged `startup/`; each kit appends `-` and a version. Never equal to a launcher's (defect 5).
    pub staged_startup: SecretName,
}

impl ParticipantNames {
    /// Derives all names.
    ///
    /// `participant` is the participant's full name (for a client below another one: `site-1.child`), `site` the name
    /// under which its parent process runs. `server_service` is the configured name of a server's Service; a client's
    /// is derived from its name.
    #[expect(
        clippy::missing_panics_doc,
        reason = "it never panics: results of the rules are valid names, which property tests hold"
    )]
    pub fn derive(role: Role, participant: &str, site: &str, server_service: &ServiceName) -> Self {
        let label = stable(participant, 63);
        let parent = launcher_site(role, site);
        Self {
            deployment: DeploymentName::new(label.clone()).expect(VALID),
            service: match role {
                Role::Server => server_service.clone(),
                Role::Client => ServiceName::new(label.clone()).expect(VALID),
            },
            release: ReleaseName::new(stable(participant, 53)).expect(VALID),
            launcher_role: RoleName::new(format!("{label}-launcher")).expect(VALID),
            startup_secret: startup_secret(parent),
            job_pod_suffix: hashed(parent, 20),
            staged_local: ConfigMapName::new(format!("nvflare-local-{label}")).expect(VALID),
            staged_startup: SecretName::new(format!("nvflare-staged-startup-{label}")).expect(VALID),
        }
    }
}

/// The site for which a participant's launcher starts job pods: `server` for every server, otherwise the client's own name.
pub const fn launcher_site(role: Role, site: &str) -> &str {
    match role {
        Role::Server => "server",
        Role::Client => site,
    }
}

/// The results of both rules are valid for each kind that they are used for; a property test checks this.
const VALID: &str = "a result of the naming rules is a valid name";

/// The Secret that FLARE's launcher fills from `startup/`; `site` is `server` for every server, else the client's own name.
#[expect(clippy::missing_panics_doc, reason = "it never panics: results of the rules are valid names, which property tests hold")]
pub fn startup_secret(site: &str) -> SecretName {
    SecretName::new(format!("nvflare-startup-{}", hashed(site, 47))).expect(VALID)
}

/// A job's id as a part of names: lower case, other characters dropped, `j` before a leading digit, at most 63 bytes.
///
/// The result is empty or starts with `-` if the id does; FLARE's own ids are UUIDs.
pub fn job_id(raw: &str) -> String {
    let mut id: String = raw.to_lowercase().chars().filter(|c| matches!(c, 'a'..='z' | '0'..='9' | '-')).collect();
    if id.starts_with(|c: char| c.is_ascii_digit()) {
        id.insert(0, 'j');
    }
    id.truncate(63);
    id.truncate(id.trim_end_matches('-').len());
    id
}

/// The Python module that a server's parent process runs, by which its Deployment is recognised, whoever wrote its chart.
pub const SERVER_MODULE: &str = "nvflare.private.fed.app.server.server_train";

/// How the name of a job pod's container begins; the job id follows.
pub const JOB_CONTAINER_PREFIX: &str = "container-";

/// The container of a job pod: `container-<job id>`, not shortened, so it may be longer than Kubernetes allows.
pub fn job_container(raw_job_id: &str) -> String {
    format!("{JOB_CONTAINER_PREFIX}{}", job_id(raw_job_id))
}

/// The name of the pod that runs a job at a site, as FLARE's launcher makes it: the job id, shortened so that the site's
/// suffix fits. `None` if nothing that Kubernetes accepts is left of the id (FLARE's own ids are UUIDs).
pub fn job_pod(raw_job_id: &str, site: &str) -> Option<PodName> {
    let suffix = hashed(site, 20);
    let id = job_id(raw_job_id);
    let cut = id[..id.len().min(62 - suffix.len())].trim_end_matches('-');
    PodName::new(format!("{cut}-{suffix}")).ok()
}

/// What a study's volume holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StudyVolumeKind {
    /// A dataset on a claim.
    Dataset,
    /// A Secret that is mounted (2.9).
    Secret,
}

/// The volume of a dataset or a Secret of a study in a job pod.
#[expect(clippy::missing_panics_doc, reason = "it never panics: results of the rules are valid names, which property tests hold")]
pub fn study_volume(kind: StudyVolumeKind, study: &str, item: &str) -> VolumeName {
    let prefix = match kind {
        StudyVolumeKind::Dataset => "data",
        StudyVolumeKind::Secret => "secret",
    };
    VolumeName::new(hashed(&format!("{prefix}-{study}-{item}"), 63)).expect(VALID)
}

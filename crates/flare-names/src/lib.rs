#![doc = include_str!("../README.md")]

mod container_path;
mod kinds;
pub mod labels;
mod participant;
mod rules;
mod target;

pub use container_path::{PathParts, path_below, path_parts};
pub use kinds::{
    ClaimName, ConfigMapName, ContainerName, DeploymentName, InvalidName, LABEL_DOMAIN_PATTERN, LABEL_PATTERN, NamespaceName,
    PodName, PriorityClassName, PullSecretName, ReleaseName, RoleName, RuntimeClassName, SecretKey, SecretName,
    ServiceAccountName, ServiceName, VolumeName, is_label_value, is_qualified_name,
};
pub use participant::{
    JOB_CONTAINER_PREFIX, ParticipantNames, Role, SERVER_MODULE, StudyVolumeKind, job_container, job_id, job_pod, launcher_site,
    startup_secret, study_volume,
};
pub use rules::{digest8, hashed, stable};
pub use target::{Capabilities, KitMark, Target, UnknownTarget, release_of};

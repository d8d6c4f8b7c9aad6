//! Names: a type per kind of Kubernetes name that a FLARE participant needs, and the two rules by which raw
//! participant names become one.
//!
//! The rules are FLARE's own (`spec/behaviour.md` section 5), since its launcher derives the same names at run time:
//! [`stable`] keeps a name that is valid already, [`hashed`] always appends a digest. They differ in what happens to
//! characters that do not fit, in the prefix for a leading digit and in the digest, so they stay two functions.

mod kinds;
mod participant;
mod rules;
mod target;

pub use kinds::{
    ClaimName, ConfigMapName, ContainerName, DeploymentName, InvalidName, NamespaceName, PodName, PullSecretName, ReleaseName,
    RoleName, SecretKey, SecretName, ServiceAccountName, ServiceName, VolumeName,
};
pub use participant::{ParticipantNames, Role, job_container, job_id, job_pod, startup_secret, study_volume, StudyVolumeKind};
pub use rules::{digest8, hashed, stable};
pub use target::{Target, UnknownTarget};
